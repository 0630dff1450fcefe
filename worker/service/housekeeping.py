"""The pulse of every worker process.

Hand out what is due, hint at what waits, and mend what a crash left behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import structlog

from worker.domain.house import House
from worker.domain.record import Stay
from worker.service.clock import Clock
from worker.service.entries import reschedule
from worker.service.ledger import Wake
from worker.store.commit import Commit
from worker.store.store import Store

HINT_AGAIN = timedelta(seconds=3)
SWEEP_BATCH = 200

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Housekeeping:
    """What the tick thread does. The hints go through `wake` and the `hint_…`s."""

    store: Store
    house: Callable[[], House]
    clock: Clock
    wake: Wake
    hint_event: Callable[[str], None]
    hint_alert: Callable[[str], None]
    hint_stay: Callable[[str], None]

    def tick(self) -> None:
        """Line up due locks, wake those with a place, hint at events and mails that nobody has taken up."""
        tick = self.store.agenda.tick(self.house())
        now = self.clock.heard(tick.now)
        if tick.woken:
            self.wake(tick.woken)
        for problem in self.store.alerts.due(now):
            self.hint_alert(problem)
        for ref in self.store.agenda.to_look_at():
            self.hint_stay(ref)
        waiting = self.store.events.waiting(now - HINT_AGAIN, limit=500)
        if waiting and self.store.events.may_hint():
            for key in waiting:
                self.hint_event(key)

    def sweep(self, position: int) -> int:
        """Mend the timetable of the next stays from `position` on; the next position, 0 at the end.

        Every record with work due has its entry; one that lost it gets it back.
        """
        following, refs = self.store.stays.scan(position, SWEEP_BATCH)
        for stay in self.store.stays.readable(refs):
            self._mend(stay)
        self.wake(self.store.agenda.mend(self.house()))
        return following

    def tidy(self, sources: list[str]) -> None:
        """Forget what nobody needs any more: ids that no sender repeats, old deliveries."""
        now = self.clock.now()
        for source in sources:
            self.store.events.forget_ids(source, now)
        while self.store.events.forget_rejected(now - self.house().policy.retain):
            log.info("rejected.forgotten")

    def _mend(self, stay: Stay) -> None:
        for code in stay.codes:
            if code.due is None or self.store.agenda.is_scheduled(code.lock, str(stay.key)):
                continue
            log.warning("agenda.mended", stay=str(stay.key), lock=code.lock)
            commit = Commit()
            reschedule(commit, stay, code.lock, self.house())
            _, woken = commit.run(self.store.scripts, self.house())
            self.wake(woken)

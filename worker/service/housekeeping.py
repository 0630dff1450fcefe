"""The pulse of every worker process.

Hand out what is due, hint at what waits, and mend what a crash left behind.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from worker.domain.access_code import Phase
from worker.domain.house import House
from worker.domain.record import Stay
from worker.service.clock import Clock
from worker.service.entries import reschedule
from worker.service.generation import Generation, OlderFileError
from worker.service.ledger import Ledger, Wake
from worker.store.commit import Commit
from worker.store.store import Store

HINT_AGAIN = timedelta(seconds=3)
SWEEP_BATCH = 200
REPLAN_BATCH = 50

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
    ledger: Ledger
    generation: Generation

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

    def replan(self) -> None:
        """After the property file has changed: plan some of the stays anew, until all were looked at.

        Whatever is missed here follows at its next write, or as the sweep comes by.
        """
        chunk = self.store.generations.next_chunk(REPLAN_BATCH) if self.generation.is_newest() else None
        if chunk is None:
            return
        number, refs = chunk
        for stay in self.store.stays.readable(refs):
            if stay.generation < number and _may_follow(stay, self.clock.now()):
                self._plan_anew(stay)
        if not refs:
            log.info("property_file.applied", generation=number)

    def _plan_anew(self, stay: Stay) -> None:
        try:
            self.ledger.change(stay.key, lambda found, _now: found)
        except OlderFileError:
            log.warning("replan.left", stay=str(stay.key), reason="a newer property file is in use")

    def tidy(self, sources: list[str]) -> None:
        """Forget what nobody needs any more: ids that no sender repeats, old deliveries."""
        now = self.clock.now()
        for source in sources:
            self.store.events.forget_ids(source, now)
        while self.store.events.forget_rejected(now - self.house().policy.retain):
            log.info("rejected.forgotten")

    def _mend(self, stay: Stay) -> None:
        if stay.generation < self.generation.number() and _may_follow(stay, self.clock.now()):
            self._plan_anew(stay)
            return
        for code in stay.codes:
            if code.due is None or self.store.agenda.is_scheduled(code.lock, str(stay.key)):
                continue
            log.warning("agenda.mended", stay=str(stay.key), lock=code.lock)
            commit = Commit()
            reschedule(commit, stay, code.lock, self.house())
            _, woken = commit.run(self.store.scripts, self.house())
            self.wake(woken)


def _may_follow(stay: Stay, now: datetime) -> bool:
    """Whether the property file can still change anything for this stay."""
    is_over = stay.check_out is not None and now >= stay.check_out
    return not is_over or any(code.phase is not Phase.REMOVED for code in stay.codes)

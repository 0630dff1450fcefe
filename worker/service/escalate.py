"""Mails about dead letters and notices: one per problem, followers gathered, and one when it clears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from worker.domain.dead_letter import DeadLetter, LetterState
from worker.domain.house import House
from worker.domain.notices import TOLD_ONCE, Notice
from worker.service.alert_text import cleared_mail, opened_mail
from worker.service.clock import Clock
from worker.store.store import Store

log = structlog.get_logger(__name__)


class Sends(Protocol):
    """Sends one mail, or raises an exception."""

    def send(self, subject: str, text: str) -> None:
        """Send one mail."""


@dataclass(slots=True)
class Escalation:
    """Sends the mails that are owed. A mail that was sent twice is better than none.

    A crash in between repeats it.
    """

    store: Store
    house: Callable[[], House]
    clock: Clock
    mailer: Sends
    base_url: str

    def alert(self, problem: str) -> None:
        """Send what is owed about one problem, if it is due and nobody else does."""
        alerts, now = self.store.alerts, self.clock.now()
        if not alerts.claim(problem, now):
            return
        rows = alerts.rows(problem)
        last = alerts.last_mailed(problem)
        if last is not None and "new" in rows.values():
            until = last + self.house().policy.alert_gather
            if now < until:
                alerts.postpone(problem, until)
                return
        try:
            self._tell(problem, rows, now, was_mailed=last is not None)
        except Exception as error:  # noqa: BLE001 - whatever the mail server does, the mail stays owed
            alerts.failed(problem, now)
            log.warning("alert.failed", problem=problem, error=type(error).__name__)

    def _tell(self, problem: str, rows: dict[str, str], now: datetime, *, was_mailed: bool) -> None:
        alerts = self.store.alerts
        new = [row for row, state in rows.items() if state == "new"]
        fresh = [one for one in self._rows(new) if not _is_settled(one)]
        over = [row for row in new if row not in {one.id for one in fresh}]
        cleared = [row for row, state in rows.items() if state in ("cleared", "settled")]
        is_left = "mailed" in rows.values() or bool(fresh)
        if fresh:
            self.mailer.send(*opened_mail(fresh, self.house(), self.base_url))
            once = [one.id for one in fresh if isinstance(one, Notice) and one.about in TOLD_ONCE]
            alerts.mailed(problem, [one.id for one in fresh if one.id not in once], once, now)
            log.info("alert.told", problem=problem, rows=len(fresh))
        elif cleared and not is_left and was_mailed:
            settled = self._rows(cleared)
            self.mailer.send(*cleared_mail(settled, self.house(), self.base_url))
            log.info("alert.cleared", problem=problem, rows=len(settled))
        gone = [(row, "new", "") for row in over]
        rest = [(row, "cleared", "settled" if is_left else "") for row in cleared]
        alerts.move(problem, gone + rest + ([] if is_left else [(c, "settled", "") for c in cleared]), now)

    def _rows(self, ids: list[str]) -> list[DeadLetter | Notice]:
        return [*self.store.letters.get_many(ids), *self.store.notices.get_many(ids)]


def _is_settled(row: DeadLetter | Notice) -> bool:
    return isinstance(row, DeadLetter) and row.state is LetterState.RESOLVED

"""Mails about dead letters: one per problem, followers gathered, and one when it clears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from worker.domain.dead_letter import LetterState
from worker.domain.house import House
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
        new = [letter for letter, state in rows.items() if state == "new"]
        fresh = [one for one in self.store.letters.get_many(new) if one.state is not LetterState.RESOLVED]
        over = [letter for letter in new if letter not in {one.id for one in fresh}]
        cleared = [letter for letter, state in rows.items() if state in ("cleared", "settled")]
        is_left = "mailed" in rows.values() or bool(fresh)
        if fresh:
            self.mailer.send(*opened_mail(fresh, self.house(), self.base_url))
            alerts.mailed(problem, [one.id for one in fresh], [], now)
            log.info("alert.told", problem=problem, letters=len(fresh))
        elif cleared and not is_left and was_mailed:
            letters = self.store.letters.get_many(cleared)
            self.mailer.send(*cleared_mail(letters, self.house(), self.base_url))
            log.info("alert.cleared", problem=problem, letters=len(letters))
        gone = [(letter, "new", "") for letter in over]
        rest = [(letter, "cleared", "settled" if is_left else "") for letter in cleared]
        alerts.move(problem, gone + rest + ([] if is_left else [(c, "settled", "") for c in cleared]), now)

"""Mails about dead letters: one per problem, followers gathered, and one when it clears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import structlog

from worker.domain.dead_letter import DeadLetter, LetterState
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
        if last is not None and any(state == "new" for state in rows.values()):
            until = last + self.house().policy.alert_gather
            if now < until:
                alerts.postpone(problem, until)
                return
        try:
            self._mail(problem, rows, now, was_mailed=last is not None)
        except Exception as error:  # noqa: BLE001 - whatever the mail server does, the mail stays owed
            alerts.failed(problem, now)
            log.warning("alert.failed", problem=problem, error=str(error)[:200])

    def _mail(self, problem: str, rows: dict[str, str], now: datetime, *, was_mailed: bool) -> None:
        alerts = self.store.alerts
        new = self.store.letters.get_many([i for i, state in rows.items() if state == "new"])
        fresh = [letter for letter in new if letter.state is not LetterState.RESOLVED]
        cleared = [i for i, state in rows.items() if state == "cleared"]
        left = [i for i, state in rows.items() if state == "mailed"]
        if fresh:
            self._send(*opened_mail(fresh, self.house(), self.base_url))
        elif cleared and not left and was_mailed:
            self._send(*cleared_mail(self._known(cleared), self.house(), self.base_url))
        alerts.mailed(problem, [letter.id for letter in fresh], cleared if not left or fresh else [], now)
        log.info("alert.mailed", problem=problem, letters=len(fresh), cleared=len(cleared))

    def _send(self, subject: str, text: str) -> None:
        self.mailer.send(subject, text)

    def _known(self, ids: list[str]) -> list[DeadLetter]:
        return self.store.letters.get_many(ids)

"""A dead letter: a failure that waits for a person, with every attempt and the vendor's own words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from worker.domain.access_code import Try
from worker.domain.outcomes import Outcome
from worker.domain.reasons import Job, Reason

KEPT_TRIES = 50


class LetterState(StrEnum):
    """`retrying` counts as open until the work has succeeded."""

    OPEN = "open"
    RETRYING = "retrying"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """One letter. `source` and `booking` are None for a letter about an account or a lock as a whole."""

    id: str
    reason: Reason
    step: Job
    opened: datetime
    state: LetterState = LetterState.OPEN
    source: str | None = None
    booking: str | None = None
    lock: str | None = None
    slot: int | None = None
    message: str = ""
    tries: tuple[Try, ...] = ()
    resolved: datetime | None = None
    note: str | None = None
    problem: str = ""

    @property
    def last(self) -> Outcome | None:
        """The answer of the last attempt."""
        return self.tries[-1].outcome if self.tries else None

    def reopened(self, reason: Reason, step: Job, message: str, tries: tuple[Try, ...]) -> DeadLetter:
        """After a retry that failed: the same letter, with the new attempts behind the old ones."""
        known = set(self.tries)
        kept = (*self.tries, *(t for t in tries if t not in known))[-KEPT_TRIES:]
        return replace(self, state=LetterState.OPEN, reason=reason, step=step, message=message, tries=kept)

    def settled(self, at: datetime, note: str) -> DeadLetter:
        """Resolved, with who or what did it in `note`."""
        return replace(self, state=LetterState.RESOLVED, resolved=at, note=note)


def problem_of(reason: Reason, *, lock: str | None, booking: str | None, account: str | None) -> str:
    """Letters of one problem share a mail: all codes behind a dead gateway are one problem, not forty.

    `booking` is `source/id`.
    """
    if account is not None:
        return f"{reason.value}:{account}"
    if lock is not None:
        return f"{reason.value}:{lock}"
    if reason is Reason.UNKNOWN_UNIT and booking is not None:
        # The first pass over an account whose other listings are not ours is one mail, not one for each.
        return f"{reason.value}:{booking.partition('/')[0]}"
    return f"{reason.value}:{booking or ''}"

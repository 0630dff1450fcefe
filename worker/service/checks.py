"""What a check of `innkey doctor` tells: how it ended, what was found, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from worker.domain.outcomes import Outcome


class Grade(StrEnum):
    """How a check ended; FAIL makes the exit code 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report. It holds no PIN, no key and no guest."""

    grade: Grade
    thing: str
    cause: str
    cure: str = ""

    def __str__(self) -> str:
        """The line: grade, thing, cause and cure."""
        return f"{self.grade:<4}  {self.thing}: {self.cause}{'; ' if self.cure else ''}{self.cure}"


def ok(thing: str, found: str) -> Check:
    """All is well."""
    return Check(Grade.OK, thing, found)


def warn(thing: str, cause: str, cure: str) -> Check:
    """It works, but not as it should."""
    return Check(Grade.WARN, thing, cause, cure)


def fail(thing: str, cause: str, cure: str) -> Check:
    """It does not work, or will lose something."""
    return Check(Grade.FAIL, thing, cause, cure)


def said(outcome: Outcome) -> str:
    """An answer of the vendor's cloud in a few words, with its own where it had some."""
    ack = f", ack {outcome.ack}" if outcome.ack is not None else ""
    words = f" ({outcome.message})" if outcome.message else ""
    return f"{outcome.kind.value}{ack}{words}"

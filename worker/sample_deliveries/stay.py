"""What a sample delivery tells: one reservation, in our words; each sender's module puts it into its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

__all__ = ["DAY", "Document", "SampleStay", "hour_of", "instant", "number_or_text", "utc"]

DAY = len("2026-12-01")

Document = dict[str, Any] | list[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleStay:
    """A reservation as it is at `changed`. `check_in` and `check_out`: a local date or date-time.

    `kind`: created, updated or cancelled. `status`: one of Innkey's, or inquiry. `units`: the sender's names
    of units within `unit`, for a reservation over several.
    """

    id: str
    unit: str
    check_in: str
    check_out: str
    changed: datetime
    kind: str = "created"
    status: str = "confirmed"
    name: str = "Test Guest"
    email: str | None = None
    phone: str | None = None
    units: tuple[str, ...] = ()

    @property
    def is_cancelled(self) -> bool:
        """Whether it is off, by its kind or its status."""
        return "cancelled" in (self.kind, self.status)

    @property
    def word(self) -> str:
        """The status that counts."""
        return "cancelled" if self.is_cancelled else self.status


def number_or_text(value: str) -> int | str:
    """An id as senders write it that have numbers."""
    return int(value) if value.isdecimal() and str(int(value)) == value else value


def hour_of(written: str) -> str | None:
    """The time of day, `HH:MM`, of a date-time; None of a date."""
    return written[DAY + 1 : DAY + 6] if len(written) > DAY else None


def instant(written: str) -> str:
    """A date-time in UTC as senders write it; a bare date is its noon."""
    moment = datetime.fromisoformat(f"{written[:DAY]}T{hour_of(written) or '12:00'}")
    return utc(moment.replace(tzinfo=UTC))


def utc(moment: datetime, pattern: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """A moment as senders write it, in UTC."""
    return moment.astimezone(UTC).strftime(pattern)

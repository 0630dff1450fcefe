"""When a stay's PIN is valid: from what the booking says to instants, and on to the lock's own clock.

The rules are those of the stay: check-in minus `grace_before`, floored to the minute; check-out plus
`grace_after`, ceiled. A wall time that a zone skips or repeats lets the guest in, never out.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.booking import Booking
from worker.domain.house import Policy, Unit

_MINUTE = timedelta(minutes=1)
MORNING = time(8)
CHECKED_AHEAD = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Span:
    """A stay in instants (aware, UTC): from check-in to check-out."""

    check_in: datetime
    check_out: datetime


def span(booking: Booking, unit: Unit) -> Span:
    """The booking's stay in instants, on whole seconds: the record keeps no smaller ones.

    ValueError where a time is missing or not a date or date-time.
    """
    if booking.check_in is None or booking.check_out is None:
        msg = "the booking has no check-in or no check-out"
        raise ValueError(msg)
    return Span(
        instant(booking.check_in, unit.check_in, unit.zone, earliest=True),
        instant(booking.check_out, unit.check_out, unit.zone, earliest=False),
    )


def instant(written: str, default: time, zone: ZoneInfo, *, earliest: bool) -> datetime:
    """The instant (UTC) that `written` means: a local date, a local date-time, or one with an offset.

    A date takes `default`. A wall time that the zone skips or repeats has two readings: `earliest`
    chooses the earlier one, else the later.
    """
    if len(written) == len("2026-12-01"):
        moment = datetime.combine(date.fromisoformat(written), default)
    else:
        moment = datetime.fromisoformat(written)
    moment = moment.replace(microsecond=0)
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    readings = [moment.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return min(readings) if earliest else max(readings)


@dataclass(frozen=True, slots=True)
class Window:
    """When a PIN is valid: the instants (UTC, whole minutes) and the texts that the lock is given."""

    starts: datetime
    ends: datetime
    starts_text: str
    ends_text: str


def bounds(stay: Span, policy: Policy) -> tuple[datetime, datetime]:
    """First and last instant of the PIN, with the graces, on whole minutes."""
    return _floor(stay.check_in - policy.grace_before), _ceil(stay.check_out + policy.grace_after)


def window(starts: datetime, ends: datetime, zone: ZoneInfo) -> Window:
    """The window as the lock's clock reads it.

    YYMMDDHHmm in `zone` (the KAS API document, "Add Online Password").
    """
    return Window(
        starts,
        ends,
        _text(_first_reading(starts, zone)),
        _text(_last_reading(ends, zone)),
    )


def started(starts: datetime, kept: datetime | None, now: datetime) -> datetime:
    """The start to push: a start already past becomes `now` once, and what was pushed then is kept."""
    if starts > now:
        return starts
    return kept if kept is not None and kept <= now else _floor(now)


def next_morning(seen_at: datetime, starts: datetime, ends: datetime, zone: ZoneInfo) -> datetime | None:
    """When a code last seen at `seen_at` is checked again: at the next 08:00 local at which it is needed.

    It is needed from 24 hours before its window begins. None where that is not before its end.
    """
    day = max(seen_at, starts - CHECKED_AHEAD).astimezone(zone).date()
    morning = datetime.combine(day, MORNING, zone).astimezone(UTC)
    if morning <= seen_at or morning < starts - CHECKED_AHEAD:
        morning = datetime.combine(day + timedelta(days=1), MORNING, zone).astimezone(UTC)
    return morning if morning < ends else None


def moment_of(text: str, zone: ZoneInfo) -> datetime | None:
    """The instant (UTC) of a YYMMDDHHmm in `zone`; None where a lock's list holds something else."""
    try:
        return datetime.strptime(text, "%y%m%d%H%M").replace(tzinfo=zone).astimezone(UTC)
    except ValueError:
        return None


def _text(wall: datetime) -> str:
    return wall.strftime("%y%m%d%H%M")


def _floor(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


def _ceil(moment: datetime) -> datetime:
    floored = _floor(moment)
    return floored if floored == moment else floored + _MINUTE


def _is_repeated(wall: datetime) -> bool:
    first, second = wall.replace(fold=0).utcoffset(), wall.replace(fold=1).utcoffset()
    return first is not None and second is not None and first > second


def _first_reading(moment: datetime, zone: ZoneInfo) -> datetime:
    # In the first pass of a repeated hour the lock's clock is about to fall back before this start,
    # and would shut the guest out again: the window opens with the repeated hour.
    wall = moment.astimezone(zone)
    while wall.fold == 0 and _is_repeated(wall - _MINUTE) and _is_repeated(wall):
        wall -= _MINUTE
    return wall


def _last_reading(moment: datetime, zone: ZoneInfo) -> datetime:
    # In the second pass the lock's clock has shown this time before, and would end the stay an hour
    # early: the window closes with the repeated hour.
    wall = moment.astimezone(zone)
    if wall.fold == 0:
        return wall
    while _is_repeated(wall):
        wall += _MINUTE
    return wall

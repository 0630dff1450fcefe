"""A lock's audit trail: when to read it next, whose code opened the door, and when a guest arrived. Pure.

The vendor keeps three months, and only what a gateway nearby has heard ("Get Lock Audit Trial"): events are
missing, come late and in any order, and come again with every reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from worker.domain.access_code import AccessCode, Phase, Written
from worker.domain.house import TrailRules
from worker.domain.lock_events import LockEvent
from worker.domain.outcomes import Kind, Outcome
from worker.domain.record import Stay
from worker.domain.stay import moment_of

TRAIL = "#trail"  # its entry on the lock's own timetable, beside those of stays
GIVES_WAY = timedelta(hours=6)  # to whoever arrives within that time
KEPT = timedelta(days=93)
CLOCK_SLACK = timedelta(minutes=5)
SOON = timedelta(days=3)  # before an arrival a lock is looked at while there is time to do something about it
ARRIVAL_LASTS = timedelta(hours=24)
AFTER_FAILURE = timedelta(minutes=10)
AFTER_REFUSED_KEY = timedelta(seconds=30)

_UNLOCK = (1, None)  # `event_type`; the vendor's examples show no other one
_PIN = "password"  # `user_type_desc` of an unlock by a PIN; `user_id` is its slot then
_HOPELESS = (Kind.NOT_ADMIN, Kind.LOCK_NOT_FOUND, Kind.REFUSED)
_ARRIVED = "guest.arrived"

Windows = tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A stay that holds a slot of a lock; `windows` are those of its PIN there, the present one last.

    `is_staying`: the code shall be on the lock; else it is about to be taken off.
    """

    ref: str
    slot: int
    windows: Windows
    check_in: datetime | None
    has_arrived: bool
    is_staying: bool


def guest_of(stay: Stay, lock: str, zone: ZoneInfo) -> Guest | None:
    """The stay as the trail of `lock` sees it; None where it has no slot there. `zone` is the lock's."""
    code = stay.code(lock)
    if code is None or code.slot is None:
        return None
    return Guest(
        ref=str(stay.key),
        slot=code.slot,
        windows=tuple(found for one in code.writes if (found := _window(one, zone)) is not None),
        check_in=stay.check_in,
        has_arrived=stay.arrived_at is not None,
        is_staying=_is_staying(code),
    )


def _window(written: Written, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    starts, ends = moment_of(written.starts, zone), moment_of(written.ends, zone)
    return (starts, ends) if starts is not None and ends is not None else None


def _is_staying(code: AccessCode) -> bool:
    return code.phase in (Phase.SETTING, Phase.SET)


def next_reading(guests: Iterable[Guest], rules: TrailRules, now: datetime) -> datetime | None:
    """When to read the lock's trail next, if it was read just now; None where nobody is near.

    Three days before an arrival, for the battery; from `on_arrival` after check-in on until the guest is
    there, a day at most; every `every` while somebody is in the house, and as their PIN ends.
    """
    moments = [at for guest in guests if guest.is_staying for at in _moments(guest, rules, now)]
    return min(moments, default=None)


def _moments(guest: Guest, rules: TrailRules, now: datetime) -> list[datetime]:
    found: list[datetime] = []
    starts, ends = guest.windows[-1] if guest.windows else (now, now)
    arrival = guest.check_in
    if now >= ends:
        return found
    if starts <= now:
        found += [now + rules.every, ends]
    if arrival is not None and now < arrival + rules.on_arrival:
        found += [arrival - SOON, arrival + rules.on_arrival]
    elif arrival is not None and not guest.has_arrived and now < arrival + ARRIVAL_LASTS:
        found.append(now + rules.on_arrival)
    return [at for at in found if at > now]


def after_failure(outcome: Outcome, rules: TrailRules, now: datetime) -> datetime:
    """When to read again after a reading that failed: nothing is concluded from it, and no letter opened."""
    if outcome.kind is Kind.INVALID_TOKEN:
        return now + AFTER_REFUSED_KEY  # of a paused account this is the probe
    if outcome.kind is Kind.THROTTLED and outcome.retry_after is not None:
        return now + max(timedelta(seconds=outcome.retry_after), AFTER_REFUSED_KEY)
    return now + (rules.every if outcome.kind in _HOPELESS else AFTER_FAILURE)


def opened_by(event: LockEvent, guests: Iterable[Guest]) -> str | None:
    """The stay (`source/id`) whose PIN this event is about.

    It is an unlock by the PIN of the stay's slot, within its window; clocks may be five minutes apart.
    """
    if event.event_type not in _UNLOCK or event.user_kind.strip().casefold() != _PIN:
        return None
    for guest in guests:
        if guest.slot == event.user_id and _is_within(event.at, guest.windows):
            return guest.ref
    return None


def _is_within(at: datetime, windows: Windows) -> bool:
    return any(starts - CLOCK_SLACK <= at <= ends + CLOCK_SLACK for starts, ends in windows)


def arrived(stay: Stay, lock: str, at: datetime) -> Stay | None:
    """The stay whose PIN opened `lock` at that moment; None where that changes nothing.

    The first unlock over all its doors is the arrival: one that turns up late moves it back, a later one
    never changes the stay.
    """
    at = at.replace(microsecond=0)
    if stay.arrived_at is not None and stay.arrived_at <= at:
        return None
    notes = tuple(note for note in stay.timeline if note.what != _ARRIVED)
    return replace(stay, arrived_at=at, timeline=notes).noted(at, _ARRIVED, lock=lock)


def is_kept(event: LockEvent, now: datetime) -> bool:
    """Whether an event is of the time that is kept; one from the future is of a clock that is wrong."""
    return now - KEPT <= event.at <= now + ARRIVAL_LASTS

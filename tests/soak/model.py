"""What must be so at the end, known from the accepted events alone. Pure.

The model folds the events by version, as a booking system would expect it, and knows no more of Innkey than
its promises: which codes a stay shall have, where, and that a failure is an open letter.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.soak.layout import PUSH_AHEAD, SOURCE, ZONE, Layout
from tests.soak.sender import Accepted, moment

MINUTE = timedelta(minutes=1)
NOT_YET = 0  # no promise is broken, and none can be judged
SLACK = timedelta(seconds=4)  # a window that ends just now is neither on nor off


@dataclass(frozen=True, slots=True)
class Wanted:
    """A booking as its accepted events tell it. `earliest`: the first check-in that any of them told."""

    id: str
    version: int
    status: str
    unit: str | None
    check_in: datetime | None
    check_out: datetime | None
    earliest: datetime | None = None

    @property
    def mark(self) -> str:
        """How its codes are known on a lock."""
        return f"{SOURCE}/{self.id}"

    @property
    def starts(self) -> datetime:
        """When its PIN begins to open."""
        return _floor(self.check_in or datetime.max.replace(tzinfo=ZoneInfo("UTC")))

    @property
    def ends(self) -> datetime:
        """When its PIN stops to open."""
        end = self.check_out or datetime.max.replace(tzinfo=ZoneInfo("UTC"))
        return _floor(end) if _floor(end) == end else _floor(end) + MINUTE

    def is_wanted(self, now: datetime) -> bool:
        """Whether its codes shall be on the locks."""
        return self.may_be_on(now) and now >= self.starts - PUSH_AHEAD

    def may_be_on(self, now: datetime) -> bool:
        """Whether they may: a stay that moved beyond the lead time is moved in place, not taken off."""
        return self.status == "confirmed" and now < self.ends


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as a promise says. `slot` and `lock` say where, if it is a place."""

    promise: int
    text: str
    booking: str = ""
    lock: str = ""
    slot: int | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """The world at one moment: the API's bookings and open letters, and the codes really on the locks."""

    now: datetime
    bookings: Mapping[str, Mapping[str, Any]]
    letters: Iterable[Mapping[str, Any]]
    locks: Mapping[str, Mapping[int, Mapping[str, Any]]]
    hand_typed: Mapping[tuple[str, int], str] = field(default_factory=dict, repr=False)


def fold(accepted: Iterable[Accepted], origin: datetime) -> dict[str, Wanted]:
    """Each booking's state by the newest version that says something of a field."""
    facts: dict[str, dict[str, Any]] = {}
    for one in sorted(accepted, key=lambda one: one.event.version):
        event = one.event
        found = facts.setdefault(event.booking, {"status": "confirmed"})
        status = {"booking.cancelled": {"status": "cancelled"}}.get(event.type, {})
        told = [found[key] for key in ("earliest", "check_in") if key in found]
        told += [event.data["check_in"]] if "check_in" in event.data else []
        found.update({**event.data, **status, "version": event.version})
        if told:
            found["earliest"] = min(told)
    return {name: _wanted(name, found, origin) for name, found in facts.items()}


def _wanted(name: str, facts: Mapping[str, Any], origin: datetime) -> Wanted:
    check_in, check_out, earliest = (
        moment(origin, facts[key]) if key in facts else None for key in ("check_in", "check_out", "earliest")
    )
    return Wanted(name, facts["version"], facts["status"], facts.get("unit"), check_in, check_out, earliest)


def compare(layout: Layout, wanted: Mapping[str, Wanted], seen: Seen) -> list[Problem]:
    """Everything that is not as it must be once all is settled (promises 1, 2, 3, 6 and 8)."""
    places = _places(seen)
    letters = _Letters(seen.letters)
    problems = [one for booking in wanted.values() for one in _unapplied(booking, seen)]
    for booking in wanted.values():
        view, mine = seen.bookings.get(booking.id), places.pop(booking.mark, {})
        if view is not None:
            problems += _codes(layout, booking, view, mine, letters, seen)
    for mark, found in places.items():
        problems += [
            Problem(2, f"a code of {mark}, of which nothing was accepted", lock=lock, slot=slot)
            for lock, slots in found.items()
            for slot in slots
        ]
    return problems + _foreign(seen)


class _Letters:
    """The open letters by what they are about."""

    def __init__(self, letters: Iterable[Mapping[str, Any]]) -> None:
        kept = list(letters)
        self._codes = {(one["booking"], one["lock"]) for one in kept}
        self._slots = {(one["lock"], one["slot"]) for one in kept if one["slot"] is not None}

    def tell_of(self, booking: str, lock: str, slot: int | None = None) -> bool:
        """Whether a person has been told of this code, of its booking, or of what is in this slot."""
        return (booking, lock) in self._codes or (booking, None) in self._codes or (lock, slot) in self._slots


def _places(seen: Seen) -> dict[str, dict[str, list[int]]]:
    """Mark -> lock -> slots, of all codes that were not typed by hand."""
    found: dict[str, dict[str, list[int]]] = {}
    for lock, codes in seen.locks.items():
        for slot, code in codes.items():
            if not code["by_hand"]:
                mark = code["name"].rsplit(" ", 1)[-1]
                found.setdefault(mark, {}).setdefault(lock, []).append(slot)
    return found


def _unapplied(booking: Wanted, seen: Seen) -> list[Problem]:
    """Promise 1: what was accepted is what the API shows."""
    view = seen.bookings.get(booking.id)
    if view is None:
        return [Problem(1, "accepted, but the API does not know it", booking.id)]
    shown = {"version": view["version"], "status": view["status"]}
    told: dict[str, Any] = {"version": str(booking.version), "status": booking.status}
    if booking.status != "cancelled":
        shown |= {"unit": view["unit"], **{key: _instant(view[key]) for key in ("check_in", "check_out")}}
        told |= {"unit": booking.unit, "check_in": booking.check_in, "check_out": booking.check_out}
    wrong = [f"{key} is {shown[key]}, accepted was {told[key]}" for key in told if told[key] != shown[key]]
    return [Problem(1, "; ".join(wrong), booking.id)] if wrong else []


def _codes(
    layout: Layout,
    booking: Wanted,
    view: Mapping[str, Any],
    places: Mapping[str, list[int]],
    letters: _Letters,
    seen: Seen,
) -> list[Problem]:
    """Promises 3, 6 and 8: each code is where it shall be, once, or a letter is open for it."""
    if booking.check_out is not None and abs(booking.ends - seen.now) < SLACK:
        return [Problem(NOT_YET, "its window ends just now", booking.id)]
    doors = layout.all_units[booking.unit] if booking.unit and booking.may_be_on(seen.now) else ()
    problems: list[Problem] = []
    for lock in doors:
        is_due = booking.is_wanted(seen.now) or lock in places
        if is_due and not letters.tell_of(booking.id, lock):
            problems += _door(layout, booking, view, lock, places.get(lock, []), letters, seen)
    # On the new locks first: while one of them is full and no letter says so, the old ones are kept.
    is_moving = booking.is_wanted(seen.now) and any(
        lock not in places and not letters.tell_of(booking.id, lock) for lock in doors
    )
    for lock, slots in places.items():
        is_kept = lock in doors or is_moving
        left = [slot for slot in slots if not is_kept and not letters.tell_of(booking.id, lock, slot)]
        state = next((code["state"] for code in view["codes"] if code["lock"] == lock), "gone")
        text = f"{booking.status}, and its code is still on; the record says {state}"
        promise = 6 if state in ("removed", "gone") else 8
        problems += [Problem(promise, text, booking.id, lock, slot) for slot in left]
    return problems


def _door(
    layout: Layout,
    booking: Wanted,
    view: Mapping[str, Any],
    lock: str,
    slots: list[int],
    letters: _Letters,
    seen: Seen,
) -> list[Problem]:
    record = next((code for code in view["codes"] if code["lock"] == lock), None)
    slot = record["slot"] if record is not None else None
    own = layout.all_units[booking.unit or ""][-1]
    if len(slots) > 1:
        return [Problem(3, f"two codes on one lock, in slots {slots}", booking.id, lock, slot)]
    if record is None:
        return [Problem(8, "wanted, and the record has no code for this lock", booking.id, lock)]
    if not slots:
        is_waiting = record["state"] == "planned" and _is_full(layout, booking, lock, seen)
        text = f"wanted, not on the lock, no letter; the record says {record['state']}"
        promise = 6 if record["state"] == "set" else 8
        return [] if is_waiting else [Problem(promise, text, booking.id, lock, slot)]
    if slots != [slot]:
        return [Problem(3, f"on slot {slots[0]}, the record says {slot}", booking.id, lock, slots[0])]
    # The API shows the PIN that the own door has: while that one is with a person, the others may be ahead.
    told = None if letters.tell_of(booking.id, own) else view["pin"]
    wrong = _wrong_code(booking, told, record, seen.locks[lock][slots[0]], seen.now)
    return [Problem(8, wrong, booking.id, lock, slot)] if wrong else []


def _wrong_code(
    booking: Wanted,
    told: str | None,
    record: Mapping[str, Any],
    code: Mapping[str, Any],
    now: datetime,
) -> str:
    """What is wrong with the code on the lock; empty if nothing is. `told`: the PIN that it must have."""
    if record["state"] != "set":
        return f"on the lock, the record says {record['state']}"
    if code["ends"] != _digits(booking.ends):
        return f"ends {code['ends']}, wanted is {_digits(booking.ends)}"
    if not _first_start(booking, now) <= code["starts"] <= max(_digits(now), _digits(booking.starts)):
        return f"starts {code['starts']}, wanted is {_digits(booking.starts)} or the time of the push"
    if told is not None and code["pin"] != told:
        return "another PIN than the API shows"
    return ""


def _first_start(booking: Wanted, now: datetime) -> str:
    """From when on the code may open: a check-in that was past when it came to be known moves no code."""
    if booking.earliest is not None and booking.starts <= now:
        return min(_digits(_floor(booking.earliest)), _digits(booking.starts))
    return _digits(booking.starts)


def _is_full(layout: Layout, booking: Wanted, lock: str, seen: Seen) -> bool:
    """Whether no slot is free for a stay of this unit: a code is in each, or a stay's record claims it."""
    taken = set(seen.locks.get(lock, {}))
    taken |= {
        code["slot"] for view in seen.bookings.values() for code in view["codes"] if code["lock"] == lock
    }
    return all(slot in taken for slot in layout.slots_of(booking.unit or ""))


def _foreign(seen: Seen) -> list[Problem]:
    """Promise 2: what was typed by hand, and not taken off by hand, is there."""
    return [
        Problem(2, "a code typed by hand is gone or was changed", lock=lock, slot=slot)
        for (lock, slot), pin in seen.hand_typed.items()
        if seen.locks.get(lock, {}).get(slot, {}).get("pin") != pin
    ]


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _floor(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _digits(at: datetime) -> str:
    return at.astimezone(ZoneInfo(ZONE)).strftime("%y%m%d%H%M")

"""The model of a campaign accepts a world that is right, and finds each way in which it can be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.soak.layout import Layout
from tests.soak.model import NOT_YET, Problem, Seen, Wanted, compare, fold
from tests.soak.sender import Accepted
from tests.soak.stories import DAY, HOUR, Event

LAYOUT = Layout(1)
ORIGIN = datetime(2026, 12, 1, 0, 0, 30, tzinfo=UTC)
NOW = ORIGIN + timedelta(minutes=5)
GATE, DOOR = "GATE01", "DOOR011"
FACTS: dict[str, Any] = {"unit": "b01-1", "status": "confirmed", "check_in": -HOUR, "check_out": 2 * DAY}
STARTS, ENDS, PIN = "2612010900", "2612031001", "482913"


def accepted(version: int, data: Mapping[str, Any], kind: str = "booking.updated") -> Accepted:
    """An accepted event of booking BK-1."""
    return Accepted(Event(at=0, booking="BK-1", version=version, type=kind, data=data), 0.0)


def wanted(**changes: Any) -> dict[str, Wanted]:
    """The booking as its events tell it."""
    return fold([accepted(1, FACTS), accepted(2, changes)] if changes else [accepted(1, FACTS)], ORIGIN)


def code(slot: int = 120, name: str = "Guest direct/BK-1", **changes: Any) -> dict[str, Any]:
    """A code on a lock, as the sandbox shows it."""
    shown = {"slot": slot, "name": name, "pin": PIN, "starts": STARTS, "ends": ENDS, "by_hand": False}
    return {**shown, **changes}


def record(lock: str, **changes: Any) -> dict[str, Any]:
    """A code of the record, as the API shows it."""
    return {"lock": lock, "slot": 120, "state": "set", **changes}


def view(**changes: Any) -> dict[str, Any]:
    """The booking, as the API shows it."""
    shown = {
        "id": "BK-1",
        "unit": "b01-1",
        "status": "confirmed",
        "version": "1",
        "check_in": (ORIGIN - timedelta(hours=1)).isoformat(),
        "check_out": (ORIGIN + timedelta(days=2)).isoformat(),
        "pin": PIN,
        "codes": [record(GATE), record(DOOR)],
    }
    return {**shown, **changes}


def seen(**changes: Any) -> Seen:
    """A world in which all is right."""
    locks: dict[str, dict[int, dict[str, Any]]] = {GATE: {120: code()}, DOOR: {120: code()}}
    given = {"bookings": {"BK-1": view()}, "letters": [], "locks": locks, **changes}
    return Seen(NOW, **given)


def letter(**changes: Any) -> dict[str, Any]:
    """An open letter."""
    return {"booking": "BK-1", "lock": DOOR, "slot": 120, "reason": "unconfirmed", **changes}


TYPED, ANOTHER = code(115, by_hand=True), {(GATE, 115): "7777"}


def promises(problems: list[Problem]) -> list[int]:
    """Which promises are broken."""
    return [problem.promise for problem in problems]


def test_a_right_world_is_right() -> None:
    """Code, record and events agree: nothing is wrong."""
    assert [] == compare(LAYOUT, wanted(), seen())


@pytest.mark.parametrize(
    ("promise", "world"),
    [
        (1, seen(bookings={})),
        (1, seen(bookings={"BK-1": view(version="0")})),
        (1, seen(bookings={"BK-1": view(status="tentative")})),
        (1, seen(bookings={"BK-1": view(unit="b01-2")})),
        (1, seen(bookings={"BK-1": view(check_out=NOW.isoformat())})),
        (2, seen(hand_typed={(GATE, 115): "1234"})),
        (2, seen(locks={GATE: {120: code(), 115: TYPED}, DOOR: {120: code()}}, hand_typed=ANOTHER)),
        (2, seen(locks={GATE: {120: code(), 121: code(121, "direct/BK-9")}, DOOR: {120: code()}})),
        (3, seen(locks={GATE: {120: code(), 121: code(121)}, DOOR: {120: code()}})),
        (3, seen(locks={GATE: {121: code(121)}, DOOR: {120: code()}})),
        (6, seen(locks={GATE: {120: code()}, DOOR: {}})),
        (8, seen(locks={GATE: {120: code()}, DOOR: {120: code(ends="2612031002")}})),
        (8, seen(locks={GATE: {120: code()}, DOOR: {120: code(starts="2612010859")}})),
        (8, seen(locks={GATE: {120: code()}, DOOR: {120: code(pin="111222")}})),
        (8, seen(bookings={"BK-1": view(codes=[record(GATE), record(DOOR, state="setting")])})),
        (8, seen(bookings={"BK-1": view(codes=[record(GATE)])})),
    ],
)  # fmt: skip
def test_a_wrong_world_is_found(promise: int, world: Seen) -> None:
    """Each way in which a booking, a code or a hand-typed code can be wrong breaks its promise."""
    assert [promise] == sorted(set(promises(compare(LAYOUT, wanted(), world))))


def test_a_letter_stands_for_a_code() -> None:
    """A code that is missing is no broken promise where a letter is open for it; another door's is none."""
    locks = {GATE: {120: code()}, DOOR: {}}
    assert [] == compare(LAYOUT, wanted(), seen(locks=locks, letters=[letter()]))
    assert [6] == promises(compare(LAYOUT, wanted(), seen(locks=locks, letters=[letter(lock=GATE, slot=1)])))


def test_the_pin_that_the_api_shows_is_the_own_doors() -> None:
    """While that door is with a person a new PIN may be on the others; their PIN counts again after that."""
    locks = {GATE: {120: code(pin="111222")}, DOOR: {}}
    assert [] == compare(LAYOUT, wanted(), seen(locks=locks, letters=[letter()]))
    assert 8 in promises(compare(LAYOUT, wanted(), seen(locks={**locks, DOOR: {120: code()}})))


@pytest.mark.parametrize(
    "changes", [{"status": "cancelled"}, {"status": "blocked"}, {"check_out": 60.0}, {"unit": "b01-2"}]
)
def test_what_is_no_longer_wanted_must_go(changes: dict[str, Any]) -> None:
    """Cancelled, blocked, over or moved: a code still on breaks a promise, and a letter excuses it."""
    booking = wanted(**changes)
    status, unit = changes.get("status", "confirmed"), changes.get("unit", "b01-1")
    out = booking["BK-1"].check_out
    assert out is not None
    codes = [record(GATE), record(DOOR), record("DOOR012")]
    shown = view(version="2", status=status, unit=unit, check_out=out.isoformat(), codes=codes)
    other = {} if unit == "b01-1" else {"DOOR012": {120: code()}}
    world = seen(bookings={"BK-1": shown}, locks={GATE: {120: code()}, DOOR: {120: code()}, **other})
    left = {problem.lock for problem in compare(LAYOUT, booking, world)}
    assert ({DOOR} if unit == "b01-2" else {GATE, DOOR}) == left
    letters = [letter(), letter(lock=GATE)]
    assert [] == compare(LAYOUT, booking, replace(world, letters=letters))


def test_a_removed_code_that_is_still_on_was_taken_as_done() -> None:
    """The record says removed, the lock holds it: unconfirmed was taken as done."""
    shown = view(version="2", status="cancelled", codes=[record(GATE, state="removed", slot=None)])
    world = seen(bookings={"BK-1": shown}, locks={GATE: {120: code()}})
    assert [6] == promises(compare(LAYOUT, wanted(status="cancelled"), world))


def test_a_window_that_ends_just_now_is_not_judged() -> None:
    """Neither on nor off is wrong within seconds of the end: it is looked at again."""
    booking = wanted(check_out=280.0)
    out = booking["BK-1"].check_out
    assert out is not None
    shown = view(version="2", check_out=out.isoformat(), codes=[record(GATE, state="removing")])
    world = Seen(booking["BK-1"].ends, {"BK-1": shown}, [], {GATE: {120: code()}})
    assert [NOT_YET] == promises(compare(LAYOUT, booking, world))


def test_a_full_lock_excuses_waiting_a_free_slot_does_not() -> None:
    """A code may wait only while each slot of its unit is taken."""
    booking = fold([accepted(1, {**FACTS, "unit": "b01-4"})], ORIGIN)
    waiting = record("DOOR014", state="planned", slot=None)
    shown = view(unit="b01-4", codes=[record(GATE), waiting])
    full = {slot: code(slot, by_hand=True) for slot in (198, 199, 200)}
    locks = {GATE: {120: code()}, "DOOR014": full}
    assert [] == compare(LAYOUT, booking, seen(bookings={"BK-1": shown}, locks=locks))
    claims = {"BK-8": view(id="BK-8", codes=[record("DOOR014", slot=200)])}
    locks = {GATE: {120: code()}, "DOOR014": {198: full[198], 199: full[199]}}
    assert [] == compare(LAYOUT, booking, seen(bookings={"BK-1": shown, **claims}, locks=locks))
    assert [8] == promises(compare(LAYOUT, booking, seen(bookings={"BK-1": shown}, locks=locks)))


def test_a_move_to_a_full_lock_keeps_the_old_door_until_a_letter() -> None:
    """While the new door waits for a slot the guest keeps the old one; once a letter is open it must go."""
    booking = fold([accepted(1, FACTS), accepted(2, {"unit": "b01-4"})], ORIGIN)
    waiting = record("DOOR014", state="planned", slot=None)
    shown = view(version="2", unit="b01-4", codes=[record(GATE), waiting, record(DOOR)])
    full = {slot: code(slot, by_hand=True) for slot in (198, 199, 200)}
    world = seen(bookings={"BK-1": shown}, locks={GATE: {120: code()}, DOOR: {120: code()}, "DOOR014": full})
    assert [] == compare(LAYOUT, booking, world)
    told = replace(world, letters=[letter(lock="DOOR014", slot=None)])
    assert [8] == promises(compare(LAYOUT, booking, told))


def test_a_stay_beyond_the_lead_time_is_planned_only() -> None:
    """Nothing need be on the lock; what is there, from before it was moved, must have the new window."""
    booking = wanted(check_in=30 * DAY, check_out=31 * DAY)
    check_in, check_out = booking["BK-1"].check_in, booking["BK-1"].check_out
    assert check_in is not None
    assert check_out is not None
    shown = view(version="2", check_in=check_in.isoformat(), check_out=check_out.isoformat())
    assert [] == compare(LAYOUT, booking, seen(bookings={"BK-1": shown}, locks={}))
    world = seen(bookings={"BK-1": shown}, locks={GATE: {120: code()}})
    assert [8] == promises(compare(LAYOUT, booking, world))


def test_the_newest_version_counts_in_whatever_order_they_came() -> None:
    """The fold goes by version; a cancel keeps what was said before and changes the status alone."""
    events = [accepted(3, {}, "booking.cancelled"), accepted(1, FACTS), accepted(2, {"unit": "b01-2"})]
    found = fold(events, ORIGIN)["BK-1"]
    assert (3, "cancelled", "b01-2") == (found.version, found.status, found.unit)
    again = fold([*events, accepted(4, {"status": "confirmed"})], ORIGIN)["BK-1"]
    assert (4, "confirmed") == (again.version, again.status)


@pytest.mark.parametrize(("minutes", "found"), [(-2, []), (2, [8, 8])])
def test_a_code_may_open_earlier_where_the_later_check_in_is_past(minutes: int, found: list[int]) -> None:
    """Nobody is let in too early by it, and it would be a command for nothing; before that it would be."""
    check_in = 5 * 60.0 + minutes * 60
    moved = (NOW + timedelta(minutes=minutes)).isoformat()
    shown = view(check_in=moved, version="2")
    world = seen(bookings={"BK-1": shown})
    problems = compare(LAYOUT, wanted(check_in=check_in), world)
    assert found == [one.promise for one in problems]

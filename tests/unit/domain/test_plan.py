"""From a booking to what each door shall hold, and when it is looked at next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.domain.kit import (
    CHECK_IN,
    CHECK_OUT,
    DAY,
    DOOR,
    GATE,
    HOUR,
    MINUTE,
    NOW,
    OTHER_PIN,
    PIN,
    SHED,
    Bench,
    a_house,
    an_event,
    of,
)
from worker.domain.access_code import Phase
from worker.domain.escalation import trouble_of
from worker.domain.goals import Leave, Wish
from worker.domain.outcomes import Kind
from worker.domain.plan import applied
from worker.domain.reasons import Reason
from worker.domain.steps import Delete, Push, Wait
from worker.domain.wanted import goals, held_back

MAIL = "ann@example.com"


def wish(bench: Bench, lock: str = DOOR) -> Wish:
    """What is wanted on a lock."""
    found = goals(bench.stay, bench.house, bench.now)[lock]
    assert isinstance(found, Wish)
    return found


def test_every_mapped_lock_gets_the_same_pin_and_window() -> None:
    """J01: gate and own door."""
    bench = Bench().book(unit="house")
    assert wish(bench, GATE).written == wish(bench, DOOR).written
    assert {GATE, DOOR} == {code.lock for code in bench.stay.codes}


def test_a_stay_to_come_is_planned_and_due_at_its_lead_time() -> None:
    """E08: `push_ahead` before check-in, and not before."""
    bench = Bench().book(check_in="2026-12-31T15:00", check_out="2027-01-02T10:00")
    assert NOW + 30 * DAY + 5 * HOUR - 14 * DAY == bench.code.due
    assert Phase.PLANNED is bench.code.phase


def test_push_ahead_of_zero_means_at_once() -> None:
    """E08: everything is pushed when it is booked; the own door waits `email_wait` at most."""
    house = a_house(push_ahead=timedelta(0))
    bench = Bench(house=house).book(
        unit="house", check_in="2027-03-01", check_out="2027-03-03", guest_email=MAIL
    )
    gate = bench.stay.code(GATE)
    assert gate is not None
    assert gate.due is not None
    assert gate.due <= NOW
    assert isinstance(bench.look(), Wait)
    assert isinstance(bench.wait(11 * MINUTE).look(), Push)


def test_the_end_is_exclusive() -> None:
    """D16: wanted until the last minute, and not in the minute of the end."""
    bench = Bench().book()
    ends = wish(bench).ends
    bench.now = ends - MINUTE
    assert isinstance(bench.goal, Wish)
    bench.now = ends
    assert isinstance(bench.goal, Leave)


@pytest.mark.parametrize("days", [-2, 2])
def test_a_longer_or_shorter_stay_keeps_slot_and_pin(days: int) -> None:
    """Promise 3, D01, D02: only the end moves."""
    bench = Bench().book()
    shown = bench.put_on()
    bench.event("updated", check_out=f"2026-12-{5 + days:02}T10:00")
    step = bench.look(shown)
    assert isinstance(step, Push)
    assert (shown.slot, shown.pin, shown.starts) == (step.slot, step.written.pin, step.written.starts)
    assert f"2612{5 + days:02}1000" == step.written.ends


def test_a_shifted_stay_keeps_slot_and_pin() -> None:
    """Promise 3, D03: no day in common with the old dates."""
    bench = Bench().book()
    shown = bench.put_on()
    bench.event("updated", check_in="2026-12-10T15:00", check_out="2026-12-12T10:00")
    step = bench.look(shown)
    assert isinstance(step, Push)
    assert (shown.slot, shown.pin) == (step.slot, step.written.pin)


def test_changed_times_are_one_update_and_then_nothing() -> None:
    """B02: sent again, the same change is no work."""
    bench = Bench().book()
    shown = bench.put_on()
    bench.event("updated", check_out="2026-12-06T10:00")
    step = bench.look(shown)
    assert isinstance(step, Push)
    bench.send(step, Kind.DONE, [of(step)])
    bench.event("updated", check_out="2026-12-06T10:00")
    assert isinstance(bench.look(of(step)), Wait)


def test_the_same_instants_written_otherwise_are_no_update() -> None:
    """D06: another zone, the same stay."""
    bench = Bench().book()
    shown = bench.put_on()
    bench.event("updated", check_in="2026-12-01T05:00Z", check_out="2026-12-05T01:00+01:00")
    assert isinstance(bench.look(shown), Wait)


def test_a_room_move_empties_the_old_door_when_the_new_one_is_ready() -> None:
    """D09: the new door first, the same PIN; then the old one."""
    bench = Bench().book()
    shown = bench.put_on()
    bench.event("updated", unit="shed")
    assert isinstance(bench.look(shown), Wait)
    bench.lock = SHED
    fresh = bench.put_on()
    assert PIN == fresh.pin
    bench.lock = DOOR
    assert Delete(shown.slot) == bench.look(shown)


def test_a_room_move_clears_the_old_door_before_the_next_guest_comes() -> None:
    """D09: the new door may not take its PIN for hours; the old one is not kept for longer than is right."""
    bench = Bench().book()
    shown = bench.put_on()
    bench.event("updated", unit="shed")
    assert {DOOR: NOW + 4 * DAY} == held_back(bench.stay, bench.house, bench.now)
    assert bench.now + timedelta(minutes=30) == bench.code.due, "looked at again: somebody may book this room"
    bench.change(next_arrival=NOW + 5 * HOUR)
    bench.now = NOW + 3 * HOUR
    assert Wait(NOW + 4 * HOUR) == bench.look(shown)
    bench.now = NOW + 4 * HOUR
    assert Delete(shown.slot) == bench.look(shown)


def test_a_stay_that_is_over_when_it_comes_creates_nothing() -> None:
    """D12: no goal, no slot, no call."""
    bench = Bench().book(check_in="2026-11-20", check_out="2026-11-22")
    assert all(code.phase is Phase.REMOVED and code.due is None for code in bench.stay.codes)


def test_an_end_moved_into_the_past_removes_at_once() -> None:
    """E06: an early check-out is an update like any other."""
    bench = Bench(now=NOW + DAY).book()
    shown = bench.put_on()
    bench.event("updated", check_out="2026-12-02T09:00")
    assert Delete(shown.slot) == bench.look(shown)


def test_a_check_out_before_check_in_is_a_letter_and_no_call() -> None:
    """D11: kept for review; the codes stay as the last good times have them."""
    bench = Bench().book(check_in="2026-12-05", check_out="2026-12-05T03:00")
    assert () == bench.stay.codes
    assert bench.stay.letter is not None
    assert Reason.BAD_EVENT is bench.stay.letter.reason
    bench.event("updated", check_in=CHECK_IN, check_out=CHECK_OUT)
    assert bench.stay.letter is None
    assert isinstance(bench.look(), Push)


def test_an_unknown_unit_is_a_letter_and_puts_no_guest_out() -> None:
    """J05: an explicit state; what is on the doors stays until its own end."""
    bench = Bench().book()
    shown = bench.put_on()
    bench.event("updated", unit="castle")
    assert Reason.UNKNOWN_UNIT is trouble_of(bench.stay, bench.house)
    assert isinstance(bench.look(shown), Wait)
    assert NOW + 4 * DAY == bench.code.due


@pytest.mark.parametrize("status", ["tentative", "blocked"])
def test_only_a_confirmed_stay_wants_a_code(status: str) -> None:
    """E10: no code for an owner's block; one that was there goes."""
    assert () == Bench().book(status=status).stay.codes
    bench = Bench().book()
    shown = bench.put_on()
    assert Delete(shown.slot) == bench.event("updated", status=status).look(shown)


def test_a_cancelled_stay_that_was_never_pushed_is_never_pushed() -> None:
    """B12: nothing on the lock, nothing due."""
    bench = Bench().book().event("cancelled")
    assert (Phase.REMOVED, None) == (bench.code.phase, bench.code.due)


def test_a_stay_confirmed_again_is_programmed_again_with_the_pin_that_was_told() -> None:
    """D21, promise 3: the guest has that PIN."""
    bench = Bench().book()
    shown = bench.put_on()
    bench.send(bench.event("cancelled").look(shown), Kind.DONE)
    step = bench.event("created").look()
    assert isinstance(step, Push)
    assert PIN == step.written.pin


def test_a_stay_confirmed_again_gets_another_pin_where_nobody_knew_the_first() -> None:
    """D21: an untold PIN is not kept."""
    bench = Bench().event("created", unit="cabin", check_in=CHECK_IN, check_out=CHECK_OUT)
    bench.write(replace(bench.stay, pin=PIN))
    bench.event("cancelled").event("created")
    assert bench.stay.pin is None


def test_a_rotated_pin_is_not_turned_back_by_an_event_that_brings_none() -> None:
    """Promise 3: only an event that names a PIN brings one."""
    bench = Bench().book()
    bench.write(replace(bench.stay, pin=OTHER_PIN))
    bench.event("updated", check_out="2026-12-06T10:00")
    assert OTHER_PIN == bench.stay.pin
    bench.event("updated", pin="915264")
    assert "915264" == bench.stay.pin


def test_a_rotated_pin_is_not_turned_back_by_an_event_that_repeats_the_first() -> None:
    """Promise 3: a booking system that sends the whole booking each time says the old PIN each time."""
    bench = Bench().event(
        "created", unit="cabin", check_in=CHECK_IN, check_out=CHECK_OUT, pin=PIN, guest_email=MAIL
    )
    assert PIN == bench.stay.pin
    bench.write(replace(bench.stay, pin=OTHER_PIN))
    bench.event("updated", check_out="2026-12-06T10:00", pin=PIN)
    assert OTHER_PIN == bench.stay.pin
    bench.event("updated", pin="915264").event("updated", pin=PIN)
    assert PIN == bench.stay.pin


def test_a_stale_event_leaves_one_line_and_nothing_else() -> None:
    """B12: an old update after a newer one."""
    bench = Bench().book().event("updated", check_out="2026-12-06T10:00")
    after = applied(bench.stay, an_event("updated", 1, unit="shed"), bench.now)
    assert bench.stay == replace(after, timeline=after.timeline[:-1])
    assert "event.stale" == after.timeline[-1].what


def test_the_own_door_is_woken_by_the_common_door() -> None:
    """The e-mail waits for the gate: ten minutes at most, and not a moment longer than needed."""
    bench = Bench(lock=GATE).book(unit="house", guest_email=MAIL)
    assert NOW + 10 * MINUTE == getattr(bench.stay.code(DOOR), "due", None)
    bench.put_on()
    assert bench.now >= getattr(bench.stay.code(DOOR), "due", bench.now + DAY)
    bench.lock = DOOR
    step = bench.look()
    assert isinstance(step, Push)
    assert step.with_email


def test_within_the_hour_of_check_in_nothing_waits() -> None:
    """The guest stands at the door: no waiting for the gate."""
    bench = Bench().book(unit="house", check_in="2026-12-01T10:59", guest_email=MAIL)
    assert isinstance(bench.look(), Push)


def test_a_stay_moved_away_in_time_and_room_frees_the_old_door_now() -> None:
    """D08, D09: its new door is not due for months; the old window must not stay open for it meanwhile."""
    bench = Bench().book()
    shown = bench.put_on()
    bench.event("updated", unit="shed", check_in="2027-06-01", check_out="2027-06-03")
    assert Delete(shown.slot) == bench.look(shown)


def test_the_end_of_the_stay_is_on_the_timetable() -> None:
    """E08: the removal stands there from the last morning's check on, to the minute."""
    bench = Bench().book(check_out="2026-12-02T07:00")
    bench.put_on()
    assert NOW + 21 * HOUR == bench.code.due
    bench = Bench().book()
    entry = bench.put_on()
    for _ in range(4):
        bench.wait_until_due().look(entry)
    assert NOW + 4 * DAY == bench.code.due
    bench.now = NOW + 4 * DAY
    bench.write(bench.stay)
    assert Phase.REMOVING is bench.code.phase


def test_a_door_settled_by_hand_is_wanted_again_after_a_cancel() -> None:
    """D21, promise 8: what a person once typed in does not stand for the code of the stay confirmed anew."""
    bench = Bench().book()
    bench.change(phase=Phase.SET, by_hand=True)
    bench.event("cancelled").event("created")
    assert isinstance(bench.look(), Push)

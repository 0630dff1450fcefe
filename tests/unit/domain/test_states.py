"""How stays and codes are called from outside, and when a PIN is shown."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.unit.domain.kit import (
    CHECK_IN,
    CHECK_OUT,
    DAY,
    DOOR,
    GATE,
    HOUR,
    MINUTE,
    OTHER_PIN,
    PIN,
    Bench,
    a_house,
    an_entry,
    of,
)
from worker.domain.access_code import LetterRef, Phase
from worker.domain.outcomes import Kind
from worker.domain.reasons import Job, Reason
from worker.domain.states import booking_state, code_state, email_state, is_at_risk
from worker.domain.steps import Push

LETTER = LetterRef("x", Reason.LOCK_FAILED, Job.SET)
MAIL = "ann@example.com"


def state(bench: Bench) -> str:
    """The state of the bench's stay."""
    return booking_state(bench.stay, bench.house, bench.now).value


def mail(bench: Bench) -> str:
    """The state of its e-mail."""
    return email_state(bench.stay, bench.house, bench.now).value


def both_on() -> Bench:
    """A stay with gate and door set."""
    bench = Bench(lock=GATE).book(unit="house")
    bench.put_on()
    bench.lock = DOOR
    bench.put_on()
    return bench


def test_the_usual_way_of_a_stay() -> None:
    """Planned, setting, ready, removing, ended."""
    bench = Bench(house=a_house(push_ahead=timedelta(hours=1))).book()
    seen = [state(bench)]
    bench.wait(timedelta(hours=4))
    seen.append(state(bench))
    shown = bench.put_on()
    seen.append(state(bench))
    bench.wait(timedelta(days=4))
    bench.write(bench.stay)
    seen.append(state(bench))
    bench.send(bench.look(shown), Kind.DONE)
    seen.append(state(bench))
    assert ["planned", "setting", "ready", "removing", "ended"] == seen


def test_ready_means_every_wanted_code() -> None:
    """Promise 8: with the door set and the gate not, the stay is `setting`."""
    bench = Bench(lock=DOOR).book(unit="house")
    bench.put_on()
    assert "setting" == state(bench)
    bench.lock = GATE
    bench.put_on()
    assert "ready" == state(bench)


def test_an_extension_is_setting_until_it_is_proven() -> None:
    """Promise 6: the old window is not the wanted one."""
    bench = both_on().event("updated", check_out="2026-12-06T10:00")
    assert "setting" == state(bench)


def test_a_cancelled_stay_is_removing_and_then_cancelled() -> None:
    """Some code on or in doubt; then none."""
    bench = Bench().book()
    shown = bench.put_on()
    bench.event("cancelled")
    assert "removing" == state(bench)
    bench.send(bench.look(shown), Kind.DONE)
    assert "cancelled" == state(bench)
    assert "cancelled" == state(bench.wait(9 * DAY))


def test_a_tentative_stay_with_a_code_on_is_removing() -> None:
    """E10: no longer confirmed, still on."""
    bench = Bench().book()
    bench.put_on()
    assert "removing" == state(bench.event("updated", status="tentative"))
    assert "planned" == state(Bench().book(status="tentative"))


def test_a_letter_is_review_or_partial() -> None:
    """Review where nothing is set, partial where some code is; cancelled or over: review."""
    bench = Bench(lock=DOOR).book(unit="house")
    bench.change(letter=LETTER)
    assert "review" == state(bench)
    bench.lock = GATE
    bench.put_on()
    assert "partial" == state(bench)
    over = replace(
        bench.stay, booking=replace(bench.stay.booking, status=type(bench.stay.booking.status)("cancelled"))
    )
    assert "review" == booking_state(over, bench.house, bench.now).value


def test_a_code_with_an_open_letter_does_not_count_as_set() -> None:
    """A letter open and no code set: `review`; a code under review is not set."""
    bench = Bench().book()
    bench.put_on()
    bench.change(letter=LetterRef("x", Reason.BUG, Job.JOB))
    assert "review" == code_state(bench.code)
    assert "review" == state(bench)


def test_a_retried_letter_counts_as_open() -> None:
    """Until it is resolved."""
    bench = Bench().book()
    bench.change(letter=replace(LETTER, retrying=True))
    assert ("review", "review") == (state(bench), code_state(bench.code))


def test_an_unknown_unit_is_review() -> None:
    """J05: an explicit state."""
    assert "review" == state(Bench().book(unit="castle"))


def test_a_code_that_waits_for_a_slot_is_planned() -> None:
    """M01: visibly not yet under way."""
    bench = Bench(house=a_house(first_slot=120, last_slot=120)).book(
        check_in="2026-12-09T15:00", check_out="2026-12-11T10:00"
    )
    bench.look(an_entry(120, name="Cleaner"))
    assert "planned" == code_state(bench.code)


def test_a_stay_settled_by_hand_is_ready() -> None:
    """A person says that the code is on the lock."""
    bench = Bench().book()
    bench.change(phase=Phase.SET, by_hand=True)
    assert "ready" == state(bench)


def test_the_pin_is_shown_from_ready_on_and_counts_as_told() -> None:
    """Promise 3: before that only where the event brought it."""
    bench = Bench(lock=GATE).event("created", unit="house", check_in=CHECK_IN, check_out=CHECK_OUT)
    bench.write(replace(bench.stay, pin=PIN))
    bench.put_on()
    assert (None, False) == (bench.stay.shown_pin, bench.stay.told)
    bench.lock = DOOR
    bench.put_on()
    assert (PIN, True) == (bench.stay.shown_pin, bench.stay.told)
    assert PIN == Bench().book().stay.shown_pin


def test_during_a_rotation_the_old_pin_is_shown_until_the_own_door_has_the_new_one() -> None:
    """Promise 3: the guest is told what opens the own door."""
    bench = both_on()
    bench.write(replace(bench.stay, pin=OTHER_PIN))
    bench.lock = GATE
    gate, door = (bench.stay.code(lock) for lock in (GATE, DOOR))
    assert gate is not None
    assert door is not None
    assert (gate.slot, gate.latest) != (None, None)
    assert gate.slot is not None
    assert gate.latest is not None
    step = bench.look(an_entry(gate.slot, gate.latest))
    assert isinstance(step, Push)
    bench.send(step, Kind.DONE, [of(step)])
    assert PIN == bench.stay.shown_pin
    bench.lock = DOOR
    assert door.slot is not None
    step = bench.look(an_entry(door.slot, door.latest))
    assert isinstance(step, Push)
    bench.send(step, Kind.DONE, [of(step)])
    assert OTHER_PIN == bench.stay.shown_pin


def test_the_states_of_the_e_mail() -> None:
    """None without an address, waiting until a push with it is proven, then requested."""
    assert "none" == mail(Bench().book())
    assert "none" == mail(Bench().book(guest_email=MAIL, send_email=False))
    bench = Bench().book(guest_email=MAIL)
    assert "waiting" == mail(bench)
    bench.put_on()
    assert "requested" == mail(bench)


def test_a_stay_is_at_risk_when_its_codes_are_late() -> None:
    """Promise 8: not all set a day before check-in, or ten minutes after they were due."""
    bench = Bench().book()
    assert not is_at_risk(bench.stay, bench.house, bench.now)
    assert not is_at_risk(bench.stay, bench.house, bench.now + 9 * MINUTE)
    assert is_at_risk(bench.stay, bench.house, bench.now + 10 * MINUTE)
    bench.put_on()
    assert not is_at_risk(bench.stay, bench.house, bench.now + 10 * MINUTE)


def test_a_stay_far_away_is_not_at_risk_yet() -> None:
    """With ten days to go a lock may still be away; a day before check-in it counts."""
    bench = Bench().book(check_in="2026-12-11T15:00", check_out="2026-12-14T10:00")
    assert not is_at_risk(bench.stay, bench.house, bench.now + DAY)
    assert is_at_risk(bench.stay, bench.house, bench.now + 10 * DAY)


def test_what_is_not_wanted_is_not_at_risk() -> None:
    """A cancelled stay needs no code."""
    bench = Bench().book()
    bench.event("cancelled")
    assert not is_at_risk(bench.stay, bench.house, bench.now + HOUR)

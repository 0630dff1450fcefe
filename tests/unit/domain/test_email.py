"""The guest's e-mail: once per PIN and window, whatever happens to the push that asked for it."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.domain.kit import DOOR, HOLD, MINUTE, SECOND, SHED, Bench, a_house, of
from worker.domain.access_code import Phase
from worker.domain.outcomes import Entry, Kind
from worker.domain.reasons import Reason
from worker.domain.states import EmailState, email_state
from worker.domain.steps import Delete, GiveUp, Push, Wait

MAIL = "ann@example.com"


def pushed(bench: Bench, *entries: Entry) -> Push:
    """The push that is due now."""
    step = bench.look(*entries)
    assert isinstance(step, Push), step
    return step


def moved_in_doubt() -> tuple[Bench, Push, Push]:
    """A stay that moves from the shed to the cabin while the e-mail of the shed is in doubt."""
    bench = Bench(lock=SHED).book(unit="shed", guest_email=MAIL)
    late = pushed(bench)
    bench.begin(late)
    bench.wait(30 * SECOND).answer(Kind.UNANSWERED)
    bench.event("updated", unit="cabin")
    bench.lock = DOOR
    step = pushed(bench)
    bench.send(step, Kind.DONE, [of(step)])
    return bench, late, step


def test_a_new_door_asks_for_no_e_mail_while_the_old_ones_is_in_doubt() -> None:
    """Promise 7: the guest gets in at once, and the e-mail waits for what comes of the first one."""
    bench, late, step = moved_in_doubt()
    assert (True, False, late.written) == (late.with_email, step.with_email, step.written)
    assert isinstance(bench.look(of(step)), Wait)
    assert EmailState.WAITING is email_state(bench.stay, bench.house, bench.now)


def test_an_e_mail_that_went_out_at_the_old_door_is_the_only_one() -> None:
    """Promise 7: the old door's list shows the code after all."""
    bench, late, step = moved_in_doubt()
    bench.lock = SHED
    assert isinstance(bench.look(of(late)), Delete)
    bench.lock = DOOR
    assert late.written == bench.stay.emailed
    assert isinstance(bench.look(of(step)), Wait)


def test_an_e_mail_that_never_went_out_at_the_old_door_is_asked_for_at_the_new_one() -> None:
    """Promise 7: with a push in place, once the old door's list has refuted the first."""
    bench, _, step = moved_in_doubt()
    bench.lock = SHED
    bench.wait(HOLD).look()
    bench.lock = DOOR
    again = pushed(bench, of(step))
    assert (step.slot, True) == (again.slot, again.with_email)


def test_a_pending_push_with_the_e_mail_is_waited_for_when_the_window_moves() -> None:
    """Promise 7: forgotten, it could not keep the e-mail back when the window moves back again."""
    bench = Bench().book(guest_email=MAIL)
    step = pushed(bench)
    bench.send(step, Kind.PENDING)
    bench.event("updated", check_out="2026-12-06T10:00")
    bench.event("updated", check_out="2026-12-05T10:00")
    assert isinstance(bench.wait(SECOND).look(), Wait)
    assert isinstance(bench.wait(MINUTE).look(of(step)), Wait)
    assert step.written == bench.stay.emailed


def test_a_push_that_turns_up_at_the_old_door_after_a_list_had_refuted_it_has_sent_the_e_mail() -> None:
    """Promise 7: the list lagged, the stay moved, and the old door is looked at first."""
    bench = Bench(lock=SHED, house=a_house(retry_delays=(MINUTE,))).book(unit="shed", guest_email=MAIL)
    step = pushed(bench)
    bench.send(step, Kind.DOUBT)
    bench.look()
    bench.event("updated", unit="cabin").wait(SECOND)
    bench.look(of(step))
    assert step.written == bench.stay.emailed


def test_a_removal_in_doubt_does_not_hide_that_the_push_before_it_turned_up() -> None:
    """Promise 7: the list that shows the code may say nothing of the removal, but it does of the push."""
    bench = Bench(house=a_house(retry_delays=(MINUTE,))).book(guest_email=MAIL)
    step = pushed(bench)
    bench.send(step, Kind.DOUBT)
    bench.look()
    bench.event("cancelled").wait(SECOND)
    bench.begin(Delete(step.slot))
    bench.wait(30 * SECOND).answer(Kind.UNANSWERED)
    bench.wait(SECOND).look(of(step))
    assert step.written == bench.stay.emailed


def test_an_abandoned_push_that_arrived_has_sent_the_e_mail_of_the_newer_window() -> None:
    """Promise 7: extended, in doubt, cancelled, shown by the list, and confirmed again."""
    bench = Bench().book(guest_email=MAIL)
    shown = bench.put_on()
    bench.event("updated", check_out="2026-12-06T10:00")
    step = pushed(bench, shown)
    bench.begin(step)
    bench.wait(30 * SECOND).answer(Kind.UNANSWERED)
    bench.event("cancelled").wait(HOLD)
    bench.send(bench.look(of(step)), Kind.DONE)
    bench.event("created")
    assert not pushed(bench).with_email


def test_a_refused_push_has_sent_no_e_mail() -> None:
    """Promise 8: the code was there before, so the list says nothing about the e-mail; a letter does."""
    bench = Bench(house=a_house(offline_delays=(MINUTE,))).book(guest_email=MAIL)
    shown = bench.put_on()
    bench.write(replace(bench.stay, emailed=None))  # a person asks for it once more
    for _ in range(2):
        assert pushed(bench, shown).with_email
        bench.send(bench.look(shown), Kind.OFFLINE)
        bench.wait(SECOND).look(shown)
        assert bench.stay.emailed is None
        bench.wait(MINUTE)
    assert bench.letter is not None
    assert Reason.GATEWAY_OFFLINE is bench.letter.reason
    assert isinstance(bench.look(shown), Wait)


def test_a_push_in_place_that_the_lock_refuses_for_its_pin_ends_in_a_letter() -> None:
    """Promise 8: "Password is already existing." to a push for the e-mail alone: not repeated."""
    bench = Bench().book(guest_email=MAIL)
    shown = bench.put_on()
    bench.write(replace(bench.stay, emailed=None))
    bench.send(bench.look(shown), Kind.PIN_EXISTS)
    assert isinstance(bench.look(shown), GiveUp)
    assert bench.letter is not None
    assert (Reason.PIN_TAKEN, None) == (bench.letter.reason, bench.stay.emailed)


def test_an_owed_e_mail_goes_out_once_the_lock_takes_pushes_again() -> None:
    """The counts of the refusals do not stay behind."""
    bench = Bench(house=a_house(offline_delays=(MINUTE,))).book(guest_email=MAIL)
    shown = bench.put_on()
    bench.write(replace(bench.stay, emailed=None))
    bench.send(bench.look(shown), Kind.OFFLINE)
    bench.wait(MINUTE)
    bench.send(bench.look(shown), Kind.DONE, [shown])
    assert (Phase.SET, 0) == (bench.code.phase, bench.code.offline)
    assert bench.stay.emailed is not None


def test_a_code_that_is_on_does_not_keep_its_old_window_for_the_e_mail_s_sake() -> None:
    """D08, promise 8: moved by months, the own door waits for the gate `email_wait` at most."""
    bench = Bench(lock=DOOR).book(unit="house", guest_email=MAIL)
    bench.wait(10 * MINUTE)  # the gate does not answer: the own door waits no longer
    first = pushed(bench)
    bench.send(first, Kind.DONE, [of(first)])
    bench.event("updated", check_in="2027-03-01T15:00", check_out="2027-03-05T10:00")
    assert bench.code.due is not None
    assert bench.code.due <= bench.now + 10 * MINUTE
    bench.wait_until_due()
    step = pushed(bench, of(first))
    assert (first.slot, "2703011500") == (step.slot, step.written.starts)

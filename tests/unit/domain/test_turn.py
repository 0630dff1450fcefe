"""One look at one code during a visit: adoption, strays, e-mails, crashes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.domain.kit import (
    DAY,
    DOOR,
    GATE,
    HOLD,
    KEY,
    MINUTE,
    NOW,
    OTHER_PIN,
    PIN,
    SECOND,
    SHED,
    Bench,
    a_house,
    a_view,
    an_answer,
    an_entry,
    of,
)
from worker.domain import turn
from worker.domain.access_code import LetterRef, Phase, Written
from worker.domain.goals import Wish
from worker.domain.marks import name_for
from worker.domain.outcomes import Entry, Kind
from worker.domain.reasons import Job, Reason
from worker.domain.steps import ChoosePin, Clear, Delete, Push, Wait

MAIL = "ann@example.com"


def wanted(bench: Bench) -> Written:
    """What the code shall be."""
    goal = bench.goal
    assert isinstance(goal, Wish)
    assert goal.written is not None
    return goal.written


def pushed(bench: Bench, *entries: Entry) -> Push:
    """The push that is due now."""
    step = bench.look(*entries)
    assert isinstance(step, Push), step
    return step


def test_a_code_under_our_mark_is_adopted_after_a_loss_of_the_record() -> None:
    """Promise 3, G02: the same slot, no second code, no call."""
    bench = Bench().book()
    assert isinstance(bench.look(an_entry(150, wanted(bench))), Wait)
    assert (150, Phase.SET) == (bench.code.slot, bench.code.phase)


def test_a_slot_that_frees_ends_the_waiting_before_there_is_a_pin() -> None:
    """A03, promise 8: between the PIN and the push the code is due, it does not rest till a letter."""
    bench = Bench(house=a_house(first_slot=120, last_slot=120))
    bench.event("created", unit="cabin", check_in="2026-12-10T15:00", check_out="2026-12-12T10:00")
    bench.look(an_entry(120, name="Cleaner"))
    assert bench.code.waiting
    assert isinstance(bench.wait(MINUTE).look(), ChoosePin)
    assert (False, bench.now) == (bench.code.waiting, bench.code.due)


def test_an_adopted_pin_counts_as_told() -> None:
    """Promise 3: the guest may know it."""
    bench = Bench().event("created", unit="cabin", check_in="2026-12-01T15:00", check_out="2026-12-05T10:00")
    bench.look(an_entry(150, Written(OTHER_PIN, "2612011500", "2612051000")))
    assert (OTHER_PIN, True, Phase.SET) == (bench.stay.pin, bench.stay.told, bench.code.phase)


def test_a_guest_in_house_is_adopted_without_another_push_or_e_mail() -> None:
    """Promise 7: after a loss of the record, the start that the list shows is kept."""
    bench = Bench(now=NOW + DAY).event(
        "created", unit="cabin", check_in="2026-12-01T15:00", check_out="2026-12-05T10:00", guest_email=MAIL
    )
    step = bench.look(an_entry(150, Written(OTHER_PIN, "2612011500", "2612051000")))
    assert isinstance(step, Wait)
    assert Phase.SET is bench.code.phase


def test_the_e_mail_is_asked_for_once_and_noted_when_proven() -> None:
    """Promise 7: one confirmed push with the e-mail, and no second one when the code is put back."""
    bench = Bench().book(guest_email=MAIL)
    step = pushed(bench)
    assert step.with_email
    bench.send(step, Kind.DONE, [of(step)])
    assert step.written == bench.stay.emailed
    assert not pushed(bench).with_email


@pytest.mark.parametrize("kind", [Kind.DOUBT, Kind.UNCLEAR, Kind.FAILED, Kind.UNANSWERED, Kind.PENDING])
def test_after_doubt_the_e_mail_is_asked_for_again_only_when_the_list_is_empty(kind: Kind) -> None:
    """Promise 7: shown: it went out. Not shown, once that counts: again."""
    for is_shown in (True, False):
        bench = Bench().book(guest_email=MAIL)
        step = pushed(bench)
        bench.send(step, kind)
        for _ in range(30):
            found = bench.wait_until_due().look(*([of(step)] if is_shown else []))
            if not isinstance(found, Wait) or is_shown:
                break
        assert (step.written if is_shown else None) == bench.stay.emailed
        assert is_shown or pushed(bench).with_email


def test_the_e_mail_of_an_abandoned_push_that_arrived_is_not_sent_again() -> None:
    """Promise 7: the list showed it before the removal; then the stay is confirmed again."""
    bench = Bench().book(guest_email=MAIL)
    step = pushed(bench)
    bench.begin(step)
    bench.wait(30 * SECOND).answer(Kind.UNANSWERED)
    bench.event("cancelled").wait(SECOND)
    removal = bench.look(of(step))
    bench.wait(HOLD).send(removal, Kind.DONE)
    bench.event("created")
    assert not pushed(bench).with_email


def test_a_push_that_shows_up_after_a_list_had_refuted_it_has_sent_its_e_mail() -> None:
    """Promise 7: the list lagged; the next one shows the code, so nothing is pushed again."""
    bench = Bench(house=a_house(retry_delays=(30 * SECOND,))).book(guest_email=MAIL)
    step = pushed(bench)
    bench.send(step, Kind.DOUBT)
    bench.look()
    assert 1 == bench.code.failures
    assert isinstance(bench.wait_until_due().look(of(step)), Wait)
    assert step.written == bench.stay.emailed


def test_a_late_arrival_at_the_old_door_does_not_repeat_the_e_mail_of_the_new_one() -> None:
    """Promise 7: moved while an e-mail was in doubt; the new door's e-mail is the last word."""
    bench = Bench(lock=SHED).book(unit="shed", guest_email=MAIL)
    late = pushed(bench)
    bench.begin(late)
    bench.wait(30 * SECOND).answer(Kind.UNANSWERED)
    bench.event("updated", unit="cabin", check_out="2026-12-06T10:00")
    bench.lock = DOOR
    step = pushed(bench)
    bench.send(step, Kind.DONE, [of(step)])
    bench.lock = SHED
    assert isinstance(bench.look(of(late)), Wait | Delete)
    bench.lock = DOOR
    assert step.written == bench.stay.emailed
    assert isinstance(bench.look(of(step)), Wait)


def test_another_window_is_another_e_mail() -> None:
    """Promise 7: per PIN and window; the guest is told of an extension."""
    bench = Bench().book(guest_email=MAIL)
    step = pushed(bench)
    bench.send(step, Kind.DONE, [of(step)])
    bench.event("updated", check_out="2026-12-06T10:00")
    again = pushed(bench, of(step))
    assert (step.slot, True) == (again.slot, again.with_email)


def test_a_changed_name_sends_nothing() -> None:
    """D07: neither a push nor an e-mail."""
    bench = Bench().book(guest_email=MAIL, guest_name="Ann")
    step = pushed(bench)
    bench.send(step, Kind.DONE, [of(step)])
    bench.event("updated", guest_name="Anna")
    assert isinstance(bench.look(of(step)), Wait)


def test_a_pin_that_goes_out_by_e_mail_counts_as_told() -> None:
    """Promise 3: from the moment the push leaves."""
    bench = Bench().event(
        "created", unit="cabin", check_in="2026-12-01T15:00", check_out="2026-12-05T10:00", guest_email=MAIL
    )
    bench.write(replace(bench.stay, pin=PIN))
    bench.begin(pushed(bench))
    assert bench.stay.told


def test_a_stray_of_a_cancelled_stay_is_taken_off() -> None:
    """Promise 8: a late add after a cancel is found by its mark and removed."""
    bench = Bench().book()
    late = an_entry(150, wanted(bench))
    bench.event("cancelled")
    found = turn.reclaimed(bench.stay, DOOR, late, bench.house, bench.now)
    assert found is not None
    bench.write(found)
    assert Delete(150) == bench.look(late)


@pytest.mark.parametrize(
    ("starts", "ends"), [("", ""), ("2612011500", ""), ("x", "0000000000"), ("", "261332256199")]
)
def test_a_stray_whose_times_cannot_be_read_is_taken_off_too(starts: str, ends: str) -> None:
    """Promise 8, F20: a list that leaves fields out must not make the stay's record unwritable."""
    bench = Bench().book().event("cancelled")
    late = Entry(150, "", name_for(KEY, None), starts, ends)
    found = turn.reclaimed(bench.stay, DOOR, late, bench.house, bench.now)
    assert found is not None
    bench.write(found)
    assert Delete(150) == bench.look(late)


def test_an_adopted_code_whose_times_cannot_be_read_can_be_left() -> None:
    """Promise 8, F20: adopted, and the stay is cancelled before it was pushed again."""
    bench = Bench().book()
    bench.look(Entry(150, "", name_for(KEY, None)))
    bench.event("cancelled")
    assert Delete(150) == bench.look(Entry(150, "", name_for(KEY, None)))


def test_a_code_that_is_wanted_or_held_is_no_stray() -> None:
    """A13: the stay wants one there, or has one."""
    bench = Bench().book()
    late = an_entry(150, wanted(bench))
    assert turn.reclaimed(bench.stay, DOOR, late, bench.house, bench.now) is None
    step = pushed(bench)
    bench.send(step, Kind.DONE, [of(step)])
    bench.event("cancelled")
    assert turn.reclaimed(bench.stay, DOOR, late, bench.house, bench.now) is None


def test_a_second_code_of_a_stay_is_taken_off() -> None:
    """Promise 3, A18: a list that lagged had hidden it; the first one stays as it is."""
    bench = Bench().book()
    shown = bench.put_on()
    second = an_entry(121, Written(OTHER_PIN, "2612011500", "2612051000"))
    assert Clear(121) == bench.look(shown, second)
    visit = bench.visit(a_view(NOW, shown, second))
    bench.write(turn.begun(bench.stay, Clear(121), visit, bench.house, bench.now))
    assert bench.code.in_flight
    answer = an_answer(Kind.FAILED)
    bench.write(turn.answered(bench.stay, answer, visit, bench.house, bench.now, Clear(121)))
    assert (Phase.SET, 120, None) == (bench.code.phase, bench.code.slot, bench.code.doubt)
    tried = replace(visit, cleared=(121,))
    assert isinstance(turn.look_at(bench.stay, tried, bench.house, bench.now)[1], Wait)


def test_a_second_code_of_a_stay_is_taken_off_when_the_first_one_is_gone() -> None:
    """Promise 8: cancelled, and somebody typed another code into the slot of the first one."""
    bench = Bench().book()
    bench.put_on()
    bench.event("cancelled")
    assert Delete(121) == bench.look(an_entry(120, name="Cleaner"), an_entry(121))


@pytest.mark.parametrize("claimed", [((121, "direct/BK-9"),), ((121, "!direct/BK-1"),)])
def test_a_second_code_in_a_slot_that_is_claimed_or_fenced_is_left_alone(
    claimed: tuple[tuple[int, str], ...],
) -> None:
    """Promise 2: what a person has taken over, or another stay claims, is not ours to clear."""
    bench = Bench(claimed=claimed).book()
    shown = bench.put_on()
    assert isinstance(bench.look(shown, an_entry(121, wanted(bench))), Wait)


def test_nothing_is_cleared_before_the_first_code_is_proven() -> None:
    """Promise 6: in doubt it may be the second one that stays."""
    bench = Bench().book()
    step = pushed(bench)
    bench.send(step, Kind.DOUBT)
    assert not isinstance(bench.look(an_entry(121, wanted(bench))), Clear)


def test_a_reinstated_stay_that_adopts_its_stray_is_still_owed_its_e_mail() -> None:
    """Promise 7: only after a loss of the record does an adopted code count as e-mailed."""
    bench = Bench().event("created", unit="cabin", check_in="2026-12-01T15:00", check_out="2026-12-05T10:00")
    bench.write(replace(bench.stay, pin=PIN))
    step = pushed(bench)
    bench.send(step, Kind.DOUBT)
    bench.event("cancelled").wait(HOLD).look()
    bench.event("created", guest_email=MAIL)
    again = pushed(bench, of(step))
    assert (step.slot, True, None) == (again.slot, again.with_email, bench.stay.emailed)


def test_a_job_that_crashes_again_and_again_is_a_bug_letter() -> None:
    """Promise 8: three crashes are tried again, the fourth is put before a person."""
    bench = Bench().book()
    for expected in (None, None, None, Reason.BUG):
        bench.write(turn.crashed(bench.stay, DOOR, bench.now))
        found = bench.letter
        assert expected is (found.reason if found is not None else None)


@pytest.mark.parametrize("reason", [Reason.BUG, Reason.NO_FREE_SLOT])
def test_a_retried_or_waiting_letter_does_not_hide_a_crash_loop(reason: Reason) -> None:
    """Promise 8: after a retry, or behind a letter about a full lock, it ends as well."""
    bench = Bench().book()
    bench.change(letter=LetterRef("x", reason, Job.JOB, retrying=reason is Reason.BUG))
    for _ in range(6):
        bench.write(turn.crashed(bench.stay, DOOR, bench.now))
    assert LetterRef("x", Reason.BUG, Job.JOB) == bench.letter


def test_a_worker_that_dies_in_every_call_is_a_bug_letter() -> None:
    """G01, promise 8: deaths in a call count as crashes."""
    bench = Bench(house=a_house(retry_delays=(timedelta(0),) * 20)).book()
    for _ in range(10):
        step = bench.look()
        if isinstance(step, Push):
            bench.begin(step)
        bench.wait(HOLD + MINUTE)
    assert bench.letter is not None
    assert Reason.BUG is bench.letter.reason


def test_a_quiet_lock_is_looked_at_again_when_it_may_be_spoken_to() -> None:
    """Promise 5: the wait is written down, so that nothing spins."""
    bench = Bench(quiet_until=NOW + MINUTE).book()
    assert Wait(NOW + MINUTE) == bench.look()
    assert NOW + MINUTE == bench.code.due


def test_a_door_that_is_not_the_stays_is_left_alone() -> None:
    """Nothing is wanted there, and nothing was."""
    bench = Bench().book()
    visit = turn.Visit(lock=GATE, hold=HOLD)
    assert (bench.stay, Wait(None)) == turn.look_at(bench.stay, visit, bench.house, bench.now)


def test_two_stays_may_have_the_same_lock_in_different_slots() -> None:
    """J02, A17: what the other claims is not ours."""
    bench = Bench(claimed=((120, "direct/BK-2"),)).book()
    assert 121 == pushed(bench).slot


def test_a_refused_push_with_an_e_mail_tells_no_pin() -> None:
    """Promise 3, H07: "Password is already existing." sent no e-mail, so another PIN may be chosen."""
    bench = Bench().event(
        "created", unit="cabin", check_in="2026-12-01T15:00", check_out="2026-12-05T10:00", guest_email=MAIL
    )
    bench.write(replace(bench.stay, pin="482913"))
    step = pushed(bench)
    assert step.with_email
    bench.send(step, Kind.PIN_EXISTS)
    assert not bench.stay.told
    assert isinstance(bench.look(), ChoosePin)

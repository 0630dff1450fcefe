"""The decision table: what to do now about one code."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.domain.kit import (
    DOOR,
    HOLD,
    HOUR,
    KEY,
    MINUTE,
    NOW,
    PIN,
    SECOND,
    Bench,
    a_house,
    a_view,
    an_entry,
)
from worker.domain.access_code import AccessCode, Doubt, GaveUp, LetterRef, Phase, Written
from worker.domain.goals import Leave, Wish
from worker.domain.house import Policy
from worker.domain.outcomes import Kind
from worker.domain.reasons import Job, Reason
from worker.domain.steps import (
    ChoosePin,
    Delete,
    GiveUp,
    Push,
    Read,
    SetClock,
    Terms,
    Wait,
    WaitForSlot,
    next_step,
)

OURS = Written(PIN, "2612011000", "2612051000")
TERMS = Terms(policy=Policy(), hold=HOLD, free_slot=130)
WISH = Wish(
    key=KEY,
    name="Ann direct/BK-1",
    starts=NOW,
    ends=NOW + timedelta(days=4),
    starts_text=OURS.starts,
    ends_text=OURS.ends,
    pin=PIN,
    push_at=NOW,
    check_in=NOW + HOUR,
    letter_at=NOW - timedelta(hours=23),
)
LEAVE = Leave(key=KEY, at=NOW, deadline=NOW + timedelta(hours=24))
NEW = AccessCode(lock=DOOR)
ON = AccessCode(lock=DOOR, phase=Phase.SET, slot=120, writes=(OURS,), proven=True)
OPEN = LetterRef("x", Reason.LOCK_FAILED, Job.SET)
EMPTY = a_view(NOW)
DOUBT = Doubt(
    job=Job.SET, since=NOW - SECOND, refutes_from=NOW + MINUTE, reason=Reason.UNCONFIRMED, answered=False
)


def test_a_code_to_come_waits_for_its_time() -> None:
    """E08: planned, but nothing is sent or read before its lead time."""
    wish = replace(WISH, push_at=NOW + HOUR)
    assert Wait(NOW + HOUR) == next_step(NEW, wish, EMPTY, NOW, TERMS)
    assert isinstance(next_step(NEW, wish, EMPTY, NOW + HOUR, TERMS), Push)


@pytest.mark.parametrize(
    ("code", "goal"), [(NEW, WISH), (replace(ON, phase=Phase.SETTING), WISH), (ON, LEAVE)]
)
def test_nothing_is_decided_without_a_read(code: AccessCode, goal: Wish | Leave) -> None:
    """Promise 2, A08: first of all the list."""
    assert Read() == next_step(code, goal, None, NOW, TERMS)


def test_the_push_goes_to_the_free_slot_with_what_is_wanted() -> None:
    """Promise 2: the slot that the list showed empty."""
    assert Push(130, OURS, WISH.name) == next_step(NEW, WISH, EMPTY, NOW, TERMS)


def test_a_code_with_a_slot_keeps_it() -> None:
    """Promise 3, D03: whatever is free, the push goes to the code's own slot."""
    code = replace(ON, phase=Phase.SETTING)
    assert Push(120, OURS, WISH.name) == next_step(code, WISH, EMPTY, NOW, TERMS)


def test_a_code_that_is_on_rests_until_its_end() -> None:
    """B02: as wanted, so nothing to do."""
    assert Wait(WISH.ends) == next_step(ON, WISH, a_view(NOW, an_entry(120, OURS)), NOW, TERMS)


@pytest.mark.parametrize("change", [{"proven": False}, {"doubt": DOUBT}, {"phase": Phase.SETTING}])
def test_a_code_that_is_not_proven_does_not_rest(change: dict[str, object]) -> None:
    """Promise 6: only what was seen counts as set."""
    assert Read() == next_step(replace(ON, **change), WISH, None, NOW, TERMS)  # type: ignore[arg-type]


def test_the_pin_comes_first_then_the_clock() -> None:
    """A stay without a PIN gets one; a stale clock is set before the push."""
    stale = replace(TERMS, clock_due=True)
    assert ChoosePin() == next_step(NEW, replace(WISH, pin=None), EMPTY, NOW, stale)
    assert SetClock() == next_step(NEW, WISH, EMPTY, NOW, stale)
    assert isinstance(next_step(ON, LEAVE, a_view(NOW, an_entry(120, OURS)), NOW, stale), Delete)


def test_a_removal_names_the_slot() -> None:
    """The list shows our code: it is taken off."""
    assert Delete(120) == next_step(ON, LEAVE, a_view(NOW, an_entry(120, OURS)), NOW, TERMS)


def test_a_removal_waits_for_its_time() -> None:
    """A door that the stay has left is emptied when the new one is ready."""
    assert Wait(NOW + HOUR) == next_step(ON, replace(LEAVE, at=NOW + HOUR), EMPTY, NOW, TERMS)


def test_what_is_gone_is_done() -> None:
    """F12: nothing of ours there, nothing to do, ever."""
    assert Wait(None) == next_step(replace(NEW, phase=Phase.REMOVED), LEAVE, None, NOW, TERMS)


@pytest.mark.parametrize("goal", [WISH, LEAVE])
def test_a_code_in_doubt_gets_no_command(goal: Wish | Leave) -> None:
    """Promise 6: unconfirmed is read back before anything is sent."""
    code = replace(ON, phase=Phase.SETTING, doubt=DOUBT)
    assert Wait(DOUBT.refutes_from) == next_step(code, goal, EMPTY, NOW, TERMS)


def test_a_list_from_before_the_command_says_nothing_of_it() -> None:
    """Promise 6: an old list is read anew, that of an answer in the same instant too."""
    code = replace(ON, phase=Phase.SETTING, doubt=DOUBT)
    for read_at in (NOW - MINUTE, DOUBT.since):
        assert Read() == next_step(code, WISH, a_view(read_at), NOW, TERMS)


def test_a_list_from_before_the_doubt_may_be_refuted_is_read_anew() -> None:
    """Promise 6: within a long visit the old list must not be asked again and again for nothing."""
    bench = Bench().book()
    bench.send(bench.look(), Kind.PENDING)
    view = a_view(bench.now)
    bench.look(view=view)
    bench.wait_until_due()
    assert Read() == bench.look(view=view)


@pytest.mark.parametrize("goal", [WISH, LEAVE])
def test_a_quiet_lock_gets_no_command(goal: Wish | Leave) -> None:
    """Promise 5: after an unanswered command no other goes out until it cannot happen any more."""
    quiet = replace(TERMS, quiet_until=NOW + MINUTE)
    view = a_view(NOW, an_entry(120, OURS))
    code = replace(ON, phase=Phase.SETTING)
    assert Wait(NOW + MINUTE) == next_step(code, goal, view, NOW, quiet)
    assert not isinstance(next_step(code, goal, view, NOW + MINUTE, quiet), Wait)


@pytest.mark.parametrize(("pin", "name"), [("555123", "direct/BK-1"), (PIN, "Cleaner"), (PIN, "direct/BK-2")])
def test_a_foreign_or_changed_code_in_our_slot_is_put_before_a_person(pin: str, name: str) -> None:
    """Promise 2, F15: what the last read shows there is not ours, so it is not overwritten."""
    view = a_view(NOW, an_entry(120, replace(OURS, pin=pin), name))
    step = next_step(replace(ON, phase=Phase.SETTING), WISH, view, NOW, TERMS)
    assert GiveUp(Reason.OVERWRITTEN_ELSEWHERE, Job.SET) == step


def test_with_an_open_letter_nothing_is_sent() -> None:
    """F05, F08: a person looks first; after the stay's end it is looked at again."""
    code = replace(ON, phase=Phase.SETTING, letter=OPEN)
    assert Wait(WISH.ends) == next_step(code, WISH, EMPTY, NOW, TERMS)
    assert Wait(None) == next_step(replace(code, phase=Phase.REMOVING), LEAVE, EMPTY, NOW, TERMS)


def test_a_letter_that_is_retried_does_not_hold_the_code() -> None:
    """A person said: try again."""
    code = replace(ON, phase=Phase.SETTING, letter=replace(OPEN, retrying=True))
    assert isinstance(next_step(code, WISH, EMPTY, NOW, TERMS), Push)


def test_what_gave_up_is_a_letter() -> None:
    """Promise 8: the reason that was recorded."""
    code = replace(NEW, gave_up=GaveUp(Reason.NOT_ADMIN, Job.SET))
    assert GiveUp(Reason.NOT_ADMIN, Job.SET) == next_step(code, WISH, None, NOW, TERMS)


def test_a_full_lock_is_a_letter_only_when_the_arrival_is_near() -> None:
    """Promise 8: it waits visibly, and at check-in minus `at_risk` a person hears of it; then it waits on."""
    full = replace(TERMS, free_slot=None)
    assert GiveUp(Reason.NO_FREE_SLOT, Job.SET) == next_step(NEW, WISH, EMPTY, NOW, full)
    assert WaitForSlot() == next_step(NEW, replace(WISH, letter_at=NOW + HOUR), EMPTY, NOW, full)
    told = replace(NEW, letter=LetterRef("x", Reason.NO_FREE_SLOT, Job.SET))
    assert WaitForSlot() == next_step(told, WISH, EMPTY, NOW, full)
    assert isinstance(next_step(told, WISH, EMPTY, NOW, TERMS), Push)


def test_a_retried_letter_about_a_full_lock_opens_again() -> None:
    """Promise 8: a retry that finds the lock still full must not stay `retrying` without an end."""
    retried = replace(NEW, letter=LetterRef("x", Reason.NO_FREE_SLOT, Job.SET, retrying=True))
    step = next_step(retried, WISH, EMPTY, NOW, replace(TERMS, free_slot=None))
    assert GiveUp(Reason.NO_FREE_SLOT, Job.SET) == step


def test_the_own_door_waits_for_the_common_doors_but_not_for_ever() -> None:
    """The guest's e-mail goes when all doors have the PIN, or after `email_wait`."""
    wish = replace(WISH, hold_until=NOW + MINUTE, with_email=True)
    assert Wait(NOW + MINUTE) == next_step(NEW, wish, EMPTY, NOW, TERMS)
    assert Push(130, OURS, WISH.name, with_email=True) == next_step(NEW, wish, EMPTY, NOW + MINUTE, TERMS)


def test_an_untold_pin_that_the_lock_has_already_is_changed() -> None:
    """H07: another PIN where nobody knows the first one."""
    code = replace(ON, phase=Phase.SETTING, failed_for=Reason.PIN_TAKEN)
    assert ChoosePin() == next_step(code, WISH, EMPTY, NOW, TERMS)


def test_a_told_pin_is_never_changed_by_itself() -> None:
    """Promise 3, H07: told meanwhile by another door's e-mail, it is a letter."""
    code = replace(ON, phase=Phase.SETTING, failed_for=Reason.PIN_TAKEN)
    step = next_step(code, replace(WISH, pin_is_told=True), EMPTY, NOW, TERMS)
    assert GiveUp(Reason.PIN_TAKEN, Job.SET) == step


def test_neither_wish_nor_push_shows_the_pin_or_the_guest() -> None:
    """Promise 9: what a traceback may print holds no secret."""
    text = repr(WISH) + repr(Push(120, OURS, WISH.name)) + repr(ON) + repr(a_view(NOW, an_entry(120, OURS)))
    assert PIN not in text
    assert "Ann" not in text


def test_nothing_is_read_between_tries() -> None:
    """F06: between two tries the code costs no call."""
    bench = Bench(house=a_house(offline_delays=(HOUR,))).book()
    bench.send(bench.look(), Kind.OFFLINE)
    assert isinstance(bench.look_blind(), Wait)

"""When a failure becomes a dead letter, and when it is settled."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.domain.kit import DAY, HOLD, MINUTE, NOW, Bench, a_house, an_entry, of
from worker.domain.access_code import LetterRef, Try
from worker.domain.dead_letter import DeadLetter, LetterState, problem_of
from worker.domain.escalation import explanation, open_letters, settled_letters, trouble_of
from worker.domain.outcomes import Entry, Kind, Outcome
from worker.domain.reasons import Job, Reason
from worker.domain.steps import Push, Wait
from worker.domain.turn import unread

ONCE = a_house(retry_delays=())


def failed() -> tuple[Bench, Push]:
    """A code whose only attempt failed."""
    bench = Bench(house=ONCE).book()
    step = bench.look()
    assert isinstance(step, Push)
    bench.send(step, Kind.FAILED)
    bench.look()
    return bench, step


def retried(bench: Bench) -> None:
    """As a person's retry leaves the record."""
    letter = bench.letter
    assert letter is not None
    code = bench.code.fresh(bench.code.phase)
    bench.write(bench.stay.with_code(replace(code, letter=replace(letter, retrying=True))))


def test_one_failure_is_one_letter() -> None:
    """F01: it opens once, however often the code is looked at."""
    bench, _ = failed()
    first = bench.letter
    for _ in range(3):
        bench.wait(MINUTE).look()
    assert first is not None
    assert first == bench.letter
    assert [first] == open_letters(bench.stay)


def test_a_failed_retry_opens_the_same_letter_again() -> None:
    """Promise 8: the same id, open and not retrying."""
    bench, _ = failed()
    first = bench.letter
    retried(bench)
    bench.send(bench.look(), Kind.NOT_ADMIN)
    assert first is not None
    assert LetterRef(first.id, Reason.NOT_ADMIN, Job.SET) == bench.letter


def test_a_good_retry_resolves_the_letter() -> None:
    """Promise 8: set and resolved in one write."""
    bench, step = failed()
    letter = bench.letter
    retried(bench)
    bench.send(bench.look(), Kind.DONE, [of(step)])
    assert letter is not None
    assert [(letter.id, "The code is on the lock.")] == [(s.id, s.note) for s in bench.settled]


@pytest.mark.parametrize("how", ["cancelled", "moved", "over"])
def test_a_letter_whose_step_is_no_longer_wanted_resolves_itself(how: str) -> None:
    """Promise 8: with a note that says so."""
    bench, _ = failed()
    if how == "cancelled":
        bench.event("cancelled")
    elif how == "moved":
        bench.event("updated", check_out="2026-12-06T10:00")
    else:
        bench.wait(timedelta(days=5))
        bench.write(bench.stay)
    assert bench.letter is None
    assert 1 == len(bench.settled)


@pytest.mark.parametrize("entry", [an_entry(120, name="Cleaner"), an_entry(120)])
def test_an_extension_of_an_overwritten_code_is_a_letter_and_stays_one(entry: Entry) -> None:
    """Promise 8, M01: what was decided must not be forgotten in the very same write."""
    bench = Bench().book()
    bench.put_on()
    bench.event("updated", check_out="2026-12-06T10:00")
    bench.look(entry)
    opened = bench.letter
    assert opened is not None
    assert Reason.OVERWRITTEN_ELSEWHERE is opened.reason
    bench.wait(MINUTE)
    bench.write(bench.stay)
    bench.look(entry)
    assert opened == bench.letter
    assert (bench.code.due or bench.now) > bench.now


@pytest.mark.parametrize("kind", [Kind.DOUBT, Kind.UNANSWERED, Kind.UNCLEAR])
def test_an_extension_whose_lock_cannot_be_read_is_a_letter(kind: Kind) -> None:
    """Promise 8: at the end of `retry_delays` a person hears of it; until then it is tried again."""
    bench = Bench(house=a_house(retry_delays=(timedelta(0), MINUTE))).book()
    bench.put_on()
    bench.event("updated", check_out="2026-12-06T10:00")
    for expected in (None, None, Reason.UNCONFIRMED):
        bench.wait_until_due().misread(kind)
        found = bench.letter
        assert expected is (found.reason if found is not None else None)
    assert bench.letter is not None
    assert Job.LIST is bench.letter.job


def test_a_failed_read_is_no_failure_of_what_is_no_longer_wanted() -> None:
    """Promise 8: a visit goes on with what was due as it began; a stay cancelled meanwhile is at rest.

    A campaign found a letter for such a code: its retry had nothing to do, and so it never ended.
    """
    bench = Bench(house=a_house(retry_delays=())).book().event("cancelled")
    assert bench.code.due is None
    assert unread(bench.stay, bench.lock, Outcome(Kind.DOUBT), HOLD, bench.house, bench.now) is None


def test_a_letter_about_a_code_that_is_off_settles_itself() -> None:
    """Promise 8: whatever left it open, there is nothing that a person could do about it."""
    bench = Bench().book().event("cancelled")
    bench.write(
        bench.stay.with_code(replace(bench.code, letter=LetterRef("x", Reason.UNCONFIRMED, Job.LIST)))
    )
    assert bench.letter is None


def test_a_lock_that_can_be_read_again_forgets_its_failed_reads() -> None:
    """F06: a good list starts the count anew; after a letter nothing is read before a person says so."""
    bench = Bench(house=a_house(retry_delays=(timedelta(0),))).book()
    bench.misread()
    assert 1 == bench.code.misreads
    bench.wait_until_due().look()
    assert 0 == bench.code.misreads
    bench.misread().misread()
    assert bench.letter is not None
    assert isinstance(bench.look(), Wait)


def test_a_read_that_is_refused_is_a_letter_at_once() -> None:
    """F05: the account may not read the lock."""
    bench = Bench().book().misread(Kind.NOT_ADMIN)
    assert bench.letter is not None
    assert (Reason.NOT_ADMIN, Job.LIST) == (bench.letter.reason, bench.letter.job)


def test_a_read_that_was_throttled_is_no_failure() -> None:
    """F26: it is tried again when the vendor says."""
    bench = Bench().book().misread(Kind.THROTTLED)
    assert (0, None) == (bench.code.misreads, bench.letter)


def test_a_full_locks_letter_is_settled_by_the_slot_that_frees() -> None:
    """Promise 8: the code goes on waiting behind it, and getting a slot resolves it."""
    bench = Bench(house=a_house(first_slot=120, last_slot=120)).book()
    bench.look(an_entry(120, name="Cleaner"))
    assert bench.letter is not None
    assert Reason.NO_FREE_SLOT is bench.letter.reason
    assert bench.code.waiting
    bench.wait(MINUTE).put_on()
    assert bench.letter is None
    assert 1 == len(bench.settled)


def test_a_waiting_code_is_looked_at_again_and_does_not_spin() -> None:
    """Promise 5: a hand-typed code that goes away wakes nobody, so it is looked at now and then."""
    bench = Bench(house=a_house(first_slot=120, last_slot=120)).book()
    bench.look(an_entry(120, name="Cleaner"))
    assert bench.code.due is not None
    assert timedelta(minutes=1) <= bench.code.due - bench.now <= timedelta(hours=1)


def test_a_retry_that_leads_to_waiting_has_gone_well() -> None:
    """Promise 8: the lock was read, and it is full: that letter is settled, and the next is in time."""
    house = a_house(first_slot=120, last_slot=120, retry_delays=(), at_risk=DAY)
    bench = Bench(house=house)
    bench.event("created", unit="cabin", check_in="2026-12-10T15:00", check_out="2026-12-12T10:00")
    bench.misread()
    assert bench.letter is not None
    retried(bench)
    bench.wait_until_due().look(an_entry(120, name="Cleaner"))
    assert bench.code.waiting
    assert 1 == len(bench.settled)
    while (letter := bench.letter) is None:
        bench.wait_until_due().look(an_entry(120, name="Cleaner"))
    assert Reason.NO_FREE_SLOT is letter.reason
    assert bench.stay.check_in is not None
    assert bench.now == bench.stay.check_in - DAY


def test_a_booking_that_cannot_be_planned_has_a_letter_of_its_own() -> None:
    """J05, D11: unknown unit, missing times, times that make no stay."""
    unknown = Bench().book(unit="castle")
    missing = Bench().event("created", unit="cabin")
    turned = Bench().book(check_in="2026-12-05", check_out="2026-12-01")
    for bench, reason in (
        (unknown, Reason.UNKNOWN_UNIT),
        (missing, Reason.BAD_EVENT),
        (turned, Reason.BAD_EVENT),
    ):
        assert bench.stay.letter is not None
        assert (reason, Job.EVENT) == (bench.stay.letter.reason, bench.stay.letter.job)
        assert reason is trouble_of(bench.stay, bench.house)
        assert explanation(bench.stay, reason)
    assert "check_in, check_out" in explanation(missing.stay, Reason.BAD_EVENT)


def test_a_booking_that_can_be_planned_after_all_settles_its_letter() -> None:
    """J05: the next event names a unit that we know; or the stay is cancelled."""
    for kind, changes in (("updated", {"unit": "cabin"}), ("cancelled", {})):
        bench = Bench().book(unit="castle").event(kind, **changes)
        assert bench.stay.letter is None
        assert 1 == len(bench.settled)


def test_what_a_person_waived_does_not_come_back_by_itself() -> None:
    """Settled by hand: quiet until the next event."""
    bench = Bench().book(unit="castle")
    bench.write(replace(bench.stay, letter=None, waived=Reason.UNKNOWN_UNIT))
    bench.wait(MINUTE)
    bench.write(bench.stay)
    assert bench.stay.letter is None
    bench.event("updated", guest_name="Ann")
    assert bench.stay.letter is not None


def test_a_first_write_settles_nothing() -> None:
    """There was no letter before."""
    assert [] == settled_letters(None, Bench().book(unit="castle").stay)


def test_letters_of_one_problem_share_it() -> None:
    """Forty codes behind a dead gateway are one problem; each account's key is one."""
    share = {problem_of(Reason.GATEWAY_OFFLINE, lock="L", booking=b, account=None) for b in ("a", "b")}
    assert {"gateway_offline:L"} == share
    assert "invalid_key:acc" == problem_of(Reason.INVALID_KEY, lock="L", booking="a", account="acc")
    assert "unknown_unit:direct" == problem_of(
        Reason.UNKNOWN_UNIT, lock=None, booking="direct/a", account=None
    )
    assert "bad_event:direct/a" == problem_of(Reason.BAD_EVENT, lock=None, booking="direct/a", account=None)


def test_a_letter_keeps_every_attempt_once() -> None:
    """M01, M02: a reopened letter has the new attempts behind the old ones, and the vendor's last words."""
    tries = tuple(Try(NOW + n * MINUTE, Job.SET, Outcome(Kind.FAILED, 2, 200, f"No {n}")) for n in range(4))
    letter = DeadLetter(id="x", reason=Reason.LOCK_FAILED, step=Job.SET, opened=NOW, tries=tries[:2])
    again = letter.reopened(Reason.UNCONFIRMED, Job.SET, "m", tries)
    assert tries == again.tries
    assert again.last is not None
    assert "No 3" == again.last.message
    done = again.settled(NOW, "by hand")
    assert (LetterState.RESOLVED, NOW, "by hand") == (done.state, done.resolved, done.note)

"""What each answer changes in a code's record: the retry rules, from the first try to the letter."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.domain.kit import (
    HOLD,
    MINUTE,
    OTHER_PIN,
    SECOND,
    Bench,
    a_house,
    an_answer,
    an_entry,
    of,
)
from worker.domain import turn
from worker.domain.absorb import absorb
from worker.domain.access_code import Phase
from worker.domain.outcomes import Kind
from worker.domain.reasons import Job, Reason
from worker.domain.steps import Delete, Push, Wait

DELAYS: dict[str, Any] = {
    "retry_delays": (timedelta(0), 30 * SECOND),
    "offline_delays": (2 * MINUTE, 5 * MINUTE),
}


def a_bench() -> Bench:
    """A booked stay with short delays."""
    return Bench(house=a_house(**DELAYS)).book()


def a_removal() -> tuple[Bench, Delete]:
    """A cancelled stay whose code is on the lock, about to be removed."""
    bench = a_bench()
    shown = bench.put_on()
    step = bench.event("cancelled").look(shown)
    assert isinstance(step, Delete)
    return bench, step


def test_done_and_shown_is_set() -> None:
    """B01: ack 1 with our slot, PIN and window in the list: one call, proven."""
    bench = a_bench()
    bench.put_on()
    code = bench.code
    assert (Phase.SET, True, None, 1, 0) == (
        code.phase,
        code.proven,
        code.doubt,
        code.attempts,
        code.failures,
    )


@pytest.mark.parametrize("shown", ["none", "nothing", "other pin", "other name"])
def test_done_but_not_shown_is_not_set(shown: str) -> None:
    """Promise 6, F10: ack 1 alone proves nothing; the list is read back for `pending_poll`."""
    bench = a_bench()
    step = bench.look()
    assert isinstance(step, Push)
    entries = {
        "none": None,
        "nothing": [],
        "other pin": [an_entry(step.slot)],
        "other name": [an_entry(step.slot, step.written, "Cleaner")],
    }[shown]
    bench.send(step, Kind.DONE, entries)
    assert Phase.SETTING is bench.code.phase
    assert not bench.code.proven
    assert isinstance(bench.look(), Wait)
    assert bench.now < (bench.code.due or bench.now) <= bench.now + 20 * SECOND
    bench.look(of(step))
    assert "set" == bench.code.phase.value


@pytest.mark.parametrize("kind", [Kind.FAILED, Kind.UNCLEAR, Kind.DOUBT])
def test_perhaps_done_is_read_back_at_once(kind: Kind) -> None:
    """Promise 6: there: done, and no second push."""
    bench = a_bench()
    step = bench.look()
    assert isinstance(step, Push)
    bench.send(step, kind)
    bench.look(of(step))
    assert Phase.SET is bench.code.phase
    assert 1 == bench.code.attempts


@pytest.mark.parametrize(
    ("kind", "reason"),
    [(Kind.FAILED, Reason.LOCK_FAILED), (Kind.UNCLEAR, Reason.UNCONFIRMED), (Kind.DOUBT, Reason.UNCONFIRMED)],
)
def test_the_last_allowed_failure_is_one_letter(kind: Kind, reason: Reason) -> None:
    """F01: attempts are the number of `retry_delays` plus one, the delays in their order; then one letter."""
    bench = a_bench()
    times = []
    for _ in range(3):
        bench.wait_until_due()
        times.append(bench.now)
        bench.send(bench.look(), kind)
        bench.look()
    assert 3 == bench.code.attempts
    assert times[1] - times[0] <= 2 * SECOND
    assert times[2] - times[1] >= 30 * SECOND
    assert bench.letter is not None
    assert (reason, Job.SET) == (bench.letter.reason, bench.letter.job)
    assert isinstance(bench.look(), Wait)


def test_success_dismisses_the_letter_and_the_count() -> None:
    """F01: what is seen on the lock after all resolves the letter."""
    bench = a_bench()
    step = bench.look()
    for _ in range(3):
        step = bench.wait_until_due().look()
        bench.send(step, Kind.FAILED)
        bench.look()
    assert isinstance(step, Push)
    opened = bench.letter
    bench.look(of(step))
    assert opened is not None
    assert [opened.id] == [one.id for one in bench.settled]
    assert (None, 0, Phase.SET) == (bench.letter, bench.code.failures, bench.code.phase)


def test_mixed_failures_share_one_count_and_the_last_names_the_reason() -> None:
    """F01: attempts are at most three, whatever their mix."""
    bench = a_bench()
    for kind in (Kind.DOUBT, Kind.UNCLEAR, Kind.FAILED):
        bench.wait_until_due()
        bench.send(bench.look(), kind)
        bench.look()
    assert bench.letter is not None
    assert Reason.LOCK_FAILED is bench.letter.reason


def test_offline_is_tried_by_its_own_delays_and_count() -> None:
    """F06: ack 8 backs off, is capped, and ends as `gateway_offline`."""
    bench = a_bench()
    waits = []
    for _ in range(3):
        began = bench.now
        bench.send(bench.look(), Kind.OFFLINE)
        if bench.letter is None:
            bench.wait_until_due()
            waits.append(bench.now - began - SECOND)
    assert [2 * MINUTE, 5 * MINUTE] == waits
    assert bench.letter is not None
    assert Reason.GATEWAY_OFFLINE is bench.letter.reason
    assert 0 == bench.code.failures


def test_success_resets_the_offline_count() -> None:
    """F06: a lock that was reached starts counting anew."""
    bench = a_bench()
    bench.send(bench.look(), Kind.OFFLINE)
    bench.wait_until_due().put_on()
    assert 0 == bench.code.offline


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (Kind.NOT_ADMIN, Reason.NOT_ADMIN),
        (Kind.LOCK_NOT_FOUND, Reason.LOCK_NOT_FOUND),
        (Kind.BAD_WINDOW, Reason.BAD_WINDOW),
        (Kind.REFUSED, Reason.REFUSED),
    ],
)
@pytest.mark.parametrize("is_removal", [False, True])
def test_a_refusal_is_a_letter_at_once(kind: Kind, reason: Reason, *, is_removal: bool) -> None:
    """F05: what cannot get better is not tried again."""
    bench, step = a_removal() if is_removal else (a_bench(), None)
    bench.send(step or bench.look(), kind)
    assert bench.letter is not None
    expected = (reason, Job.REMOVE if is_removal else Job.SET, 1)
    assert expected == (bench.letter.reason, bench.letter.job, bench.code.attempts)


@pytest.mark.parametrize("kind", [Kind.THROTTLED, Kind.INVALID_TOKEN, Kind.NOT_SENT])
def test_what_was_surely_not_done_is_never_an_attempt(kind: Kind) -> None:
    """Promise 5: waiting, throttling and a deadline that passed before the bytes left count for nothing."""
    bench = a_bench()
    for _ in range(10):
        bench.wait_until_due()
        bench.send(bench.look(), kind)
    assert (None, 0, 0, None) == (bench.letter, bench.code.failures, bench.code.attempts, bench.code.doubt)
    assert isinstance(bench.wait_until_due().look(), Push)


def test_retry_after_is_honoured() -> None:
    """F26: nothing is sent before the vendor's own time."""
    bench = a_bench()
    bench.send(bench.look(), Kind.THROTTLED, retry_after=90.0)
    assert bench.now + 90 * SECOND == bench.code.due
    assert isinstance(bench.look(), Wait)


def test_a_pending_push_is_read_back_and_never_pushed_again() -> None:
    """Promise 6, F03: parked, polled, and done when the list shows it."""
    bench = a_bench()
    step = bench.look()
    assert isinstance(step, Push)
    bench.send(step, Kind.PENDING)
    ends = bench.now + 5 * MINUTE
    while bench.now < ends - MINUTE:
        bench.wait_until_due()
        assert isinstance(bench.look(), Wait)
        assert (bench.code.due or ends) <= bench.now + 20 * SECOND
    bench.look(of(step))
    assert (Phase.SET, 1) == (bench.code.phase, bench.code.attempts)


def test_a_pending_push_that_expires_is_one_failure_and_is_sent_again() -> None:
    """F03: after `pending_for` it counts once."""
    bench = a_bench()
    bench.send(bench.look(), Kind.PENDING)
    ends = bench.now + 5 * MINUTE
    while bench.now < ends:
        bench.wait_until_due().look()
    assert 1 == bench.code.failures
    assert isinstance(bench.look(), Push)


def test_a_push_that_stays_pending_ends_as_a_letter() -> None:
    """Promise 8: pending three times over is `pending_too_long`."""
    bench = a_bench()
    for _ in range(200):
        step = bench.wait_until_due().look()
        if isinstance(step, Push):
            bench.send(step, Kind.PENDING)
        if bench.letter is not None:
            break
    assert bench.letter is not None
    assert (Reason.PENDING_TOO_LONG, 3) == (bench.letter.reason, bench.code.attempts)


def test_a_pending_push_that_is_no_longer_wanted_is_dropped_without_charge() -> None:
    """F04: the stay is longer now: the new window goes out, and nothing counts."""
    bench = a_bench()
    bench.send(bench.look(), Kind.PENDING)
    bench.event("updated", check_out="2026-12-06T10:00")
    step = bench.look()
    assert isinstance(step, Push)
    assert "2612061000" == step.written.ends
    assert 0 == bench.code.failures


def test_an_unanswered_push_may_be_confirmed_at_once_but_refuted_only_later() -> None:
    """Promise 6: a list that does not show it yet says nothing before `vendor_hold`."""
    bench = a_bench()
    step = bench.begin(bench.look())
    began = bench.now
    bench.wait(30 * SECOND).answer(Kind.UNANSWERED)
    assert isinstance(bench.look(), Wait)
    assert began + HOLD == bench.code.due
    bench.wait_until_due()
    assert bench.look() == step
    assert 1 == bench.code.failures


def test_an_unanswered_push_that_the_list_shows_is_done() -> None:
    """Promise 6: a list may confirm at once."""
    bench = a_bench()
    step = bench.begin(bench.look())
    assert isinstance(step, Push)
    bench.wait(30 * SECOND).answer(Kind.UNANSWERED)
    bench.look(of(step))
    assert Phase.SET is bench.code.phase


def test_a_worker_that_dies_in_a_push_leaves_a_doubt() -> None:
    """G01, promise 1: found as unconfirmed, in the same slot, never as not yet tried."""
    bench = a_bench()
    step = bench.begin(bench.look())
    assert bench.code.in_flight
    bench.wait(20 * SECOND)
    assert isinstance(bench.look(), Wait)
    assert (1, False, step.slot) == (bench.code.crashes, bench.code.in_flight, bench.code.slot)
    bench.wait(HOLD)
    again = bench.look()
    assert isinstance(again, Push)
    assert step.slot == again.slot


@pytest.mark.parametrize("kind", [Kind.NOT_ADMIN, Kind.REFUSED, Kind.OFFLINE])
def test_a_push_refused_after_the_stay_was_cancelled_opens_no_letter(kind: Kind) -> None:
    """Promise 8: the refused step is no longer wanted; the list is clean, and that is all."""
    bench = a_bench()
    bench.begin(bench.look())
    bench.event("cancelled").wait(SECOND)
    bench.answer(kind)
    assert bench.letter is None
    assert Wait(None) == bench.look()
    assert Phase.REMOVED is bench.code.phase


def test_a_push_that_came_through_after_the_cancel_is_taken_off() -> None:
    """B06: done, but cancelled while it was under way."""
    bench = a_bench()
    step = bench.begin(bench.look())
    assert isinstance(step, Push)
    bench.event("cancelled").wait(SECOND)
    bench.answer(Kind.DONE, [of(step)])
    assert Delete(step.slot) == bench.look(of(step))


def test_an_answer_needs_a_command() -> None:
    """Absorbing without a command is an error, not a guess."""
    bench = a_bench()
    terms = turn._terms(bench.stay, bench.visit(None), bench.house, bench.now)
    with pytest.raises(ValueError, match="no command"):
        absorb(bench.code, bench.goal, an_answer(Kind.DONE), bench.now, terms)


def test_another_pin_in_our_slot_is_not_proof() -> None:
    """Promise 6: the returned list must show our own PIN."""
    bench = a_bench()
    step = bench.look()
    assert isinstance(step, Push)
    other = an_entry(step.slot, type(step.written)(OTHER_PIN, step.written.starts, step.written.ends))
    bench.send(step, Kind.DONE, [other])
    assert not bench.code.proven


def test_every_attempt_is_kept_for_the_person() -> None:
    """M01: what was tried and what came back stands on the record."""
    bench = a_bench()
    bench.send(bench.look(), Kind.OFFLINE, ack=8, message="Failed. Gateway offline or lock out of range.")
    assert [Kind.OFFLINE] == [one.outcome.kind for one in bench.code.tries]
    assert bench.code.last is not None
    assert 8 == bench.code.last.ack
    assert bench.now + 2 * MINUTE == bench.code.due

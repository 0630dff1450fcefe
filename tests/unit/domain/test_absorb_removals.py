"""What each answer changes in a code's record while it is being removed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.domain.kit import (
    HOLD,
    MINUTE,
    SECOND,
    Bench,
    a_house,
    of,
)
from worker.domain.access_code import Phase
from worker.domain.outcomes import Kind
from worker.domain.reasons import Job, Reason
from worker.domain.steps import Delete, Push, Wait

DELAYS: dict[str, Any] = {
    "retry_delays": (timedelta(0), 30 * SECOND),
    "offline_delays": (2 * MINUTE, 5 * MINUTE),
}
SURELY_NOT = [Kind.OFFLINE, Kind.NOT_SENT, Kind.THROTTLED, Kind.INVALID_TOKEN]


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


def test_a_confirmed_removal_is_believed() -> None:
    """A12: ack 1 to a removal is done; the slot is given back."""
    bench, step = a_removal()
    bench.send(step, Kind.DONE)
    assert (Phase.REMOVED, None, ()) == (bench.code.phase, bench.code.slot, bench.code.writes)


def test_a_code_that_is_not_there_needs_no_removal() -> None:
    """F12: absent is removed, without a call."""
    bench, _ = a_removal()
    assert Wait(None) == bench.look()
    assert Phase.REMOVED is bench.code.phase


@pytest.mark.parametrize("kind", [Kind.DOUBT, Kind.UNCLEAR, Kind.PENDING, Kind.UNANSWERED])
def test_a_removal_in_doubt_is_sent_once_more_even_when_absent(kind: Kind) -> None:
    """Promise 6: the list is the cloud's copy, so the lock is told a second time, and not a third."""
    bench, step = a_removal()
    bench.send(step, kind)
    bench.wait(HOLD)
    assert step == bench.look()
    bench.send(step, kind)
    bench.wait(HOLD)
    assert Wait(None) == bench.look()
    assert Phase.REMOVED is bench.code.phase


def test_a_removal_cut_off_by_a_crash_is_sent_once_more() -> None:
    """G01, promise 6: what a dying worker left is unconfirmed, and unconfirmed removals are repeated."""
    bench, step = a_removal()
    bench.begin(step)
    bench.wait(80 * SECOND)
    assert step == bench.look()


@pytest.mark.parametrize("kind", SURELY_NOT)
def test_a_repeat_that_did_not_happen_is_still_owed(kind: Kind) -> None:
    """Promise 6: offline, throttled or never sent is no second telling."""
    bench, step = a_removal()
    bench.send(step, Kind.DOUBT)
    bench.send(bench.look(), kind)
    assert step == bench.wait_until_due().look()


@pytest.mark.parametrize(
    ("kind", "reason"), [(Kind.FAILED, Reason.LOCK_FAILED), (Kind.DOUBT, Reason.UNCONFIRMED)]
)
def test_a_removal_that_fails_to_the_last_is_a_letter_and_can_be_retried(kind: Kind, reason: Reason) -> None:
    """F19, promise 8: the slot and what we wrote there stay known."""
    bench = a_bench()
    shown = bench.put_on()
    bench.event("cancelled")
    for _ in range(3):
        bench.send(bench.wait_until_due().look(shown), kind)
        bench.look(shown)
    assert bench.letter is not None
    assert (reason, Job.REMOVE, 3) == (bench.letter.reason, bench.letter.job, bench.code.attempts)
    assert shown.slot == bench.code.slot
    assert bench.code.writes
    bench.look()
    assert "removed" == bench.code.phase.value
    assert 1 == len(bench.settled)


def test_the_removal_has_all_its_attempts() -> None:
    """F01: failures of the push, before the stay ended, do not count against the removal."""
    bench = Bench(house=a_house(retry_delays=(timedelta(0), timedelta(0))))
    bench.book(check_in="2026-12-01T09:00", check_out="2026-12-01T10:10")
    for _ in range(2):
        bench.send(bench.look(), Kind.FAILED)
    step = bench.look()
    assert isinstance(step, Push)
    assert 2 == bench.code.failures
    bench.wait(10 * MINUTE)
    bench.begin(bench.look(of(step)))
    assert (1, 0) == (bench.code.attempts, bench.code.failures)

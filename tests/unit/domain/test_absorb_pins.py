"""What follows when the vendor says that the lock has this PIN already."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.unit.domain.kit import (
    MINUTE,
    SECOND,
    Bench,
    a_house,
    an_entry,
    of,
)
from worker.domain.access_code import Phase
from worker.domain.outcomes import Kind
from worker.domain.reasons import Job, Reason
from worker.domain.steps import GiveUp, Push

DELAYS: dict[str, Any] = {
    "retry_delays": (timedelta(0), 30 * SECOND),
    "offline_delays": (2 * MINUTE, 5 * MINUTE),
}


def a_bench() -> Bench:
    """A booked stay with short delays."""
    return Bench(house=a_house(**DELAYS)).book()


def test_an_untold_pin_that_exists_is_replaced_in_place() -> None:
    """H07: the same slot, another PIN, three times at most."""
    bench = Bench(house=a_house(retry_delays=(timedelta(0),) * 3)).event(
        "created", unit="cabin", check_in="2026-12-01T15:00", check_out="2026-12-05T10:00"
    )
    pins = ["482913", "730518", "915264", "640827"]
    slots = set()
    for pin in pins:
        bench.write(replace(bench.stay, pin=pin))
        step = bench.look()
        slots.add(bench.send(step, Kind.PIN_EXISTS).slot)
        bench.look()
    assert 1 == len(slots)
    assert bench.letter is not None
    assert (Reason.PIN_TAKEN, 4) == (bench.letter.reason, bench.code.attempts)


def test_no_more_than_three_other_pins_are_tried_however_many_delays_there_are() -> None:
    """H05: a number of its own; other failures have all their attempts."""
    bench = Bench(house=a_house(retry_delays=(timedelta(0),) * 6)).event(
        "created", unit="cabin", check_in="2026-12-01T15:00", check_out="2026-12-05T10:00"
    )
    for pin in ("482913", "730518", "915264", "640827"):
        assert bench.letter is None
        bench.write(replace(bench.stay, pin=pin))
        bench.send(bench.look(), Kind.PIN_EXISTS)
        bench.look()
    assert bench.letter is not None
    assert (Reason.PIN_TAKEN, 4) == (bench.letter.reason, bench.code.attempts)


def test_other_pins_count_as_attempts() -> None:
    """Attempts are at most the number of delays plus one, whatever their mix."""
    bench = Bench(house=a_house(retry_delays=(timedelta(0),))).event(
        "created", unit="cabin", check_in="2026-12-01T15:00", check_out="2026-12-05T10:00"
    )
    for pin, kind in (("482913", Kind.FAILED), ("482913", Kind.PIN_EXISTS)):
        bench.write(replace(bench.stay, pin=pin))
        bench.send(bench.look(), kind)
        bench.look()
    assert bench.letter is not None
    assert (Reason.PIN_TAKEN, 2) == (bench.letter.reason, bench.code.attempts)


def test_a_told_pin_that_exists_is_a_letter_for_that_lock() -> None:
    """Promise 3: the PIN came with the event, so it stays."""
    bench = a_bench()
    bench.send(bench.look(), Kind.PIN_EXISTS)
    assert GiveUp(Reason.PIN_TAKEN, Job.SET) == bench.look(an_entry(150, name="Cleaner"))
    assert bench.letter is not None


def test_our_own_pin_in_our_own_slot_is_done() -> None:
    """PIN_EXISTS after an earlier push of ours came through: done."""
    bench = a_bench()
    step = bench.look()
    assert isinstance(step, Push)
    bench.send(step, Kind.PIN_EXISTS)
    bench.look(of(step))
    assert Phase.SET is bench.code.phase

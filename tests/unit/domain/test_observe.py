"""What a successful read changes in a code's record: it confirms at any time, and refutes only in time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.unit.domain.kit import (
    HOLD,
    HOUR,
    MINUTE,
    OTHER_PIN,
    SECOND,
    Bench,
    a_house,
    a_view,
    an_entry,
    of,
)
from worker.domain import turn
from worker.domain.access_code import Phase, Written
from worker.domain.outcomes import Entry, Kind
from worker.domain.reasons import Job, Reason
from worker.domain.steps import Delete, GiveUp, Push, Read, Wait

FOREIGN = "Cleaner"


def on() -> tuple[Bench, Entry]:
    """A code that is on the lock, and what the list shows of it."""
    bench = Bench().book()
    return bench, bench.put_on()


def unanswered_removal() -> tuple[Bench, Entry]:
    """A removal that was never answered, and the stay confirmed again right after it."""
    bench, shown = on()
    bench.event("cancelled")
    bench.begin(bench.look(shown))
    bench.wait(30 * SECOND).answer(Kind.UNANSWERED)
    return bench.event("updated", status="confirmed"), shown


def test_a_code_deleted_on_the_lock_is_put_back() -> None:
    """F14: into the same slot, as another job with its own attempts."""
    bench, shown = on()
    step = bench.look()
    assert isinstance(step, Push)
    assert (shown.slot, shown.pin, Phase.SETTING) == (step.slot, step.written.pin, bench.code.phase)
    assert 0 == bench.code.attempts


@pytest.mark.parametrize("entry", [an_entry(120, name=FOREIGN), an_entry(120), Entry(120)])
def test_a_set_code_that_somebody_replaced_or_changed_is_not_set_any_more(entry: Entry) -> None:
    """Promises 2 and 8, F15: a read that shows another code there makes it `overwritten_elsewhere`."""
    bench, _ = on()
    assert GiveUp(Reason.OVERWRITTEN_ELSEWHERE, Job.SET) == bench.look(entry)
    assert bench.letter is not None
    assert Phase.SET is not bench.code.phase


def test_a_foreign_code_in_our_slot_is_never_overwritten() -> None:
    """Promise 2: the stay is extended, but the slot holds a hand-typed code now."""
    bench, _ = on()
    bench.event("updated", check_out="2026-12-06T10:00")
    assert GiveUp(Reason.OVERWRITTEN_ELSEWHERE, Job.SET) == bench.look(an_entry(120, name=FOREIGN))


def test_a_foreign_code_in_a_slot_that_we_never_got_leaves_it_there() -> None:
    """Promise 2: offline at the first try, a code typed by hand meanwhile: another slot."""
    bench = Bench().book()
    bench.send(bench.look(), Kind.OFFLINE)
    step = bench.wait_until_due().look(an_entry(120, name=FOREIGN))
    assert isinstance(step, Push)
    assert 121 == step.slot


def test_a_slot_is_not_given_up_while_our_push_may_still_turn_up_there() -> None:
    """Promise 3: a list that lags shows the code from before; only one read after the hold lets go."""
    bench = Bench().book()
    step = bench.look()
    bench.send(step, Kind.DOUBT)
    before = an_entry(120, name=FOREIGN)
    assert isinstance(bench.look(before), Wait)
    assert 120 == bench.code.slot
    bench.wait(HOLD).look(before)
    assert bench.code.slot is None


def test_at_a_cancelled_slot_a_foreign_code_ends_the_claim() -> None:
    """F15: never deleted, no letter, the code counts as removed."""
    bench, _ = on()
    bench.event("cancelled")
    assert Wait(None) == bench.look(an_entry(120, name=FOREIGN))
    assert (Phase.REMOVED, None, None) == (bench.code.phase, bench.code.slot, bench.letter)


def test_a_changed_code_under_our_mark_is_ours_to_remove() -> None:
    """Promise 8: somebody changed its PIN; after the cancel it goes."""
    bench, _ = on()
    bench.event("cancelled")
    assert Delete(120) == bench.look(an_entry(120))


def test_an_older_write_of_ours_is_replaced_by_the_wanted_one() -> None:
    """D01: the extension's push was lost; the list still shows the old window, which is ours."""
    bench, shown = on()
    bench.event("updated", check_out="2026-12-06T10:00")
    bench.send(bench.look(shown), Kind.DOUBT)
    step = bench.look(shown)
    assert isinstance(step, Push)
    assert (shown.slot, "2612061000") == (step.slot, step.written.ends)


@pytest.mark.parametrize("kind", [Kind.UNANSWERED, Kind.PENDING])
def test_a_cancelled_add_in_doubt_keeps_its_slot_until_it_cannot_come_any_more(kind: Kind) -> None:
    """Promise 2: the slot of an abandoned add stays taken until `vendor_hold` is past and a list clean."""
    bench = Bench().book()
    step = bench.begin(bench.look())
    began = bench.now
    bench.wait(20 * SECOND).answer(kind)
    bench.event("cancelled")
    while bench.code.slot is not None:
        bench.wait_until_due()
        assert isinstance(bench.look(), Wait)
        assert bench.now < began + HOUR
    assert bench.now >= began + HOLD
    assert step.slot == 120
    assert Phase.REMOVED is bench.code.phase


@pytest.mark.parametrize("kind", [Kind.UNANSWERED, Kind.PENDING, Kind.DOUBT])
def test_a_cancelled_add_that_arrives_is_taken_off(kind: Kind) -> None:
    """Promise 8: what came late is removed."""
    bench = Bench().book()
    step = bench.begin(bench.look())
    assert isinstance(step, Push)
    bench.wait(20 * SECOND).answer(kind)
    bench.event("cancelled")
    bench.wait(21 * SECOND)
    assert Delete(step.slot) == bench.look(of(step))


def test_a_504_to_a_cancelled_add_fences_the_slot_too() -> None:
    """Promise 2: an abandoned add may arrive until `vendor_hold` after its start, answered or not."""
    bench = Bench().book()
    bench.begin(bench.look())
    bench.event("cancelled").wait(SECOND)
    bench.answer(Kind.DOUBT)
    assert isinstance(bench.look(), Wait)
    assert 120 == bench.code.slot
    bench.wait(HOLD)
    bench.look()
    assert bench.code.slot is None


@pytest.mark.parametrize("kind", [Kind.UNANSWERED, Kind.PENDING])
def test_a_removal_in_doubt_is_not_refuted_by_a_list_that_still_shows_the_code(kind: Kind) -> None:
    """Promise 6, D21: confirmed again while the removal may still happen: not `set` before that is past."""
    bench, shown = on()
    bench.event("cancelled")
    bench.begin(bench.look(shown))
    bench.wait(20 * SECOND).answer(kind)
    bench.event("updated", status="confirmed").wait(SECOND)
    assert isinstance(bench.look(shown), Wait)
    assert Phase.SET is not bench.code.phase


def test_after_the_removals_time_is_over_the_code_counts_as_set_again() -> None:
    """D21: the removal never happened, and a late list shows the code: no call needed."""
    bench, shown = unanswered_removal()
    bench.wait(HOLD)
    bench.look(shown)
    assert Phase.SET is bench.code.phase


def test_a_removal_that_did_happen_is_no_failure_of_the_set() -> None:
    """D21, promise 8: confirmed again; the lock is empty, so the code is pushed, and nothing has failed."""
    bench = Bench(house=a_house(retry_delays=())).book()
    shown = bench.put_on()
    bench.event("cancelled")
    bench.begin(bench.look(shown))
    bench.event("updated", status="confirmed").wait(SECOND)
    bench.answer(Kind.DOUBT)
    assert isinstance(bench.look(), Push)
    assert (0, None) == (bench.code.failures, bench.letter)


def test_a_read_that_failed_concludes_nothing() -> None:
    """Promise 6, E05: the record of a set code is as it was after an unreadable list."""
    bench, _ = on()
    before = bench.code
    bench.look_blind()
    assert before == bench.code


def test_a_list_that_lags_is_not_asked_before_its_time() -> None:
    """Promise 6: an old list neither confirms nor refutes a command sent after it."""
    bench = Bench().book()
    read_at = bench.now
    step = bench.wait(MINUTE).look(read_at=read_at)
    assert isinstance(step, Push)
    bench.send(step, Kind.DOUBT)
    assert Read() == bench.look(read_at=read_at)
    assert bench.code.doubt is not None


def test_several_windows_of_ours_may_show_up() -> None:
    """D01: extended again and again without an answer; any of our writes in the slot is ours."""
    bench, shown = on()
    for day in (6, 7, 8):
        bench.event("updated", check_out=f"2026-12-0{day}T10:00")
        bench.send(bench.look(shown), Kind.DOUBT)
    step = bench.look(shown)
    assert isinstance(step, Push)
    bench.send(step, Kind.DONE, [of(step)])
    assert (Written(of(step).pin, step.written.starts, step.written.ends),) == bench.code.writes


def test_what_the_lock_last_showed_of_ours_stays_ours_however_often_the_stay_moves() -> None:
    """Promise 8, D01: six lost extensions in a row must not make our own first window a stranger's."""
    bench = Bench(house=a_house(retry_delays=(timedelta(0),) * 9)).book()
    shown = bench.put_on()
    for day in range(6, 12):
        bench.event("updated", check_out=f"2026-12-{day:02}T10:00")
        step = bench.look(shown)
        assert isinstance(step, Push)
        bench.send(step, Kind.DOUBT)
    assert isinstance(bench.look(shown), Push)


def test_another_pin_under_our_mark_is_not_ours() -> None:
    """F20: an entry with a masked or another PIN is neither proof nor overwritten."""
    bench = Bench().book()
    step = bench.look()
    assert isinstance(step, Push)
    bench.send(step, Kind.DOUBT)
    masked = an_entry(step.slot, Written("****", step.written.starts, step.written.ends))
    bench.look(masked)
    assert not bench.code.proven
    assert OTHER_PIN != step.written.pin


def test_what_was_read_before_a_command_never_counts_against_it() -> None:
    """Promise 6: even where the clock went back between the read and the intent."""
    bench = Bench().book()
    entry = bench.put_on()
    bench.event("cancelled")
    view = a_view(bench.now + 2 * SECOND, entry)
    step = bench.look(view=view)
    assert isinstance(step, Delete)
    bench.write(turn.begun(bench.stay, step, bench.visit(view), bench.house, bench.now))
    bench.answer(Kind.DOUBT)
    assert isinstance(bench.look(view=view), Read)
    assert 0 == bench.code.failures

"""Which slot is free, and what a list shows at ours."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.domain.kit import DOOR, KEY, NOW, OTHER_PIN, PIN, Bench, a_house, a_view, an_entry
from worker.domain.access_code import AccessCode, Written
from worker.domain.booking import StayKey
from worker.domain.marks import name_for
from worker.domain.outcomes import Entry, Kind
from worker.domain.slots import Sight, View, free_slot, look, unclaimed
from worker.domain.steps import Delete, Push, Read, WaitForSlot
from worker.domain.turn import strays

OURS = Written(PIN, "2612011500", "2612051000")
FULL = [an_entry(n, name="Cleaner") for n in range(120, 201)]


@given(
    st.sets(st.integers(101, 200)), st.sets(st.integers(101, 200)), st.integers(101, 200), st.integers(0, 99)
)
def test_a_free_slot_is_empty_unclaimed_and_in_range(
    shown: set[int], claimed: set[int], first: int, more: int
) -> None:
    """Promise 2; A05, A06, A07, A13: nothing shown, nothing claimed, nothing outside the range."""
    last = min(first + more, 200)
    slot = free_slot(a_view(NOW, *(Entry(n) for n in shown)), claimed, first, last)
    candidates = set(range(first, last + 1)) - shown - claimed
    assert (min(candidates) if candidates else None) == slot


def test_the_first_and_the_last_slot_of_a_range_are_usable() -> None:
    """A05, A06: a range that begins at 101, and slot 200."""
    assert 101 == free_slot(View(NOW, {}), (), 101, 119)
    assert 200 == free_slot(View(NOW, {}), set(range(101, 200)), 101, 200)


@pytest.mark.parametrize(
    "entry", [Entry(120), Entry(120, pin="1234"), Entry(120, name="x"), Entry(120, ends="x")]
)
def test_an_entry_with_missing_fields_is_not_free(entry: Entry) -> None:
    """A09: a PIN alone or a name alone holds its slot."""
    assert 121 == free_slot(a_view(NOW, entry), (), 120, 200)


def test_the_order_of_the_list_does_not_matter() -> None:
    """A15: the same list in another order gives the same slot and the same strays."""
    entries = [an_entry(n, name=f"direct/X-{n}") for n in (120, 121, 150, 199)]
    mixed = random.Random(7).sample(entries, len(entries))
    one, other = a_view(NOW, *entries), a_view(NOW, *mixed)
    assert free_slot(one, (), 120, 200) == free_slot(other, (), 120, 200)
    assert strays(one, ()) == strays(other, ())


def test_a_slot_typed_by_hand_is_passed_over() -> None:
    """Promise 2; A07: the push goes to the first slot that the list shows empty."""
    step = Bench().book().look(an_entry(120, name="Cleaner"), Entry(121))
    assert isinstance(step, Push)
    assert 122 == step.slot


def test_without_a_successful_read_nothing_is_decided() -> None:
    """Promise 2; A08: an unreadable lock is never all free."""
    assert isinstance(Bench().book().look_blind(), Read)


def test_slots_of_others_are_passed_over() -> None:
    """A13, A14: what another stay claims on this lock is taken, and only there."""
    bench = Bench(claimed=((120, "direct/BK-9"), (121, "!direct/BK-8"))).book()
    step = bench.look()
    assert isinstance(step, Push)
    assert 122 == step.slot


def test_a_full_lock_makes_the_code_wait() -> None:
    """Promise 2: no slot, no push."""
    bench = Bench().book(check_in="2026-12-10T15:00", check_out="2026-12-12T10:00")
    assert isinstance(bench.look(*FULL), WaitForSlot)
    assert (True, None, None) == (bench.code.waiting, bench.code.slot, bench.letter)


def test_a_confirmed_removal_frees_the_slot() -> None:
    """A12: after the ack the slot is nobody's."""
    bench = Bench().book()
    shown = bench.put_on()
    bench.event("cancelled")
    step = bench.look(shown)
    assert Delete(shown.slot) == step
    bench.begin(step)
    assert shown.slot == bench.code.slot
    bench.answer(Kind.DONE)
    assert bench.code.slot is None


def test_what_a_list_shows_at_our_slot() -> None:
    """Absent, ours, changed by somebody, or foreign."""
    code = AccessCode(lock=DOOR, slot=120, writes=(OURS,))
    changed = Written(OTHER_PIN, OURS.starts, OURS.ends)
    assert Sight.ABSENT is look(code, KEY, a_view(NOW))
    assert Sight.OURS is look(code, KEY, a_view(NOW, an_entry(120, OURS)))
    assert Sight.CHANGED is look(code, KEY, a_view(NOW, an_entry(120, changed)))
    assert Sight.FOREIGN is look(code, KEY, a_view(NOW, an_entry(120, OURS, "Cleaner")))
    assert Sight.FOREIGN is look(code, KEY, a_view(NOW, an_entry(120, OURS, "direct/BK-11")))


def test_only_our_own_unclaimed_code_is_adopted() -> None:
    """A13, A18: of several the lowest slot; what is claimed is not adopted."""
    view = a_view(NOW, an_entry(125, OURS), an_entry(122, OURS), an_entry(121, OURS, "direct/BK-2"))
    found = unclaimed(KEY, view, {122})
    assert found is not None
    assert 125 == found.slot
    found = unclaimed(KEY, view, ())
    assert found is not None
    assert 122 == found.slot


def test_strays_bear_a_mark_and_are_unclaimed() -> None:
    """F15: codes without a mark and codes in claimed slots are left alone."""
    view = a_view(NOW, an_entry(120), an_entry(121), an_entry(122, name="Cleaner"))
    assert [(KEY, an_entry(121))] == strays(view, [(120, str(KEY))])


def test_a_stay_whose_id_has_blanks_is_adopted_and_its_strays_are_known() -> None:
    """F15, G02: "a b" and "a_b" are two stays, whatever their marks look like."""
    key, other = StayKey("direct", "a b"), StayKey("direct", "a_b")
    view = a_view(
        NOW, an_entry(120, OURS, name_for(key, "Ann Lee")), an_entry(121, OURS, name_for(other, None))
    )
    assert [120, 121] == [
        entry.slot for one in (key, other) if (entry := unclaimed(one, view, ())) is not None
    ]
    assert [key, other] == [found for found, _ in strays(view, ())]


def test_a_small_range_is_honoured() -> None:
    """A05: `first_slot` and `last_slot` of the unit's policy bind."""
    step = Bench(house=a_house(first_slot=101, last_slot=101)).book().look()
    assert isinstance(step, Push)
    assert 101 == step.slot

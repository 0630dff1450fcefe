"""The mark in `password_name`, by which our codes are known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.booking import StayKey
from worker.domain.marks import NAME_LENGTH, bears, marked, name_for

SOURCES = st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)
IDS = st.text(st.characters(categories=["L", "N", "P", "Zs"]), min_size=1, max_size=70).filter(
    lambda t: t.strip() != ""
)
KEYS = st.builds(StayKey, SOURCES, IDS)


@given(KEYS, st.none() | st.text(max_size=100))
def test_a_name_bears_its_mark_whatever_the_guest_is_called(key: StayKey, guest: str | None) -> None:
    """F15: we know our codes by the mark, and no guest's name hides it."""
    assert bears(name_for(key, guest), key)


@given(KEYS, KEYS, st.none() | st.text(max_size=100))
def test_a_name_bears_no_other_mark(key: StayKey, other: StayKey, guest: str | None) -> None:
    """F15: a code of another stay is not ours."""
    assert (key == other) is bears(name_for(key, guest), other)


@pytest.mark.parametrize("booking", ["a b", "a_b", "a%20b", "a%b", "a\u00a0b", "a\u3000b", " a ", "50%"])
def test_the_mark_of_an_id_with_blanks_leads_back_to_its_stay(booking: str) -> None:
    """F15, G02: such a code is found and adopted, and none is taken for another's."""
    key = StayKey("direct", booking)
    assert key == marked(name_for(key, "Ann Lee"))
    assert not any(bears(name_for(key, "Ann"), StayKey("direct", other)) for other in ("a", "b", "a-b", "50"))


@pytest.mark.parametrize("name", ["direct/a%2", "direct/a%41", "direct/a%zz", "direct/%", "direct/a%c3%28"])
def test_what_we_would_have_written_otherwise_is_no_mark(name: str) -> None:
    """F15: nothing foreign is taken for ours."""
    assert marked(name) is None


@given(st.from_regex(r"[A-Za-z0-9-]{1,45}", fullmatch=True), st.text(max_size=200))
def test_the_guest_is_cut_and_the_mark_stays_whole(booking: str, guest: str) -> None:
    """The name keeps to its length, and the mark is never cut."""
    key = StayKey("direct", booking)
    name = name_for(key, guest)
    assert NAME_LENGTH >= len(name)
    assert name.endswith(str(key))
    assert not any(c in name for c in "\n\r\t\x00")


@pytest.mark.parametrize(
    "name", ["", "Cleaner", "John Pin Code", "direct", "/x", "a/", "Mr A/ B", "24/7 cleaner "]
)
def test_names_of_others_bear_no_mark(name: str) -> None:
    """F15: what people type is not taken for ours."""
    assert marked(name) is None


def test_a_guest_cannot_pass_for_another_stay() -> None:
    """A guest who is called like a mark does not move the mark."""
    assert StayKey("direct", "BK-1") == marked(name_for(StayKey("direct", "BK-1"), "direct/BK-2"))

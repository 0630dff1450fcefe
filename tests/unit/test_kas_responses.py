"""What the vendor sends is read with tolerance, but never so that it misleads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.lock_events import RfidTag
from worker.domain.outcomes import Entry
from worker.kas.responses import as_int, read_entries, read_events, read_reply, read_tags


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (-3, -3),
        ("1", 1),
        ("0101", 101),
        (1.0, 1),
        (True, None),
        (False, None),
        (1.5, None),
        ("1.0", None),
        (" 1", None),
        ("-1", None),
        ("१", None),
        ("9" * 5000, None),
        (10**30, None),
        (float("nan"), None),
        (float("inf"), None),
        (None, None),
        ([1], None),
    ],
)
def test_numbers_as_the_vendor_may_write_them(value: object, expected: int | None) -> None:
    """Whole numbers and digits count; booleans, fractions, other digits and giants do not."""
    assert expected == as_int(value)


def test_list_tolerates_what_can_be_tolerated() -> None:
    """Numbers may stand for text, missing fields and nulls are empty, unknown fields go, far ids stay."""
    record = {
        "l_factory_name": " ss000001 ",
        "l_passwords": [
            {"password_id": "0150", "password": 1234, "password_start_time": 2612011500, "new": {"field": 1}},
            {"password_id": 7, "password": None, "password_name": ["x"], "password_end_time": True},
            {"password_id": 300.0, "password_name": "lone \ud800"},
        ],
    }

    assert (
        Entry(150, "1234", "", "2612011500", ""),
        Entry(7),
        Entry(300, name="lone ?"),
    ) == read_entries(record, "SS000001")


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"l_passwords": None},
        {"l_passwords": {}},
        {"l_passwords": "none"},
        {"l_passwords": [None]},
        {"l_passwords": [[]]},
        {"l_passwords": [{"password_id": 120}, {"password": "1234"}]},
        {"l_passwords": [{"password_id": "x"}]},
        {"l_passwords": [{"password_id": True}]},
        {"l_passwords": [{"password_id": None}]},
        {"l_passwords": [{"password_id": 120.5}]},
        {"l_passwords": [], "l_factory_name": "SS000002"},
        {"l_passwords": [], "l_factory_name": ""},
        {"l_passwords": [], "l_factory_name": 17},
        {"l_passwords": [], "l_factory_name": ["SS000001"]},
    ],
)
def test_list_that_cannot_be_trusted_is_unreadable(record: dict[str, Any]) -> None:
    """A missing list, one entry without a place, or another lock's name makes the whole list unreadable."""
    assert read_entries(record, "SS000001") is None


@pytest.mark.parametrize("record", [{"l_passwords": []}, {"l_passwords": [], "l_factory_name": None}])
def test_empty_list_without_a_name_is_readable(record: dict[str, Any]) -> None:
    """An empty list is a list, and a lock that is not named is the one that was asked."""
    assert () == read_entries(record, "SS000001")


# --- tags ---------------------------------------------------------------------------------------------------


def test_tags_are_read_like_pins() -> None:
    """Numbers for text, missing fields, far ids; the number on the card where it counts."""
    record = {
        "l_factory_name": "SS000001",
        "l_rfids": [
            {"rfid_id": "101", "uid": 12345678, "rfid_name": "John", "rfid_start_time": 2612011500},
            {"rfid_id": 2000, "uid": "", "kas_uid": "1234567890", "new": 1},
            {"rfid_id": 7, "uid": None},
            {"rfid_id": 8, "uid": "ABCD1234", "kas_uid": "1234567890", "is_kas_uid": True},
            {"rfid_id": 9, "uid": "ABCD1234", "kas_uid": "1234567890", "is_kas_uid": False},
            {"rfid_id": 10, "uid": "ABCD1234", "kas_uid": "", "is_kas_uid": True},
        ],
    }

    assert (
        RfidTag(101, "12345678", "John", "2612011500"),
        RfidTag(2000, "1234567890"),
        RfidTag(7),
        RfidTag(8, "1234567890"),
        RfidTag(9, "ABCD1234"),
        RfidTag(10, "ABCD1234"),
    ) == read_tags(record, "SS000001")


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"l_rfids": None},
        {"l_rfids": {}},
        {"l_rfids": [{}]},
        {"l_rfids": [{"rfid_id": 101}, {"uid": "ABCD1234"}]},
        {"l_rfids": [], "l_factory_name": "SS000002"},
        {"l_passwords": []},
    ],
)
def test_tags_that_cannot_be_trusted_are_unreadable(record: dict[str, Any]) -> None:
    """A tag without a place could stand in any: the list is unreadable, not shorter."""
    assert read_tags(record, "SS000001") is None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(
    record=st.dictionaries(st.sampled_from(["ack", "message", "error", "ref", "events", "l_rfids"]), _json)
)
def test_any_record_is_read(record: dict[str, Any]) -> None:
    """No record raises, and what is said of it is text and numbers."""
    reply = read_reply(json.loads(json.dumps(record)))
    read_tags(record, "SS000001")
    read_entries(record, "SS000001")
    read_events(record, "SS000001")

    assert isinstance(reply.words, str)
    assert reply.ack is None or reply.has_ack

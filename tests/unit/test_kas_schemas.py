"""What leaves for the vendor is checked against its document; what comes back is read with tolerance."""

from __future__ import annotations

import json
import pickle
import string
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.outcomes import Entry
from worker.kas import BadRequest, KasError, NewPin
from worker.kas.limits import check_key, check_lock
from worker.kas.requests import add_body, delete_body
from worker.kas.responses import as_int, read_entries

GOOD = NewPin(slot=120, pin="0953", name="John direct/BK-1", starts="2612011500", ends="2612051000")

_moments = st.datetimes(datetime.fromisoformat("2020-01-01"), datetime.fromisoformat("2099-12-30"))
_names = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=100)
_messages = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=500)


@st.composite
def new_pins(draw: st.DrawFn) -> NewPin:
    """Any PIN within the limits."""
    start = draw(_moments)
    end = start + timedelta(minutes=draw(st.integers(1, 1000)))
    email = draw(st.none() | st.from_regex(r"[a-z]{1,9}\.[a-z]{1,9}@[a-z]{1,9}\.(com|au)", fullmatch=True))
    return NewPin(
        slot=draw(st.integers(101, 200)),
        pin=draw(st.text(string.digits, min_size=4, max_size=6)),
        name=draw(_names),
        starts=f"{start:%y%m%d%H%M}",
        ends=f"{end:%y%m%d%H%M}",
        email=email,
        message=draw(st.none() | _messages),
    )


@given(pin=new_pins())
def test_what_is_encoded_reads_back_the_same(pin: NewPin) -> None:
    """A PIN's body, put as it is into a list, is parsed to the entry that the PIN describes."""
    body = json.loads(json.dumps(add_body(pin), ensure_ascii=False).encode())

    assert (Entry(pin.slot, pin.pin, pin.name, pin.starts, pin.ends),) == read_entries(
        {"l_factory_name": "SS000001", "l_passwords": [body]}, "SS000001"
    )


def test_body_of_an_add_without_e_mail() -> None:
    """Without an address no e-mail is asked for, and the optional fields are left out."""
    assert {
        "password_id": 120,
        "password_start_time": "2612011500",
        "password_end_time": "2612051000",
        "password": "0953",
        "password_name": "John direct/BK-1",
        "email_checked": False,
    } == add_body(GOOD)


def test_body_of_an_add_with_e_mail() -> None:
    """With an address the vendor is asked for the e-mail and told the message."""
    body = add_body(replace(GOOD, email="test@email.com", message="Watch out\nfor the dog."))

    assert (True, "test@email.com", "Watch out\nfor the dog.") == (
        body["email_checked"],
        body["password_email"],
        body["password_message"],
    )


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *[("slot", value) for value in (100, 201, 0, -120, True, "120", 120.0, None)],
        *[
            ("pin", value)
            for value in ("123", "1234567", "", "12a4", "१२३४", "１２３４", " 1234", "1234\n", 1234, None)
        ],
        *[
            ("starts", value)
            for value in (
                "261201150",
                "26120115000",
                "2613011500",
                "2602291500",
                "2612012400",
                "2612011560",
                "２６12011500",
                "2612011500\n",
                2612011500,
                None,
            )
        ],
        ("ends", "2612011500"),
        ("ends", "2612011459"),
        ("ends", "soon"),
        *[("name", value) for value in ("x" * 101, "a\nb", "a\x00", "a\x7f", "a\u2028b", "\ud800", None, 7)],
        *[
            ("email", value)
            for value in ("", "nobody", "a@b", "a b@example.com", "a@example.com\n", f"{'a' * 250}@b.com", 7)
        ],
        *[("message", value) for value in ("x" * 501, "\ud800", "a\0", 7)],
    ],
)
def test_a_pin_that_breaks_a_limit_is_refused(field: str, value: Any) -> None:
    """Each value outside the document's limits is refused by its own field's name, and is not repeated."""
    with pytest.raises(BadRequest) as caught:
        add_body(replace(GOOD, **{field: value}))

    assert field == caught.value.field
    if isinstance(value, str) and len(value) > 3:
        assert value not in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slot", 101),
        ("slot", 200),
        ("pin", "0000"),
        ("pin", "999999"),
        ("starts", "2402290000"),
        ("name", ""),
        ("name", "ü" * 100),
        ("message", "x" * 500),
        ("email", "o'brien+kas@mail.example.com.au"),
    ],
)
def test_a_pin_at_the_limit_passes(field: str, value: Any) -> None:
    """The limits themselves are allowed."""
    assert value in add_body(replace(GOOD, **{field: value})).values()


def test_delete_names_the_id_only() -> None:
    """A delete carries the slot and no PIN."""
    assert {"password_id": 120} == delete_body(120)


@pytest.mark.parametrize("slot", [100, 201, True, "120", 120.0])
def test_delete_outside_the_slots_is_refused(slot: Any) -> None:
    """A slot that the document does not give to PINs cannot be deleted."""
    with pytest.raises(BadRequest, match="slot"):
        delete_body(slot)


@pytest.mark.parametrize("lock", ["SS", "S" * 33, "SS/../1", "SS 0001", "SS00०1", "SS0001\n", "", None, 17])
def test_lock_name_unfit_for_the_url_is_refused(lock: Any) -> None:
    """Only 3 to 32 ASCII letters and digits reach the URL."""
    with pytest.raises(BadRequest, match="lock"):
        check_lock(lock)


@pytest.mark.parametrize("key", [None, "", "a key", "key\r\nx: y", "schlüssel", 7])
def test_key_unfit_for_the_header_is_refused(key: Any) -> None:
    """A key that could not stand in a header is refused, and is not repeated."""
    with pytest.raises(BadRequest, match=r"^key must be an API key") as caught:
        check_key(key)
    assert str(key) == "" or f"{key}\0" not in f"{caught.value}\0"


def test_bad_request_is_a_kas_error_and_survives_pickling() -> None:
    """The refusal belongs to the client's tree and crosses a process border with its parts."""
    error: BadRequest = pickle.loads(pickle.dumps(BadRequest("pin", "text of 4 to 6 digits 0-9")))  # noqa: S301 - our own bytes

    assert issubclass(BadRequest, KasError)
    assert ("pin", "text of 4 to 6 digits 0-9") == (error.field, error.limit)
    assert "pin must be text of 4 to 6 digits 0-9" == str(error)


def test_repr_of_a_new_pin_hides_the_guest() -> None:
    """Neither PIN nor name nor address nor message is in the repr."""
    shown = repr(replace(GOOD, email="john@example.com", message="Watch out for the dog."))

    assert [] == [secret for secret in ("0953", "John", "example", "dog") if secret in shown]


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

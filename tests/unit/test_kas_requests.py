"""What leaves for the vendor is checked against its document, and encoded as it prints it."""

from __future__ import annotations

import json
import pickle
import string
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.lock_events import RfidTag
from worker.domain.outcomes import Entry
from worker.kas import BadRequest, KasError, NewPin, NewRfid
from worker.kas.limits import check_key, check_lock
from worker.kas.requests import add_body, add_rfid_body, delete_body, delete_by_value_body, delete_rfid_body
from worker.kas.responses import read_entries, read_tags

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


@st.composite
def new_tags(draw: st.DrawFn) -> NewRfid:
    """Any tag within the limits, named by its own number or by the vendor's."""
    start = draw(_moments)
    end = start + timedelta(minutes=draw(st.integers(1, 1000)))
    uid = draw(st.text("0123456789abcdefABCDEF", min_size=8, max_size=8))
    kas_uid = draw(st.none() | st.text(string.digits, min_size=10, max_size=10))
    return NewRfid(
        rfid_id=draw(st.integers(101, 2000)),
        name=draw(_names),
        starts=f"{start:%y%m%d%H%M}",
        ends=f"{end:%y%m%d%H%M}",
        uid=uid if kas_uid is None else draw(st.none() | st.just(uid)),
        kas_uid=kas_uid,
    )


@given(tag=new_tags())
def test_a_tag_reads_back_the_same(tag: NewRfid) -> None:
    """A tag's body, put as it is into a list, is parsed to the tag that it describes."""
    body = json.loads(json.dumps(add_rfid_body(tag, reader=True), ensure_ascii=False).encode())

    assert (tag.kas_uid is not None) == body["is_kas_uid"]
    assert (RfidTag(tag.rfid_id, tag.kas_uid or tag.uid or "", tag.name, tag.starts, tag.ends),) == read_tags(
        {"l_factory_name": "SS000001", "l_rfids": [body]}, "SS000001"
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"uid": "ABCD1234"}, {"uid": "ABCD1234", "is_kas_uid": False}),
        ({"kas_uid": "1234567890"}, {"kas_uid": "1234567890", "is_kas_uid": True}),
        (
            {"uid": "abcd1234", "kas_uid": "1234567890", "is_kas_uid": False},
            {"uid": "abcd1234", "kas_uid": "1234567890", "is_kas_uid": False},
        ),
    ],
)
def test_body_of_a_tag(given: dict[str, Any], expected: dict[str, Any]) -> None:
    """The numbers that are given go out, and which of them counts."""
    tag = NewRfid(101, "John", "2612011500", "2612051000", **given)
    always = {
        "rfid_id": 101,
        "rfid_start_time": "2612011500",
        "rfid_end_time": "2612051000",
        "rfid_name": "John",
    }

    assert always | expected == add_rfid_body(tag)


def test_other_deletes_name_one_thing() -> None:
    """A PIN deleted by itself, a tag by its id, on a reader up to 2000."""
    assert {"password": "0953"} == delete_by_value_body("0953")
    assert [{"rfid_id": 200}, {"rfid_id": 2000}] == [
        delete_rfid_body(200),
        delete_rfid_body(2000, reader=True),
    ]


_any = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12) | st.binary(max_size=4)


def encoded(encode: Callable[[], dict[str, Any]], names: set[str]) -> dict[str, Any] | None:
    """The body, or None where a field of these is refused."""
    refusal = ""
    try:
        return encode()
    except BadRequest as error:
        refusal = error.field
    assert refusal in names
    return None


@given(slot=_any, pin=_any, name=_any, starts=_any, ends=_any, email=_any, message=_any, checked=_any)
def test_any_pin_is_encoded_or_refused(checked: Any, **given: Any) -> None:
    """Whatever the fields hold, the body is JSON within the limits, or the refusal names one of them."""
    body = encoded(lambda: add_body(NewPin(**given, email_checked=checked)), {*given, "email_checked"})
    if body is not None:
        assert 101 <= body["password_id"] <= 200
        assert 4 <= len(body["password"]) <= 6
        assert isinstance(body["email_checked"], bool)
        json.dumps(body).encode()


@given(rfid_id=_any, name=_any, starts=_any, ends=_any, uid=_any, kas_uid=_any, is_kas_uid=_any)
def test_any_tag_is_encoded_or_refused(**given: Any) -> None:
    """The same for tags."""
    body = encoded(lambda: add_rfid_body(NewRfid(**given)), set(given))
    if body is not None:
        assert ("kas_uid" if body["is_kas_uid"] else "uid") in body
        json.dumps(body).encode()


@pytest.mark.parametrize("wrong", [None, {}, "1234", 101])
def test_what_is_no_pin_at_all_is_refused(wrong: Any) -> None:
    """A caller that mixes up arguments is told the first field that is missing."""
    with pytest.raises(BadRequest, match="slot must be a whole number from 101 to 200"):
        add_body(wrong)
    with pytest.raises(BadRequest, match="rfid_id must be a whole number from 101 to 2000"):
        add_rfid_body(wrong, reader=True)

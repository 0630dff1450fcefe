"""What breaks a limit of the document is refused in one line that names field and limit, and never leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.contract.raw_vendor import Make, Vendor
from tests.kas_calls import ALL, LOCK, PIN, TAG, calls
from worker.kas import BadRequest, KasClient, Login

SLOTS = "a whole number from 101 to 200"
READER = "a whole number from 101 to 2000"
PIN_LIMIT = "text of 4 to 6 digits 0-9"
MOMENT = "ten digits YYMMDDHHmm that name a real moment"
NAME = "text of at most 100 characters without control characters"
UID, KAS_UID = "text of 8 hexadecimal digits", "text of 10 digits 0-9"
BOOL = "true or false"
NO_SLOTS = (100, 201, 0, -101, True, 101.0, "101", None)
NO_PINS = ("123", "1234567", "", "12 34", "१२३४", " 1234", "1234\n", 1234, None)
NO_MOMENTS = (
    "190101120",
    "19010112000",
    "1913011200",
    "1902291200",
    "1901012400",
    "1901011260",
    1901011200,
    None,
)
NO_NAMES = ("x" * 101, "a\nb", "a\x00", "\ud800", 7, None)
NO_UIDS = ("ABCD123", "ABCD12345", "ABCD123G", "", "ABCD1234\n", 12345678)
NO_KAS_UIDS = ("123456789", "12345678901", "ABCD123456", "", "１２３４５６７８９０", 1234567890)

Row = tuple[str, str, Any]
PIN_ROWS: list[Row] = [
    *[("slot", SLOTS, value) for value in NO_SLOTS],
    *[("pin", PIN_LIMIT, value) for value in NO_PINS],
    *[(field, MOMENT, value) for field in ("starts", "ends") for value in NO_MOMENTS],
    *[("ends", "after the start", value) for value in ("1901011200", "1901011159")],
    *[("name", NAME, value) for value in NO_NAMES],
    *[("email", "an e-mail address", value) for value in ("", "nobody", "a@b", "a@b.com\n", 7)],
    *[("message", "text of at most 500 characters", value) for value in ("x" * 501, "\ud800", "a\0", 7)],
    *[("email_checked", BOOL, value) for value in ("true", 1, 0)],
]
TAG_ROWS: list[Row] = [
    *[("rfid_id", SLOTS, value) for value in NO_SLOTS],
    *[(field, MOMENT, value) for field in ("starts", "ends") for value in NO_MOMENTS],
    ("ends", "after the start", "1901011200"),
    *[("name", NAME, value) for value in NO_NAMES],
    *[("uid", UID, value) for value in NO_UIDS],
    *[("kas_uid", KAS_UID, value) for value in NO_KAS_UIDS],
    *[("is_kas_uid", BOOL, value) for value in ("true", 1, 0)],
]


def refused(call: Callable[[], object]) -> tuple[str, str]:
    """Field and limit of the refusal; its text is one line that says no more."""
    with pytest.raises(BadRequest) as caught:
        call()
    error = caught.value
    assert f"{error.field} must be {error.limit}" == str(error)
    assert 1 == len(str(error).splitlines())
    assert (True, None, None, None, None) == (
        error.permanent,
        error.kind,
        error.ack,
        error.http_status,
        error.ref,
    )
    return error.field, error.limit


def test_adding_a_pin(vendor: Vendor, client: KasClient) -> None:
    """Each field of an add beyond its limit."""
    for field, limit, value in PIN_ROWS:
        bad = replace(PIN, **{field: value})
        assert (field, limit) == refused(lambda bad=bad: client.add_pin(LOCK, bad)), value  # type: ignore[misc]
    without = replace(PIN, email=None, email_checked=True)
    assert ("email", "an e-mail address") == refused(lambda: client.add_pin(LOCK, without))

    assert 0 == vendor.connections


def test_adding_a_tag(vendor: Vendor, client: KasClient) -> None:
    """Each field of a tag beyond its limit; the number that counts must be there."""
    for field, limit, value in TAG_ROWS:
        bad = replace(TAG, **{field: value})
        assert (field, limit) == refused(lambda bad=bad: client.add_rfid(LOCK, bad)), value  # type: ignore[misc]
    nothing = replace(TAG, uid=None, kas_uid=None)
    no_card = replace(TAG, kas_uid=None, is_kas_uid=True)
    no_uid = replace(TAG, uid=None, is_kas_uid=False)
    assert [("uid", UID), ("kas_uid", KAS_UID), ("uid", UID)] == [
        refused(lambda bad=bad: client.add_rfid(LOCK, bad))  # type: ignore[misc]
        for bad in (nothing, no_card, no_uid)
    ]

    assert 0 == vendor.connections


@pytest.mark.parametrize("value", NO_SLOTS)
def test_ids_of_deletes(vendor: Vendor, client: KasClient, value: Any) -> None:
    """Neither a PIN nor a tag has an id outside 101..200."""
    assert ("slot", SLOTS) == refused(lambda: client.delete_pin(LOCK, value))
    assert ("rfid_id", SLOTS) == refused(lambda: client.delete_rfid(LOCK, value))
    assert 0 == vendor.connections


def test_ids_on_a_reader(vendor: Vendor, client: KasClient) -> None:
    """On an access control reader the ids of tags go to 2000."""
    vendor.example("rfid_delete_200")
    far = replace(TAG, rfid_id=2000)
    client.delete_rfid(LOCK, 2000, reader=True)
    client.add_rfid(LOCK, far, reader=True)
    client.lock(LOCK, reader=True).add_rfid(far)
    client.lock(LOCK, reader=True).delete_rfid(2000)
    assert 4 == len(vendor.seen)

    assert ("rfid_id", SLOTS) == refused(lambda: client.add_rfid(LOCK, far))
    assert ("rfid_id", SLOTS) == refused(lambda: client.lock(LOCK).delete_rfid(2000))
    for value in (100, 2001, True, "2000"):
        bad: Any = value
        assert ("rfid_id", READER) == refused(lambda bad=bad: client.delete_rfid(LOCK, bad, reader=True))  # type: ignore[misc]
        assert ("rfid_id", READER) == refused(
            lambda bad=bad: client.add_rfid(LOCK, replace(TAG, rfid_id=bad), reader=True)  # type: ignore[misc]
        )
    assert 4 == len(vendor.seen)


@pytest.mark.parametrize("value", NO_PINS)
def test_deleting_by_value(vendor: Vendor, client: KasClient, value: Any) -> None:
    """What is no PIN cannot be deleted by value."""
    assert ("pin", PIN_LIMIT) == refused(lambda: client.delete_pin_by_value(LOCK, value))
    assert 0 == vendor.connections


@pytest.mark.parametrize("lock", ["SS", "S" * 33, "../admin", "SS 0001", "SS00०1", "SS0001\n", "", None, 17])
def test_lock_of_every_call(vendor: Vendor, client: KasClient, lock: Any) -> None:
    """A name that is unfit for the address is refused by every call, and by the lock's face."""
    told = [refused(call) for call in calls(client, lock).values()]
    told.append(refused(lambda: client.lock(lock)))

    assert [("lock", "3 to 32 letters and digits")] * (ALL + 1) == told
    assert 0 == vendor.connections


@pytest.mark.parametrize("key", ["", "a key", "two\r\nlines", "schlüssel", "k" * 4097, 7])
def test_key_of_every_call(vendor: Vendor, client: KasClient, key: Any) -> None:
    """A key that cannot stand in a header is refused by every call, the unlock included."""
    limit = "an API key of visible ASCII characters, given with the call or to KasClient"

    assert [("key", limit)] * ALL == [refused(lambda c=c: c(key=key)) for c in calls(client).values()]  # type: ignore[misc]
    assert 0 == vendor.connections


@pytest.mark.parametrize("key", [".", ".."])
def test_key_that_would_change_the_unlocks_path(vendor: Vendor, client: KasClient, key: str) -> None:
    """Dots alone would name another address."""
    assert ("key", "more than dots") == refused(lambda: client.unlock(LOCK, key=key))
    assert 0 == vendor.connections


def test_call_without_any_key(vendor: Vendor, make: Make) -> None:
    """Neither a default key nor one with the call: refused by name, whatever is called."""
    assert {"key"} == {refused(call)[0] for call in calls(make(vendor.url, api_key=None)).values()}
    assert 0 == vendor.connections


@pytest.mark.parametrize("url", ["", "cloud.kas.com.au/api", "ftp://x/api", "http://", "http://x:99999/api"])
def test_addresses(url: str) -> None:
    """An address that is none is refused when the client is made."""
    limit = "an address that begins with http:// or https://"

    assert ("base_url", limit) == refused(lambda: KasClient(url))
    assert ("key_url", limit) == refused(
        lambda: KasClient("http://kas.test", login=Login(url, "a@b.com", "x"))
    )


def test_a_login_beside_a_key(vendor: Vendor) -> None:
    """A client has a static key or a dynamic one."""
    login = Login(vendor.url, "ops@example.com", "secret")
    refusal = refused(lambda: KasClient(vendor.url, api_key="k", login=login))

    assert ("login", "left out where there is an api_key") == refusal


@pytest.mark.parametrize("value", ["", None, 7, "\ud800"])
def test_fields_of_a_login(vendor: Vendor, client: KasClient, value: Any) -> None:
    """E-mail address and password are text."""
    limit = "text that is not empty"

    assert ("email", limit) == refused(lambda: client.fetch_key(vendor.url, value, "secret"))
    assert ("password", limit) == refused(lambda: client.fetch_key(vendor.url, "ops@example.com", value))
    assert 0 == vendor.connections

"""The face of one lock: a typed result where the vendor did it, an error of the tree where it did not."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.raw_vendor import Make, Vendor, keep_silent
from tests.kas_calls import ALL, KEY, LOCK, PIN, TAG
from worker.kas import (
    Done,
    Entry,
    KasClient,
    KasError,
    KasLock,
    NotDoneError,
    RefusedError,
    RfidTag,
    UnconfirmedError,
    errors,
)


def face(door: KasLock) -> dict[str, Callable[[], Any]]:
    """Each call of a lock."""
    return {
        "unlock": door.unlock,
        "set_clock": door.set_clock,
        "pins": door.pins,
        "add_pin": lambda: door.add_pin(PIN),
        "delete_pin": lambda: door.delete_pin(101),
        "delete_pin_by_value": lambda: door.delete_pin_by_value("1234"),
        "events": door.events,
        "rfids": door.rfids,
        "add_rfid": lambda: door.add_rfid(TAG),
        "delete_rfid": lambda: door.delete_rfid(101),
    }


def test_results(vendor: Vendor) -> None:
    """Commands are `Done`, with the list that an add brings; reads bring what they show."""
    body = {
        "ack": 1,
        "message": "Success",
        "l_passwords": [{"password_id": 120, "password": "0953"}],
        "l_rfids": [{"rfid_id": 130, "uid": "ABCD1234"}],
        "events": {"events": [{"_id": "a", "date_added": "2019-08-07T13:45:48.140Z"}]},
    }
    vendor.answers(json.dumps(body).encode())
    with KasClient(vendor.url, api_key=KEY) as kas:
        got = {name: call() for name, call in face(kas.lock(LOCK)).items()}

    pins, tags = (Entry(120, "0953"),), (RfidTag(130, "ABCD1234"),)
    commands = ("unlock", "set_clock", "delete_pin", "delete_pin_by_value", "delete_rfid")
    assert [Done(1, "Success")] * 5 == [got.pop(name) for name in commands]
    assert ["a"] == [event.id for event in got.pop("events")]
    assert {
        "pins": pins,
        "rfids": tags,
        "add_pin": Done(1, "Success", pins=pins),
        "add_rfid": Done(1, "Success", tags=tags),
    } == got


@pytest.mark.parametrize(
    ("status", "body", "kind", "branch", "permanent"),
    [
        *[
            (200, {"ack": ack, "message": "Error."}, errors.LockFailed, UnconfirmedError, False)
            for ack in (2, 4, 6)
        ],
        *[(200, {"ack": ack}, errors.Pending, UnconfirmedError, False) for ack in (3, 5, 7, 10)],
        (200, {"ack": 8}, errors.GatewayOffline, NotDoneError, False),
        *[(200, {"ack": ack}, errors.UnclearAnswer, UnconfirmedError, False) for ack in (9, 11, 99, -1, "x")],
        (504, {"ack": 504, "ref": "UOWS-Xmuj"}, errors.InDoubt, UnconfirmedError, False),
        (500, "Unknown Error", errors.InDoubt, UnconfirmedError, False),
        (400, "Invalid Token.", errors.InvalidKey, RefusedError, True),
        (400, "You are not the admin.", errors.NotAdmin, RefusedError, True),
        (400, "You are not the manager.", errors.NotAdmin, RefusedError, True),
        (400, "Lock is not found.", errors.LockNotFound, RefusedError, True),
        (400, "Password is already existing.", errors.AlreadyExists, RefusedError, True),
        (400, "Error with Start and End times", errors.BadWindow, RefusedError, True),
        (418, "I am a teapot", RefusedError, RefusedError, True),
        (429, "Slow down", errors.Throttled, NotDoneError, False),
    ],
)
def test_errors(
    vendor: Vendor,
    client: KasClient,
    status: int,
    body: Any,
    kind: type[KasError],
    branch: type[KasError],
    *,
    permanent: bool,
) -> None:
    """Each class of answers raises its own error from every call, with ack, status, ref and permanence."""
    vendor.answers(body.encode() if isinstance(body, str) else json.dumps(body).encode(), status)
    record = body if isinstance(body, dict) else {}
    for call in face(client.lock(LOCK)).values():
        with pytest.raises(KasError) as caught:
            call()
        error = caught.value
        assert kind is type(error)
        assert isinstance(error, branch)
        assert permanent == error.permanent
        number = record.get("ack")
        assert (number if isinstance(number, int) else None, status) == (error.ack, error.http_status)
        assert record.get("ref") == error.ref
        assert (kind is errors.Throttled) == (error.retry_after is not None)
        assert LOCK in str(error)
        assert 1 == len(str(error).splitlines())

    assert ALL == len(vendor.seen)


def test_no_answer_and_no_connection(vendor: Vendor, hasty: KasClient, make: Make) -> None:
    """A silent vendor, a client without a free moment, and a port where nobody listens."""
    vendor.script = keep_silent(vendor)
    with pytest.raises(errors.NoAnswer) as caught:
        hasty.lock(LOCK).unlock()
    assert (None, None, None) == (caught.value.ack, caught.value.http_status, caught.value.ref)
    with pytest.raises(errors.InDoubt, match="could not connect"):
        make("http://127.0.0.1:1/api").lock(LOCK).unlock()


def test_errors_tell_and_travel(vendor: Vendor, client: KasClient) -> None:
    """The text names call, lock, words, status, ack and reference; a pickled error keeps them all."""
    vendor.example("unlock_504", 504)
    with pytest.raises(KasError) as caught:
        client.lock(LOCK).unlock()

    text = (
        "unlock SS000001: Gateway timeout. You should retry the request again now. "
        "(HTTP 504, ack 504, ref UOWS-Xmuj)"
    )
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own bytes
    assert (text, text) == (str(caught.value), str(copy))
    assert caught.value.outcome == copy.outcome
    assert type(caught.value) is type(copy)


def test_a_wordless_answer_is_told_in_ours(vendor: Vendor, client: KasClient) -> None:
    """Where the vendor says nothing, the error says what its class means."""
    vendor.answers(b'{"ack": 8}')
    with pytest.raises(errors.GatewayOffline) as caught:
        client.lock(LOCK).set_clock()

    assert "set the clock of SS000001: No gateway is near the lock (HTTP 200, ack 8)" == str(caught.value)

"""No key, PIN, tag, login or guest leaves by a log, a message, a repr, an error or a traceback."""

from __future__ import annotations

import json
import logging
import pickle
import socket
import traceback

import httpx
import pytest

from tests.contract.raw_vendor import SHORT, Make, Script, Vendor, keep_silent, says
from tests.kas_calls import KEY, LOCK, PIN, TAG
from worker.kas import KasClient, KasError, Kind, Login

PLANTED = "canary-Key/4711+x"  # no JSON web token: hidden as what it is, not for its shape
IN_URL = "canary-Key%2F4711%2Bx"
GUEST = ("1234", "John", "test@email", "the dog", "ABCD1234", "1234567890")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything that any library logs, down to DEBUG."""
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        caplog.set_level(logging.DEBUG, name)
    return caplog


def resets(conn: socket.socket) -> None:
    """Hang up."""
    conn.shutdown(socket.SHUT_RDWR)


def echoes(vendor: Vendor) -> list[Script]:
    """Answers that repeat the address of the unlock wherever they can, as web servers do."""
    path = f"/api/lockCommand/remoteUnlock/{LOCK}/{IN_URL}"
    words = f"Cannot GET {path} with {PLANTED} or {PLANTED.lower()}, that is {IN_URL}".encode()
    told = json.dumps({"ack": 2, "message": words.decode(), "ref": path}).encode()
    return [
        says(b"", 301, f"Location: https://cloud.test{path}\r\nX-Token: {PLANTED}\r\n"),
        *(says(body, status) for body in (words, told) for status in (200, 404, 500)),
        lambda conn: conn.sendall(f"HTTP/1.1 200 OK\r\nbroken header {path} {PLANTED}\r\n\r\n".encode()),
        lambda conn: conn.sendall(words),
        resets,
        keep_silent(vendor),
    ]


def leaks(text: str) -> list[str]:
    """What of the canary stands in a text."""
    return [part for part in (PLANTED, IN_URL, "canary", "4711") if part.lower() in text.lower()]


def test_the_key_of_an_unlock_reaches_no_log_no_error_and_no_traceback(
    vendor: Vendor, make: Make, log: pytest.LogCaptureFixture
) -> None:
    """K03, promise 9: not with httpx and httpcore at DEBUG, not if the vendor repeats it anywhere."""
    door = make(vendor.url, api_key=PLANTED, call_timeout=SHORT).lock(LOCK)
    shown = [repr(door), repr(door.client)]
    for script in echoes(vendor):
        vendor.script = script
        with pytest.raises(KasError) as caught:
            door.unlock()
        error = caught.value
        trace = traceback.TracebackException.from_exception(error)
        shown += [repr(error), str(error), repr(error.outcome), *trace.format()]
        assert (None, None) == (error.__cause__, error.__context__)
        assert [] == leaks(repr(pickle.loads(pickle.dumps(error))))  # noqa: S301 - our own bytes

    assert any(IN_URL in seen.line for seen in vendor.seen)
    assert [] == [text for text in shown if leaks(text)]
    assert [] == leaks(log.text)


def test_refused_connections_and_keys_do_not_repeat_the_key(
    make: Make, log: pytest.LogCaptureFixture
) -> None:
    """K03: nobody listens, the moment has passed, the key is unfit: none of it shows the key."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = make(f"http://127.0.0.1:{free.getsockname()[1]}/api", api_key=PLANTED, call_timeout=SHORT)
        shown = [repr(client.unlock(LOCK)), repr(client.unlock(LOCK, not_after=0.0))]
    with pytest.raises(KasError) as caught:
        client.unlock(LOCK, key=f"{PLANTED}\n")
    shown.append("".join(traceback.format_exception(caught.value)))

    assert [[]] * 3 == [leaks(text) for text in shown]
    assert [] == leaks(log.text)


def test_httpcores_lines_about_others_are_kept(
    vendor: Vendor, client: KasClient, log: pytest.LogCaptureFixture
) -> None:
    """Only what httpcore says of our own calls is kept back; other users of it still have their debug log."""
    vendor.example("unlock_200")
    client.unlock(LOCK)
    assert [] == [record for record in log.records if record.name.startswith("httpcore")]

    httpx.get(vendor.url, trust_env=False)
    assert [] != [record for record in log.records if record.name.startswith("httpcore")]


def test_vendor_that_echoes_everything_leaks_nothing(
    vendor: Vendor, client: KasClient, log: pytest.LogCaptureFixture
) -> None:
    """A vendor that repeats PIN, tag, key and guest: none of it is in an outcome or a log (promise 9)."""
    echo = f"Code 1234 of John <test@email.com>, Watch out for the dog., ABCD1234 1234567890 {KEY}"
    for status in (200, 400, 500):
        for body in (
            echo.encode(),
            json.dumps({"ack": 2, "message": echo.replace("<", "("), "ref": echo}).encode(),
        ):
            vendor.answers(body, status)
            assert [] == [secret for secret in (*GUEST[:4], KEY) if secret in repr(client.add_pin(LOCK, PIN))]
            assert [] == [
                secret for secret in ("John", *GUEST[4:], KEY) if secret in repr(client.add_rfid(LOCK, TAG))
            ]
            assert [] == [
                secret for secret in ("1234", KEY) if secret in repr(client.delete_pin_by_value(LOCK, "1234"))
            ]
            assert [] == [secret for secret in (*GUEST, KEY) if secret in log.text]


def test_lists_hide_what_they_show(vendor: Vendor, client: KasClient) -> None:
    """PINs, tags, names and what an event says of its user are in no repr."""
    vendor.example("list_200")
    shown = repr(client.list_pins("SS000761"))
    vendor.example("events_200")
    shown += repr(client.list_events("SS001479")) + repr(client.lock("SS001479").events())
    listed = [{"rfid_id": 101, "uid": "ABCD1234", "kas_uid": "1234567890", "rfid_name": "John"}]
    vendor.answers(json.dumps({"l_rfids": listed}).encode())
    shown += repr(client.list_rfids(LOCK)) + repr(client.lock(LOCK).rfids())

    secrets = ("224126", "Cleaner", "4321", "User 2", "test@test", "ABCD1234", "1234567890", "John")
    assert [] == [secret for secret in secrets if secret in shown]


def test_what_is_given_hides_itself() -> None:
    """New PINs, new tags and logins may be logged by mistake."""
    shown = repr((PIN, TAG, Login("https://kas.test", "ops@example.com", "correct horse")))

    assert [] == [secret for secret in (*GUEST, "ops@", "horse") if secret in shown]


def test_every_error_hides_the_vendors_reply(vendor: Vendor, client: KasClient) -> None:
    """The text of an error is made of the cleaned words only."""
    vendor.answers(json.dumps({"ack": 2, "message": f"No {KEY} for 4821"}).encode())
    with pytest.raises(
        KasError, match=r"^unlock SS000001: No \[hidden\] for \[hidden\] \(HTTP 200, ack 2\)$"
    ):
        client.lock(LOCK).unlock()
    assert Kind.FAILED is client.unlock(LOCK).outcome.kind

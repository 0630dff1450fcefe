"""No call outlasts its deadline, and nothing leaves after the moment it may not."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.contract.raw_vendor import PATIENCE, SHORT, Vendor, drips, keep_silent
from tests.kas_calls import ALL, PIN, all_calls, calls, kinds
from worker.kas import KasClient, Kind


def test_too_late_before_the_start(vendor: Vendor, client: KasClient) -> None:
    """A call whose moment has passed opens no connection."""
    answers = all_calls(client, not_after=time.monotonic() - 1)

    assert [Kind.NOT_SENT] * ALL == kinds(answers)
    assert (0, []) == (vendor.connections, vendor.seen)


@pytest.mark.parametrize("warm", [False, True])
def test_too_late_at_the_wire(
    vendor: Vendor, client: KasClient, monkeypatch: pytest.MonkeyPatch, *, warm: bool
) -> None:
    """The moment passes after the call began, on a new or a kept connection: no byte leaves."""
    vendor.example("clock_200")
    if warm:
        client.set_clock("SS000001")
    before = len(vendor.seen)
    pool = client._exchange._transport._pool  # type: ignore[attr-defined]
    real = pool.handle_request

    def slow(request: Any) -> Any:
        monkeypatch.setattr("time.monotonic", lambda: now + 2)
        return real(request)

    now = time.monotonic()
    monkeypatch.setattr(pool, "handle_request", slow)
    answer = client.set_clock("SS000001", not_after=now + 1)
    monkeypatch.undo()

    assert (Kind.NOT_SENT, None) == (answer.outcome.kind, answer.outcome.http_status)
    assert before == len(vendor.seen)
    assert [Kind.DONE] * 3 == [client.set_clock("SS000001").outcome.kind for _ in range(3)]
    assert before + 3 == len(vendor.seen)


def test_too_late_between_headers_and_body(
    vendor: Vendor, client: KasClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen with half a request sent, the rest is kept back, so that the vendor cannot run it."""
    vendor.example("add_200")
    now = time.monotonic()
    real = socket.socket.send

    def send(conn: socket.socket, data: bytes, *flags: int) -> int:
        sent = real(conn, data, *flags)
        if data.startswith(b"POST"):
            monkeypatch.setattr("time.monotonic", lambda: now + 2)
        return sent

    monkeypatch.setattr(socket.socket, "send", send)
    answer = client.add_pin("SS000001", PIN, not_after=now + 1)
    monkeypatch.undo()

    assert Kind.CUT is answer.outcome.kind
    assert [] == [seen for seen in vendor.seen if seen.body]
    assert Kind.DONE is client.add_pin("SS000001", PIN).outcome.kind


def test_in_time_is_sent(vendor: Vendor, client: KasClient) -> None:
    """A moment still ahead changes nothing."""
    vendor.example("clock_200")

    assert Kind.DONE is client.set_clock("SS000001", not_after=time.monotonic() + 60).outcome.kind


# --- the total deadline -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "data"),
    [
        (b"", b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 600),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + b"x" * 600),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n", b'{"ack": 1}'),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["headers", "informational", "endless", "body", "chunks"],
)
def test_dripping_vendor_ends_at_the_total_deadline(
    vendor: Vendor, hasty: KasClient, head: bytes, data: bytes
) -> None:
    """Bytes that keep coming do not stretch a call: unanswered soon after its time, and the pool goes on."""
    vendor.script = drips(data, vendor, head)
    began = time.monotonic()

    outcome = hasty.add_pin("SS000001", PIN).outcome

    assert SHORT.total_seconds() <= time.monotonic() - began < PATIENCE
    assert (Kind.UNANSWERED, None) == (outcome.kind, outcome.http_status)
    vendor.example("clock_200")
    assert Kind.DONE is hasty.set_clock("SS000001").outcome.kind


def test_silent_vendor_is_unanswered(vendor: Vendor, hasty: KasClient) -> None:
    """A vendor that takes the request and says nothing: unanswered, for every call."""
    vendor.script = keep_silent(vendor)

    with ThreadPoolExecutor(ALL) as pool:
        answers = list(pool.map(lambda call: call(), calls(hasty).values()))

    assert [Kind.UNANSWERED] * ALL == kinds(answers)


def test_look_up_without_end_is_bounded(hasty: KasClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that hangs holds the call no longer than its deadline; nothing was sent."""
    stop = threading.Event()

    def look_up(*_: object, **__: object) -> list[object]:
        stop.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    began = time.monotonic()

    outcome = hasty.list_pins("SS000001").outcome
    stop.set()

    assert time.monotonic() - began < PATIENCE
    assert Kind.DOUBT is outcome.kind
    assert outcome.message.startswith("could not connect")

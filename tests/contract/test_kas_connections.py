"""Connections that fail, answers that are cut or endless, and many calls at once."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.contract.raw_vendor import SHORT, Make, Vendor
from tests.kas_calls import ALL, PIN, all_calls
from worker.kas import KasClient, Kind


def test_refused_connection_is_doubt_and_says_so(make: Make) -> None:
    """Nobody listens: doubt without a status, and the message names the failed connection."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = make(f"http://127.0.0.1:{free.getsockname()[1]}/api", call_timeout=SHORT)
        answers = all_calls(client)

    assert [(Kind.DOUBT, None)] * ALL == [
        (answer.outcome.kind, answer.outcome.http_status) for answer in answers
    ]
    assert {True} == {answer.outcome.message.startswith("could not connect") for answer in answers}


def test_unknown_host_is_doubt_and_says_so(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not resolve: doubt, and the message names it."""

    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    outcome = make("http://kas.invalid/api").list_pins("SS000001").outcome

    assert (Kind.DOUBT, "could not connect: host name not found (gaierror)") == (
        outcome.kind,
        outcome.message,
    )


def test_second_address_is_tried(vendor: Vendor, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose first address refuses is reached at its next one."""
    vendor.example("clock_200")
    rows = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.0.2", "127.0.0.1")
    ]
    real = socket.getaddrinfo

    def look_up(host: str, *args: Any, **more: Any) -> Any:
        return rows if host == "kas.test" else real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    client = make(vendor.url.replace("127.0.0.1", "kas.test"))

    assert Kind.DONE is client.set_clock("SS000001").outcome.kind


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", None),
        (b"HTTP/1.1 200 OK\r\nContent-Le", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", 200),
        (b"HTTP/1.1 400 Bad\r\nContent-Length: 50\r\n\r\nInvalid Token.", 400),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", 200),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None),
        (b"HTTP/1.1 200 OK\r\nbad header 1234\r\n\r\n", None),
    ],
)
def test_cut_or_broken_answers_are_doubt(
    vendor: Vendor, client: KasClient, sent: bytes, status: int | None
) -> None:
    """A connection cut anywhere in the answer, or an answer that is no HTTP: nothing is retried.

    Doubt where an answer had begun; else it was cut, and the vendor may still be at work.
    """

    def script(conn: socket.socket) -> None:
        conn.sendall(sent)
        conn.shutdown(socket.SHUT_RDWR)

    vendor.script = script
    answers = all_calls(client)

    kind = Kind.CUT if status is None else Kind.DOUBT
    assert [(kind, status)] * ALL == [(answer.outcome.kind, answer.outcome.http_status) for answer in answers]
    assert ALL == len(vendor.seen)
    assert [] == [answer for answer in answers if "1234" in answer.outcome.message]


def test_kept_connection_that_the_vendor_drops_is_cut(vendor: Vendor, client: KasClient) -> None:
    """A kept connection that ends without a byte after a command was sent: cut, not sent again."""
    vendor.example("clock_200")
    client.set_clock("SS000001")
    vendor.script = lambda conn: conn.shutdown(socket.SHUT_RDWR)

    outcome = client.add_pin("SS000001", PIN).outcome

    assert (Kind.CUT, None, 1) == (outcome.kind, outcome.http_status, vendor.connections)
    assert ["PUT", "POST"] == [seen.line.split()[0] for seen in vendor.seen]


def test_redirects_are_not_followed(vendor: Vendor, client: KasClient) -> None:
    """A redirect is a refusal, wherever it points; the key is not carried on."""
    for target in (vendor.url, "http://[", "/elsewhere"):
        vendor.answers(b"", 307, f"Location: {target}\r\n")
        assert [(Kind.REFUSED, 307)] * ALL == [
            (answer.outcome.kind, answer.outcome.http_status) for answer in all_calls(client)
        ]

    assert 3 * ALL == len(vendor.seen)


@pytest.mark.parametrize("length", ["Content-Length: 3000000\r\n", ""])
def test_endless_body_is_doubt(vendor: Vendor, client: KasClient, length: str) -> None:
    """A body over 1 MiB is not read to its end: doubt."""

    def script(conn: socket.socket) -> None:
        conn.sendall(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode() + b" " * 3_000_000)
        conn.shutdown(socket.SHUT_RDWR)

    vendor.script = script
    outcome = client.set_clock("SS000001").outcome

    assert (Kind.DOUBT, 200, "the answer is larger than it may be") == (
        outcome.kind,
        outcome.http_status,
        outcome.message,
    )


def test_body_below_the_cap_is_read(vendor: Vendor, client: KasClient) -> None:
    """A body just below 1 MiB is an answer like any other."""
    vendor.answers(b'{"ack": 1}'.ljust(2**20))

    assert Kind.DONE is client.set_clock("SS000001").outcome.kind


def test_the_trail_of_a_busy_gate_is_read(vendor: Vendor, client: KasClient) -> None:
    """Three months of a gate with 40 openings a day are over 1 MiB; they are its audit trail all the same."""
    vendor.answers(b'{"events": [], "ack": 0}'.ljust(2 * 2**20))

    assert () == client.list_events("SS000001").events


def test_throttled_says_when(vendor: Vendor, client: KasClient) -> None:
    """The Retry-After header of a 429 arrives with the outcome."""
    vendor.answers(b"Too many", 429, "Retry-After: 7\r\n")

    assert (Kind.THROTTLED, 7.0) == (
        client.set_clock("SS000001").outcome.kind,
        client.set_clock("SS000001").outcome.retry_after,
    )

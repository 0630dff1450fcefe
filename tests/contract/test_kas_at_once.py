"""Many calls of one client at once."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from tests.contract.raw_vendor import SHORT, Make, Script, Vendor, keep_silent, says
from tests.kas_calls import kinds
from worker.kas import Kind


def test_as_many_calls_as_connections_go_out_together(vendor: Vendor, make: Make) -> None:
    """Sixty calls of one client are all with the vendor at the same time; none waits for a connection."""
    together = threading.Barrier(60)
    reply = says(b'{"ack": 1}')

    def script(conn: socket.socket) -> None:
        together.wait(timeout=30)
        reply(conn)

    vendor.script = script
    client = make(vendor.url, max_connections=60)
    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(lambda _: client.set_clock("SS000001"), range(60)))

    assert [Kind.DONE] * 60 == kinds(answers)


def test_no_free_connection_in_time_is_not_sent(vendor: Vendor, make: Make) -> None:
    """A call beyond the connections that finds none before its deadline has surely not been sent."""
    vendor.script = keep_silent(vendor)
    client = make(vendor.url, max_connections=1, call_timeout=SHORT)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: client.set_clock("SS000001"), range(2)))

    # The connection that frees in the last millisecond may leave no time to connect: not sent either.
    unsent = [a.outcome for a in answers if a.outcome.kind is not Kind.UNANSWERED]
    assert all(o.kind is Kind.NOT_SENT or o.message.startswith("could not connect") for o in unsent)
    # What the vendor has seen is never called unsent; what left in the last moment it may not have read yet.
    assert 1 <= len(vendor.seen) <= 2 - len(unsent)


def test_failures_leave_no_connection_behind(vendor: Vendor, make: Make) -> None:
    """After more failed calls than connections, of every sort, each connection can still be used."""
    client = make(vendor.url, max_connections=2, call_timeout=SHORT)
    scripts: list[Script] = [
        lambda conn: conn.shutdown(socket.SHUT_RDWR),
        lambda conn: conn.sendall(b"nonsense\r\n\r\n"),
        lambda conn: conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 2_000_000),
        lambda conn: conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
    ]
    for vendor.script in scripts * 2:
        assert Kind.DONE is not client.set_clock("SS000001").outcome.kind
    client.set_clock("SS000001", not_after=time.monotonic())
    vendor.example("clock_200")

    with ThreadPoolExecutor(2) as pool:
        assert [Kind.DONE] * 8 == kinds(list(pool.map(lambda _: client.set_clock("SS000001"), range(8))))

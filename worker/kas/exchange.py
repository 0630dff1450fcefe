"""One request out, one answer back, or how it failed: each failure of the network becomes an outcome here."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

import httpcore
import httpx

from worker.domain.outcomes import Kind, Outcome
from worker.kas.answers import presentable
from worker.kas.wire import CALL, Call, TooLate, hush

__all__ = ["BODY_LIMIT", "TRAIL_LIMIT", "Exchange", "Raw", "Request", "answered_by", "recorded"]

BODY_LIMIT: Final = 2**20
TRAIL_LIMIT: Final = 2**24  # three months of a gate that opens 500 times a day
_ENDS: ContextVar[float] = ContextVar("kas_ends", default=math.inf)


@contextmanager
def answered_by(ends: float) -> Iterator[None]:
    """Calls made within wait for their answer no longer than to this moment (`time.monotonic()`)."""
    before = _ENDS.set(ends)
    try:
        yield
    finally:
        _ENDS.reset(before)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be sent. Its repr has neither address, headers nor body: any may hold a key or a PIN."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    longest: int = BODY_LIMIT  # bytes of the answer's body


@dataclass(frozen=True, slots=True)
class Raw:
    """An HTTP answer as it came."""

    status: int
    body: bytes = field(repr=False)
    retry_after: str | None


Sink = Callable[[Request, "Raw | Outcome"], None]
_SINK: ContextVar[Sink | None] = ContextVar("kas_sink", default=None)


@contextmanager
def recorded(sink: Sink) -> Iterator[None]:
    """Give `sink` each request made within and what came of it, with all secrets: it must leave them out."""
    before = _SINK.set(sink)
    try:
        yield
    finally:
        _SINK.reset(before)


class Exchange:
    """Sends over `transport`, within `seconds` each.

    The transport is used bare: `httpx.Client` logs URLs, follows redirects and keeps cookies.
    """

    def __init__(self, transport: httpx.BaseTransport, seconds: float) -> None:
        hush()
        self._transport = transport
        self._seconds = seconds

    def send(self, request: Request, not_after: float | None) -> Raw | Outcome:
        """Send, no byte later than `not_after` (`time.monotonic()`); what the vendor does raises nothing."""
        found, sink = self._sent(request, not_after), _SINK.get()
        if sink is not None:
            sink(request, found)
        return found

    def _sent(self, request: Request, not_after: float | None) -> Raw | Outcome:
        deadline = min(time.monotonic() + self._seconds, _ENDS.get())
        send_before = deadline if not_after is None else min(deadline, not_after)
        call = Call(deadline, send_before, has_body=request.body is not None)
        before = CALL.set(call)
        try:
            call.check_not_late()
            response = self._transport.handle_request(self._made(request, call))
            call.status = response.status_code
            try:
                body = _read(response, call, request.longest)
            finally:
                response.close()
        except _CAUGHT as error:
            return _failure(error, request.secrets, call)
        finally:
            CALL.reset(before)
        return Raw(response.status_code, body, response.headers.get("Retry-After"))

    def close(self) -> None:
        """Close the idle connections."""
        self._transport.close()

    def _made(self, request: Request, call: Call) -> httpx.Request:
        return httpx.Request(
            request.method,
            request.url,
            headers={
                **request.headers,
                "Content-Type": "application/json",
                "Cache-Control": "no-cache",  # a remote unlock is a GET: no proxy may answer it by itself
                "User-Agent": "innkey",
            },
            json=request.body,
            extensions={"timeout": httpx.Timeout(self._seconds).as_dict(), "trace": call.trace},
        )


def _read(response: httpx.Response, call: Call, longest: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > longest:
            raise _BodyTooLarge
        call.left(httpcore.ReadTimeout)
    return bytes(body)


# --- what can end a call without an answer ------------------------------------------------------------------


class _BodyTooLarge(Exception):
    """The answer's body is over the limit."""


# The first row that fits counts. No byte of the request has left when a connection was never there.
_FAILURES: Final[tuple[tuple[tuple[type[Exception], ...], Kind, str], ...]] = (
    (
        (httpx.ConnectError, httpx.ConnectTimeout, httpcore.ConnectError, httpcore.ConnectTimeout),
        Kind.DOUBT,
        "could not connect",
    ),
    ((httpx.PoolTimeout, httpcore.PoolTimeout), Kind.NOT_SENT, "no connection became free in time"),
    ((httpx.TimeoutException, httpcore.TimeoutException), Kind.UNANSWERED, "no answer in time"),
    ((_BodyTooLarge,), Kind.DOUBT, "the answer is larger than it may be"),
    ((TooLate,), Kind.CUT, "cut off by us: the deadline passed with the request half sent"),
    (
        (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError),
        Kind.CUT,
        "the connection was cut or its answer is not HTTP",
    ),
)
_CAUGHT: Final = tuple(kind for row in _FAILURES for kind in row[0])


def _failure(error: Exception, secrets: tuple[str, ...], call: Call) -> Outcome:
    if isinstance(error, TooLate) and not call.leaving:
        return Outcome(Kind.NOT_SENT, message="not sent: the deadline passed before the call left")
    kind, words = next((row[1], row[2]) for row in _FAILURES if isinstance(error, row[0]))
    if words == "could not connect":
        words = presentable(f"{words}: {error}", secrets)
    if kind is Kind.CUT and call.status is not None:
        kind = Kind.DOUBT  # it had begun to answer: it is not at work any more
    return Outcome(kind, http_status=call.status if kind is Kind.DOUBT else None, message=words)

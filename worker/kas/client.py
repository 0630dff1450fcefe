"""The client of the vendor's cloud: one call out, one `Answer` back, within one total deadline.

Below the calls stands the wire that keeps the deadline: httpx limits each read, not their sum, so that a
server which sends a byte a second could hold a thread for ever.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from ssl import SSLContext
from threading import Thread
from typing import Any, Final

import httpcore
import httpx

from worker.domain.outcomes import Answer, Kind, Outcome
from worker.kas.answers import Asked, Brings, classify, presentable
from worker.kas.errors import BadRequest
from worker.kas.schemas import NewPin, add_body, check_key, check_lock, delete_body

__all__ = ["KasClient"]

BODY_LIMIT: Final = 2**20
# Seconds. Common web servers close an idle connection after five: we close first.
KEEP_ALIVE: Final = 4.0
SHORTEST_SECRET: Final = 4


class KasClient:
    """Calls the vendor's cloud. Thread-safe; one per account and process is enough.

    `base_url` goes up to and including `/api`. `call_timeout` is the whole time of a call, from the first
    look-up to the last byte. `transport` replaces the network, for tests; it keeps its own time-outs.

    Each call takes the API key to use (else the client's own) and `not_after`, a moment of
    `time.monotonic()` after which no byte of the request leaves. It raises `BadRequest`, before anything
    leaves, for what breaks a limit of the document; all that happens afterwards is an `Answer`. Nothing is
    retried, no redirect is followed.
    """

    def __init__(
        self,
        base_url: str,
        *,
        key: str | None = None,
        call_timeout: timedelta = timedelta(seconds=30),
        transport: httpx.BaseTransport | None = None,
        max_connections: int = 60,
    ) -> None:
        self._base_url = _check_base_url(base_url)
        self._key = key
        self._seconds = call_timeout.total_seconds()
        self._transport = transport or _DeadlineTransport(max_connections)

    def list_pins(self, lock: str, *, key: str | None = None, not_after: float | None = None) -> Answer:
        """The PINs that the cloud knows of a lock (section "Get Online Passwords"); needs no gateway.

        `entries` is None unless the outcome is DONE.
        """
        return self._call("GET", "remotePassword", lock, key, not_after, brings=Brings.LIST)

    def add_pin(
        self, lock: str, pin: NewPin, *, key: str | None = None, not_after: float | None = None
    ) -> Answer:
        """Add a PIN, overwriting whatever holds its slot (section "Add Online Password").

        After DONE, `entries` is the lock's list if the answer brought a readable one, else None.
        """
        given = (pin.pin, pin.name, pin.email, pin.message)
        return self._call(
            "POST",
            "remotePassword",
            lock,
            key,
            not_after,
            brings=Brings.ACK_AND_LIST,
            body=add_body(pin),
            secrets=tuple(text for text in given if text and len(text) >= SHORTEST_SECRET),
        )

    def delete_pin(
        self, lock: str, slot: int, *, key: str | None = None, not_after: float | None = None
    ) -> Answer:
        """Delete what a slot holds, by id (section "Delete Online Password")."""
        return self._call("DELETE", "remotePassword", lock, key, not_after, body=delete_body(slot))

    def set_clock(self, lock: str, *, key: str | None = None, not_after: float | None = None) -> Answer:
        """Set the lock's clock by the time zone in the vendor's console (section "Set Clock")."""
        return self._call("PUT", "setClock", lock, key, not_after)

    def close(self) -> None:
        """Close the idle connections."""
        self._transport.close()

    def _call(
        self,
        method: str,
        command: str,
        lock: str,
        key: str | None,
        not_after: float | None,
        *,
        brings: Brings = Brings.ACK,
        body: Mapping[str, Any] | None = None,
        secrets: tuple[str, ...] = (),
    ) -> Answer:
        token = check_key(self._key if key is None else key)
        asked = Asked(check_lock(lock), brings, (token, *secrets))
        deadline = time.monotonic() + self._seconds
        call = _Call(deadline, deadline if not_after is None else min(deadline, not_after), body is not None)
        request = httpx.Request(
            method,
            f"{self._base_url}/lockCommand/{command}/{asked.lock}",
            headers={"x-auth-token": token, "Content-Type": "application/json", "User-Agent": "innkey"},
            json=body,
            extensions={"timeout": httpx.Timeout(self._seconds).as_dict(), "trace": call.trace},
        )
        return self._exchange(request, asked, call)

    def _exchange(self, request: httpx.Request, asked: Asked, call: _Call) -> Answer:
        """Send and classify. The transport is used bare: `httpx.Client` logs URLs and keeps cookies."""
        before = _CALL.set(call)
        try:
            call.check_not_late()
            response = self._transport.handle_request(request)
            call.status = response.status_code
            try:
                body = _read(response, call)
            finally:
                response.close()
        except _CAUGHT as error:
            return Answer(_failure(error, asked, call))
        finally:
            _CALL.reset(before)
        return classify(asked, response.status_code, body, retry_after=response.headers.get("Retry-After"))


def _check_base_url(base_url: str) -> str:
    try:
        url = httpx.URL(base_url)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 80) < 2**16:
        raise BadRequest("base_url", "an address that begins with http:// or https://")
    return base_url.rstrip("/")


def _read(response: httpx.Response, call: _Call) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > BODY_LIMIT:
            raise _BodyTooLarge
        call.left(httpcore.ReadTimeout)
    return bytes(body)


# --- what can end a call without an answer ------------------------------------------------------------------


class _TooLate(Exception):
    """The moment after which nothing may leave has passed."""


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
    ((_BodyTooLarge,), Kind.DOUBT, "the answer is larger than 1 MiB"),
    ((_TooLate,), Kind.DOUBT, "cut off by us: the deadline passed with the request half sent"),
    (
        (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError),
        Kind.DOUBT,
        "the connection was cut or its answer is not HTTP",
    ),
)
_CAUGHT: Final = tuple(kind for row in _FAILURES for kind in row[0])


def _failure(error: Exception, asked: Asked, call: _Call) -> Outcome:
    if isinstance(error, _TooLate) and not call.leaving:
        return Outcome(Kind.NOT_SENT, message="not sent: the deadline passed before the call left")
    kind, words = next((row[1], row[2]) for row in _FAILURES if isinstance(error, row[0]))
    if words == "could not connect":
        words = presentable(f"{words}: {error}", asked.secrets)
    return Outcome(kind, http_status=call.status if kind is Kind.DOUBT else None, message=words)


# --- the wire -----------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Call:
    """One call under way. `deadline` and `send_before` are moments of `time.monotonic()`."""

    deadline: float
    send_before: float
    has_body: bool
    leaving: bool = False
    status: int | None = None

    def left(self, error: type[httpcore.TimeoutException]) -> float:
        """Seconds until the deadline; raises `error` when there are none."""
        seconds = self.deadline - time.monotonic()
        if seconds <= 0:
            raise error("the call's total deadline has passed")
        return seconds

    def check_not_late(self) -> None:
        if time.monotonic() >= self.send_before:
            raise _TooLate

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpcore right before it writes; raising here makes it drop the connection unused."""
        if event == "http11.send_request_headers.started":
            self.check_not_late()
            self.leaving = True
        elif event == "http11.send_request_body.started" and self.has_body:
            self.check_not_late()


_CALL: ContextVar[_Call] = ContextVar("kas_call")


class _DeadlineTransport(httpx.BaseTransport):
    """A pool of connections on which no operation outlasts the deadline of the call in `_CALL`."""

    def __init__(self, max_connections: int) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=KEEP_ALIVE,
            retries=0,
            network_backend=_DeadlineBackend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        response = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.read(),
                extensions=request.extensions,
            )
        )
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _DeadlineBackend(httpcore.SyncBackend):
    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Try each address of the host in what is left of the call."""
        call = _CALL.get()
        failure: Exception = httpcore.ConnectError("the host has no address")
        for address in _addresses(host, port, call.left(httpcore.ConnectTimeout)):
            left = call.left(httpcore.ConnectTimeout)
            try:
                return _DeadlineStream(
                    super().connect_tcp(address, port, left, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure


def _addresses(host: str, port: int, seconds: float) -> list[str]:
    """Look the host up, in a thread that can be left behind: the system's resolver knows no deadline."""
    found: Future[list[str]] = Future()

    def look_up() -> None:
        try:
            found.set_result(
                [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
            )
        except (OSError, UnicodeError) as error:
            found.set_exception(httpcore.ConnectError(f"host name not found ({type(error).__name__})"))

    Thread(target=look_up, name="kas-look-up", daemon=True).start()
    try:
        return found.result(timeout=seconds)
    except TimeoutError:
        raise httpcore.ConnectTimeout("no answer to the look-up of the host name") from None


class _DeadlineStream(httpcore.NetworkStream):
    """A connection whose every operation gets only the rest of the call's time."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _CALL.get().left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _CALL.get().left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = _CALL.get().left(httpcore.ConnectTimeout)
        return _DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

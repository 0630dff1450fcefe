"""The wire below the vendor's calls: no operation outlasts its call, nothing leaves too late.

httpx limits each read, not their sum, so that a server which sends a byte a second could hold a thread for
ever.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextvars import ContextVar
from dataclasses import dataclass
from ssl import SSLContext
from threading import Thread
from typing import Any, Final

import httpcore
import httpx

__all__ = ["CALL", "AddressRefused", "Call", "DeadlineTransport", "TooLate", "hush"]

# Seconds. Common web servers close an idle connection after five: we close first.
KEEP_ALIVE: Final = 4.0


class TooLate(Exception):
    """The moment after which nothing may leave has passed."""


class AddressRefused(httpcore.ConnectError):
    """The host has only addresses to which this transport does not connect."""


@dataclass(slots=True)
class Call:
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
        """Raises TooLate where the moment after which nothing may leave has passed."""
        if time.monotonic() >= self.send_before:
            raise TooLate

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpcore right before it writes; raising here makes it drop the connection unused."""
        if event == "http11.send_request_headers.started":
            self.check_not_late()
            self.leaving = True
        elif event == "http11.send_request_body.started" and self.has_body:
            self.check_not_late()


CALL: ContextVar[Call] = ContextVar("kas_call")

_LOGS: Final = (
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
)


def _is_not_ours(_record: logging.LogRecord) -> bool:
    return CALL.get(None) is None


def hush() -> None:
    """Keep httpcore's own log lines about our calls back; those about the calls of others stay.

    At DEBUG they show the headers of each answer, and a redirect of a remote unlock repeats the key there.
    """
    for name in _LOGS:
        logging.getLogger(name).addFilter(_is_not_ours)


class DeadlineTransport(httpx.BaseTransport):
    """A pool of connections on which no operation outlasts the deadline of the call in `CALL`.

    `admits` is asked about each address (numeric) right before it is connected to: the host is not looked up
    again after that.
    """

    def __init__(self, max_connections: int, admits: Callable[[str], bool] | None = None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=KEEP_ALIVE,
            retries=0,
            network_backend=_DeadlineBackend(admits),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send on a connection of the pool."""
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
        """Close the idle connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


class _DeadlineBackend(httpcore.SyncBackend):
    def __init__(self, admits: Callable[[str], bool] | None) -> None:
        self._admits = admits

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Try each address of the host in what is left of the call."""
        call = CALL.get()
        failure: Exception | None = None
        for address in _addresses(host, port, call.left(httpcore.ConnectTimeout)):
            left = call.left(httpcore.ConnectTimeout)
            if self._admits is not None and not self._admits(address):
                failure = failure or AddressRefused("no address of the host is allowed")
                continue
            try:
                return _DeadlineStream(
                    super().connect_tcp(address, port, left, local_address, socket_options)
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("the host has no address")


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
        return self._inner.read(max_bytes, CALL.get().left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, CALL.get().left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left = CALL.get().left(httpcore.ConnectTimeout)
        return _DeadlineStream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

"""The client of the vendor's cloud: one call out, one `Answer` back, within one total deadline.

Below the calls stands the wire that keeps the deadline (`worker.kas.wire`).
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import httpcore
import httpx

from worker.domain.outcomes import Answer, Kind, Outcome
from worker.kas.answers import Asked, Brings, classify, presentable
from worker.kas.errors import BadRequest
from worker.kas.key_fetch import read_key
from worker.kas.schemas import NewPin, add_body, check_key, check_lock, delete_body
from worker.kas.wire import CALL, Call, DeadlineTransport, TooLate

__all__ = ["KasClient"]

BODY_LIMIT: Final = 2**20
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
        self._base_url = _check_url("base_url", base_url)
        self._key = key
        self._seconds = call_timeout.total_seconds()
        self._transport = transport or DeadlineTransport(max_connections)

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

    def fetch_key(
        self, key_url: str, email: str, password: str, *, not_after: float | None = None
    ) -> tuple[Outcome, str | None]:
        """Fetch a dynamic key with a login (section "Step 2: Retrieve your API Key").

        The outcome is DONE just where there is a key; neither it nor the login stands in a message.
        """
        asked = Asked("", Brings.ACK, (email, password))
        call = self._begin(not_after, has_body=True)
        request = self._request(
            "POST", _check_url("key_url", key_url), {}, {"email": email, "password": password}, call
        )
        got = self._exchange(request, asked, call)
        return (got, None) if isinstance(got, Outcome) else read_key(asked, *got)

    def close(self) -> None:
        """Close the idle connections."""
        self._transport.close()

    def _begin(self, not_after: float | None, *, has_body: bool) -> Call:
        deadline = time.monotonic() + self._seconds
        return Call(deadline, deadline if not_after is None else min(deadline, not_after), has_body)

    def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: Mapping[str, Any] | None, call: Call
    ) -> httpx.Request:
        return httpx.Request(
            method,
            url,
            headers={**headers, "Content-Type": "application/json", "User-Agent": "innkey"},
            json=body,
            extensions={"timeout": httpx.Timeout(self._seconds).as_dict(), "trace": call.trace},
        )

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
        call = self._begin(not_after, has_body=body is not None)
        url = f"{self._base_url}/lockCommand/{command}/{asked.lock}"
        got = self._exchange(self._request(method, url, {"x-auth-token": token}, body, call), asked, call)
        if isinstance(got, Outcome):
            return Answer(got)
        status, content, retry_after = got
        return classify(asked, status, content, retry_after=retry_after)

    def _exchange(
        self, request: httpx.Request, asked: Asked, call: Call
    ) -> Outcome | tuple[int, bytes, str | None]:
        """Send: status, body and Retry-After, or how it failed.

        The transport is used bare: `httpx.Client` logs URLs and keeps cookies.
        """
        before = CALL.set(call)
        try:
            call.check_not_late()
            response = self._transport.handle_request(request)
            call.status = response.status_code
            try:
                body = _read(response, call)
            finally:
                response.close()
        except _CAUGHT as error:
            return _failure(error, asked, call)
        finally:
            CALL.reset(before)
        return response.status_code, body, response.headers.get("Retry-After")


def _check_url(name: str, text: str) -> str:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 80) < 2**16:
        raise BadRequest(name, "an address that begins with http:// or https://")
    return text.rstrip("/")


def _read(response: httpx.Response, call: Call) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes():
        body += chunk
        if len(body) > BODY_LIMIT:
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
    ((_BodyTooLarge,), Kind.DOUBT, "the answer is larger than 1 MiB"),
    ((TooLate,), Kind.DOUBT, "cut off by us: the deadline passed with the request half sent"),
    (
        (httpx.HTTPError, httpcore.NetworkError, httpcore.ProtocolError),
        Kind.DOUBT,
        "the connection was cut or its answer is not HTTP",
    ),
)
_CAUGHT: Final = tuple(kind for row in _FAILURES for kind in row[0])


def _failure(error: Exception, asked: Asked, call: Call) -> Outcome:
    if isinstance(error, TooLate) and not call.leaving:
        return Outcome(Kind.NOT_SENT, message="not sent: the deadline passed before the call left")
    kind, words = next((row[1], row[2]) for row in _FAILURES if isinstance(error, row[0]))
    if words == "could not connect":
        words = presentable(f"{words}: {error}", asked.secrets)
    return Outcome(kind, http_status=call.status if kind is Kind.DOUBT else None, message=words)

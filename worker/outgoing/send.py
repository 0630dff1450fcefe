"""Signs a message as Standard Webhooks say, sends it once, and says how the endpoint answered."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Final

import httpcore
import httpx
from standardwebhooks.webhooks import Webhook

from worker.domain.deliveries import Reply, Verdict, retry_after, verdict_of
from worker.kas.wire import CALL, AddressRefused, Call, DeadlineTransport, hush
from worker.outgoing.addresses import is_public
from worker.property_outgoing import EndpointConfig

__all__ = ["Answered", "Sender"]

DEADLINE_S: Final = 20.0  # of one attempt in all
MOST_READ: Final = 4096  # bytes of the answer
_CONNECTIONS: Final = 16


@dataclass(frozen=True, slots=True)
class Answered:
    """How an attempt ended, and the beginning of what the endpoint said (for whoever tests it)."""

    reply: Reply
    said: bytes = field(default=b"", repr=False)


class Sender:
    """Sends over connections of its own: no proxy of the environment, no redirects, no cookies.

    `seconds`: the deadline of one attempt. `admits` says which addresses are allowed for endpoints that must
    stay out of private networks.
    """

    def __init__(self, seconds: float = DEADLINE_S, admits: Callable[[str], bool] = is_public) -> None:
        """Nothing is made or connected before it is used."""
        self._seconds, self._admits = seconds, admits
        self._guard = Lock()
        self._pools: dict[bool, DeadlineTransport] = {}

    def send(self, endpoint: EndpointConfig, message: str, body: str, now: datetime) -> Answered:
        """Send a body (JSON) under the id `message`. What the endpoint or the network does raises nothing."""
        started = time.monotonic()
        call = Call(started + self._seconds, started + self._seconds, has_body=True)
        before = CALL.set(call)
        try:
            response = self._transport(endpoint).handle_request(self._signed(endpoint, message, body, now))
            said = _beginning(response, call)
        except _CAUGHT as error:
            return Answered(Reply(verdict=_verdict_of(error), took=_since(started)))
        finally:
            CALL.reset(before)
        status = response.status_code
        wait = retry_after(response.headers.get("Retry-After"), now)
        reply = Reply(verdict=verdict_of(status), status=status, retry_after=wait, took=_since(started))
        return Answered(reply, said)

    def close(self) -> None:
        """Close the idle connections."""
        with self._guard:
            for pool in self._pools.values():
                pool.close()

    def _transport(self, endpoint: EndpointConfig) -> DeadlineTransport:
        """One pool for each kind: a connection into a private network serves no other endpoint."""
        with self._guard:
            if endpoint.allow_private not in self._pools:
                hush()
                admits = None if endpoint.allow_private else self._admits
                self._pools[endpoint.allow_private] = DeadlineTransport(_CONNECTIONS, admits)
            return self._pools[endpoint.allow_private]

    def _signed(self, endpoint: EndpointConfig, message: str, body: str, now: datetime) -> httpx.Request:
        signatures = [Webhook(secret.reveal()).sign(message, now, body) for secret in endpoint.secrets]
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "innkey",
            "webhook-id": message,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(signatures),
        }
        extensions = {"timeout": httpx.Timeout(self._seconds).as_dict()}
        return httpx.Request(
            "POST", endpoint.url.reveal(), headers=headers, content=body.encode(), extensions=extensions
        )


def _beginning(response: httpx.Response, call: Call) -> bytes:
    """Some of the answer's body: the status has told all that counts, so its end is not waited for."""
    said = bytearray()
    try:
        for chunk in response.iter_raw():
            said += chunk
            if len(said) >= MOST_READ:
                break
            call.left(httpcore.ReadTimeout)
    except _CAUGHT:
        pass
    finally:
        response.close()
    return bytes(said[:MOST_READ])


# The first row that fits counts.
_FAILURES: Final[tuple[tuple[tuple[type[Exception], ...], Verdict], ...]] = (
    ((AddressRefused,), Verdict.NOT_ALLOWED),
    ((httpx.TimeoutException, httpcore.TimeoutException), Verdict.TIMEOUT),
    (
        (
            httpx.HTTPError,
            httpx.InvalidURL,
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.UnsupportedProtocol,
        ),
        Verdict.UNREACHABLE,
    ),
)
_CAUGHT: Final = tuple(kind for row in _FAILURES for kind in row[0])


def _verdict_of(error: Exception) -> Verdict:
    return next(verdict for kinds, verdict in _FAILURES if isinstance(error, kinds))


def _since(started: float) -> timedelta:
    return timedelta(milliseconds=round((time.monotonic() - started) * 1000))

"""The client of the vendor's cloud: one call out, one `Answer` back, within one total deadline.

Below the calls stands the exchange that turns each failure into an outcome (`worker.kas.exchange`), and the
wire that keeps the deadline (`worker.kas.wire`). `KasClient.lock` is the way in for programs that want
results and errors instead of answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import quote

import httpx

from worker.domain.outcomes import Answer, Outcome
from worker.kas import requests
from worker.kas.answers import Asked, Brings, classify
from worker.kas.door import KasLock
from worker.kas.errors import BadRequest
from worker.kas.exchange import BODY_LIMIT, TRAIL_LIMIT, Exchange, Request
from worker.kas.key_fetch import read_key
from worker.kas.limits import check_key, check_lock, check_text, check_url_key
from worker.kas.login import DynamicKey, Login
from worker.kas.requests import NewPin, NewRfid
from worker.kas.wire import DeadlineTransport

__all__ = ["KasClient"]

SHORTEST_SECRET: Final = 4


@dataclass(frozen=True, slots=True)
class _Command:
    """One call of the document: its method, its path without the lock, and what it sends and brings."""

    method: str
    path: str
    brings: Brings = Brings.ACK
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    secrets: tuple[str | None, ...] = field(default=(), repr=False)
    has_key_in_url: bool = False


class KasClient:
    """Calls the vendor's cloud. Thread-safe; one per account and process is enough.

    `base_url` goes up to and including `/api`. `api_key` is a static key; with `login` the client fetches a
    dynamic one itself. `call_timeout` is the whole time of a call, from the first look-up to the last byte.
    `transport` replaces the network, for tests; it keeps its own time-outs.

    Each call takes the API key to use (else the client's own) and `not_after`, a moment of
    `time.monotonic()` after which no byte of the request leaves. It raises `BadRequest`, before anything
    leaves, for what breaks a limit of the document; all that happens afterwards is an `Answer`. Nothing is
    retried (but for a dynamic key of the client's own that is refused), no redirect is followed.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        login: Login | None = None,
        call_timeout: timedelta = timedelta(seconds=30),
        transport: httpx.BaseTransport | None = None,
        max_connections: int = 60,
    ) -> None:
        self._base_url = _check_url("base_url", base_url)
        if api_key is not None and login is not None:
            raise BadRequest("login", "left out where there is an api_key")
        self._key = api_key
        self._dynamic = None if login is None else DynamicKey(self._fetcher(login))
        self._exchange = Exchange(
            transport or DeadlineTransport(max_connections), call_timeout.total_seconds()
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def lock(self, name: str, *, reader: bool = False) -> KasLock:
        """One lock, by its factory name: its calls bring results and raise `KasError`.

        A `reader` is an access control reader: its RFID ids go to 2000.
        """
        return KasLock(self, check_lock(name), reader=reader)

    def unlock(self, lock: str, *, key: str | None = None, not_after: float | None = None) -> Answer:
        """Unlock the door (section "Remote Unlock"). After a 504 it may be open.

        The document puts the key into the address of this call.
        """
        return self._call(
            lock, key, not_after, _Command("GET", "lockCommand/remoteUnlock", has_key_in_url=True)
        )

    def list_pins(self, lock: str, *, key: str | None = None, not_after: float | None = None) -> Answer:
        """The PINs that the cloud knows of a lock (section "Get Online Passwords"); needs no gateway.

        `entries` is None unless the outcome is DONE.
        """
        return self._call(lock, key, not_after, _Command("GET", "lockCommand/remotePassword", Brings.LIST))

    def add_pin(
        self, lock: str, pin: NewPin, *, key: str | None = None, not_after: float | None = None
    ) -> Answer:
        """Add a PIN, overwriting whatever holds its slot (section "Add Online Password").

        After DONE, `entries` is the lock's list if the answer brought a readable one, else None.
        """
        body = requests.add_body(pin)
        secrets = (pin.pin, pin.name, pin.email, pin.message)
        command = _Command("POST", "lockCommand/remotePassword", Brings.ACK_AND_LIST, body, secrets)
        return self._call(lock, key, not_after, command)

    def delete_pin(
        self, lock: str, slot: int, *, key: str | None = None, not_after: float | None = None
    ) -> Answer:
        """Delete what a slot holds, by id (section "Delete Online Password")."""
        body = requests.delete_body(slot)
        return self._call(lock, key, not_after, _Command("DELETE", "lockCommand/remotePassword", body=body))

    def delete_pin_by_value(
        self, lock: str, pin: str, *, key: str | None = None, not_after: float | None = None
    ) -> Answer:
        """Delete a PIN by itself. The document advises to delete by id: a PIN may be there twice."""
        body = requests.delete_by_value_body(pin)
        command = _Command("DELETE", "lockCommand/remotePassword", body=body, secrets=(pin,))
        return self._call(lock, key, not_after, command)

    def list_events(self, lock: str, *, key: str | None = None, not_after: float | None = None) -> Answer:
        """The audit trail of the last three months (section "Get Lock Audit Trial"); needs no gateway.

        `events` is None unless the outcome is DONE. What happened while the gateway was away is missing.
        """
        return self._call(lock, key, not_after, _Command("GET", "events", Brings.EVENTS))

    def list_rfids(self, lock: str, *, key: str | None = None, not_after: float | None = None) -> Answer:
        """The RFID tags on a lock (section "Get Remote RFIDs"); needs its gateway.

        `tags` is None unless the outcome is DONE.
        """
        return self._call(lock, key, not_after, _Command("GET", "lockCommand/remoteRFID", Brings.TAGS))

    def add_rfid(
        self,
        lock: str,
        tag: NewRfid,
        *,
        reader: bool = False,
        key: str | None = None,
        not_after: float | None = None,
    ) -> Answer:
        """Add an RFID tag, overwriting whatever holds its id (section "Add Remote RFID").

        After DONE, `tags` is the lock's list if the answer brought a readable one, else None.
        """
        body = requests.add_rfid_body(tag, reader=reader)
        secrets = (tag.uid, tag.kas_uid, tag.name)
        command = _Command("POST", "lockCommand/remoteRFID", Brings.ACK_AND_TAGS, body, secrets)
        return self._call(lock, key, not_after, command)

    def delete_rfid(
        self,
        lock: str,
        rfid_id: int,
        *,
        reader: bool = False,
        key: str | None = None,
        not_after: float | None = None,
    ) -> Answer:
        """Delete an RFID tag, by id (section "Delete Remote RFID")."""
        body = requests.delete_rfid_body(rfid_id, reader=reader)
        return self._call(lock, key, not_after, _Command("DELETE", "lockCommand/remoteRFID", body=body))

    def set_clock(self, lock: str, *, key: str | None = None, not_after: float | None = None) -> Answer:
        """Set the lock's clock by the time zone in the vendor's console (section "Set Clock")."""
        return self._call(lock, key, not_after, _Command("PUT", "lockCommand/setClock"))

    def fetch_key(
        self, key_url: str, email: str, password: str, *, not_after: float | None = None
    ) -> tuple[Outcome, str | None]:
        """Fetch a dynamic key with a login (section "Step 2: Retrieve your API Key").

        The outcome is DONE just where there is a key; neither it nor the login stands in a message.
        """
        body = {"email": check_text("email", email), "password": check_text("password", password)}
        asked = Asked("", Brings.ACK, (email, password))
        request = Request("POST", _check_url("key_url", key_url), body=body, secrets=asked.secrets)
        got = self._exchange.send(request, not_after)
        if isinstance(got, Outcome):
            return got, None
        return read_key(asked, got.status, got.body, got.retry_after)

    def close(self) -> None:
        """Close the idle connections."""
        self._exchange.close()

    def _fetcher(self, login: Login) -> Callable[[], tuple[Outcome, str | None]]:
        url = _check_url("key_url", login.key_url)
        return lambda: self.fetch_key(url, login.email, login.password)

    def _call(self, lock: str, key: str | None, not_after: float | None, command: _Command) -> Answer:
        name = check_lock(lock)
        if key is None and self._dynamic is not None:
            return self._dynamic.call(lambda fetched: self._send(name, fetched, not_after, command))
        return self._send(name, check_key(self._key if key is None else key), not_after, command)

    def _send(self, lock: str, key: str, not_after: float | None, command: _Command) -> Answer:
        url, headers = f"{self._base_url}/{command.path}/{lock}", {"x-auth-token": key}
        secrets = [text for text in command.secrets if text and len(text) >= SHORTEST_SECRET]
        if command.has_key_in_url:
            in_url = quote(check_url_key(key), safe="")
            url, headers = f"{url}/{in_url}", {}
            secrets.append(in_url)
        asked = Asked(lock, command.brings, (key, *secrets))
        longest = TRAIL_LIMIT if command.brings is Brings.EVENTS else BODY_LIMIT
        request = Request(command.method, url, headers, command.body, asked.secrets, longest)
        got = self._exchange.send(request, not_after)
        if isinstance(got, Outcome):
            return Answer(got)
        return classify(asked, got.status, got.body, retry_after=got.retry_after)


def _check_url(name: str, text: str) -> str:
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError):
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host or not 0 < (url.port or 80) < 2**16:
        raise BadRequest(name, "an address that begins with http:// or https://")
    return text.rstrip("/")

"""Keys that are good for a token only: fetched, kept until it expires, and fetched anew when refused."""

from __future__ import annotations

import hashlib
import time
from abc import abstractmethod
from base64 import b64encode
from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import httpx

from webhooks.sources.asking import SECONDS, GoneError, LaterError, RefusedError, content_of
from worker.secret import Secret

__all__ = ["Bearer", "ClientCredentials", "Token", "TokenAuth", "TokenPlace", "bearer"]

MARGIN: Final = timedelta(minutes=1)
UNTOLD: Final = timedelta(minutes=30)  # how long a token is kept whose answer does not say
_REFUSED = range(400, 404)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and until when it may be used (UTC)."""

    text: str = field(repr=False)
    until: datetime


class TokenPlace(Protocol):
    """Where tokens outlast a process; `name` changes with the key that they were fetched with."""

    def get(self, name: str) -> Token | None:
        """The token kept under this name; None without one."""

    def put(self, name: str, token: Token) -> None:
        """Keep it in the place of any other."""


class Bearer(httpx.Auth):
    """Sends a token that never changes, as `Authorization: Bearer`."""

    def __init__(self, token: Secret) -> None:
        """Keep the token masked."""
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send it along."""
        request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        yield request


class TokenAuth(httpx.Auth):
    """Sends a token that is fetched at `token_url`; once anew where the answer's status is `stale`.

    `settles`: seconds until a new token is good. Neither a `repr` nor an error shows a key or a token.
    Requests raise LaterError and RefusedError where no token is to be had.
    """

    def __init__(
        self, token_url: str, key: str, *, stale: Collection[int] = (401,), settles: float = 0.0
    ) -> None:
        """`key` is what a token is fetched with; only its hash is kept here, as the token's name."""
        self._url, self._stale, self._settles = token_url, frozenset(stale), settles
        self._name = hashlib.sha256(f"{token_url}\n{key}".encode()).hexdigest()
        self._token: Token | None = None
        self._place: TokenPlace | None = None

    def keep_in(self, place: TokenPlace) -> None:
        """Look for a token there first, and leave each new one there."""
        self._place = place

    @abstractmethod
    def fetching(self) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
        """The request for a token: method, headers, form."""

    def read(self, document: Mapping[str, Any]) -> tuple[object, object]:
        """The token in an answer, and for how many seconds it is good (RFC 6749, section 5.1)."""
        return document.get("access_token"), document.get("expires_in")

    def put_on(self, request: httpx.Request, token: str) -> None:
        """Send the token along (RFC 6750, section 2.1)."""
        request.headers["Authorization"] = f"Bearer {token}"

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Send the kept token; a new one where there is none, or it is refused."""
        token = self._kept()
        if token is not None:
            self.put_on(request, token.text)
            response = yield request
            if response.status_code not in self._stale:
                return
        response = yield self._request(request)
        response.read()
        token = self._taken(response)
        if self._settles:
            time.sleep(self._settles)
        self.put_on(request, token.text)
        yield request

    def _kept(self) -> Token | None:
        if self._token is None and self._place is not None:
            self._token = self._place.get(self._name)
        if self._token is not None and self._token.until <= datetime.now(UTC):
            self._token = None
        return self._token

    def _request(self, instead_of: httpx.Request) -> httpx.Request:
        method, headers, form = self.fetching()
        known = {"User-Agent": "innkey", "Accept": "application/json"}
        return httpx.Request(
            method,
            self._url,
            headers={**known, **headers},
            data=dict(form) or None,
            extensions=instead_of.extensions,  # its deadlines
        )

    def _taken(self, response: httpx.Response) -> Token:
        try:
            document = content_of(response, time.monotonic() + SECONDS)
        except RefusedError as error:
            raise RefusedError(error.status, is_key=error.status in _REFUSED) from None
        except GoneError:
            raise LaterError("no token is given out at the address for tokens") from None
        text, seconds = self.read(document if isinstance(document, dict) else {})
        if not isinstance(text, str) or not text.isascii() or not text.isprintable() or not text:
            raise LaterError("an answer without a token")
        lasts = _span(seconds)
        self._token = Token(text, datetime.now(UTC) + max(lasts - MARGIN, lasts / 2))
        if self._place is not None:
            self._place.put(self._name, self._token)
        return self._token


class ClientCredentials(TokenAuth):
    """The client credentials grant (RFC 6749, section 4.4).

    Id and secret stand in the form, or with `basic` in the header (section 2.3.1).
    """

    def __init__(
        self,
        token_url: str,
        id: str,  # noqa: A002 - the field's word
        secret: str,
        *,
        scope: str | None = None,
        basic: bool = False,
        stale: Collection[int] = (401,),
        settles: float = 0.0,
    ) -> None:
        """Nothing is sent yet."""
        super().__init__(token_url, f"{id}:{secret}", stale=stale, settles=settles)
        self._id, self._secret, self._scope, self._basic = id, Secret(secret), scope, basic

    def fetching(self) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
        """The grant's form."""
        form = {"grant_type": "client_credentials", **({"scope": self._scope} if self._scope else {})}
        if self._basic:
            pair = b64encode(f"{self._id}:{self._secret.reveal()}".encode()).decode()
            return "POST", {"Authorization": f"Basic {pair}"}, form
        return "POST", {}, {**form, "client_id": self._id, "client_secret": self._secret.reveal()}


def bearer(
    key: Secret,
    token_url: str,
    *,
    scope: str | None = None,
    stale: Collection[int] = (401,),
    settles: float = 0.0,
) -> httpx.Auth:
    """The login that a source's `api_key` means: `id:secret` fetches tokens, all else is a token itself."""
    id_, colon, secret = key.reveal().partition(":")
    if not colon:
        return Bearer(key)
    return ClientCredentials(token_url, id_, secret, scope=scope, stale=stale, settles=settles)


def _span(seconds: object) -> timedelta:
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0:
        return timedelta(seconds=min(seconds, 10**9))
    return UNTOLD

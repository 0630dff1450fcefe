"""OAuth 2.0 with client credentials (RFC 6749, section 4.4): a token, fetched when it is needed."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from functools import lru_cache
from typing import Final

import httpx

from webhooks.sources.asking import GoneError, LaterError, RefusedError, content_of
from worker.secret import Secret

__all__ = ["ClientCredentials", "credentials_for"]

SECONDS: Final = 30.0
EARLIER: Final = 60.0  # a token is left in peace so long before it runs out
SHORTEST: Final = 60.0


class ClientCredentials(httpx.Auth):
    """Puts the token on each request; one that is refused is fetched anew, once. Shared by threads."""

    def __init__(self, token_url: str, client_id: Secret, client_secret: Secret) -> None:
        self._url, self._id, self._secret = token_url, client_id, client_secret
        self._token, self._ends, self._lock = Secret(""), 0.0, threading.Lock()

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Raises RefusedError where the credentials are refused, LaterError where the token has to wait."""
        with self._lock:
            token, is_fresh = self._token, False
            if time.monotonic() >= self._ends:
                token, is_fresh = (yield from self._fetched(request)), True
        answer = yield _with(request, token)
        if answer.status_code != 401 or is_fresh:
            return
        with self._lock:
            token = (yield from self._fetched(request)) if self._token is token else self._token
        yield _with(request, token)

    def _fetched(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, Secret]:
        basic = httpx.BasicAuth(self._id.reveal(), self._secret.reveal())
        form = {"grant_type": "client_credentials"}
        # The time-outs of the request that waits for the token are among its extensions.
        asked = httpx.Request("POST", self._url, data=form, extensions=request.extensions)
        answer = yield next(basic.auth_flow(asked))
        answer.read()
        try:
            found = content_of(answer, time.monotonic() + SECONDS)
        except RefusedError as error:
            # A client that is not known is answered with 400 or 401 (section 5.2).
            raise RefusedError(error.status, is_key=True) from None
        except GoneError:
            raise LaterError("no tokens where they are asked for") from None
        token = found.get("access_token") if isinstance(found, dict) else None
        if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not token:
            raise LaterError("an answer without an access token")
        lasts = found.get("expires_in")
        seconds = float(lasts) if isinstance(lasts, int) and not isinstance(lasts, bool) else 0.0
        self._token, self._ends = Secret(token), time.monotonic() + max(seconds - EARLIER, SHORTEST)
        return self._token


@lru_cache(maxsize=64)
def credentials_for(token_url: str, client_id: str, client_secret: str) -> ClientCredentials:
    """The same for the same client, so that one token serves all visits of this process to a source."""
    return ClientCredentials(token_url, Secret(client_id), Secret(client_secret))


def _with(request: httpx.Request, token: Secret) -> httpx.Request:
    request.headers["Authorization"] = f"Bearer {token.reveal()}"
    return request

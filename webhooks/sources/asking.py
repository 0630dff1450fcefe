"""Speaks to a booking system's own API: one deadline for a request, no redirects, no key in an error."""

from __future__ import annotations

import email.utils
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Final, Self, cast

import httpcore
import httpx

from worker.kas.wire import CALL, Call, DeadlineTransport, hush

__all__ = [
    "Asking",
    "AskingError",
    "GoneError",
    "LaterError",
    "Params",
    "RefusedError",
    "content_of",
    "retry_after",
]

Params = Mapping[str, str | int | Sequence[str]]  # a list is the same name several times

SECONDS: Final = 30.0
MOST_BYTES: Final = 16 * 2**20
LONGEST_PAUSE: Final = timedelta(hours=1)
_LATER = frozenset({408, 425, 429})
_TOO_LONG: Final = "an answer of over 16 MiB"
_FAULTS = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpx.CookieConflict,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    OSError,
    UnicodeError,
)


class AskingError(Exception):
    """What is asked of a source was not answered as hoped. The text says why, without quoting the answer.

    AskingError
    ├── LaterError    no connection, no time left, 429, 5xx, not JSON: the same may go well later
    ├── RefusedError  another 4xx: a wrong key, or a request that the source does not take
    └── GoneError     404 or 410: there is no such thing
    """


class LaterError(AskingError):
    """It may go well later; `after` is what the source asked for (`Retry-After`), an hour at most."""

    def __init__(self, text: str, after: timedelta | None = None) -> None:
        super().__init__(text)
        self.after = after


class RefusedError(AskingError):
    """The source does not take the request. `is_key`: because it does not know the key, or forbids it.

    `may_be_one`: a 403 that may forbid this reservation only.
    """

    def __init__(self, status: int, *, is_key: bool | None = None) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.is_key = status in (401, 403) if is_key is None else is_key
        self.may_be_one = status == 403 and is_key is None


class GoneError(AskingError):
    """The source knows no such thing."""


class Asking:
    """One source's API at `base_url`. Use it as a context manager, or close it.

    `headers` go with each request; `auth` is httpx' own; `common` stands in each body that is an object.
    """

    def __init__(
        self,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: httpx.Auth | None = None,
        common: Mapping[str, object] | None = None,
    ) -> None:
        self._common = dict(common or {})
        hush()
        self._client = httpx.Client(
            transport=_Wire(2),
            # Paths are joined to the base's own, whatever slashes there are.
            base_url=base_url.rstrip("/") + "/",
            headers={"User-Agent": "innkey", "Accept": "application/json", **(headers or {})},
            auth=auth,
            timeout=SECONDS,
            follow_redirects=False,
            trust_env=False,
        )
        self.auth = auth
        self.before_each: Callable[[], None] | None = None  # may raise: then nothing is sent

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, params: Params | None = None) -> Any:
        """The JSON at `path`, below the base. Raises AskingError."""
        return self.send("GET", path, params=params)

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        body: object = None,
    ) -> Any:
        """The JSON that a request is answered with; `body` is sent as JSON. Raises AskingError."""
        if self.before_each is not None:
            self.before_each()
        whole = {**self._common, **body} if isinstance(body, dict) else body
        request = self._client.build_request(method, path.lstrip("/"), params=params, json=whole)
        ends = time.monotonic() + SECONDS
        call = CALL.set(Call(ends, ends, has_body=False))
        try:
            answer = self._client.send(request, stream=True)
            try:
                return content_of(answer, ends)
            finally:
                answer.close()
        except _FAULTS as error:
            # The texts of these errors may hold the address, and that a token.
            raise LaterError(f"no answer ({type(error).__name__})") from None
        finally:
            CALL.reset(call)


class _Wire(DeadlineTransport):
    """Caps each answer, those too that a login reads by itself."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send, and answer with what can be read of it."""
        answer = super().handle_request(request)
        return httpx.Response(
            answer.status_code,
            headers=answer.headers,
            stream=_Capped(cast("httpx.SyncByteStream", answer.stream)),
        )


class _Capped(httpx.SyncByteStream):
    def __init__(self, inner: httpx.SyncByteStream) -> None:
        self._inner = inner

    def __iter__(self) -> Iterator[bytes]:
        size = 0
        for chunk in self._inner:
            size += len(chunk)
            if size > MOST_BYTES:
                raise LaterError(_TOO_LONG)
            CALL.get().left(httpcore.ReadTimeout)
            yield chunk

    def close(self) -> None:
        self._inner.close()


def content_of(answer: httpx.Response, ends: float) -> Any:
    """The JSON of an answer that has begun, read until `ends` (monotonic). Raises AskingError, and httpx'."""
    return _json(answer, _read(answer, ends))


def _read(answer: httpx.Response, ends: float) -> bytes:
    content = bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            raise LaterError(_TOO_LONG)
        if time.monotonic() > ends:
            raise LaterError(f"no whole answer within {SECONDS:.0f} s")
    return bytes(content)


def _json(answer: httpx.Response, content: bytes) -> Any:
    status = answer.status_code
    if status in (404, 410):
        raise GoneError(f"HTTP {status}")
    if status in _LATER or status >= 500 or 300 <= status < 400:
        raise LaterError(f"HTTP {status}", retry_after(answer.headers.get("Retry-After")))
    if status >= 400:
        raise RefusedError(status)
    if not content.strip():
        return None
    try:
        return _of_whole_characters(json.loads(content))
    except (ValueError, RecursionError):
        raise LaterError("an answer that is not JSON") from None


def _of_whole_characters(found: Any) -> Any:
    """What was read, with `?` for half a surrogate pair: a name that was cut in an emoji is still a name."""
    return json.loads(json.dumps(found, ensure_ascii=False).encode(errors="replace"))


def retry_after(given: str | None) -> timedelta | None:
    """`Retry-After` in seconds or as a date (RFC 9110, section 10.2.3); None where it is neither."""
    if given is None:
        return None
    text = given.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=int(text[:9])), LONGEST_PAUSE)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return min(max(moment - datetime.now(UTC), timedelta(0)), LONGEST_PAUSE)

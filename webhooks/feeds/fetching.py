"""Fetches a calendar: only if it has changed, within one deadline, and without a word of its address."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import httpcore
import httpx

from webhooks.sources.asking import GoneError, LaterError, RefusedError, retry_after
from worker.kas.wire import CALL, Call, DeadlineTransport, hush
from worker.secret import Secret

__all__ = ["Fetched", "fetch"]

SECONDS: Final = 30.0
MOST_BYTES: Final = 4 * 2**20
MOST_REDIRECTS: Final = 5
_LATER = frozenset({408, 425, 429})
# Some sites hand calendars out as plain text or as any file; what is in it decides. A page does not pass.
_TYPES = frozenset(
    {"text/calendar", "text/x-vcalendar", "application/ics", "application/octet-stream", "text/plain", ""}
)
_FAULTS = (
    httpx.HTTPError,
    httpx.InvalidURL,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    OSError,
    UnicodeError,
)


@dataclass(frozen=True, slots=True)
class Fetched:
    """What came: the content, None where it has not changed; and what to ask with the next time."""

    content: bytes | None
    etag: str = ""
    modified: str = ""

    def __repr__(self) -> str:
        """Leave out the content: it holds guests."""
        return f"Fetched({'unchanged' if self.content is None else len(self.content)})"


def fetch(url: Secret, etag: str = "", modified: str = "") -> Fetched:
    """Fetch a calendar; with the `etag` or date of the last time only what has changed since.

    Raises AskingError.
    """
    hush()
    asks = {"If-None-Match": etag, "If-Modified-Since": modified}
    ends = time.monotonic() + SECONDS
    token = CALL.set(Call(ends, ends, has_body=False))
    transport = DeadlineTransport(1)
    try:
        return _fetched(transport, url.reveal(), {name: value for name, value in asks.items() if value})
    except _FAULTS as error:
        # The texts of these errors may hold the address.
        raise LaterError(f"no answer ({type(error).__name__})") from None
    finally:
        transport.close()
        CALL.reset(token)


def _fetched(transport: DeadlineTransport, url: str, asks: Mapping[str, str]) -> Fetched:
    at = httpx.URL(url)
    for _ in range(MOST_REDIRECTS + 1):
        request = httpx.Request(
            "GET",
            at,
            headers={"User-Agent": "innkey", "Accept": "text/calendar, */*;q=0.1", **asks},
            extensions={"timeout": httpx.Timeout(SECONDS).as_dict()},
        )
        answer = transport.handle_request(request)
        try:
            if not answer.has_redirect_location:
                return _read(answer, is_conditional=bool(asks))
            at = _led(at, answer.headers["Location"])
        finally:
            answer.close()
    raise LaterError(f"over {MOST_REDIRECTS} redirects")


def _led(at: httpx.URL, location: str) -> httpx.URL:
    """Where a redirect leads: to no less safe a place than before."""
    found = at.join(location)
    if found.scheme not in ("https", at.scheme) or not found.host:
        raise LaterError("a redirect away from https")
    return found


def _read(answer: httpx.Response, *, is_conditional: bool) -> Fetched:
    status = answer.status_code
    if status == 304 and is_conditional:
        return Fetched(None)
    if status in (404, 410):
        raise GoneError(f"HTTP {status}")
    if 400 <= status < 500 and status not in _LATER:
        raise RefusedError(status)
    if status != 200:
        raise LaterError(f"HTTP {status}", retry_after(answer.headers.get("Retry-After")))
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if kind not in _TYPES:
        raise LaterError("an answer that is no calendar by its Content-Type")
    content = _content(answer)
    return Fetched(content, _header(answer, "ETag"), _header(answer, "Last-Modified"))


def _content(answer: httpx.Response) -> bytes:
    content = bytearray()
    for chunk in answer.iter_bytes():
        content += chunk
        if len(content) > MOST_BYTES:
            raise LaterError(f"a calendar of over {MOST_BYTES // 2**20} MiB")
        CALL.get().left(httpcore.ReadTimeout)
    return bytes(content)


def _header(answer: httpx.Response, name: str) -> str:
    """A header that is sent back as it is, if it can be."""
    value = answer.headers.get(name, "")
    return value if value.isascii() and value.isprintable() and len(value) <= 500 else ""

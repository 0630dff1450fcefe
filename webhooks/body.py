"""The raw body of a delivery, in full or not at all.

werkzeug cuts a body of unknown length at its limit without a word, and takes one that breaks off for whole.
"""

from __future__ import annotations

from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

__all__ = ["MOST_BYTES", "read_body"]

MOST_BYTES = 1024 * 1024

_MOST_DRAINED = 4 * MOST_BYTES
_PIECE = 64 * 1024


def read_body() -> bytes:
    """The body of this request. Raises werkzeug's errors: 413 over a mebibyte, 400 where it breaks off."""
    request.max_content_length = MOST_BYTES + 1
    try:
        body = _within_limit(request.get_data(cache=False))
    except RequestEntityTooLarge:
        _drain()
        raise
    if request.content_length not in (None, len(body)):
        raise BadRequest("The body broke off before its end.")
    return body


def _within_limit(body: bytes) -> bytes:
    if len(body) > MOST_BYTES:
        raise RequestEntityTooLarge
    return body


def _drain() -> None:
    """Read on a little: one that is still sending when the connection closes would never see the answer."""
    if "Expect" in request.headers or "wsgi.input_terminated" not in request.environ:
        return
    stream, left = request.environ["wsgi.input"], _MOST_DRAINED
    while left > 0:
        piece = stream.read(_PIECE)
        if not piece:
            return
        left -= len(piece)

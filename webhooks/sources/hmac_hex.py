"""Signatures that are a hexadecimal HMAC-SHA256 of the raw body in one header."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable

from webhooks.sources.adapter import UnprovenError
from worker.secret import Secret

__all__ = ["check"]

_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")


def check(given: str, body: bytes, secrets: Iterable[Secret]) -> None:
    """Check that `given` was made of `body` with one of `secrets`, in either case. Raises UnprovenError."""
    if not _DIGEST.fullmatch(given):
        raise UnprovenError("missing or malformed signature header")
    matches = [
        hmac.compare_digest(given.lower(), hmac.digest(one.reveal().encode(), body, hashlib.sha256).hex())
        for one in secrets
    ]
    if not any(matches):
        raise UnprovenError("no signature matches")

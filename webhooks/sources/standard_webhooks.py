"""The signature of Standard Webhooks, checked over the raw bytes.

The library of that name decodes the body first, so that an authentic body that is no UTF-8 would pass for
forged; and one odd signature makes it refuse the good one beside it. Tests hold this against the library.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from webhooks.sources.adapter import UnprovenError
from worker.secret import Secret

__all__ = ["ID", "TOLERANCE", "verify"]

TOLERANCE = timedelta(minutes=5)
ID = re.compile(r"[!-~]{1,255}")

_TIMESTAMP = re.compile(r"[0-9]{1,12}")
_SIGNATURE = re.compile(r"v1,([A-Za-z0-9+/]{43}=)")


def verify(headers: Mapping[str, str], body: bytes, secrets: Iterable[Secret], now: datetime) -> None:
    """Check that one of the signatures was made with one of `secrets`, within five minutes of `now`.

    Raises UnprovenError (the Standard Webhooks specification, section "Verifying webhook authenticity").
    """
    sent_id, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    given = _SIGNATURE.findall(headers.get("webhook-signature", ""))
    if not (ID.fullmatch(sent_id) and _TIMESTAMP.fullmatch(sent_at) and given):
        raise UnprovenError("missing or malformed signature headers")
    if abs(now.timestamp() - int(sent_at)) > TOLERANCE.total_seconds():
        raise UnprovenError("signed too long ago, or in the future")
    signed = f"{sent_id}.{sent_at}.".encode() + body
    if not any(_is_signed_with(secret, signed, given) for secret in secrets):
        raise UnprovenError("no signature matches")


def _is_signed_with(secret: Secret, signed: bytes, given: list[str]) -> bool:
    key = base64.b64decode(secret.reveal().removeprefix("whsec_").rstrip("=") + "==")
    wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256))
    return any(hmac.compare_digest(wanted, one.encode()) for one in given)

"""How sample senders sign."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import datetime

from worker.secret import Secret

__all__ = ["hex_of", "standard"]


def hex_of(body: bytes, secret: Secret) -> str:
    """The hexadecimal HMAC-SHA256 of a body."""
    return hmac.digest(secret.reveal().encode(), body, hashlib.sha256).hex()


def standard(sent_id: str, body: bytes, secret: Secret, now: datetime) -> str:
    """The signature of Standard Webhooks, over any bytes: the library of that name wants text."""
    key = base64.b64decode(secret.reveal().removeprefix("whsec_"))
    signed = f"{sent_id}.{int(now.timestamp())}.".encode() + body
    return f"v1,{base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()}"

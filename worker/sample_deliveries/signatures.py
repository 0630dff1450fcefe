"""How sample senders sign."""

from __future__ import annotations

import hashlib
import hmac

from worker.secret import Secret

__all__ = ["hex_of"]


def hex_of(body: bytes, secret: Secret) -> str:
    """The hexadecimal HMAC-SHA256 of a body."""
    return hmac.digest(secret.reveal().encode(), body, hashlib.sha256).hex()

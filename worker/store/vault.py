"""Encryption at the edge of the store, and the keyed index by which PINs are compared without being kept."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from functools import cache
from typing import Any

import redis
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from worker.store import keys

_TAG_LENGTH = 16


class UnreadableError(Exception):
    """A record cannot be decrypted: the key that wrote it is not among INNKEY_SECRET_KEY."""


class Vault:
    """Encrypts with the first key, decrypts with any (INNKEY_SECRET_KEY)."""

    def __init__(self, secret_keys: list[str], index_key: Callable[[], bytes] = bytes) -> None:
        """`index_key` is asked for the key of the PIN index when the first PIN is compared."""
        self._fernet = MultiFernet([Fernet(key) for key in secret_keys])
        self._index_key = cache(index_key)

    def seal(self, value: Any) -> str:
        """`value` as JSON, encrypted, as text."""
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        return self._fernet.encrypt(text.encode("utf-8", "surrogatepass")).decode()

    def open(self, token: str) -> Any:
        """What `seal` was given. Raises UnreadableError."""
        try:
            return json.loads(self._fernet.decrypt(token.encode()).decode("utf-8", "surrogatepass"))
        except InvalidToken as error:
            msg = "a record cannot be decrypted: add the key that wrote it to INNKEY_SECRET_KEY"
            raise UnreadableError(msg) from error

    def can_open(self, token: str) -> bool:
        """Whether one of the keys wrote it."""
        try:
            self._fernet.decrypt(token.encode())
        except InvalidToken:
            return False
        return True

    def tag(self, pin: str) -> str:
        """The PIN's place in the keyed index. A bare hash of six digits would be as good as the PIN."""
        return hmac.new(self._index_key(), pin.encode(), hashlib.sha256).hexdigest()[:_TAG_LENGTH]


def shared_vault(client: redis.Redis, secret_keys: list[str]) -> Vault:
    """The vault whose index key all processes share: made once, kept in Redis under encryption."""
    vault = Vault(secret_keys)

    def index_key() -> bytes:
        if client.get(keys.INDEX_KEY) is None:
            client.set(keys.INDEX_KEY, vault.seal(Fernet.generate_key().decode()), nx=True)
        stored = str(client.get(keys.INDEX_KEY))
        found = vault.open(stored)
        if not Vault(secret_keys[:1]).can_open(stored):
            client.set(keys.INDEX_KEY, vault.seal(found))
        return str(found).encode()

    return Vault(secret_keys, index_key)

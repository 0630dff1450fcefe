"""The tokens that booking systems gave out: encrypted, so that the next worker need not fetch another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import redis
import structlog

from worker.store import keys
from worker.store.codec import from_millis, to_millis
from worker.store.vault import UnreadableError, Vault

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SourceTokens:
    """One token for each source; one that was fetched with another key is none."""

    client: redis.Redis
    vault: Vault

    def get(self, source: str, name: str) -> tuple[str, datetime] | None:
        """The token kept under `name`, and until when it may be used."""
        raw = self.client.get(keys.source_token(source))
        if raw is None:
            return None
        try:
            kept, text, until = self.vault.open(str(raw))
        except UnreadableError:
            log.warning("source.token_unreadable", source=source)
            return None
        return (str(text), from_millis(until)) if kept == name else None

    def put(self, source: str, name: str, text: str, until: datetime) -> None:
        """Keep a token in the place of any other, until then."""
        sealed = self.vault.seal([name, text, to_millis(until)])
        self.client.set(keys.source_token(source), sealed, pxat=to_millis(until))

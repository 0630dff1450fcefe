"""Keeps the token of a source in Redis, so that the next worker to ask it need not fetch another."""

from __future__ import annotations

from dataclasses import dataclass

from webhooks.sources.oauth import Token
from worker.store.source_tokens import SourceTokens

__all__ = ["KeptTokens"]


@dataclass(frozen=True, slots=True)
class KeptTokens:
    """The place of one source's token."""

    store: SourceTokens
    source: str

    def get(self, name: str) -> Token | None:
        """The token kept under this name; None without one."""
        found = self.store.get(self.source, name)
        return Token(*found) if found is not None else None

    def put(self, name: str, token: Token) -> None:
        """Keep it in the place of any other."""
        self.store.put(self.source, name, token.text, token.until)

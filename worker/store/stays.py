"""The records of stays in Redis: read here, written only through `worker.service.ledger`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import redis
import structlog

from worker.domain.booking import StayKey
from worker.domain.record import Stay
from worker.store import keys
from worker.store.codec import dump_stay, load_stay, to_millis
from worker.store.pages import Page, page_of
from worker.store.vault import UnreadableError, Vault

AT_ONCE = 200

log = structlog.get_logger(__name__)


class Stays:
    """Reads stays."""

    def __init__(self, client: redis.Redis, vault: Vault) -> None:
        """Nothing is sent yet."""
        self._client, self._vault = client, vault

    def raw(self, key: StayKey) -> str:
        """The record as it is stored, for a guarded change; "" where there is none."""
        found = self._client.get(keys.stay(str(key)))
        return "" if found is None else str(found)

    def load(self, raw: str) -> Stay:
        """The stay in a stored text. Raises UnreadableError."""
        return load_stay(raw, self._vault)

    def dump(self, stay: Stay) -> str:
        """The text to store."""
        return dump_stay(stay, self._vault)

    def get(self, key: StayKey) -> Stay | None:
        """One stay."""
        raw = self.raw(key)
        return self.load(raw) if raw else None

    def get_many(self, refs: Iterable[str]) -> list[Stay]:
        """Those of the stays that exist, in the order of `refs`. Raises UnreadableError."""
        return [self.load(raw) for raw in self._raw_many(refs)]

    def readable(self, refs: Iterable[str]) -> list[Stay]:
        """Those of the stays that exist and can be decrypted; the others are logged."""
        found = []
        for raw in self._raw_many(refs):
            try:
                found.append(self.load(raw))
            except UnreadableError:
                log.exception("stay.unreadable")
        return found

    def of_source(self, source: str, since: datetime) -> Iterator[Stay]:
        """A source's stays with a check-in since then, or without one; the unreadable ones are logged."""
        low, none = to_millis(since), 0
        for first, last in ((none, none), (low, float("inf"))):
            found = self._client.zrange(keys.STAYS, first, last, byscore=True)
            refs = [ref for one in found if (ref := str(one)).startswith(f"{source}/")]
            for start in range(0, len(refs), AT_ONCE):
                yield from self.readable(refs[start : start + AT_ONCE])

    def _raw_many(self, refs: Iterable[str]) -> list[str]:
        names = [keys.stay(ref) for ref in refs]
        return [str(raw) for raw in self._client.mget(names) if raw] if names else []

    def page(
        self, *, limit: int, cursor: str | None, since: datetime | None = None, until: datetime | None = None
    ) -> Page[Stay]:
        """Stays by check-in, from `since` up to and including `until`.

        Those without a known check-in come first.
        """
        refs, following = page_of(
            self._client,
            keys.STAYS,
            limit=limit,
            cursor=cursor,
            low=to_millis(since) if since else float("-inf"),
            high=to_millis(until) if until else float("inf"),
        )
        return Page(self.get_many(refs), following)

    def count(self) -> int:
        """How many stays are on record."""
        return int(self._client.zcard(keys.STAYS))

    def scan(self, position: int, count: int) -> tuple[int, list[str]]:
        """Some refs from `position` on in the order of check-in, and the next position (0: done)."""
        refs = [str(ref) for ref in self._client.zrange(keys.STAYS, position, position + count - 1)]
        return (position + len(refs) if len(refs) == count else 0), refs

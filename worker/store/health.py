"""What operators and `/readyz` want to know of Redis and the workers, and the counters behind `/metrics`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis

from worker.store import keys
from worker.store.codec import from_millis, to_millis

SEEN_WITHIN = timedelta(seconds=15)
_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Durability:
    """Whether Redis keeps what it accepted, and never evicts."""

    persists_every_write: bool
    never_evicts: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Server:
    """What Redis says of itself; `settings` is None where the server hides its configuration."""

    info: Mapping[str, Any]
    settings: Mapping[str, str] | None


class Health:
    """Reads and reports."""

    def __init__(self, client: redis.Redis) -> None:
        """Nothing is sent yet."""
        self._client = client

    def ping(self) -> bool:
        """Whether Redis answers. Raises redis' errors."""
        return bool(self._client.ping())

    def durability(self) -> Durability:
        """As Redis' own configuration says; some hosted servers do not tell."""
        try:
            found: Mapping[Any, Any] = self._client.config_get("append*", "maxmemory*")
        except redis.ResponseError:
            return Durability(
                persists_every_write=False, never_evicts=False, detail="this server hides its configuration"
            )
        persists = found.get("appendonly") == "yes" and found.get("appendfsync") == "always"
        evicts = found.get("maxmemory") not in ("0", None) and found.get("maxmemory-policy") != "noeviction"
        detail = f"appendonly {found.get('appendonly')}, appendfsync {found.get('appendfsync')}"
        return Durability(persists_every_write=persists, never_evicts=not evicts, detail=detail)

    def server(self) -> Server:
        """The whole of INFO, and the settings that decide what is kept. Raises redis' errors."""
        info: Mapping[str, Any] = self._client.info()
        try:
            found: Mapping[Any, Any] = self._client.config_get("append*", "maxmemory*")
        except redis.ResponseError:
            return Server(info, None)
        return Server(info, {str(name): str(value) for name, value in found.items()})

    def seen(self, worker: str, now: datetime) -> None:
        """A worker process is alive."""
        pipe = self._client.pipeline(transaction=False)
        pipe.zadd(keys.WORKERS, {worker: to_millis(now)})
        pipe.zremrangebyscore(keys.WORKERS, "-inf", to_millis(now - timedelta(minutes=10)))
        pipe.execute()

    def workers(self, now: datetime) -> int:
        """Worker processes seen within the last 15 s."""
        return int(self._client.zcount(keys.WORKERS, to_millis(now - SEEN_WITHIN), "+inf"))

    def oldest_due(self, now: datetime, accounts: list[str]) -> timedelta:
        """How late the oldest due work is that nobody has taken up: zero where none is.

        Of the locks that stand in line, the first hundred of each account are looked at.
        """
        pipe = self._client.pipeline(transaction=False)
        for account in accounts:
            pipe.zrange(keys.line(account), 0, _LOOKED_AT - 1)
        waiting = [str(lock) for locks in pipe.execute() for lock in locks]
        for index in (keys.DUE, keys.INBOX, *(keys.lock_due(lock) for lock in waiting)):
            pipe.zrange(index, 0, 0, withscores=True)
        moments = [from_millis(int(rows[0][1])) for rows in pipe.execute() if rows]
        return max(now - min(moments), timedelta(0)) if moments else timedelta(0)

    def waiting(self, accounts: list[str]) -> Mapping[str, tuple[int, int]]:
        """By account: places in use, locks in the line."""
        pipe = self._client.pipeline(transaction=False)
        for account in accounts:
            pipe.zcard(keys.window(account))
            pipe.zcard(keys.line(account))
        found = [int(n) for n in pipe.execute()]
        return {name: (found[2 * i], found[2 * i + 1]) for i, name in enumerate(accounts)}

    def count_all(self, counted: Mapping[str, int]) -> None:
        """Add to the counters."""
        if not counted:
            return
        pipe = self._client.pipeline(transaction=False)
        for counter, by in counted.items():
            pipe.hincrby(keys.METRICS, counter, by)
        pipe.execute()

    def counters(self) -> dict[str, int]:
        """All counters."""
        return {str(k): int(v) for k, v in self._client.hgetall(keys.METRICS).items()}

    def gauges(self) -> dict[str, int]:
        """Sizes: stays, open letters, inbox, kept deliveries, owed mails."""
        pipe = self._client.pipeline(transaction=False)
        names = {
            "stays": keys.STAYS,
            "open_letters": keys.OPEN_LETTERS,
            "inbox": keys.INBOX,
            "rejected_events": keys.REJECTED,
            "alerts_owed": keys.ALERTS,
        }
        for index in names.values():
            pipe.zcard(index)
        return dict(zip(names, (int(n) for n in pipe.execute()), strict=True))

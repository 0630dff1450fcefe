"""Accepted events until they are applied, the ids seen, and authentic deliveries that were not understood."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cmp_to_key
from typing import Any

import redis

from worker.domain.booking import BookingEvent, EventType, StayKey, Version
from worker.store import keys
from worker.store.codec import from_millis, to_millis
from worker.store.commit import Commit, ConflictError
from worker.store.pages import Page, page_of
from worker.store.scripts import Scripts
from worker.store.vault import Vault

REMEMBER_IDS = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedEvent:
    """An authentic delivery that was not understood, kept whole for a replay after a fix.

    `asked`: it is no delivery, but what the source answered when asked for this reservation.
    """

    id: str
    source: str
    received: datetime
    content_type: str
    errors: dict[str, list[str]]
    body: bytes
    query: str = ""
    replayed: datetime | None = None
    asked: str | None = None

    def __repr__(self) -> str:
        """Leave out the body: it holds the guest."""
        return f"RejectedEvent({self.id})"


class Events:
    """Takes events in, durably, and gives them out until they are applied."""

    def __init__(self, client: redis.Redis, scripts: Scripts, vault: Vault) -> None:
        """Nothing is sent yet."""
        self._client, self._scripts, self._vault = client, scripts, vault

    def accept(self, event: BookingEvent, *, by_content: bool = False) -> tuple[str, bool]:
        """As `accept_at`, without the time."""
        key, is_new, _ = self.accept_at(event, by_content=by_content)
        return key, is_new

    def accept_at(self, event: BookingEvent, *, by_content: bool = False) -> tuple[str, bool, datetime]:
        """Record an event in one round trip: (its key, whether it is new, Redis' time). Raises redis' errors.

        Then nothing is kept. With `by_content` the id is made of what the sender wrote: it is new unless it
        is the last that was said of the stay. News with an id of its sender's are said last, too.
        """
        key = event_key(event.key.source, event.id)
        pending = keys.pending(str(event.key))
        said = keys.said(str(event.key))
        names = [keys.event(key), keys.INBOX, keys.seen(event.key.source), pending, said]
        body = self._vault.seal(_dump_event(event))
        args = [_short(event.id), body, key, int(REMEMBER_IDS.total_seconds()), int(by_content)]
        is_new, now = self._scripts.run("accept", args, names)
        return key, bool(is_new), from_millis(now)

    def accepted_commands(self, event: BookingEvent) -> tuple[str, list[list[str | int]]]:
        """The event's key, and the Redis commands that accept it in a write that it goes along with.

        For events that nobody else sends: whether it is new is not asked.
        """
        key, stay = event_key(event.key.source, event.id), str(event.key)
        return key, [
            ["SET", keys.event(key), self._vault.seal(_dump_event(event))],
            ["ZADD", keys.INBOX, to_millis(event.version.stamp), key],
            ["SADD", keys.pending(stay), key],
        ]

    def get(self, key: str) -> BookingEvent | None:
        """An accepted event that is not applied yet."""
        found = self._client.get(keys.event(key))
        return None if found is None else _load_event(self._vault.open(str(found)))

    def pending(self, stay: StayKey) -> dict[str, BookingEvent]:
        """The accepted events of one stay that are not applied yet, by key, in the order of their version."""
        found = {str(key): self.get(str(key)) for key in self._client.smembers(keys.pending(str(stay)))}
        events = [(key, event) for key, event in found.items() if event is not None]
        return dict(sorted(events, key=cmp_to_key(_by_version)))

    def waiting(self, older_than: datetime, limit: int = 100) -> list[str]:
        """Keys of events accepted before `older_than` and not applied yet, the oldest first."""
        found = self._client.zrange(
            keys.INBOX, "-inf", to_millis(older_than), byscore=True, offset=0, num=limit
        )
        return [str(key) for key in found]

    def failed(self, key: str) -> int:
        """Count a failure to apply an event, and put it off for a while; how often it has failed."""
        fails = int(self._client.hincrby(keys.EVENT_FAILS, key, 1))
        seconds, _ = self._client.time()
        self._client.zadd(keys.INBOX, {key: (int(seconds) + min(30 * 2**fails, 3600)) * 1000}, xx=True)
        return fails

    def has_failed(self, key: str) -> bool:
        """Whether applying an event has failed before."""
        return bool(self._client.hexists(keys.EVENT_FAILS, key))

    def hurry(self, key: str) -> None:
        """Try a failing event again at once."""
        self._client.zadd(keys.INBOX, {key: 1}, xx=True)

    def may_hint(self) -> bool:
        """Whether this process is the one to hint at waiting events, for the next two seconds."""
        return bool(self._client.set(keys.HINTED, "1", nx=True, px=2000))

    def forget_ids(self, source: str, now: datetime) -> None:
        """Drop the ids of events received more than 30 days ago: no sender repeats for so long."""
        self._client.zremrangebyscore(keys.seen(source), "-inf", to_millis(now - REMEMBER_IDS))

    def keep_rejected(self, rejected: RejectedEvent, told: Sequence[list[str | int]] = ()) -> bool:
        """Keep a delivery that was not understood; False where the same one is kept already.

        `told`: the Redis commands that tell a person of it, in the same write.
        """
        name = keys.rejected(rejected.id)
        commit = Commit(guards=[(name, "")], commands=[*self._rejected_commands(rejected), *told])
        try:
            commit.run(self._scripts)
        except ConflictError:
            return False
        return True

    def change_rejected(self, rejected: RejectedEvent) -> None:
        """Keep that a delivery was replayed."""
        Commit(commands=self._rejected_commands(rejected)).run(self._scripts)

    def forget_rejected(self, until: datetime, limit: int = 100) -> int:
        """Drop up to `limit` deliveries received before `until`, guest and all; how many."""
        found = self._client.zrange(
            keys.REJECTED, "-inf", to_millis(until), byscore=True, offset=0, num=limit
        )
        pipe = self._client.pipeline()
        for one in found:
            pipe.delete(keys.rejected(str(one)))
            pipe.zrem(keys.REJECTED, str(one))
        pipe.execute()
        return len(found)

    def _rejected_commands(self, rejected: RejectedEvent) -> list[list[str | int]]:
        row = {
            "source": rejected.source,
            "received": to_millis(rejected.received),
            "content_type": rejected.content_type,
            "errors": rejected.errors,
            "body": rejected.body.decode("latin-1"),
            "query": rejected.query,
            "replayed": to_millis(rejected.replayed) if rejected.replayed else None,
            "asked": rejected.asked,
        }
        return [
            ["SET", keys.rejected(rejected.id), self._vault.seal(row)],
            ["ZADD", keys.REJECTED, to_millis(rejected.received), rejected.id],
        ]

    def get_rejected(self, rejected_id: str) -> RejectedEvent | None:
        """One kept delivery."""
        found = self._client.get(keys.rejected(rejected_id))
        return None if found is None else _load_rejected(rejected_id, self._vault.open(str(found)))

    def rejected_page(self, *, limit: int, cursor: str | None) -> Page[RejectedEvent]:
        """Kept deliveries, the latest first."""
        ids, following = page_of(self._client, keys.REJECTED, limit=limit, cursor=cursor, newest_first=True)
        found = [self.get_rejected(rejected_id) for rejected_id in ids]
        return Page([row for row in found if row is not None], following)


def event_key(source: str, event_id: str) -> str:
    """The key of one event, as messages carry it: the source and a digest of the sender's id."""
    return f"{source}:{_short(event_id)}"


def rejected_id(source: str, body: bytes) -> str:
    """The id of a kept delivery: the same body sent again is the same one."""
    return hashlib.sha256(source.encode() + b"\n" + body).hexdigest()[:24]


def applied_commands(key: str, stay: StayKey) -> list[list[str | int]]:
    """The Redis commands that take an applied event out of the inbox."""
    return [
        ["DEL", keys.event(key)],
        ["ZREM", keys.INBOX, key],
        ["SREM", keys.pending(str(stay)), key],
        ["HDEL", keys.EVENT_FAILS, key],
    ]


def _by_version(one: tuple[str, BookingEvent], other: tuple[str, BookingEvent]) -> int:
    if one[1].version.is_older_than(other[1].version):
        return -1
    return 1 if one[1].version.is_newer_than(other[1].version) else 0


def _short(event_id: str) -> str:
    return hashlib.sha256(event_id.encode()).hexdigest()[:24]


def _dump_event(event: BookingEvent) -> dict[str, Any]:
    version = event.version
    return {
        "id": event.id,
        "key": [event.key.source, event.key.id],
        "type": event.type.value,
        "version": [version.number, version.text, to_millis(version.stamp)],
        "changes": dict(event.changes),
        "siblings": None if event.siblings is None else {k: dict(v) for k, v in event.siblings.items()},
    }


def _load_event(row: dict[str, Any]) -> BookingEvent:
    number, text, stamp = row["version"]
    return BookingEvent(
        id=row["id"],
        key=StayKey(*row["key"]),
        type=EventType(row["type"]),
        version=Version(number=number, text=text, stamp=from_millis(stamp)),
        changes=row["changes"],
        siblings=row.get("siblings"),
    )


def _load_rejected(rejected: str, row: dict[str, Any]) -> RejectedEvent:
    return RejectedEvent(
        id=rejected,
        source=row["source"],
        received=from_millis(row["received"]),
        content_type=row["content_type"],
        errors=row["errors"],
        body=row["body"].encode("latin-1"),
        query=row.get("query", ""),
        replayed=from_millis(row["replayed"]) if row["replayed"] else None,
        asked=row.get("asked"),
    )

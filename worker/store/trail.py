"""The audit trails of the locks, and their signs of life, in Redis.

The PIN and the name that the vendor's events hold are kept nowhere: not even encrypted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import redis

from worker.domain.lock_events import LockEvent
from worker.domain.signs import Signs
from worker.domain.trail import KEPT
from worker.store import keys
from worker.store.codec import from_millis, to_millis

MOST_OPENINGS = 50
BATTERY_KEPT = timedelta(days=366)
_LONGEST_WORD = 60  # of the vendor's labels
_CHUNK = 500

Commands = list[list[str | int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailRow:
    """One event as it is kept; `slot` is the vendor's `user_id`, `ref` the stay whose PIN it was."""

    id: str
    at: datetime
    type: int | None = None
    label: str = ""
    kind: str = ""
    slot: int | None = None
    battery: int | None = None
    ref: str | None = None


class Trails:
    """Reads trails and signs; the commands below write them."""

    def __init__(self, client: redis.Redis) -> None:
        """Nothing is sent yet."""
        self._client = client

    def raw_signs(self, lock: str) -> str:
        """The signs as stored, for a guarded change; "" where there are none."""
        found = self._client.get(keys.signs(lock))
        return "" if found is None else str(found)

    def signs(self, locks: Iterable[str]) -> dict[str, Signs]:
        """The signs of life of some locks; those of a lock that was never heard of are empty."""
        names = list(locks)
        found = self._client.mget([keys.signs(name) for name in names]) if names else []
        return {name: load_signs(str(raw or "")) for name, raw in zip(names, found, strict=True)}

    def unknown(self, lock: str, ids: Sequence[str]) -> set[str]:
        """Those of the events that are not kept yet."""
        missing: set[str] = set()
        for begin in range(0, len(ids), _CHUNK):
            some = list(ids[begin : begin + _CHUNK])
            scores = self._client.zmscore(keys.trail(lock), some)
            missing |= {one for one, score in zip(some, scores, strict=True) if score is None}
        return missing

    def rows(self, lock: str, limit: int, before: datetime | None = None) -> list[TrailRow]:
        """The newest events, the newest first; `before`: only older ones."""
        high = f"({to_millis(before)}" if before is not None else "+inf"
        ids = self._client.zrevrangebyscore(keys.trail(lock), high, "-inf", start=0, num=limit)
        names = [str(one) for one in ids]
        texts = self._client.hmget(keys.trail_rows(lock), names) if names else []
        return [_load_row(name, str(text)) for name, text in zip(names, texts, strict=True) if text]

    def openings(self, ref: str) -> list[tuple[datetime, str]]:
        """The newest openings with the PIN of a stay, in the order of their times: moment and lock."""
        found = self._client.zrange(keys.openings(ref), 0, -1, withscores=True)
        return [(from_millis(int(row[1])), str(row[0]).partition(" ")[0]) for row in found]

    def battery(self, lock: str) -> dict[date, int]:
        """The last level of each day, in their order."""
        found = self._client.hgetall(keys.battery(lock))
        days = {date.fromisoformat(str(day)): int(level) for day, level in found.items()}
        return dict(sorted(days.items()))

    def outdated(self, lock: str, now: datetime) -> Commands:
        """The Redis commands that drop what is older than is kept."""
        old = self._client.zrangebyscore(keys.trail(lock), "-inf", to_millis(now - KEPT))
        ids = [str(one) for one in old]
        commands: Commands = []
        for begin in range(0, len(ids), _CHUNK):
            some = ids[begin : begin + _CHUNK]
            commands += [["ZREM", keys.trail(lock), *some], ["HDEL", keys.trail_rows(lock), *some]]
        first = (now - BATTERY_KEPT).date().isoformat()
        days = [str(day) for day in self._client.hkeys(keys.battery(lock)) if str(day) < first]
        return [*commands, ["HDEL", keys.battery(lock), *days]] if days else commands


def kept_commands(lock: str, event: LockEvent, ref: str | None) -> Commands:
    """The Redis commands that keep an event, and the opening of a stay's door with it."""
    at = to_millis(event.at)
    row = {
        "at": at,
        "t": event.event_type,
        "l": event.label[:_LONGEST_WORD],
        "k": event.user_kind[:_LONGEST_WORD],
        "s": event.user_id,
        "b": event.battery,
        "r": ref,
    }
    kept = {name: value for name, value in row.items() if value not in (None, "")}
    text = json.dumps(kept, separators=(",", ":"))
    commands: Commands = [
        ["HSET", keys.trail_rows(lock), event.id, text],
        ["ZADD", keys.trail(lock), at, event.id],
    ]
    if ref is not None:
        name = keys.openings(ref)
        commands += [
            ["ZADD", name, at, f"{lock} {event.id}"],
            ["ZREMRANGEBYRANK", name, 0, -MOST_OPENINGS - 1],
            ["EXPIRE", name, round(KEPT.total_seconds())],
        ]
    return commands


def battery_commands(lock: str, levels: Mapping[date, int], latest: date | None) -> Commands:
    """The Redis commands that keep the levels of some days; that of the day `latest` replaces another one."""
    return [
        ["HSET" if day == latest else "HSETNX", keys.battery(lock), day.isoformat(), level]
        for day, level in levels.items()
    ]


_MOMENTS = {"ba": "battery_at", "h": "heard", "rd": "read", "u": "unseen"}
_LEVELS = {"b": "battery", "lo": "low"}


def dump_signs(signs: Signs) -> str:
    """The signs as text."""
    row: dict[str, int | None] = {short: getattr(signs, name) for short, name in _LEVELS.items()}
    for short, name in _MOMENTS.items():
        moment = getattr(signs, name)
        row[short] = None if moment is None else to_millis(moment)
    return json.dumps(
        {name: value for name, value in row.items() if value is not None}, separators=(",", ":")
    )


def load_signs(text: str) -> Signs:
    """What `dump_signs` wrote; empty signs from an empty text."""
    row: dict[str, int] = json.loads(text) if text else {}
    found: dict[str, Any] = {name: row.get(short) for short, name in _LEVELS.items()}
    found |= {name: from_millis(row[short]) for short, name in _MOMENTS.items() if short in row}
    return Signs(**found)


def _load_row(event_id: str, text: str) -> TrailRow:
    row = json.loads(text)
    return TrailRow(
        id=event_id,
        at=from_millis(row["at"]),
        type=row.get("t"),
        label=row.get("l", ""),
        kind=row.get("k", ""),
        slot=row.get("s"),
        battery=row.get("b"),
        ref=row.get("r"),
    )

"""The timetable, the line, the window and the leases: who may work on which lock, and when.

All in Lua, on Redis' clock.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis

from worker.domain.house import House, Lock
from worker.domain.media import door_of
from worker.domain.trail import GIVES_WAY
from worker.store import keys
from worker.store.codec import from_millis, to_millis
from worker.store.scripts import Scripts

MOST_REFS = 300
MOST_WATCHED = 100
WATCH_AGAIN_MS = 30_000
PROBE_EVERY_MS = 30_000
SEND_WITHIN = timedelta(seconds=5)  # so long after its intent a call may still leave


@dataclass(frozen=True, slots=True)
class Tick:
    """What a tick found: whom to wake, and how late the latest entry was."""

    now: datetime
    woken: list[str]
    late: timedelta


@dataclass(frozen=True, slots=True)
class Claim:
    """A visit to one lock: the lease's token, and what was read along with it.

    `records` holds the stays' texts by ref; `slots` who holds which slot; `facts` what was last seen of the
    lock; `offline` the stays that wait for its gateway.
    """

    lock: str
    account: str
    token: str
    now: datetime
    quiet_until: datetime | None
    is_paused: bool
    facts: Mapping[str, Any]
    slots: Mapping[int, str]
    refs: list[str]
    records: Mapping[str, str]
    offline: list[str]

    @property
    def door(self) -> str:
        """The lock as the vendor knows it; `lock` may be its memory of tags."""
        return door_of(self.lock)


class Agenda:
    """Hands locks out and takes them back."""

    def __init__(self, client: redis.Redis, scripts: Scripts) -> None:
        """Nothing is sent yet."""
        self._client, self._scripts = client, scripts

    def now(self) -> datetime:
        """Redis' time: the one clock for leases and dues."""
        seconds, micros = self._client.time()
        return from_millis(int(seconds) * 1000 + int(micros) // 1000)

    def tick(self, house: House) -> Tick:
        """Reap what crashed holders left, line up the due locks, give out free places."""
        plan = {
            "places": places(house),
            "accounts": _accounts(house),
            "fallback": next(iter(house.accounts), "default"),
        }
        now, woken, late = self._scripts.run("tick", [json.dumps(plan)])
        return Tick(from_millis(now), [str(lock) for lock in woken], timedelta(milliseconds=late))

    def claim(self, lock: Lock, lease: timedelta) -> Claim | None:
        """The lease of a lock whose turn it is; None where it is not, or somebody has it."""
        token = f"{lock.name}/{secrets.token_hex(8)}"
        found = self._scripts.run("claim", [lock.name, lock.account, token, _ms(lease), MOST_REFS])
        if not found:
            return None
        now, quiet_ms, paused, facts, slots, refs, records, offline = found
        at = from_millis(now)
        unique = dict.fromkeys(str(ref) for ref in refs)
        return Claim(
            lock=lock.name,
            account=lock.account,
            token=token,
            now=at,
            quiet_until=at + timedelta(milliseconds=quiet_ms) if quiet_ms > 0 else None,
            is_paused=bool(paused),
            facts=json.loads(facts) if facts else {},
            slots={int(n): str(ref) for n, ref in zip(slots[::2], slots[1::2], strict=True)},
            refs=list(unique),
            records={str(ref): str(text) for ref, text in zip(refs, records, strict=True) if text},
            offline=sorted(str(ref) for ref in offline),
        )

    def release(
        self,
        claim: Claim,
        house: House,
        *,
        facts: Mapping[str, Any] | None = None,
        ghost_until: datetime | None = None,
        quiet_until: datetime | None = None,
        may_go_on: bool = False,
        trail_at: datetime | None = None,
    ) -> tuple[list[str], list[str]]:
        """End a visit: (locks to wake, refs to go on with). With refs the lease is kept.

        `ghost_until`: a call was never answered, and keeps its place until then. `quiet_until`: no command to
        this lock before then. `trail_at`: its audit trail is to be read by then at the latest.
        """
        args = [
            claim.lock,
            claim.account,
            claim.token,
            places(house).get(claim.account, 0),
            to_millis(ghost_until) if ghost_until else 0,
            to_millis(quiet_until) if quiet_until else 0,
            int(may_go_on),
            json.dumps(facts, separators=(",", ":")) if facts is not None else "",
            to_millis(trail_at) if trail_at else 0,
            _ms(GIVES_WAY),
        ]
        _, woken, refs = self._scripts.run("release", args)
        return [str(lock) for lock in woken], [str(ref) for ref in refs]

    def is_wanted(self, lock: str) -> bool:
        """Whether a person waits for the lock's door just now."""
        return bool(self._client.exists(keys.wanted(door_of(lock))))

    def to_look_at(self) -> list[str]:
        """Some stays that are to be looked at themselves; each is handed out again in half a minute."""
        found = self._scripts.run("watch", [MOST_WATCHED, WATCH_AGAIN_MS])
        return [str(ref) for ref in found]

    def is_scheduled(self, lock: str, ref: str) -> bool:
        """Whether the stay has an entry on the lock's timetable."""
        return self._client.zscore(keys.lock_due(lock), ref) is not None

    def forget(self, lock: str, ref: str) -> None:
        """Drop the entry of a stay that is not on record."""
        pipe = self._client.pipeline()
        for index in (keys.lock_due(lock), keys.lock_deadline(lock), keys.lock_waiting(lock)):
            pipe.zrem(index, ref)
        pipe.execute()

    def mend(self, house: House) -> list[str]:
        """Give locks that have entries and stand nowhere their place back; the locks to wake."""
        plan = {
            "places": places(house),
            "locks": _accounts(house),
            "fallback": next(iter(house.accounts), "default"),
        }
        _, woken = self._scripts.run("mend", [json.dumps(plan)])
        return [str(lock) for lock in woken]

    def put_off(self, lock: str, ref: str, span: timedelta) -> None:
        """Look at an entry again after `span`: its record cannot be worked on now."""
        self._client.zadd(keys.lock_due(lock), {ref: to_millis(self.now() + span)}, xx=True)

    def probe_later(self, account: str) -> None:
        """The next probe of a paused account goes out in half a minute."""
        self._client.set(keys.probe(account), "1", px=PROBE_EVERY_MS)

    def pause_letter(self, account: str) -> str | None:
        """The id of the letter about the account's pause; None where it is not paused."""
        letter_id = self._client.get(keys.paused(account))
        return None if letter_id is None else str(letter_id)

    def resume(self, account: str) -> None:
        """Let an account work again."""
        self._client.delete(keys.paused(account), keys.probe(account))


def places(house: House) -> dict[str, int]:
    """How many calls each account may have out at a time."""
    return {name: account.max_in_flight for name, account in house.accounts.items()}


def _accounts(house: House) -> dict[str, str]:
    return {name: house.account_of(name) for name in {**house.former, **house.locks}}


def lease_key(claim: Claim) -> tuple[str, str]:
    """The guard that fences a write: the lease must still be ours."""
    return keys.lease(claim.door), claim.token


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)

"""The dynamic key of each account, and who may fetch the next one: one worker at a time."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import redis
import structlog

from worker.domain.house import Account, House
from worker.store import keys
from worker.store.codec import from_millis, to_millis
from worker.store.commit import Commit, ConflictError, FencedError
from worker.store.scripts import Scripts
from worker.store.vault import UnreadableError, Vault

MARGIN = timedelta(seconds=10)
FAILS_LIVE = timedelta(minutes=10)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A dynamic key. `generation` counts from 1; `is_proven`: the vendor took it at least once.

    `text` is None where none of INNKEY_SECRET_KEY can read it. `raw` is how it stands in Redis.
    """

    generation: int
    text: str | None = field(repr=False)
    fetched_at: datetime
    refresh_at: datetime
    is_proven: bool = False
    raw: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Fetching:
    """The right to fetch an account's next key, until `MARGIN` after the call's own deadline."""

    account: str
    token: str

    @property
    def guard(self) -> tuple[str, str]:
        """What fences the write of the new key."""
        return keys.refreshing(self.account), self.token


@dataclass(frozen=True, slots=True)
class ApiKeys:
    """Keeps the keys, encrypted."""

    client: redis.Redis
    scripts: Scripts
    vault: Vault
    house: Callable[[], House]

    def get(self, account: str) -> StoredKey | None:
        """The account's dynamic key; None before the first was fetched."""
        raw = self.client.get(keys.key(account))
        return None if raw is None else self._load(account, str(raw))

    def take(self, account: Account, *, with_place: bool) -> Fetching | None:
        """The right to fetch; None while another worker has it or the window is full.

        `with_place`: take a place of the window too, since the asker holds none.
        """
        taken = Fetching(account.name, secrets.token_hex(8))
        lasts = account.call_timeout + MARGIN
        place = max(lasts, account.vendor_hold)
        places = account.max_in_flight if with_place else -1
        args = [account.name, taken.token, _ms(lasts), places, _ms(place)]
        _, is_ours = self.scripts.run("take", args)
        return taken if is_ours else None

    def put(self, taken: Fetching, key: StoredKey) -> None:
        """Store the key just fetched, and give the right back. Raises FencedError when it had run out."""
        name, raw = keys.key(taken.account), self._dump(key)
        end: list[list[str | int]] = [
            ["DEL", keys.key_fails(taken.account)],
            *_given_back(taken, timedelta(0)),
        ]
        commit = Commit(already=(name, raw), fence=taken.guard, commands=[["SET", name, raw], *end])
        commit.run(self.scripts, self.house())

    def give_back(
        self, taken: Fetching, pause: timedelta = timedelta(0), *, keeps_place: bool = False
    ) -> None:
        """End a fetch that brought no key; nobody fetches, nor gets a place, before `pause` is over."""
        commit = Commit(fence=taken.guard, commands=_given_back(taken, pause, keeps_place=keeps_place))
        try:
            commit.run(self.scripts, self.house())
        except FencedError:
            log.warning("key.fetch_ran_out", account=taken.account)

    def change(self, account: str, key: StoredKey, **changes: Any) -> None:
        """Note something about a key, unless a newer one has come."""
        raw = self._dump(replace(key, **changes))
        commit = Commit(guards=[(keys.key(account), key.raw)], commands=[["SET", keys.key(account), raw]])
        try:
            commit.run(self.scripts, self.house())
        except ConflictError:
            log.info("key.changed_meanwhile", account=account)

    def failed(self, account: str) -> int:
        """Count a fetch that did not get through; how many there were in a row."""
        count = int(self.client.incr(keys.key_fails(account)))
        self.client.pexpire(keys.key_fails(account), _ms(FAILS_LIVE))
        return count

    def _load(self, account: str, raw: str) -> StoredKey:
        data = json.loads(raw)
        try:
            text = str(self.vault.open(data["key"]))
        except UnreadableError:
            log.warning("key.unreadable", account=account)
            text = None
        return StoredKey(
            generation=data["generation"],
            text=text,
            fetched_at=from_millis(data["fetched_at"]),
            refresh_at=from_millis(data["refresh_at"]),
            is_proven=data["proven"],
            raw=raw,
        )

    def _dump(self, key: StoredKey) -> str:
        return json.dumps(
            {
                "generation": key.generation,
                "key": self.vault.seal(key.text),
                "fetched_at": to_millis(key.fetched_at),
                "refresh_at": to_millis(key.refresh_at),
                "proven": key.is_proven,
            }
        )


def _given_back(taken: Fetching, pause: timedelta, *, keeps_place: bool = False) -> list[list[str | int]]:
    name = keys.refreshing(taken.account)
    end: list[str | int] = ["SET", name, "-", "PX", _ms(pause)] if pause else ["DEL", name]
    place: list[list[str | int]] = [["ZREM", keys.window(taken.account), f"key#{taken.token}"]]
    return [end] if keeps_place else [end, *place]


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)

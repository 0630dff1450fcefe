"""Which state of the property file is the newest, over all processes, and which locks any of them named."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from zoneinfo import ZoneInfo

import redis

from worker.domain.house import House, Lock
from worker.store import keys
from worker.store.codec import to_millis
from worker.store.scripts import Scripts

ALIVE = timedelta(
    minutes=1
)  # so long after the last worker of the newest file was seen, an older one may take over


class Role(Enum):
    """What a process does with the file it has read."""

    READER = 0  # the command line: its file plans nothing new
    WEB = 1
    WORKER = 2  # while one is seen, older files plan nothing


@dataclass(frozen=True, slots=True)
class Announced:
    """What Redis says of a property file: its generation, the newest one, and the locks no longer in it."""

    number: int
    newest: int
    former: dict[str, Lock]

    @property
    def is_newest(self) -> bool:
        """Whether stays may be planned by this file."""
        return self.number == self.newest


class Generations:
    """Numbers the states of the property file."""

    def __init__(self, client: redis.Redis, scripts: Scripts) -> None:
        """Nothing is sent yet."""
        self._client, self._scripts = client, scripts

    def announce(self, fingerprint: str, modified: datetime, house: House, role: Role) -> Announced:
        """Tell that a process works by this file; a reader only asks.

        A content never seen, or a known one that was modified later, becomes the newest generation. A known
        one that is no younger stays the old one that it is, until no worker of the newest was seen for a
        minute.
        """
        rows = {
            name: json.dumps([lock.account, str(lock.zone), lock.title]) for name, lock in house.locks.items()
        }
        args = [fingerprint, to_millis(modified), json.dumps(rows), role.value, _ms(ALIVE)]
        mine, newest, locks = self._scripts.run("generation", args)
        known = dict(zip(locks[::2], locks[1::2], strict=True))
        former = {str(n): _lock(str(n), str(row)) for n, row in known.items() if str(n) not in house.locks}
        return Announced(int(mine), int(newest), former)

    def next_chunk(self, size: int) -> tuple[int, list[str]] | None:
        """The next stays to look at after the file changed: (newest generation, refs); None when all were."""
        position = self._client.hget(keys.GENERATION, "position")
        if position is None or int(position) < 0:
            return None
        after = int(self._client.hincrby(keys.GENERATION, "position", size))
        refs = [str(ref) for ref in self._client.zrange(keys.STAYS, after - size, after - 1)]
        if not refs:
            self._client.hset(keys.GENERATION, "position", -1)
        return int(str(self._client.hget(keys.GENERATION, "number"))), refs


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)


def _lock(name: str, row: str) -> Lock:
    account, zone, title = json.loads(row)
    return Lock(name=name, zone=ZoneInfo(zone), account=account, title=title)

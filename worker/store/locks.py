"""What is known of each lock: who claims which slot, and what was last seen of it. No PINs, no names."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import redis

from worker.store import keys

FENCE = "!"  # before the stay's name: the slot stays taken until a list shows it empty


class Locks:
    """Reads; slots are written together with the stay that claims them, facts when a visit ends."""

    def __init__(self, client: redis.Redis) -> None:
        """Nothing is sent yet."""
        self._client = client

    def slots(self, lock: str) -> dict[int, str]:
        """Slot -> stay (`source/id`), or `!stay` for a fenced slot."""
        found = self._client.hgetall(keys.lock_slots(lock))
        return {int(slot): str(ref) for slot, ref in found.items()}

    def facts(self, lock: str) -> dict[str, Any]:
        """What was last seen of the lock; empty before the first visit."""
        found = self._client.get(keys.lock_facts(lock))
        return json.loads(str(found)) if found else {}

    def pin_is_taken(self, tag: str, locks: Iterable[str], owner: str) -> bool:
        """Whether another stay holds the PIN with this tag on one of the locks."""
        pipe = self._client.pipeline(transaction=False)
        for lock in locks:
            pipe.hget(keys.lock_pins(lock), tag)
        return any(found is not None and found != owner for found in pipe.execute())

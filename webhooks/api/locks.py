"""`/v1/locks`: the locks of the property file, who holds which slot, and what was last seen of them."""

from __future__ import annotations

import json
from typing import Any

from webhooks.api.endpoints import Blueprint, endpoint
from webhooks.api.paging import listed
from webhooks.api.schemas import LockDetailSchema, LockPage, PageQuery
from webhooks.moments import millis_text
from webhooks.problems import Problem
from webhooks.services import innkey
from worker.domain.house import House, Lock
from worker.store import keys
from worker.store.locks import FENCE
from worker.store.pages import BadCursorError, Page

__all__ = ["blueprint"]

blueprint = Blueprint("locks", __name__, description="Locks and their slots")


@endpoint(blueprint, "/v1/locks", LockPage, query=PageQuery)
def list_locks(query: dict[str, Any]) -> dict[str, Any]:
    """The locks, in the order of the property file."""
    house = innkey().house()
    page = _page(list(house.locks.values()), query["limit"], query["cursor"])
    pipe = innkey().store.client.pipeline(transaction=False)
    for lock in page.items:
        pipe.hlen(keys.lock_slots(lock.name))
        pipe.get(keys.lock_facts(lock.name))
    found = pipe.execute() if page.items else []
    seen = {
        lock.name: (int(used), json.loads(facts) if facts else {})
        for lock, used, facts in zip(page.items, found[::2], found[1::2], strict=True)
    }
    return listed(page, lambda lock: _shown(lock, house, *seen[lock.name]))


@endpoint(blueprint, "/v1/locks/<lock>", LockDetailSchema)
def show_lock(lock: str) -> dict[str, Any]:
    """One lock with its slots."""
    services = innkey()
    house = services.house()
    if lock not in house.locks:
        raise Problem(404, "The property file has no lock of this name.")
    slots = services.store.locks.slots(lock)
    rows = [
        {"slot": slot, "holder": ref.removeprefix(FENCE), "fenced": ref.startswith(FENCE)}
        for slot, ref in sorted(slots.items())
    ]
    facts = services.store.locks.facts(lock)
    return {**_shown(house.locks[lock], house, len(rows), facts), "slots": rows}


def _page(locks: list[Lock], limit: int, cursor: str | None) -> Page[Lock]:
    """The cursor is the name of the last lock of the page before."""
    names = [lock.name for lock in locks]
    if cursor is not None and cursor not in names:
        raise BadCursorError("the cursor is not one that this list gave")
    first = names.index(cursor) + 1 if cursor is not None else 0
    rows = locks[first : first + limit]
    return Page(rows, rows[-1].name if len(locks) > first + limit else None)


def _shown(lock: Lock, house: House, slots_in_use: int, facts: dict[str, Any]) -> dict[str, Any]:
    return {
        "lock": lock.name,
        "title": lock.title,
        "account": lock.account,
        "units": [unit.name for unit in house.units.values() if lock.name in unit.locks],
        "slots_in_use": slots_in_use,
        "clock": millis_text(facts.get("clock")),
        "battery": None,
        "last_seen": millis_text(facts.get("list")),
    }

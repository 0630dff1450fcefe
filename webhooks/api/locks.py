"""`/v1/locks`: the locks of the property file, who holds which slot, and what was last seen of them."""

from __future__ import annotations

import json
from typing import Any

from webhooks.api.endpoints import Blueprint, endpoint
from webhooks.api.paging import listed, page_by_name
from webhooks.api.schemas import LockDetailSchema, LockPage, PageQuery
from webhooks.problems import Problem
from webhooks.services import innkey
from worker.service.views import battery_view, lock_view, slots_view, unmanaged_view
from worker.store import keys

__all__ = ["blueprint"]

blueprint = Blueprint("locks", __name__, description="Locks and their slots")


@endpoint(blueprint, "/v1/locks", LockPage, query=PageQuery)
def list_locks(query: dict[str, Any]) -> dict[str, Any]:
    """The locks, in the order of the property file."""
    house = innkey().house()
    page = page_by_name(list(house.locks.values()), lambda lock: lock.name, **query)
    pipe = innkey().store.client.pipeline(transaction=False)
    for lock in page.items:
        pipe.hlen(keys.lock_slots(lock.name))
        pipe.get(keys.lock_facts(lock.name))
    found = pipe.execute() if page.items else []
    seen = {
        lock.name: (int(used), json.loads(facts) if facts else {})
        for lock, used, facts in zip(page.items, found[::2], found[1::2], strict=True)
    }
    signs = innkey().store.trails.signs(seen)
    return listed(page, lambda lock: lock_view(lock, house, *seen[lock.name], signs[lock.name]))


@endpoint(blueprint, "/v1/locks/<lock>", LockDetailSchema)
def show_lock(lock: str) -> dict[str, Any]:
    """One lock with its slots."""
    services = innkey()
    house = services.house()
    if lock not in house.locks:
        raise Problem(404, "The property file has no lock of this name.")
    slots = services.store.locks.slots(lock)
    facts = services.store.locks.facts(lock)
    signs = services.store.trails.signs([lock])[lock]
    history = battery_view(services.store.trails.battery(lock))
    view = lock_view(house.locks[lock], house, len(slots), facts, signs) | {"battery_history": history}
    return {**view, "slots": slots_view(slots), "unmanaged": unmanaged_view(facts)}

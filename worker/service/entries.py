"""What a stay's record implies elsewhere.

Its slots, its PINs in the keyed index, its place on each lock's timetable.
"""

from __future__ import annotations

from worker.domain.access_code import AccessCode, Phase
from worker.domain.house import House
from worker.domain.media import is_tags
from worker.domain.record import Stay
from worker.store import keys
from worker.store.codec import to_millis
from worker.store.commit import Commit
from worker.store.locks import FENCE
from worker.store.vault import Vault


def index_changes(
    commit: Commit, before: Stay | None, after: Stay, house: House, vault: Vault, *, must_be_free: bool
) -> None:
    """Add to `commit` what changes in the indexes from `before` to `after`."""
    _slots(commit, before, after, house)
    _pins(commit, before, after, vault, must_be_free=must_be_free)
    _timetable(commit, before, after, house)
    _waiting(commit, before, after)
    _offline(commit, before, after)


def _codes(stay: Stay | None) -> dict[str, AccessCode]:
    return {code.lock: code for code in stay.codes} if stay is not None else {}


def _slots(commit: Commit, before: Stay | None, after: Stay, house: House) -> None:
    ref, old, new = str(after.key), _codes(before), _codes(after)
    for lock in old.keys() | new.keys():
        was = old[lock].slot if lock in old else None
        is_now = new[lock].slot if lock in new else None
        if was is not None and was != is_now:
            commit.freed.append((keys.lock_slots(lock), str(was), ref))
            commit.call_in(lock, house.account_of(lock))
        if is_now is not None and was != is_now:
            commit.commands.append(["HSET", keys.lock_slots(lock), str(is_now), ref])


def fence_command(lock: str, slot: int, ref: str) -> list[str | int]:
    """The Redis command that keeps a slot taken although its code counts as removed."""
    return ["HSET", keys.lock_slots(lock), str(slot), FENCE + ref]


def _pins_of(stay: Stay | None) -> set[tuple[str, str]]:
    if stay is None:
        return set()
    found = {(code.lock, written.pin) for code in stay.codes for written in code.writes}
    if stay.pin is not None:
        staying = [c for c in stay.codes if c.phase not in (Phase.REMOVING, Phase.REMOVED)]
        found |= {(c.lock, stay.pin) for c in staying if not is_tags(c.lock)}
    return found


def _pins(commit: Commit, before: Stay | None, after: Stay, vault: Vault, *, must_be_free: bool) -> None:
    ref, old, new = str(after.key), _pins_of(before), _pins_of(after)
    for lock, pin in old - new:
        commit.freed.append((keys.lock_pins(lock), vault.tag(pin), ref))
    for lock, pin in new:
        tag = vault.tag(pin)
        if must_be_free and (lock, pin) not in old:
            commit.vacant.append((keys.lock_pins(lock), tag, ref))
        commit.commands.append(["HSETNX", keys.lock_pins(lock), tag, ref])


def _timetable(commit: Commit, before: Stay | None, after: Stay, house: House) -> None:
    ref, old, new = str(after.key), _codes(before), _codes(after)
    for lock, code in new.items():
        was = old.get(lock)
        if was is None or (was.due, was.deadline) != (code.due, code.deadline):
            if was is None and code.due is None:
                continue
            commit.schedule(lock, house.account_of(lock), ref, code.due, code.deadline)
    for lock in old.keys() - new.keys():
        commit.schedule(lock, house.account_of(lock), ref, None, None)


def _offline(commit: Commit, before: Stay | None, after: Stay) -> None:
    ref, old, new = str(after.key), _codes(before), _codes(after)
    for lock in old.keys() | new.keys():
        was = lock in old and old[lock].awaits_gateway
        is_now = lock in new and new[lock].awaits_gateway
        if is_now and not was:
            commit.commands.append(["SADD", keys.lock_offline(lock), ref])
        elif was and not is_now:
            commit.commands.append(["SREM", keys.lock_offline(lock), ref])


def reschedule(commit: Commit, stay: Stay, lock: str, house: House) -> None:
    """Write the stay's place on a lock's timetable, whatever stands there."""
    code = stay.code(lock)
    due, deadline = (code.due, code.deadline) if code is not None else (None, None)
    commit.schedule(lock, house.account_of(lock), str(stay.key), due, deadline)


def _waiting(commit: Commit, before: Stay | None, after: Stay) -> None:
    ref, old = str(after.key), _codes(before)
    for lock, code in _codes(after).items():
        was_waiting = lock in old and old[lock].waiting
        is_moved = before is not None and before.check_in != after.check_in
        if code.waiting and (not was_waiting or is_moved):
            score = to_millis(after.check_in) if after.check_in is not None else 0
            commit.commands.append(["ZADD", keys.lock_waiting(lock), score, ref])
        elif was_waiting and not code.waiting:
            commit.commands.append(["ZREM", keys.lock_waiting(lock), ref])
    for lock in old.keys() - _codes(after).keys():
        if old[lock].waiting:
            commit.commands.append(["ZREM", keys.lock_waiting(lock), ref])

"""Promises 2 and 3 on the way: no call took a slot that held something else. Pure."""

from __future__ import annotations

from collections import defaultdict

from tests.soak.model import Problem
from tests.soak.trail import Call, Trail, end_of, touched_slots
from tests.soak.vendor import Holder, PhysicalChange


def overwritten(trail: Trail) -> list[Problem]:
    """A call changed a slot that held something else, and a list before that call had shown it."""
    put_at: dict[tuple[str, int], PhysicalChange] = {}
    problems = []
    for change in trail.changes:
        place = (change.lock, change.slot)
        before = change.before
        if change.source == "call" and before is not None and _is_other(before, change.after):
            problems += _blame(trail, change, before, put_at.get(place))
        put_at[place] = change
    return problems


def _is_other(before: Holder, after: Holder | None) -> bool:
    """Whether a call may not do this: whose code a delete takes off is judged for foreign ones only."""
    return before.by_hand if after is None else before.by_hand or before.mark != after.mark


def _blame(trail: Trail, change: PhysicalChange, before: Holder, put: PhysicalChange | None) -> list[Problem]:
    call = _call_of(trail, change)
    if call is None or trail.is_thawed(call["at_epoch"]):
        return []
    shown = _last_list(trail, change.lock, call["at_epoch"])
    lag = trail.lag.get(change.lock, 0.0)
    nobody_knew = put is not None and (shown is None or shown - lag <= put.at)
    if nobody_knew and (before.by_hand or (put is not None and put.source != "call")):
        return []
    if not before.by_hand and _was_lost(trail, change):
        return []
    promise, whose = (2, "a code typed by hand") if before.by_hand else (3, f"the code of {before.mark}")
    did = "deleted" if change.after is None else f"overwritten with that of {change.after.mark}"
    mark = change.after.mark if change.after is not None else before.mark
    booking = "" if before.by_hand and change.after is None else mark.rpartition("/")[2]
    return [
        Problem(promise, f"{whose} was {did} by call {call['number']}", booking, change.lock, change.slot)
    ]


def _call_of(trail: Trail, change: PhysicalChange) -> Call | None:
    """The command that made a change: the one under way on that lock and slot."""
    fitting = [
        call
        for call in trail.calls
        if call["lock"] == change.lock
        and call["slot"] == change.slot
        and call["op"] == ("delete" if change.after is None else "add")
        and call["at_epoch"] <= change.at <= end_of(call)
        and call["executed"] == "yes"
    ]
    return fitting[-1] if fitting else None


def _last_list(trail: Trail, lock: str, before: float) -> float | None:
    """When the last honest list of a lock was asked for."""
    honest = [
        call["at_epoch"]
        for call in trail.calls
        if call["lock"] == lock
        and call["op"] == "list"
        and call["outcome"] == "ok"
        and call["at_epoch"] < before
    ]
    return max(honest, default=None)


def _was_lost(trail: Trail, change: PhysicalChange) -> bool:
    """Whether the vendor had said of this slot that a delete was done which it never did."""
    return any(
        call["lock"] == change.lock
        and call["slot"] == change.slot
        and call["op"] == "delete"
        and call["outcome"] == "fault:lose"
        and call["at_epoch"] <= change.at
        for call in trail.calls
    )


def doubled(trail: Trail) -> list[Problem]:
    """A call put a booking's code into a second slot of a lock, where the first was put by a call, too."""
    holds: dict[str, dict[int, PhysicalChange]] = defaultdict(dict)
    touched = touched_slots(trail)
    problems = []
    for change in trail.changes:
        slots = holds[change.lock]
        after = change.after
        if after is not None and not after.by_hand and change.source == "call":
            others = [
                slot
                for slot, put in slots.items()
                if slot != change.slot and put.after is not None and put.after.mark == after.mark
            ]
            clean = [
                s
                for s in others
                if (change.lock, s) not in touched and (change.lock, change.slot) not in touched
            ]
            if clean:
                text = f"{after.mark} went into slot {change.slot}, it was in {clean}"
                problems.append(Problem(3, text, after.mark.rpartition("/")[2], change.lock, change.slot))
        if after is None:
            slots.pop(change.slot, None)
        else:
            slots[change.slot] = change
    return problems

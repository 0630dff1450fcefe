"""What happened at the vendor: its calls, what changed on its locks, and what nobody could have known. Pure.

Two things cannot be promised, and are taken into account, each just where it applies: a process that was
frozen between its last check and the socket sends its call when it thaws; and the vendor carries a command
out late, or lets a slot change by hand after Innkey has read the list.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.soak.vendor import PhysicalChange

# So long after a thaw a call may belong to what was frozen: it is scheduled, connects, and sends.
THAW_SECONDS = 2.0
LATENCY_SECONDS = 1.0

Call = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Trail:
    """What happened at the vendor. `thaws`: when frozen processes went on; `lag`: by lock, its longest."""

    calls: Sequence[Call]
    changes: Sequence[PhysicalChange]
    emails: Sequence[Mapping[str, Any]] = field(default=(), repr=False)
    stats: Mapping[str, Any] = field(default_factory=dict)
    thaws: Sequence[float] = ()
    lag: Mapping[str, float] = field(default_factory=dict)
    resent: Mapping[str, int] = field(default_factory=dict)

    def is_thawed(self, at: float) -> bool:
        """Whether a call at that moment may come from a process that was frozen."""
        return any(0 <= at - thaw <= THAW_SECONDS for thaw in self.thaws)


def digest(pin: str) -> str:
    """A PIN's name in a report: tells two apart, and does not tell either."""
    return "pin-" + hashlib.sha256(f"soak/{pin}".encode()).hexdigest()[:6]


def touched_slots(trail: Trail) -> set[tuple[str, int]]:
    """The slots that changed behind Innkey's back.

    By a late command, by hand, by a call that a frozen process sent on its thaw, or not at all though the
    vendor said so. And all slots of a lock whose list lagged.
    """
    found = {(change.lock, change.slot) for change in trail.changes if change.source != "call"}
    for change in trail.changes:
        if any(0 <= change.at - thaw <= THAW_SECONDS + LATENCY_SECONDS for thaw in trail.thaws):
            found.add((change.lock, change.slot))
    found |= {
        (call["lock"], call["slot"])
        for call in trail.calls
        if call["slot"] is not None and (call["outcome"] == "fault:lose" or call["lock"] in trail.lag)
    }
    return found


def displaced(changes: Iterable[PhysicalChange]) -> set[tuple[str, int]]:
    """Slots whose hand-typed code a command displaced: whether rightly, `judge` says."""
    return {
        (change.lock, change.slot)
        for change in changes
        if change.source != "hand" and change.before is not None and change.before.by_hand
    }


def touched_codes(trail: Trail) -> set[tuple[str, str]]:
    """The same, as lock and mark of the codes concerned."""
    slots = touched_slots(trail)
    return {
        (change.lock, holder.mark)
        for change in trail.changes
        for holder in (change.before, change.after)
        if holder is not None and not holder.by_hand and (change.lock, change.slot) in slots
    }


def end_of(call: Call) -> float:
    """When a call's place became free."""
    ended = call["ended_epoch"]
    return float("inf") if ended is None else float(ended)


def of_lock(calls: Iterable[Call], lock: str, slot: int | None) -> list[Call]:
    """The calls of a lock, or of one of its slots with the lists between them."""
    mine = [call for call in calls if call["lock"] == lock]
    return [call for call in mine if slot is None or call["slot"] in (slot, None)]

"""What may never have happened on the way: judged from the vendor's journal of calls and changes. Pure.

Two things cannot be promised, and are taken into account here, each just where it applies: a process that was
frozen between its last check and the socket sends its call when it thaws; and the vendor carries a command
out late, or lets a slot change by hand after Innkey has read the list.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.soak.layout import BUSY_PLACES, PLACES, VENDOR_HOLD
from tests.soak.model import Problem
from tests.soak.vendor import Holder, PhysicalChange

# So long after a thaw a call may belong to what was frozen: it is scheduled, connects, and sends.
THAW_SECONDS = 2.0
# A command's start, as Innkey notes it, lies this much before its arrival here at most.
START_SLACK = 1.5
LATENCY_SECONDS = 1.0
QUEUE = 30

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


def judge(trail: Trail) -> list[Problem]:
    """Everything that promises 2 to 5 and 7 exclude."""
    return [
        *_queue(trail),
        *_overlaps(trail),
        *_holds(trail),
        *_overwritten(trail),
        *_doubled(trail),
        *_mailed_twice(trail),
    ]


def digest(pin: str) -> str:
    """A PIN's name in a report: tells two apart, and does not tell either."""
    return "pin-" + hashlib.sha256(f"soak/{pin}".encode()).hexdigest()[:6]


# --- promise 4: the queue -----------------------------------------------------------------------------------


def _queue(trail: Trail) -> list[Problem]:
    dropped = int(trail.stats.get("dropped", 0))
    problems = [Problem(4, f"{dropped} calls were dropped: the queue of {QUEUE} was full")] if dropped else []
    places = {"default": PLACES, "busy": BUSY_PLACES}
    for call in trail.calls:
        most = places.get(call["account"], QUEUE)
        over = call["outstanding"] + 1 - most
        if over > 0 and over > _thawed_at(trail, call["at_epoch"], call["account"]):
            text = f"{call['outstanding'] + 1} calls out at call {call['number']}, {most} places"
            problems.append(Problem(4, text, lock=call["lock"]))
    return problems


def _thawed_at(trail: Trail, at: float, account: str) -> int:
    """How many calls under way at that moment came from a process that had been frozen."""
    return sum(
        1
        for call in trail.calls
        if call["account"] == account
        and call["at_epoch"] <= at < _end(call)
        and trail.is_thawed(call["at_epoch"])
    )


# --- promise 5: one command at a time -----------------------------------------------------------------------


def _commands(trail: Trail) -> dict[str, list[Call]]:
    found: dict[str, list[Call]] = defaultdict(list)
    for call in trail.calls:
        if call["op"] in ("add", "delete", "clock") and call["outcome"] not in ("dropped", "invalid_token"):
            found[call["lock"]].append(call)
    return found


def _overlaps(trail: Trail) -> list[Problem]:
    problems = []
    for lock, commands in _commands(trail).items():
        for before, call in pairwise(commands):
            if call["at_epoch"] < _end(before) and not _may_overlap(trail, before, call):
                text = f"command {call['number']} came while {before['number']} was under way"
                problems.append(Problem(5, text, lock=lock, slot=call["slot"]))
    return problems


def _may_overlap(trail: Trail, before: Call, call: Call) -> bool:
    return trail.is_thawed(before["at_epoch"]) or trail.is_thawed(call["at_epoch"])


def _holds(trail: Trail) -> list[Problem]:
    """After a command that was never answered no other goes to its lock until `vendor_hold` is over."""
    hold, problems = VENDOR_HOLD.total_seconds(), []
    for lock, commands in _commands(trail).items():
        for before, call in pairwise(commands):
            gap = call["at_epoch"] - before["at_epoch"]
            is_silent = before["outcome"] == "fault:hang"
            if is_silent and gap < hold - START_SLACK and not _may_overlap(trail, before, call):
                text = f"command {call['number']} came {gap:.1f} s after unanswered {before['number']}"
                problems.append(Problem(5, text, lock=lock, slot=call["slot"]))
    return problems


def _end(call: Call) -> float:
    ended = call["ended_epoch"]
    return float("inf") if ended is None else float(ended)


# --- promises 2 and 3: slots --------------------------------------------------------------------------------


def _overwritten(trail: Trail) -> list[Problem]:
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
        and call["at_epoch"] <= change.at <= _end(call)
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


def _doubled(trail: Trail) -> list[Problem]:
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


def touched_codes(trail: Trail) -> set[tuple[str, str]]:
    """The same, as lock and mark of the codes concerned."""
    slots = touched_slots(trail)
    return {
        (change.lock, holder.mark)
        for change in trail.changes
        for holder in (change.before, change.after)
        if holder is not None and not holder.by_hand and (change.lock, change.slot) in slots
    }


# --- promise 7: e-mails -------------------------------------------------------------------------------------


def _mailed_twice(trail: Trail) -> list[Problem]:
    """The same PIN and window mailed twice running, though nothing had hidden the first push from lists."""
    touched = touched_slots(trail)
    sent: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for email in trail.emails:
        sent[email["to"]].append(email)
    problems = []
    for to, emails in sent.items():
        doubles = [
            (first, second)
            for first, second in pairwise(emails)
            if all(first[key] == second[key] for key in ("pin", "starts", "ends"))
        ]
        unexcused = [
            second
            for first, second in doubles
            if not {(one["lock"], one["slot"]) for one in (first, second)} & touched
        ]
        if len(unexcused) > trail.resent.get(to, 0):
            one = unexcused[0]
            text = f"{len(unexcused) + 1} e-mails for {digest(one['pin'])} {one['starts']}-{one['ends']}"
            problems.append(Problem(7, text, lock=one["lock"], slot=one["slot"]))
    return problems


def counts(trail: Trail) -> Mapping[str, int]:
    """Calls by kind, for the summary."""
    found: dict[str, int] = defaultdict(int)
    for call in trail.calls:
        found[str(call["op"])] += 1
    return found


def of_lock(calls: Iterable[Call], lock: str, slot: int | None) -> list[Call]:
    """The calls of a lock, or of one of its slots with the lists between them."""
    mine = [call for call in calls if call["lock"] == lock]
    return [call for call in mine if slot is None or call["slot"] in (slot, None)]

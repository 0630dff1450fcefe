"""What may never have happened on the way: promises 2 to 5 and 7, judged from a trail. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from tests.soak.layout import BUSY_PLACES, PLACES, VENDOR_HOLD
from tests.soak.model import Problem
from tests.soak.slots import doubled, overwritten
from tests.soak.trail import Call, Trail, digest, end_of, touched_slots

# A command's start, as Innkey notes it, lies this much before its arrival here at most.
START_SLACK = 1.5
QUEUE = 30


def judge(trail: Trail) -> list[Problem]:
    """Everything that promises 2 to 5 and 7 exclude."""
    return [
        *_queue(trail),
        *_overlaps(trail),
        *_holds(trail),
        *overwritten(trail),
        *doubled(trail),
        *_mailed_twice(trail),
    ]


# --- promise 4: the queue -----------------------------------------------------------------------------------


def _queue(trail: Trail) -> list[Problem]:
    dropped = int(trail.stats.get("dropped", 0))
    problems = [Problem(4, f"{dropped} calls were dropped: the queue of {QUEUE} was full")] if dropped else []
    places = {"default": PLACES, "busy": BUSY_PLACES}
    for call in trail.calls:
        most = places.get(call["account"], QUEUE)
        over = call["outstanding"] + 1 - most
        if over > 0 and over > _excused_at(trail, call["at_epoch"], call["account"]):
            text = f"{call['outstanding'] + 1} calls out at call {call['number']}, {most} places"
            problems.append(Problem(4, text, lock=call["lock"]))
    return problems


def _excused_at(trail: Trail, at: float, account: str) -> int:
    """How many calls under way at that moment came from a process that had been frozen, or was so just then.

    A frozen process keeps the connection of an unanswered call open beyond the time that the vendor takes.
    """
    return sum(
        1
        for call in trail.calls
        if call["account"] == account
        and call["at_epoch"] <= at < end_of(call)
        and (trail.is_thawed(call["at_epoch"]) or at >= _work_ends(call))
    )


def _work_ends(call: Call) -> float:
    """When the vendor no longer works on a command, whoever still waits for its answer."""
    ended = end_of(call)
    return min(ended, call["at_epoch"] + VENDOR_HOLD.total_seconds()) if _is_silent(call) else ended


def _is_silent(call: Call) -> bool:
    return bool(call["outcome"] == "fault:hang")


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
            if call["at_epoch"] < _work_ends(before) and not _may_overlap(trail, before, call):
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
            if _is_silent(before) and gap < hold - START_SLACK and not _may_overlap(trail, before, call):
                text = f"command {call['number']} came {gap:.1f} s after unanswered {before['number']}"
                problems.append(Problem(5, text, lock=lock, slot=call["slot"]))
    return problems


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

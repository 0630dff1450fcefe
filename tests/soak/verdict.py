"""The verdict: each broken promise with what led there, and the sums."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from tests.soak.campaign import Campaign
from tests.soak.model import Problem
from tests.soak.sender import Accepted, body_of
from tests.soak.trail import Call, of_lock
from tests.soak.vendor import PhysicalChange, read_changes

MOST_SHOWN = 12
MOST_LINES = 40


def sums(campaign: Campaign) -> dict[str, Any]:
    """What was done, in numbers."""
    calls = Counter(call["op"] for call in campaign.watch.calls)
    outcomes = Counter(call["outcome"] for call in campaign.watch.calls)
    return {
        "seed": campaign.plan.seed,
        "seconds": campaign.plan.seconds,
        "locks": len(campaign.plan.layout.locks),
        "bookings": len({one.event.booking for one in campaign.sender.accepted}),
        "events": len(campaign.sender.accepted),
        "deliveries": campaign.sender.sent,
        "calls": dict(calls),
        "answers": dict(outcomes),
        "faults": dict(campaign.faults.done),
        "restarts": dict(campaign.world.deaths),
        "arrival": campaign.arrival,
        "states": dict(campaign.watch.states),
        "violations": len(campaign.problems),
    }


def report(campaign: Campaign) -> Iterator[str]:
    """The verdict in lines. PINs appear as digests, guests not at all."""
    by_promise = Counter(problem.promise for problem in campaign.problems)
    for promise in range(1, 11):
        count = by_promise[promise]
        yield f"promise {promise:2}: {'kept' if not count else f'BROKEN {count} times'}"
    changes = read_changes(campaign.world.journal)
    for problem in campaign.problems[:MOST_SHOWN]:
        yield ""
        yield from _story(problem, campaign, changes)
    if len(campaign.problems) > MOST_SHOWN:
        yield f"… and {len(campaign.problems) - MOST_SHOWN} more in verdict.txt"


def all_problems(campaign: Campaign) -> Iterator[str]:
    """Every violation with its story."""
    changes = read_changes(campaign.world.journal)
    for problem in campaign.problems:
        yield from _story(problem, campaign, changes)
        yield ""


def all_calls(campaign: Campaign) -> Iterator[str]:
    """Every call that came to the vendor, in lines without a PIN."""
    origin = campaign.sender.origin
    for call in campaign.watch.calls:
        yield f"{_past(call['at_epoch'], origin)} {call['lock']} {_call_line(call)}"


def _story(problem: Problem, campaign: Campaign, changes: Sequence[PhysicalChange]) -> Iterator[str]:
    where = " ".join(
        str(part) for part in (problem.booking, problem.lock, problem.slot) if part not in ("", None)
    )
    yield f"PROMISE {problem.promise} {where}: {problem.text}  (seed {campaign.plan.seed})"
    origin = campaign.sender.origin
    accepted = [one for one in campaign.sender.accepted if one.event.booking == problem.booking]
    for one in sorted(accepted, key=lambda one: one.at):
        yield f"    event  {_past(one.at, origin)} {_event_line(one, origin)}"
    if problem.lock:
        mine = of_lock(campaign.watch.calls, problem.lock, problem.slot)[-MOST_LINES:]
        yield from (f"    call   {_past(call['at_epoch'], origin)} {_call_line(call)}" for call in mine)
        yield from _change_lines(problem, changes, origin)
    yield from _record_lines(problem, campaign)


def _event_line(one: Accepted, origin: datetime) -> str:
    body = body_of(one.event, origin)
    data = {
        k: v for k, v in body["data"].items() if k in ("unit", "status", "check_in", "check_out", "version")
    }
    return f"{body['type']} {json.dumps(data)}"


def _call_line(call: Call) -> str:
    ended = "" if call["ended_epoch"] is None else f"{call['ended_epoch'] - call['at_epoch']:.2f} s"
    mark = str(call["body"].get("password_name", "")).rsplit(" ", 1)[-1]
    window = f"{call['body'].get('password_start_time', '')}-{call['body'].get('password_end_time', '')}"
    return (
        f"#{call['number']} {call['op']} {call['slot'] or ''} {call['outcome']} "
        f"executed={call['executed']} {ended} {mark} {window.strip('-')}"
    )


def _change_lines(problem: Problem, changes: Sequence[PhysicalChange], origin: datetime) -> Iterator[str]:
    mark = f"/{problem.booking}"
    for change in changes:
        holders = [holder for holder in (change.before, change.after) if holder is not None]
        is_mine = bool(problem.booking) and any(holder.mark.endswith(mark) for holder in holders)
        if change.lock == problem.lock and (is_mine or change.slot == problem.slot):
            yield (
                f"    lock   {_past(change.at, origin)} slot {change.slot} by {change.source}: "
                f"{change.before} -> {change.after}"
            )


def _record_lines(problem: Problem, campaign: Campaign) -> Iterator[str]:
    """What the API shows of the booking, without its PIN."""
    if not problem.booking:
        return
    seen = campaign.seen
    view: Mapping[str, Any] = seen.bookings.get(problem.booking, {}) if seen is not None else {}
    if view:
        shown = (view[key] for key in ("state", "unit", "status", "check_in", "check_out"))
        yield f"    record {' '.join(map(str, shown))}"
    for code in view.get("codes", ()):
        yield f"    code   {json.dumps(code)}"
    for note in list(view.get("timeline", ()))[-MOST_LINES:]:
        yield f"    note   {note['at']} {note['what']} {json.dumps(note['detail'])}"


def _past(at: float, origin: datetime) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    return f"{(moment - origin).total_seconds():+8.2f} s {moment:%H:%M:%S}"

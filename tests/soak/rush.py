"""Promise 10 by measurement, before the faults: an arrival comes in behind a backlog of removals."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from tests.soak.layout import BUSY_PLACES
from tests.soak.model import Problem
from tests.soak.sender import Sender
from tests.soak.stories import DAY, HOUR, Event
from tests.soak.trail import Call

STAYS_A_LOCK = 22
APPLIED_SECONDS = 1.0
Wait = Callable[[Callable[[], bool], str, float], bool]


def rush_events(units: Sequence[str]) -> tuple[list[Event], list[Event], Event]:
    """Stays on all units but the last, their cancellations, and one arrival on the last."""
    booked, cancelled = [], []
    for unit in units[:-1]:
        for number in range(STAYS_A_LOCK):
            name = f"RUSH-{unit}-{number:02}"
            facts = {"unit": unit, "status": "confirmed", "check_in": -HOUR, "check_out": 3 * DAY}
            booked.append(_event(name, 1, "booking.created", facts))
            cancelled.append(_event(name, 2, "booking.cancelled", {}))
    facts = {"unit": units[-1], "status": "confirmed", "check_in": 0.0, "check_out": DAY}
    return booked, cancelled, _event("ARRIVAL", 1, "booking.created", facts)


def _event(booking: str, version: int, kind: str, data: dict[str, Any]) -> Event:
    return Event(at=0, booking=booking, version=version, type=kind, data=data, in_order=True)


def overtaken(calls: Sequence[Call], lock: str, accepted_at: float) -> tuple[list[Problem], str]:
    """Whether the arrival on `lock` went before the removals that had no place yet when it came."""
    visits = [
        call for call in calls if call["op"] == "list" and call["at_epoch"] > accepted_at + APPLIED_SECONDS
    ]
    mine = [call for call in calls if call["lock"] == lock and call["op"] == "list"]
    if not mine:
        return [Problem(10, "the arrival behind a backlog was never served", "ARRIVAL", lock)], "never served"
    at = mine[0]["at_epoch"]
    before = {call["lock"] for call in visits if call["at_epoch"] < at} - {lock}
    after = {call["lock"] for call in calls if call["op"] == "list" and call["at_epoch"] > at} - {lock}
    told = f"served {at - accepted_at:.1f} s after it came, before {len(after)} locks with removals"
    if len(before) > BUSY_PLACES:
        return [Problem(10, f"{len(before)} locks were served before the arrival", "ARRIVAL", lock)], told
    return [], told


def run_rush(
    sender: Sender, units: Sequence[str], calls: Callable[[], list[Call]], wait: Wait
) -> float | None:
    """Book, wait, cancel all, and let one arrive; when it was accepted. None where it did not come so far."""
    booked, cancelled, arrival = rush_events(units)
    for event in booked:
        sender.submit(event)
    adds = len(booked)
    if not wait(lambda: sum(1 for call in calls() if call["op"] == "add") >= adds, "a backlog to build", 60):
        return None
    for event in cancelled:
        sender.submit(event)
    sender.submit(arrival)
    if not wait(lambda: any(one.event.booking == "ARRIVAL" for one in sender.accepted), "the arrival", 30):
        return None
    wait(lambda: any(call["lock"].endswith(str(len(units))) for call in calls()), "the arrival's visit", 40)
    time.sleep(1)
    return next(one.at for one in sender.accepted if one.event.booking == "ARRIVAL")

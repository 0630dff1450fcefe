"""A stay as the API shows it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from webhooks.moments import utc_text
from worker.domain.access_code import AccessCode
from worker.domain.goals import Goal, Wish
from worker.domain.house import House
from worker.domain.outcomes import Outcome
from worker.domain.plan import goals, unit_of
from worker.domain.record import Stay
from worker.domain.states import booking_state, code_state, email_state

__all__ = ["is_at_risk", "shown"]


def shown(stay: Stay, house: House, now: datetime) -> dict[str, Any]:
    """The booking with its codes; the PIN once the guest may know it."""
    booking, unit = stay.booking, unit_of(stay, house)
    zone = unit.zone if unit is not None else house.zone
    wanted = goals(stay, house, now)
    return {
        "source": stay.key.source,
        "id": stay.key.id,
        "unit": unit.name if unit is not None else booking.unit,
        "status": booking.status.value,
        "version": booking.version.text or utc_text(booking.version.stamp),
        "check_in": _local(stay.check_in, zone),
        "check_out": _local(stay.check_out, zone),
        "state": booking_state(stay, house, now).value,
        "at_risk": is_at_risk(stay, now),
        "pin": stay.shown_pin,
        "email": email_state(stay, house, now).value,
        "codes": [_code(code, wanted.get(code.lock)) for code in stay.codes],
        "timeline": [
            {"at": utc_text(note.at), "what": note.what, "detail": dict(note.detail)}
            for note in stay.timeline
        ],
    }


def is_at_risk(stay: Stay, now: datetime) -> bool:
    """Whether the stay is flagged because its codes are late; nothing flags one yet."""
    del stay, now
    return False


def _local(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return None if moment is None else moment.astimezone(zone).isoformat()


def _code(code: AccessCode, goal: Goal | None) -> dict[str, Any]:
    starts, ends = _window(code, goal)
    return {
        "lock": code.lock,
        "slot": code.slot,
        "state": code_state(code),
        "starts": starts,
        "ends": ends,
        "attempts": code.attempts,
        "due": utc_text(code.due),
        "last": _last(code.last),
    }


def _window(code: AccessCode, goal: Goal | None) -> tuple[str | None, str | None]:
    """As written on the lock, or as it will be."""
    if code.latest is not None:
        return code.latest.starts, code.latest.ends
    return (goal.starts_text, goal.ends_text) if isinstance(goal, Wish) else (None, None)


def _last(outcome: Outcome | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    return {"outcome": outcome.kind.value, "ack": outcome.ack, "message": outcome.message, "ref": outcome.ref}

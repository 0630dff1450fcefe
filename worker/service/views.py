"""How bookings, dead letters and locks look from outside: the JSON of API and command line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from worker.domain.access_code import AccessCode, Try
from worker.domain.dead_letter import DeadLetter
from worker.domain.goals import Goal, Wish
from worker.domain.house import House, Lock
from worker.domain.media import door_of, is_tags
from worker.domain.outcomes import Outcome
from worker.domain.record import Note, Stay
from worker.domain.signs import Signs
from worker.domain.states import booking_state, code_state, email_state, is_as_wanted, is_at_risk
from worker.domain.wanted import goals, unit_of
from worker.service.lock_facts import UNMANAGED
from worker.store.events import RejectedEvent
from worker.store.locks import FENCE
from worker.store.trail import TrailRow

__all__ = [
    "battery_view",
    "booking_view",
    "letter_view",
    "lock_view",
    "rejected_view",
    "slots_view",
    "trail_view",
    "unmanaged_view",
    "utc",
]

View = dict[str, Any]
_NO_SIGNS = Signs()


def booking_view(
    stay: Stay, house: House, now: datetime, openings: Iterable[tuple[datetime, str]] = ()
) -> View:
    """One booking with its codes: a JSON object that holds the PIN.

    `check_in` and `check_out` bear the offset of the unit's zone, all other times are UTC; a code's `starts`
    and `ends` are YYMMDDHHmm in the lock's zone. `openings` (`store.trails.openings`: moment and lock) are
    merged into the timeline.
    """
    unit = unit_of(stay, house)
    zone = unit.zone if unit is not None else house.zone
    booking = stay.booking
    found = goals(stay, house, now)
    return {
        "source": stay.key.source,
        "id": stay.key.id,
        "unit": unit.name if unit is not None else booking.unit,
        "status": booking.status.value,
        "version": booking.version.text or utc(booking.version.stamp, "auto"),
        "check_in": _local(stay.check_in, zone),
        "check_out": _local(stay.check_out, zone),
        "arrived": _maybe_utc(stay.arrived_at),
        "state": booking_state(stay, house, now).value,
        "at_risk": is_at_risk(stay, house, now),
        "pin": stay.shown_pin,
        "email": email_state(stay, house, now).value,
        "codes": [_code_view(code, found.get(code.lock)) for code in stay.codes],
        "timeline": [_note_view(note) for note in _timeline(stay, openings)],
    }


def letter_view(letter: DeadLetter) -> View:
    """One dead letter with its attempts; times are UTC.

    `message` are the vendor's words of the last attempt, or ours where it has none.
    """
    last = letter.last
    return {
        "id": letter.id,
        "state": letter.state.value,
        "reason": letter.reason.value,
        "source": letter.source,
        "booking": letter.booking,
        "lock": door_of(letter.lock) if letter.lock is not None else None,
        "slot": letter.slot,
        "step": letter.step.value,
        "ack": last.ack if last is not None else None,
        "http_status": last.http_status if last is not None else None,
        "message": (last.message if last is not None else "") or letter.message,
        "ref": last.ref if last is not None else None,
        "attempts": [_attempt_view(one) for one in letter.tries],
        "opened": utc(letter.opened),
        "resolved": utc(letter.resolved) if letter.resolved is not None else None,
        "note": letter.note,
    }


def _timeline(stay: Stay, openings: Iterable[tuple[datetime, str]]) -> list[Note]:
    """What happened in the order of its times: an arrival is known later than it was."""
    opened = [Note(at, "door.opened", {"lock": lock}) for at, lock in openings]
    return sorted([*stay.timeline, *opened], key=lambda note: note.at)


def lock_view(
    lock: Lock, house: House, slots_in_use: int, facts: Mapping[str, Any], signs: Signs = _NO_SIGNS
) -> View:
    """One lock, what was last seen of it (`store.locks.facts`), and its signs of life (`store.trails.signs`).

    `last_seen`: when its list was read, which is the cloud's own; `last_heard`: when the lock did something.
    """
    return {
        "lock": lock.name,
        "title": lock.title,
        "account": lock.account,
        "units": [unit.name for unit in house.units.values() if lock.name in unit.locks],
        "slots_in_use": slots_in_use,
        "clock": _fact(facts, "clock"),
        "battery": signs.battery,
        "battery_at": _maybe_utc(signs.battery_at),
        "last_seen": _fact(facts, "list"),
        "last_heard": _maybe_utc(signs.heard),
    }


def battery_view(levels: Mapping[date, int]) -> list[View]:
    """The battery's last level of each day (`store.trails.battery`), in percent."""
    return [{"date": day.isoformat(), "level": level} for day, level in levels.items()]


def trail_view(row: TrailRow) -> View:
    """One event of a lock's audit trail; `booking`: the stay (`source/id`) whose PIN it was.

    `slot` is the number of the PIN or tag, `kind` the vendor's words for how the door was opened.
    """
    return {
        "id": row.id,
        "at": utc(row.at, "milliseconds"),
        "type": row.type,
        "label": row.label,
        "kind": row.kind,
        "slot": row.slot,
        "battery": row.battery,
        "booking": row.ref,
    }


def slots_view(slots: Mapping[int, str]) -> list[View]:
    """Who claims which slot (`store.locks.slots`). A `fenced` one stays taken until a list shows it empty."""
    return [
        {"slot": slot, "holder": holder.removeprefix(FENCE), "fenced": holder.startswith(FENCE)}
        for slot, holder in sorted(slots.items())
    ]


def unmanaged_view(facts: Mapping[str, Any]) -> list[View]:
    """Codes under a mark whose booking is not on record: they are left alone until it comes."""
    found: Mapping[str, str] = facts.get(UNMANAGED, {})
    return [{"slot": int(slot), "mark": mark} for slot, mark in sorted(found.items())]


def rejected_view(rejected: RejectedEvent) -> View:
    """One delivery that was not understood, without its body: that may hold a guest. `size` in bytes.

    `asked`: the reservation that its source was asked for; None of a delivery.
    """
    return {
        "id": rejected.id,
        "source": rejected.source,
        "asked": rejected.asked,
        "received": utc(rejected.received),
        "content_type": rejected.content_type,
        "errors": rejected.errors,
        "size": len(rejected.body),
        "replayed": utc(rejected.replayed) if rejected.replayed is not None else None,
    }


def _code_view(code: AccessCode, goal: Goal | None) -> View:
    starts, ends = _window(code, goal)
    return {
        "lock": door_of(code.lock),
        "medium": "rfid" if is_tags(code.lock) else "pin",
        "slot": code.slot,
        "state": code_state(code),
        "starts": starts,
        "ends": ends,
        "attempts": code.attempts,
        "due": _due(code, goal),
        "last": _last_view(code.last),
    }


def _due(code: AccessCode, goal: Goal | None) -> str | None:
    """When the code changes next: the morning's look at one that is on its lock changes nothing."""
    is_on = isinstance(goal, Wish) and is_as_wanted(code, goal)
    due = goal.ends if is_on and isinstance(goal, Wish) else code.due
    return utc(due) if due is not None else None


def _window(code: AccessCode, goal: Goal | None) -> tuple[str | None, str | None]:
    if code.latest is not None:
        return code.latest.starts, code.latest.ends
    return (goal.starts_text, goal.ends_text) if isinstance(goal, Wish) else (None, None)


def _last_view(outcome: Outcome | None) -> View | None:
    if outcome is None:
        return None
    return {
        "outcome": outcome.kind.value,
        "ack": outcome.ack,
        "message": outcome.message,
        "ref": outcome.ref,
    }


def _note_view(note: Note) -> View:
    detail = {k: door_of(v) if k == "lock" and isinstance(v, str) else v for k, v in note.detail.items()}
    return {"at": utc(note.at), "what": note.what, "detail": detail}


def _attempt_view(attempt: Try) -> View:
    outcome = attempt.outcome
    return {
        "at": utc(attempt.at),
        "step": attempt.job.value,
        "outcome": outcome.kind.value,
        "ack": outcome.ack,
        "http_status": outcome.http_status,
        "message": outcome.message,
        "ref": outcome.ref,
    }


def _fact(facts: Mapping[str, Any], name: str) -> str | None:
    millis = facts.get(name)
    return None if millis is None else utc(datetime.fromtimestamp(int(millis) / 1000, UTC))


def _maybe_utc(moment: datetime | None) -> str | None:
    return None if moment is None else utc(moment)


def utc(moment: datetime, timespec: str = "seconds") -> str:
    """An ISO time as all views show it."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def _local(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return None if moment is None else moment.astimezone(zone).isoformat(timespec="seconds")

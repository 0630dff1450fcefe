"""How what people ask of locks, and what they did, looks from outside: the JSON of API and command line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from worker.domain.house import Lock
from worker.domain.lock_events import LockEvent
from worker.domain.marks import marked
from worker.domain.outcomes import Entry, Outcome
from worker.service.lock_desk import Reply
from worker.service.views import utc
from worker.store.operator_log import Entry as Line
from worker.store.store import Store

__all__ = [
    "code_views",
    "event_view",
    "events_shown",
    "line_view",
    "outcome_view",
    "reply_view",
    "tag_views",
    "words_of",
]

View = dict[str, Any]
_SAME = ("name", "starts", "ends", "booking")


def reply_view(reply: Reply) -> View:
    """The answer to a command."""
    return {"lock": reply.lock, **outcome_view(reply.outcome), "at": utc(reply.at)}


def outcome_view(outcome: Outcome) -> View:
    """An answer of the vendor's cloud in its own words."""
    return {
        "outcome": outcome.kind.value,
        "ack": outcome.ack,
        "message": outcome.message,
        "ref": outcome.ref,
    }


def words_of(reply: Reply) -> str:
    """What came of a command, for the log and for people."""
    outcome = reply.outcome
    if reply.is_done:
        return outcome.kind.value
    told = (("ack", outcome.ack), ("HTTP", outcome.http_status), ("ref", outcome.ref))
    known = ", ".join(f"{name} {value}" for name, value in told if value is not None)
    found = f"{outcome.kind.value}{f' ({known})' if known else ''}: {outcome.message or 'no words'}"
    return f"perhaps done; {found}" if reply.is_perhaps else found


def code_views(entries: Iterable[Entry], store: Store) -> list[View]:
    """The list of a lock by slot, PINs included; `booking` where the name bears the mark of one on record."""
    ordered = sorted(entries, key=lambda entry: entry.slot)
    keys = {entry.slot: marked(entry.name) for entry in ordered}
    known = {key for key in keys.values() if key is not None and store.stays.raw(key)}
    return [
        {
            "slot": entry.slot,
            "pin": entry.pin,
            "name": entry.name,
            "starts": entry.starts,
            "ends": entry.ends,
            "booking": str(keys[entry.slot]) if keys[entry.slot] in known else None,
        }
        for entry in ordered
    ]


def tag_views(entries: Iterable[Entry], store: Store) -> list[View]:
    """The tags of a lock by place, numbers included; `booking` as for PINs, the house's own ones included."""
    return [
        {"rfid_id": row["slot"], "number": row["pin"], **{k: row[k] for k in _SAME}}
        for row in code_views(entries, store)
    ]


def events_shown(events: Iterable[LockEvent]) -> list[LockEvent]:
    """The latest first."""
    return sorted(events, key=lambda event: (event.at, event.id), reverse=True)


def event_view(event: LockEvent, lock: Lock) -> View:
    """One event of the audit trail. Who it was is left out: the vendor puts the PIN there, and the name."""
    return {
        "id": event.id,
        "lock": lock.name,
        "at": utc(event.at),
        "type": event.event_type,
        "label": event.label,
        "by": event.user_kind,
        "slot": event.user_id,
        "battery": event.battery,
    }


def line_view(line: Line) -> View:
    """One line of the operator log; the two of one act share `act`."""
    return {
        "id": line.id,
        "act": line.act,
        "at": utc(line.at, "milliseconds"),
        "who": line.who,
        "what": line.what,
        "on": line.on,
        "result": line.result,
    }

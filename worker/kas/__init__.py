"""The vendor's cloud, KAS: each request is checked before it leaves, each answer classified once."""

from __future__ import annotations

from worker.domain.lock_events import LockEvent, RfidTag
from worker.domain.outcomes import Answer, Entry, Kind, Outcome
from worker.kas.client import KasClient
from worker.kas.door import Done, KasLock
from worker.kas.errors import BadRequest, KasError, NotDoneError, RefusedError, UnconfirmedError
from worker.kas.exchange import Raw, Request, answered_by, recorded
from worker.kas.login import Login
from worker.kas.requests import NewPin, NewRfid

__all__ = [
    "Answer",
    "BadRequest",
    "Done",
    "Entry",
    "KasClient",
    "KasError",
    "KasLock",
    "Kind",
    "LockEvent",
    "Login",
    "NewPin",
    "NewRfid",
    "NotDoneError",
    "Outcome",
    "Raw",
    "RefusedError",
    "Request",
    "RfidTag",
    "UnconfirmedError",
    "answered_by",
    "recorded",
]

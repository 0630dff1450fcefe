"""`/v1/locks/<lock>/…`: calls to the vendor that are made while the request waits, 30 s at most."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any

from webhooks.api.endpoints import Blueprint, endpoint
from webhooks.api.hand_schemas import CodeOnLockPage, EventPage, ReplySchema
from webhooks.api.paging import listed, page_by_name
from webhooks.api.schemas import PageQuery
from webhooks.problems import Problem
from webhooks.services import does, innkey, now
from worker.domain.answer_table import NO_ANSWER
from worker.domain.house import Lock
from worker.domain.outcomes import Answer, Kind, Outcome
from worker.service.by_hand import LostLoanError, OccupiedError, QuietError
from worker.service.hand_views import code_views, event_view, events_shown, outcome_view, reply_view, words_of
from worker.service.lock_desk import LockDesk, Reply

__all__ = ["at_desk", "blueprint", "known", "not_done"]

MOST_AT_ONCE = 4  # of the eight threads of a web process: webhooks never wait for a slow lock
RETRY_AFTER_S = 5

blueprint = Blueprint("lock-calls", __name__, description="Calls to one lock")
_free = BoundedSemaphore(MOST_AT_ONCE)


@endpoint(
    blueprint, "/v1/locks/<lock>/unlock", ReplySchema, method="POST", status=202, fails=(404, 502, 503, 504)
)
def unlock(lock: str) -> dict[str, Any]:
    """Open the door now. What is not confirmed within 30 s is a 504, and is not tried again later."""
    return _commanded("lock.unlock", lock, LockDesk.unlock, "The door was perhaps opened.")


@endpoint(
    blueprint, "/v1/locks/<lock>/clock", ReplySchema, method="POST", status=202, fails=(404, 502, 503, 504)
)
def set_clock(lock: str) -> dict[str, Any]:
    """Set the lock's clock now, by the time zone in the vendor's console."""
    return _commanded("lock.clock", lock, LockDesk.set_clock, "The clock was perhaps set.")


@endpoint(blueprint, "/v1/locks/<lock>/events", EventPage, query=PageQuery, fails=(404, 502, 503, 504))
def list_events(query: dict[str, Any], lock: str) -> dict[str, Any]:
    """The lock's audit trail, read now, the latest event first."""
    found = known(lock)
    answer = _read("lock.events", found, LockDesk.list_events)
    page = page_by_name(events_shown(answer.events or ()), lambda event: event.id, **query)
    return listed(page, lambda event: event_view(event, found))


@endpoint(blueprint, "/v1/locks/<lock>/codes", CodeOnLockPage, query=PageQuery, fails=(404, 502, 503, 504))
def list_codes(query: dict[str, Any], lock: str) -> dict[str, Any]:
    """The vendor's list of the lock's PINs, read now."""
    answer = _read("lock.codes", known(lock), LockDesk.list_pins)
    rows = code_views(answer.entries or (), innkey().store)
    return listed(page_by_name(rows, lambda row: str(row["slot"]), **query), lambda row: row)


def _commanded(
    what: str, name: str, command: Callable[[LockDesk, Lock], Reply], perhaps: str
) -> dict[str, Any]:
    lock = known(name)
    with at_desk() as desk, does(what, name) as act:
        reply = command(desk, lock)
        act.result = words_of(reply)
    if not reply.is_done:
        raise not_done(name, reply.outcome, perhaps if reply.is_perhaps else "")
    return reply_view(reply)


def _read(what: str, lock: Lock, read: Callable[[LockDesk, Lock], Answer]) -> Answer:
    with at_desk() as desk, does(what, lock.name) as act:
        answer = read(desk, lock)
        act.result = answer.outcome.kind.value
    if answer.outcome.kind is not Kind.DONE:
        raise not_done(lock.name, answer.outcome, "")
    return answer


def known(name: str) -> Lock:
    """A lock of the property file. Raises Problem."""
    lock = innkey().house().locks.get(name)
    if lock is None:
        raise Problem(404, "The property file has no lock of this name.")
    return lock


@contextmanager
def at_desk() -> Iterator[LockDesk]:
    """The desk, for as many requests at a time as leave threads for webhooks."""
    now()
    if not _free.acquire(blocking=False):
        raise _busy("as many calls to locks are being made as this process makes at a time", RETRY_AFTER_S)
    try:
        yield innkey().lock_desk()
    except QuietError as error:
        raise _busy(str(error), error.seconds) from None
    except OccupiedError as error:
        raise _busy(str(error), RETRY_AFTER_S) from None
    except LostLoanError:
        raise _busy("it took so long that somebody else has the lock now", RETRY_AFTER_S) from None
    finally:
        _free.release()


def _busy(why: str, seconds: float) -> Problem:
    detail = f"Nothing was sent: {why}."
    return Problem(503, detail, headers={"Retry-After": str(math.ceil(seconds))})


def not_done(lock: str, outcome: Outcome, perhaps: str) -> Problem:
    """The vendor's answer as a problem, with its own words."""
    more = {"lock": lock, **outcome_view(outcome)}
    said = outcome.message or outcome.kind.value
    if perhaps:
        return Problem(504, f"{perhaps} It was not confirmed: {said}.", more=more)
    if outcome.kind in (Kind.THROTTLED, Kind.NOT_SENT):
        seconds = str(math.ceil(outcome.retry_after or RETRY_AFTER_S))
        return Problem(
            503, f"Not done: {said}. {perhaps}".strip(), headers={"Retry-After": seconds}, more=more
        )
    if perhaps:
        return Problem(504, f"{perhaps} It was not confirmed: {said}.", more=more)
    is_unanswered = outcome.kind in NO_ANSWER or outcome.http_status == 504
    return Problem(504 if is_unanswered else 502, f"The vendor's cloud did not do it: {said}.", more=more)

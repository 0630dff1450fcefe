"""One message to one endpoint: its attempts, when the next one is, and when it is given up. Pure.

The schedule and what an answer means follow the specification of Standard Webhooks, "Delivering webhooks".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from worker.domain.outgoing import Topic

# The wait before each attempt: ten of them in about three days.
SCHEDULE = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# A message that had to wait behind others, because its endpoint was throttled, is not tried for longer.
GIVEN_UP_AFTER = timedelta(days=4)
LONGEST_WAIT = timedelta(hours=24)  # whatever Retry-After asks for
JITTER = 0.1  # of a wait, at the most
KEPT_ATTEMPTS = 30
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(seconds=5), timedelta(minutes=1)
_LONGEST_NUMBER = 9


class Verdict(StrEnum):
    """What came of one attempt."""

    DELIVERED = "delivered"  # 2xx
    REFUSED = "refused"  # another status, redirects included
    THROTTLED = "throttled"  # 429, 502, 503, 504
    GONE = "gone"  # 410
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    NOT_ALLOWED = "not_allowed"  # all of its addresses are private


class DeliveryState(StrEnum):
    """`failed`: given up, and kept for a replay. `gone`: the endpoint said that it wants no more."""

    WAITING = "waiting"
    DELIVERED = "delivered"
    FAILED = "failed"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """How an endpoint answered, if it did. `took` from the start of the call."""

    verdict: Verdict
    status: int | None = None
    retry_after: timedelta | None = None
    took: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt, for the log."""

    at: datetime
    verdict: Verdict
    status: int | None
    took: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One message to one endpoint; `id` is its `webhook-id` at every attempt.

    `at`: when it happened. `pin_tag`: the keyed tag of the PIN that it is about, where the endpoint wants it.
    `begun`: the start of the present round of attempts, `failures` how many of them failed.
    """

    id: str
    endpoint: str
    topic: Topic
    at: datetime
    data: Mapping[str, object]
    begun: datetime
    lock: str | None = None
    pin_tag: str | None = None
    state: DeliveryState = DeliveryState.WAITING
    failures: int = 0
    attempts: tuple[Attempt, ...] = ()
    next: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointState:
    """What is known of an endpoint. `url`: a digest of the address that said 410, at `gone_at`.

    `gone_id`: the message that it said so to. `fails`: failures in a row that throttle it; until
    `quiet_until` nothing is sent. `is_told`: operations were told of a message that was given up.
    """

    gone_at: datetime | None = None
    gone_id: str | None = None
    url: str = ""
    fails: int = 0
    quiet_until: datetime | None = None
    is_told: bool = False


_PAUSES = frozenset({Verdict.THROTTLED, Verdict.TIMEOUT, Verdict.UNREACHABLE, Verdict.NOT_ALLOWED})


def verdict_of(status: int) -> Verdict:
    """What a status means: 2xx alone is success, and a redirect is none."""
    if 200 <= status <= 299:
        return Verdict.DELIVERED
    if status == 410:
        return Verdict.GONE
    return Verdict.THROTTLED if status in (429, 502, 503, 504) else Verdict.REFUSED


def answered(delivery: Delivery, reply: Reply, now: datetime, chance: float) -> Delivery:
    """The message after an attempt. `chance` (0 to 1) spreads the attempts of many messages."""
    attempt = Attempt(now, reply.verdict, reply.status, reply.took)
    tried = replace(delivery, attempts=(*delivery.attempts, attempt)[-KEPT_ATTEMPTS:], next=None)
    if reply.verdict is Verdict.DELIVERED:
        return replace(tried, state=DeliveryState.DELIVERED)
    if reply.verdict is Verdict.GONE:
        return replace(tried, state=DeliveryState.GONE)
    failures = delivery.failures + 1
    if failures >= len(SCHEDULE) or now - delivery.begun >= GIVEN_UP_AFTER:
        return replace(tried, state=DeliveryState.FAILED, failures=failures)
    wait = SCHEDULE[failures] * (1 + JITTER * chance)
    wait = max(wait, reply.retry_after or timedelta(0))
    return replace(tried, state=DeliveryState.WAITING, failures=failures, next=now + wait)


def again(delivery: Delivery, now: datetime) -> Delivery:
    """To be sent now, with the whole schedule before it."""
    return replace(delivery, state=DeliveryState.WAITING, failures=0, begun=now, next=now)


def endpoint_after(
    state: EndpointState, delivery: Delivery, reply: Reply, url: str, now: datetime
) -> EndpointState:
    """What is known of the endpoint after it answered so; `delivery` as it is then, `url` its digest."""
    if reply.verdict is Verdict.GONE:
        return replace(state, gone_at=now, gone_id=delivery.id, url=url)
    is_told = state.is_told or delivery.state is DeliveryState.FAILED
    if reply.verdict not in _PAUSES:
        return EndpointState(is_told=is_told and reply.verdict is not Verdict.DELIVERED)
    pause = min(_FIRST_PAUSE * 2 ** min(state.fails, 8), _LONGEST_PAUSE)
    pause = max(pause, reply.retry_after or timedelta(0))
    return replace(state, fails=state.fails + 1, quiet_until=now + pause, is_told=is_told)


def retry_after(text: str | None, now: datetime) -> timedelta | None:
    """The wait that a `Retry-After` asks for, in seconds or as a date, a day at the most."""
    if text is None:
        return None
    text = text.strip()
    if text.isascii() and text.isdigit():
        seconds = int(text[:_LONGEST_NUMBER]) if len(text) <= _LONGEST_NUMBER else 10**_LONGEST_NUMBER
        return min(timedelta(seconds=seconds), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    until = until if until.tzinfo is not None else until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta(0)), LONGEST_WAIT)

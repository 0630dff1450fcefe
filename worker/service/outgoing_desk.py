"""What a person sees of the endpoints and does with them: replay a message, test one, switch it on again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from worker.domain.deliveries import Attempt, Delivery, EndpointState, Verdict, again
from worker.domain.outgoing import TOPICS, probe_news
from worker.outgoing import Answered
from worker.property_outgoing import EndpointConfig
from worker.service.clock import Clock
from worker.service.deliver import Sends, body_of, is_gone, revive
from worker.service.outgoing_writes import new_message_id
from worker.service.views import utc
from worker.store.commit import ConflictError
from worker.store.deliveries import load_delivery
from worker.store.pages import Page
from worker.store.store import Store

_TRIES = 20
_MOST_SHOWN = 500
View = dict[str, Any]


class UnknownEndpointError(LookupError):
    """The property file has no such endpoint."""


class UnknownDeliveryError(LookupError):
    """No such message is kept."""


class SwitchedOffError(Exception):
    """Nothing is sent to the endpoint; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Tested:
    """How an endpoint answered to a test."""

    endpoint: str
    message: str
    answered: Answered

    @property
    def is_delivered(self) -> bool:
        """Whether it took it."""
        return self.answered.reply.verdict is Verdict.DELIVERED


@dataclass(slots=True)
class OutgoingDesk:
    """Reads the log, and acts."""

    store: Store
    endpoints: Mapping[str, EndpointConfig]
    clock: Clock
    sender: Sends

    def endpoint(self, name: str) -> EndpointConfig:
        """One endpoint of the property file. Raises UnknownEndpointError."""
        found = self.endpoints.get(name)
        if found is None:
            raise UnknownEndpointError(name)
        return found

    def endpoint_views(self, names: list[str] | None = None) -> list[View]:
        """All endpoints, or those, in the order of their names."""
        wanted = sorted(self.endpoints) if names is None else names
        looked, waiting = self.store.deliveries.look(wanted), self.store.deliveries.waiting(wanted)
        now = self.clock.now()
        return [_endpoint_view(self.endpoints[n], looked[n].state, waiting[n], now) for n in wanted]

    def page(self, name: str, *, limit: int, cursor: str | None) -> Page[Delivery]:
        """The messages to an endpoint, the latest first. Raises UnknownEndpointError, BadCursorError."""
        self.endpoint(name)
        return self.store.deliveries.page(name, limit=limit, cursor=cursor)

    def delivery(self, name: str, message: str) -> Delivery:
        """One message. Raises UnknownEndpointError, UnknownDeliveryError."""
        self.endpoint(name)
        found = self.store.deliveries.get(message)
        if found is None or found.endpoint != name:
            raise UnknownDeliveryError(message)
        return found

    def replay(self, name: str, message: str) -> Delivery:
        """Send a message again, now and by the whole schedule, under the same id.

        Raises UnknownEndpointError, UnknownDeliveryError, SwitchedOffError.
        """
        self._check_on(name)
        for _ in range(_TRIES):
            self.delivery(name, message)
            raw = self.store.deliveries.raw(message)
            if raw is None:
                raise UnknownDeliveryError(message)
            wanted = again(load_delivery(raw), self.clock.now())
            try:
                self.store.deliveries.change(raw, wanted)
            except ConflictError:
                continue
            return wanted
        raise ConflictError

    def enable(self, name: str) -> View:
        """Send to an endpoint again that said 410 or is throttled.

        Raises UnknownEndpointError, SwitchedOffError.
        """
        if not self.endpoint(name).enabled:
            raise SwitchedOffError(_OFF)
        revive(self.store, name, self.clock.now())
        return self.endpoint_views([name])[0]

    def test(self, name: str) -> Tested:
        """Send an event that tells nothing, now, and leave no trace of it. Raises UnknownEndpointError."""
        endpoint, now = self.endpoint(name), self.clock.now()
        news, message = probe_news(name, now), new_message_id()
        body = body_of(
            Delivery(id=message, endpoint=name, topic=news.topic, at=now, data=news.data, begun=now)
        )
        return Tested(name, message, self.sender.send(endpoint, message, body, now))

    def _check_on(self, name: str) -> None:
        endpoint = self.endpoint(name)
        if not endpoint.enabled:
            raise SwitchedOffError(_OFF)
        if is_gone(self.store.deliveries.state(name), endpoint):
            raise SwitchedOffError("the endpoint answered 410 and wants no more; enable it first")


_OFF = "the property file says enabled = false; change that, and let Innkey read the file again"


def delivery_view(delivery: Delivery) -> View:
    """One message with its attempts; times are UTC. `data` is what it tells, without the PIN."""
    return {
        "id": delivery.id,
        "type": delivery.topic.value,
        "at": utc(delivery.at),
        "state": delivery.state.value,
        "source": delivery.data.get("source"),
        "booking": delivery.data.get("booking"),
        "next": utc(delivery.next) if delivery.next is not None else None,
        "attempts": [_attempt_view(one) for one in delivery.attempts],
        "data": dict(delivery.data),
    }


def tested_view(tested: Tested) -> View:
    """How an endpoint answered to a test, with the beginning of what it said."""
    reply = tested.answered.reply
    return {
        "endpoint": tested.endpoint,
        "id": tested.message,
        "outcome": reply.verdict.value,
        "status": reply.status,
        "ms": _ms(reply.took),
        "said": tested.answered.said.decode("utf-8", "replace")[:_MOST_SHOWN],
    }


def _attempt_view(attempt: Attempt) -> View:
    return {
        "at": utc(attempt.at),
        "outcome": attempt.verdict.value,
        "status": attempt.status,
        "ms": _ms(attempt.took),
    }


def _endpoint_view(endpoint: EndpointConfig, state: EndpointState, waiting: int, now: datetime) -> View:
    quiet = state.quiet_until if state.quiet_until is not None and state.quiet_until > now else None
    return {
        "name": endpoint.name,
        "origin": endpoint.origin,
        "events": [topic.value for topic in TOPICS if topic in endpoint.events],
        "with_pin": endpoint.with_pin,
        "allow_private": endpoint.allow_private,
        "state": _word(endpoint, state, is_quiet=quiet is not None),
        "gone": utc(state.gone_at) if state.gone_at is not None and is_gone(state, endpoint) else None,
        "paused_until": utc(quiet) if quiet is not None else None,
        "waiting": waiting,
    }


def _word(endpoint: EndpointConfig, state: EndpointState, *, is_quiet: bool) -> str:
    if not endpoint.enabled:
        return "off"
    if is_gone(state, endpoint):
        return "gone"
    return "paused" if is_quiet else "on"


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)

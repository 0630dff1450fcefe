"""Dramatiq's broker: Redis or RabbitMQ. Messages are hints that carry ids only.

Losing all of them loses nothing.
"""

from __future__ import annotations

from typing import Any

import dramatiq
import dramatiq.errors
import structlog
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import Middleware, ShutdownNotifications

from worker.store.redis_client import RedisError, connect

EVENTS = "events"  # events and alerts: never behind a hanging vendor call
LOCKS = "locks"
OUTGOING = "outgoing"  # endpoints of other systems: never before a lock or a mail
SOURCES = "sources"  # a booking system may keep its callers waiting, and nobody else shall wait with them
NAMESPACE = "dramatiq"

APPLY_EVENT = "apply_event"
SERVE_LOCK = "serve_lock"
SEND_ALERT = "send_alert"
LOOK_AT_STAY = "look_at_stay"
DELIVER = "deliver"
RUN_ERRANDS = "run_errands"

log = structlog.get_logger(__name__)


def make_broker(url: str, middleware: list[Middleware], *, patient: bool = True) -> dramatiq.Broker:
    """A broker for `redis://…` or `amqp://…`. Nothing is sent yet.

    No retries, age limits or delays: what must not be lost waits in our own record, never in a message. The
    heartbeat and maintenance settings bring messages of a killed worker back within seconds.
    """
    chain: list[Middleware] = [ShutdownNotifications(notify_shutdown=False), *middleware]
    if url.startswith("amqp"):
        from dramatiq.brokers.rabbitmq import RabbitmqBroker  # noqa: PLC0415 - an optional extra

        return RabbitmqBroker(url=url, middleware=chain)
    redis_broker: Any = RedisBroker  # untyped in dramatiq
    made: dramatiq.Broker = redis_broker(
        client=connect(url, patient=patient, as_text=False),
        middleware=chain,
        namespace=NAMESPACE,
        heartbeat_timeout=15_000,
        maintenance_chance=1_000_000,
    )
    return made


class BrokerHints:
    """Announces work as messages. One that cannot be sent is no loss: the tick finds what waits."""

    def __init__(self, broker: dramatiq.Broker) -> None:
        """Nothing is sent yet."""
        self._broker = broker

    def locks(self, names: list[str]) -> None:
        """It is these locks' turn."""
        for name in names:
            self._send(LOCKS, SERVE_LOCK, name)

    def event(self, event_key: str) -> None:
        """An event waits to be applied."""
        self._send(EVENTS, APPLY_EVENT, event_key)

    def alert(self, problem: str) -> None:
        """A mail about this problem is due."""
        self._send(EVENTS, SEND_ALERT, problem)

    def stay(self, ref: str) -> None:
        """A stay is to be looked at."""
        self._send(EVENTS, LOOK_AT_STAY, ref)

    def outgoing(self, endpoint: str) -> None:
        """Messages to this endpoint are due."""
        self._send(OUTGOING, DELIVER, endpoint)

    def errands(self, source: str) -> None:
        """Something is to be asked of a source."""
        self._send(SOURCES, RUN_ERRANDS, source)

    def _send(self, queue: str, actor: str, argument: str) -> None:
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=queue, actor_name=actor, args=(argument,), kwargs={}, options={}
        )
        try:
            self._broker.enqueue(message)
        except (RedisError, dramatiq.errors.ConnectionError) as error:
            log.warning("hint.lost", actor=actor, error=type(error).__name__)

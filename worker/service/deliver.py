"""Sends what other systems are to be told: one endpoint at a time, each by one worker.

A message whose sending was cut off, by a crash or a frozen worker, is sent again under the same id.
"""

from __future__ import annotations

import hashlib
import json
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Event
from typing import Protocol

import structlog

from worker.domain.booking import StayKey
from worker.domain.deliveries import (
    Delivery,
    DeliveryState,
    EndpointState,
    Reply,
    Verdict,
    again,
    answered,
    endpoint_after,
)
from worker.domain.house import House
from worker.domain.notices import About, Notice
from worker.domain.outgoing import pin_to_tell
from worker.outgoing import Answered
from worker.property_outgoing import EndpointConfig
from worker.service.clock import Clock
from worker.service.counts import Counts
from worker.store.commit import Commit, ConflictError, FencedError
from worker.store.deliveries import Look, Turn, load_delivery, state_commands
from worker.store.notices import settled_commands, told_commands
from worker.store.redis_client import RedisError
from worker.store.store import Store
from worker.store.vault import UnreadableError

VISIT_SECONDS = 30.0
PUT_OFF = timedelta(minutes=5)
_TRIES = 20

log = structlog.get_logger(__name__)


class Sends(Protocol):
    """Sends one message once, and raises nothing."""

    def send(self, endpoint: EndpointConfig, message: str, body: str, now: datetime) -> Answered:
        """Send a body (JSON) under the id `message`."""


@dataclass(slots=True)
class Deliverer:
    """What sends. `stopping` ends a visit after the message in flight; `chance` spreads the attempts."""

    store: Store
    endpoints: Mapping[str, EndpointConfig]
    house: Callable[[], House]
    clock: Clock
    sender: Sends
    counts: Counts
    hint: Callable[[str], None]
    stopping: Event
    chance: Callable[[], float] = random.random

    def tick(self) -> None:
        """Hint at each endpoint to which something is to be sent now, and to which nobody sends."""
        names = [name for name, endpoint in self.endpoints.items() if endpoint.enabled]
        now = self.clock.now()
        for name, look in self.store.deliveries.look(names).items():
            if _is_due(look, self.endpoints[name], now) and self.store.deliveries.may_hint(name):
                self.hint(name)

    def tidy(self) -> None:
        """Forget old messages."""
        self.store.deliveries.tidy(self.clock.now())

    def serve(self, name: str) -> None:
        """Send what is due to one endpoint, until it is throttled, or for half a minute.

        Ends at once where another worker does.
        """
        endpoint = self.endpoints.get(name)
        if endpoint is None or not endpoint.enabled or self.stopping.is_set():
            return
        turn = self.store.deliveries.take(name)
        if turn is None:
            return
        ends = time.monotonic() + VISIT_SECONDS
        try:
            if not self._begin(endpoint):
                return
            while self._serve_next(endpoint, turn) and time.monotonic() < ends:
                if self.stopping.is_set():
                    return
        except FencedError:
            log.warning("outgoing.fenced", endpoint=name)
        finally:
            self._end(turn)

    def _begin(self, endpoint: EndpointConfig) -> bool:
        """Whether the endpoint may be sent to; one that said 410 may as soon as it has another address."""
        state = self.store.deliveries.state(endpoint.name)
        if state.gone_at is None:
            return True
        if state.url == digest_of(endpoint):
            return False
        revive(self.store, endpoint.name, self.clock.now())
        log.info("outgoing.revived", endpoint=endpoint.name)
        return True

    def _end(self, turn: Turn) -> None:
        try:
            self.store.deliveries.give_back(turn)
        except FencedError:
            return

    def _serve_next(self, endpoint: EndpointConfig, turn: Turn) -> bool:
        """Send one message; whether there may be another one to send."""
        deliveries, now = self.store.deliveries, self.clock.now()
        state = deliveries.state(endpoint.name)
        if state.gone_at is not None or (state.quiet_until is not None and now < state.quiet_until):
            return False
        message = deliveries.next_due(endpoint.name, now)
        if message is None:
            return False
        deliveries.renew(turn)
        try:
            self._send(endpoint, message, turn)
        except (RedisError, FencedError):
            raise
        except Exception as error:
            # One that cannot be sent must not hold up the others; it is tried again later.
            log.exception(
                "outgoing.failed", endpoint=endpoint.name, message=message, error=type(error).__name__
            )
            deliveries.put_off(endpoint.name, message, self.clock.now() + PUT_OFF)
        return True

    def _send(self, endpoint: EndpointConfig, message: str, turn: Turn) -> None:
        delivery = self.store.deliveries.get(message)
        if delivery is None:
            self.store.deliveries.forget(endpoint.name, message)
            return
        body = body_of(delivery, self._pin(delivery, endpoint))
        reply = self.sender.send(endpoint, message, body, self.clock.now()).reply
        self.counts.add(f"deliveries:{endpoint.name}:{reply.verdict.value}")
        self._absorb(endpoint, message, reply, turn)

    def _pin(self, delivery: Delivery, endpoint: EndpointConfig) -> str | None:
        """The PIN that the message is about, if it is still that of the stay, and told."""
        if delivery.pin_tag is None or not endpoint.with_pin:
            return None
        key = StayKey(str(delivery.data["source"]), str(delivery.data["booking"]))
        try:
            stay = self.store.stays.get(key)
        except UnreadableError:
            log.exception("outgoing.unreadable", stay=str(key))
            return None
        if stay is None:
            return None
        pin = pin_to_tell(delivery.topic, delivery.lock, stay, self.house(), self.clock.now())
        return pin if pin is not None and self.store.vault.tag(pin) == delivery.pin_tag else None

    def _absorb(self, endpoint: EndpointConfig, message: str, reply: Reply, turn: Turn) -> None:
        """Write what came of an attempt. A person may have asked for a replay meanwhile."""
        for _ in range(_TRIES):
            raw, now = self.store.deliveries.raw(message), self.clock.now()
            if raw is None:
                return
            after = answered(load_delivery(raw), reply, now, self.chance())
            known = self.store.deliveries.state(endpoint.name)
            state = endpoint_after(known, after, reply, digest_of(endpoint), now)
            commands = state_commands(endpoint.name, state) if state != known else []
            commands += _notice_commands(endpoint.name, known, state, now)
            try:
                self.store.deliveries.change(raw, after, commands, turn)
            except ConflictError:
                continue
            _log(after, reply)
            return
        raise ConflictError


def body_of(delivery: Delivery, pin: str | None = None) -> str:
    """The body of a message: type, timestamp and data, as Standard Webhooks say."""
    data = {**delivery.data, **({"pin": pin} if pin is not None else {})}
    stamp = delivery.at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"type": delivery.topic.value, "timestamp": stamp, "data": data}, separators=(",", ":"))


def digest_of(endpoint: EndpointConfig) -> str:
    """What tells one address from another without showing it."""
    return hashlib.sha256(endpoint.url.reveal().encode()).hexdigest()[:16]


def revive(store: Store, endpoint: str, now: datetime) -> None:
    """Send to an endpoint again that said 410 or is throttled, what it refused with 410 too."""
    state = store.deliveries.state(endpoint)
    kept = EndpointState(is_told=state.is_told)
    commands = state_commands(endpoint, kept) + _notice_commands(endpoint, state, kept, now)
    raw = store.deliveries.raw(state.gone_id) if state.gone_id is not None else None
    refused = load_delivery(raw) if raw is not None else None
    if raw is not None and refused is not None and refused.state is DeliveryState.GONE:
        store.deliveries.change(raw, again(refused, now), commands)
    else:
        Commit(commands=commands).run(store.scripts)


def is_gone(state: EndpointState, endpoint: EndpointConfig) -> bool:
    """Whether the endpoint said 410 at the address that it has now."""
    return state.gone_at is not None and state.url == digest_of(endpoint)


def _is_due(look: Look, endpoint: EndpointConfig, now: datetime) -> bool:
    state = look.state
    if look.is_taken or is_gone(state, endpoint):
        return False
    is_revived = state.gone_at is not None
    is_quiet = state.quiet_until is not None and now < state.quiet_until
    return is_revived or (look.due is not None and look.due <= now and not is_quiet)


def _notice_commands(
    endpoint: str, before: EndpointState, after: EndpointState, now: datetime
) -> list[list[str | int]]:
    commands: list[list[str | int]] = []
    for about, was, is_so in (
        (About.OUTGOING_FAILED, before.is_told, after.is_told),
        (About.OUTGOING_GONE, before.gone_at is not None, after.gone_at is not None),
    ):
        notice = Notice(about=about, where=endpoint, opened=now)
        if is_so and not was:
            commands += told_commands(notice)
        elif was and not is_so:
            commands += settled_commands(notice)
    return commands


def _log(delivery: Delivery, reply: Reply) -> None:
    told = {"endpoint": delivery.endpoint, "message": delivery.id, "type": delivery.topic.value}
    if reply.verdict is Verdict.DELIVERED:
        log.info("outgoing.delivered", **told)
    else:
        log.warning(
            "outgoing.not_delivered",
            **told,
            verdict=reply.verdict.value,
            status=reply.status,
            state=delivery.state.value,
        )

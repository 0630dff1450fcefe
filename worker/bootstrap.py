"""Wires everything once per process: configuration, store, services.

Nothing is connected before it is used.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol

from worker.alerts import make_mailer
from worker.broker import BrokerHints, make_broker
from worker.configuration import Configuration, load_configuration
from worker.configuration_error import ConfigurationError, Problem
from worker.domain.house import House
from worker.kas import Login
from worker.outgoing import Sender
from worker.service.accounts import Accounts
from worker.service.apply_event import EventApplier
from worker.service.clock import Clock
from worker.service.counts import Counts
from worker.service.deliver import Deliverer
from worker.service.escalate import Escalation
from worker.service.generation import Generation
from worker.service.hearing import Hearing
from worker.service.housekeeping import Housekeeping
from worker.service.keys import KeyRing
from worker.service.ledger import Ledger
from worker.service.lock_desk import LockDesk
from worker.service.look_after import StayWatch
from worker.service.outgoing_desk import OutgoingDesk
from worker.service.outgoing_writes import Outbox
from worker.service.requests import Requests
from worker.service.review import Review
from worker.service.serve_lock import LockServer
from worker.service.source_watch import SourceWatch
from worker.service.vendor import Vendor, clients_for
from worker.settings import Settings
from worker.store.generations import Role
from worker.store.store import Store, open_store


class Hints(Protocol):
    """How work is announced to the workers. Each may be lost: the tick finds what waits."""

    def locks(self, names: list[str]) -> None:
        """It is these locks' turn."""

    def event(self, event_key: str) -> None:
        """An event waits to be applied."""

    def alert(self, problem: str) -> None:
        """A mail about this problem is due."""

    def stay(self, ref: str) -> None:
        """A stay is to be looked at."""

    def outgoing(self, endpoint: str) -> None:
        """Messages to this endpoint are due."""

    def errands(self, source: str) -> None:
        """Something is to be asked of a source."""


@dataclass(slots=True, kw_only=True)
class Innkey:
    """The services of one process."""

    configuration: Configuration
    store: Store
    clock: Clock
    ledger: Ledger
    review: Review
    requests: Requests
    generation: Generation
    hints: Hints
    stopping: Event = field(default_factory=Event)
    counts: Counts = field(default_factory=Counts)
    hearing: Hearing = field(default_factory=Hearing)
    sender: Sender = field(default_factory=Sender)
    _ring: KeyRing | None = None

    @property
    def settings(self) -> Settings:
        """The environment."""
        return self.configuration.settings

    def house(self) -> House:
        """The accounts, locks and units of the property file, and the locks of former ones.

        Raises redis' errors.
        """
        return self.generation.house()

    def key_ring(self) -> KeyRing:
        """The accounts' keys, one ring per process."""
        if self._ring is None:
            access = self.configuration.properties.accounts_access
            self._ring = KeyRing(
                store=self.store,
                house=self.house,
                clock=self.clock,
                static={name: a.api_key.reveal() for name, a in access.items() if a.api_key is not None},
                logins={
                    name: Login(a.key_url, a.email, a.password.reveal())
                    for name, a in access.items()
                    if a.email is not None and a.password is not None
                },
                clients=clients_for(
                    self.configuration.properties.house, {name: a.base_url for name, a in access.items()}
                ),
                counts=self.counts,
            )
        return self._ring

    def lock_server(self) -> LockServer:
        """What serves locks; it makes the vendor's clients."""
        ring = self.key_ring()
        vendor = Vendor(clients=ring.clients, keys=ring, counts=self.counts)
        return LockServer(
            store=self.store,
            ledger=self.ledger,
            vendor=vendor,
            accounts=Accounts(self.store, self.ledger, ring),
            house=self.house,
            clock=self.clock,
            stopping=self.stopping,
        )

    def lock_desk(self) -> LockDesk:
        """What a person asks of a lock; it makes the vendor's clients."""
        ring = self.key_ring()
        return LockDesk(
            store=self.store,
            ledger=self.ledger,
            vendor=Vendor(clients=ring.clients, keys=ring, counts=self.counts),
            house=self.house,
            clock=self.clock,
            wake=self.hints.locks,
        )

    def report_counts(self) -> None:
        """Add what this process has counted to the counters behind `/metrics`, and what it heard of sources.

        Raises redis' errors.
        """
        self.hearing.report(self.store.source_signs)
        self.store.health.count_all(self.counts.take())

    def event_applier(self) -> EventApplier:
        """What applies events."""
        return EventApplier(self.store, self.ledger)

    def housekeeping(self) -> Housekeeping:
        """What the tick does."""
        return Housekeeping(
            store=self.store,
            house=self.house,
            clock=self.clock,
            wake=self.hints.locks,
            hint_event=self.hints.event,
            hint_alert=self.hints.alert,
            hint_stay=self.hints.stay,
            ledger=self.ledger,
            generation=self.generation,
        )

    def source_watch(self) -> SourceWatch:
        """What judges whether sources are silent or unproven."""
        return SourceWatch(self.store, self.clock, self.configuration.properties.sources)

    def stay_watch(self) -> StayWatch:
        """What looks at stays whose own time has come."""
        return StayWatch(self.store, self.ledger, self.house)

    def deliverer(self) -> Deliverer:
        """What sends to other systems."""
        return Deliverer(
            store=self.store,
            endpoints=self.configuration.properties.outgoing,
            house=self.house,
            clock=self.clock,
            sender=self.sender,
            counts=self.counts,
            hint=self.hints.outgoing,
            stopping=self.stopping,
        )

    def outgoing_desk(self) -> OutgoingDesk:
        """What a person sees of other systems, and does with them."""
        endpoints = self.configuration.properties.outgoing
        return OutgoingDesk(self.store, endpoints, self.clock, self.sender)

    def escalation(self) -> Escalation:
        """What mails alerts."""
        return Escalation(
            store=self.store,
            house=self.house,
            clock=self.clock,
            mailer=make_mailer(self.settings),
            base_url=self.settings.base_url,
        )


def bootstrap(
    environ: Mapping[str, str] | None = None,
    *,
    hints: Hints | None = None,
    patient: bool = True,
    role: Role = Role.WORKER,
) -> Innkey:
    """The services for one process; without `hints` they announce work through a broker of their own.

    `patient`: workers ride out a stall of Redis, the web answers at once. `role`: whether its property
    file may plan stays.

    Raises ConfigurationError with every problem.
    """
    configuration = load_configuration(environ)
    settings = configuration.settings
    if settings.redis_url is None:
        raise _no_redis_url()
    if hints is None:
        url = settings.broker_url or settings.redis_url
        hints = BrokerHints(make_broker(url.reveal(), [], patient=patient))
    keys = [key.reveal() for key in settings.secret_keys]
    store = open_store(settings.redis_url.reveal(), keys, patient=patient)
    clock = Clock()
    properties = configuration.properties
    generation = Generation(store, properties.house, properties.fingerprint, properties.modified, role)
    ledger = Ledger(
        store=store,
        house=generation.house,
        clock=clock,
        wake=hints.locks,
        generation=generation.number,
        new_id=lambda: secrets.token_hex(8),
        outbox=Outbox(store.vault, properties.outgoing),
    )
    return Innkey(
        configuration=configuration,
        store=store,
        clock=clock,
        ledger=ledger,
        review=Review(store, ledger),
        requests=Requests(store, ledger),
        generation=generation,
        hints=hints,
    )


def _no_redis_url() -> ConfigurationError:
    cause = "is not set"
    cure = "set it to your Redis or Valkey, or start everything with `innkey up`, which brings its own"
    return ConfigurationError([Problem("REDIS_URL", cause, cure)])

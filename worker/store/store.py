"""Everything that is kept in Redis, in one object that the services are given."""

from __future__ import annotations

from dataclasses import dataclass

import redis

from worker.store.agenda import Agenda
from worker.store.alerts import Alerts
from worker.store.deliveries import Deliveries
from worker.store.errands import Errands
from worker.store.events import Events
from worker.store.feeds import Feeds
from worker.store.generations import Generations
from worker.store.health import Health
from worker.store.letters import Letters
from worker.store.locks import Locks
from worker.store.notices import Notices
from worker.store.operator_log import OperatorLog
from worker.store.redis_client import connect
from worker.store.scripts import Scripts
from worker.store.source_signs import SignsOfSources
from worker.store.source_tokens import SourceTokens
from worker.store.stays import Stays
from worker.store.trail import Trails
from worker.store.vault import Vault, shared_vault


@dataclass(frozen=True, slots=True)
class Store:
    """The record, by concept."""

    client: redis.Redis
    scripts: Scripts
    vault: Vault
    stays: Stays
    letters: Letters
    events: Events
    errands: Errands
    feeds: Feeds
    source_signs: SignsOfSources
    agenda: Agenda
    alerts: Alerts
    notices: Notices
    deliveries: Deliveries
    generations: Generations
    locks: Locks
    trails: Trails
    health: Health
    operators: OperatorLog
    tokens: SourceTokens


def open_store(url: str, secret_keys: list[str], *, patient: bool = True) -> Store:
    """A store on the Redis at `url`. Nothing is sent before it is used."""
    client = connect(url, patient=patient)
    vault = shared_vault(client, secret_keys)
    scripts = Scripts(client)
    events = Events(client, scripts, vault)
    return Store(
        client=client,
        scripts=scripts,
        vault=vault,
        stays=Stays(client, vault),
        letters=Letters(client),
        events=events,
        errands=Errands(client, scripts),
        feeds=Feeds(client, scripts, vault, events),
        source_signs=SignsOfSources(client, scripts),
        agenda=Agenda(client, scripts),
        alerts=Alerts(client),
        notices=Notices(client),
        deliveries=Deliveries(client, scripts),
        generations=Generations(client, scripts),
        locks=Locks(client),
        trails=Trails(client),
        health=Health(client),
        operators=OperatorLog(client),
        tokens=SourceTokens(client, vault),
    )

"""A real Redis for the store's tests, emptied before each; and houses, stays and writes to fill it with."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cryptography.fernet import Fernet

from tests.redis_server import redis_server
from worker.domain.booking import BookingEvent, EventType, StayKey, Version
from worker.domain.house import Account, House, Lock, Policy, Unit
from worker.domain.plan import applied
from worker.domain.record import Stay
from worker.processes.embedded_redis import EmbeddedRedis
from worker.service.clock import Clock
from worker.service.generation import Generation
from worker.service.housekeeping import Housekeeping
from worker.service.ledger import Ledger
from worker.service.outgoing_writes import Outbox
from worker.service.review import Review
from worker.store import keys
from worker.store.commit import Commit
from worker.store.store import Store, open_store

ZONE = ZoneInfo("Australia/Brisbane")
SECRET = Fernet.generate_key().decode()
DEADLINE = 60.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """A server of the module's own; it syncs every write to disk."""
    with redis_server(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture
def opened(server: EmbeddedRedis) -> Iterator[Callable[..., Store]]:
    """Makes stores on the emptied server, as further processes would; all are closed at the end."""
    stores: list[Store] = []

    def make(*secrets: str) -> Store:
        stores.append(open_store(server.url, list(secrets) or [SECRET]))
        return stores[-1]

    make().client.flushall()
    yield make
    for store in stores:
        store.client.close()


@pytest.fixture
def store(opened: Callable[..., Store]) -> Store:
    """The store of one process."""
    return opened()


def make_house(
    *locks: str, places: int = 26, accounts: dict[str, int] | None = None, policy: Policy | None = None
) -> House:
    """A house in which each lock is also a unit; `lock@account` puts a lock elsewhere than in `default`."""
    named = {name.partition("@")[0]: name.partition("@")[2] or "default" for name in locks}
    rules = policy or Policy()
    return House(
        accounts={
            name: Account(name=name, max_in_flight=most)
            for name, most in (accounts or {"default": places}).items()
        },
        locks={name: Lock(name=name, zone=ZONE, account=account) for name, account in named.items()},
        units={name: Unit(name=name, zone=ZONE, locks=(name,), policy=rules) for name in named},
        policy=rules,
        zone=ZONE,
    )


def schedule(
    store: Store,
    house: House,
    rows: list[tuple[str, str, datetime, datetime]],
) -> list[str]:
    """Write timetable rows (lock, stay, due, deadline) in one commit; the locks it woke."""
    commit = Commit()
    for lock, ref, due, deadline in rows:
        commit.schedule(lock, house.locks[lock].account, ref, due, deadline)
    return commit.run(store.scripts, house)[1]


def ago(store: Store, **span: float) -> datetime:
    """A moment before Redis' present one."""
    return store.agenda.now() - timedelta(**span)


def run_out(store: Store, account: str, lock: str) -> None:
    """What time does to the place and the lease of a lock whose holder is gone."""
    store.client.zadd(keys.window(account), {lock: 1}, xx=True)
    store.client.delete(keys.lease(lock))


def poll(until: Callable[[], bool], what: str) -> None:
    """Wait until `until` holds; fails with `what` when that takes a minute."""
    ends = time.monotonic() + DEADLINE
    while not until():
        assert time.monotonic() < ends, f"not in time: {what}"
        time.sleep(0.005)


_numbers = itertools.count(1)


def an_event(
    booking: str = "BK-1",
    *,
    unit: str = "SS1",
    kind: EventType = EventType.CREATED,
    starts_in: timedelta = timedelta(days=30),
    nights: int = 3,
    **changes: object,
) -> BookingEvent:
    """An event; a later one has a higher version."""
    number = next(_numbers)
    check_in = datetime.now(UTC) + starts_in
    told: dict[str, object] = {
        "unit": unit,
        "check_in": check_in.isoformat(),
        "check_out": (check_in + timedelta(days=nights)).isoformat(),
    }
    return BookingEvent(
        id=f"evt-{number}",
        key=StayKey("direct", booking),
        type=kind,
        version=Version(number=number, text=str(number), stamp=datetime.now(UTC)),
        changes={**told, **changes},
    )


def keeper_of(store: Store, house: House, **hints: Callable[..., None]) -> Housekeeping:
    """The housekeeping of one process; hints that are not given go nowhere."""
    desk = Desk(store, house)
    names = ("wake", "hint_event", "hint_alert", "hint_stay")
    return Housekeeping(
        store=store,
        house=lambda: house,
        clock=desk.clock,
        ledger=desk.ledger,
        generation=Generation(store, house, "a file", datetime.now(UTC)),
        **{name: hints.get(name, lambda _: None) for name in names},
    )


@dataclass
class Desk:
    """The ledger of one process, and what it woke."""

    store: Store
    house: House
    woken: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Wire the services on the store."""
        self.clock = Clock()
        self.clock.heard(self.store.agenda.now())
        self.ids = (f"letter-{number}" for number in itertools.count(1))
        self.ledger = Ledger(
            store=self.store,
            house=lambda: self.house,
            clock=self.clock,
            wake=self.woken.extend,
            generation=lambda: 1,
            new_id=lambda: next(self.ids),
            outbox=Outbox(self.store.vault),
        )
        self.review = Review(self.store, self.ledger)

    def book(self, booking: str = "BK-1", **changes: object) -> Stay:
        """Apply an event to a stay; the stay as it is then."""
        event = an_event(booking, **changes)  # type: ignore[arg-type]
        stay = self.ledger.change(event.key, lambda stay, now: applied(stay, event, now)).stay
        assert stay is not None
        return stay

    def change(self, booking: str, change: Callable[[Stay], Stay]) -> Stay:
        """Change a stay that is on record; the stay as it is then."""

        def changed(stay: Stay | None, _now: datetime) -> Stay:
            assert stay is not None
            return change(stay)

        stay = self.ledger.change(StayKey("direct", booking), changed).stay
        assert stay is not None
        return stay

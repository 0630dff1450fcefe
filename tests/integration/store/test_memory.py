"""A million planned stays must fit: what one takes of Redis' memory."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.integration.store.conftest import SECRET, Desk, an_event, make_house
from tests.redis_server import redis_server
from worker.service.apply_event import EventApplier
from worker.store import keys
from worker.store.store import Store, open_store

STAYS = 5000
LOCKS = 50
MOST_BYTES = 1400


@pytest.fixture
def roomy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store on a server of its own that syncs once a second: its memory is the same."""
    with redis_server(tmp_path_factory.mktemp("memory"), fsync="everysec") as server:
        store = open_store(server.url, [SECRET])
        yield store
        store.client.close()


def test_a_planned_stay_is_small(roomy: Store) -> None:
    """From its event to its place on the timetable, a planned stay with one door takes under 1,400 bytes."""
    desk = Desk(roomy, make_house(*(f"SS{n:06}" for n in range(LOCKS))))
    applier = EventApplier(roomy, desk.ledger)
    desk.book("warm-up", unit="SS000000")
    before = int(roomy.client.info("memory")["used_memory"])
    for number in range(STAYS):
        event = an_event(
            f"BK-{number:07}",
            unit=f"SS{number % LOCKS:06}",
            starts_in=timedelta(days=20 + number % 300),
            guest_name=f"Firstname{number} Lastname{number}",
            guest_email=f"firstname{number}.lastname@example.com",
        )
        applier.apply(roomy.events.accept(event)[0])
    used = int(roomy.client.info("memory")["used_memory"]) - before
    assert STAYS + 1 == roomy.stays.count()
    assert 0 == roomy.client.zcard(keys.INBOX)
    assert LOCKS == roomy.client.zcard(keys.DUE)
    assert used / STAYS < MOST_BYTES

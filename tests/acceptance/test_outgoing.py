"""Events to other systems, by the real processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.acceptance.stack_kit import DOOR, PROPERTIES, Stack, stack, until
from tests.integration.outgoing_kit import ENVIRON, Receiver, receiver, table
from worker.actors import OUTGOING_THREADS
from worker.store import keys

PIN = "482913"


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """An endpoint that asks for PINs."""
    with receiver() as made:
        yield made


@pytest.fixture
def inn(tmp_path: Path, crm: Receiver) -> Iterator[Stack]:
    """The stack beside it; the test starts the processes."""
    text = PROPERTIES + table("crm", crm.url, "with_pin = true")
    with stack(tmp_path, properties=text, **ENVIRON) as made:
        yield made


def test_a_worker_killed_as_it_sends(inn: Stack, crm: Receiver) -> None:
    """Promises 1 and 9: what was under way is sent again under its id, the rest once; no PIN in a log."""
    crm.is_hanging = True
    inn.start_all()
    inn.book("BK-1", pin=PIN)
    until(lambda: crm.got, "the first event")
    inn.until_state("BK-1", "ready")
    inn.kill("worker")
    crm.is_hanging = False
    crm.released.set()
    with redis.Redis.from_url(inn.redis.url) as client:
        client.delete(keys.outgoing_lease("crm"))  # what a minute does
    inn.start("worker")
    until(lambda: len(crm.got) > 2, "the events")
    until(
        lambda: (
            [one["state"] for one in inn.get("/v1/outgoing/crm/deliveries")["items"]] == ["delivered"] * 2
        ),
        "the log",
    )
    assert 3 == len(crm.got)
    first, *others = crm.got
    assert first.id in {one.id for one in others}
    told = {event["type"]: event["data"] for event in (one.event() for one in others)}
    assert {"code.set": PIN, "booking.ready": PIN} == {name: data["pin"] for name, data in told.items()}
    assert DOOR == told["code.set"]["lock"]
    inn.stop_all()
    assert PIN not in inn.logs()
    assert "/hook" not in inn.logs()


def test_endpoints_that_hang_hold_up_no_door(tmp_path: Path, crm: Receiver) -> None:
    """With one thread for locks, stays become ready while a dozen endpoints keep their senders waiting."""
    crm.is_hanging = True
    tables = "".join(table(f"crm{number}", crm.url, 'events = ["code.set"]') for number in range(12))
    with stack(tmp_path, properties=PROPERTIES + tables, WORKER_THREADS="1", **ENVIRON) as inn:
        inn.start_all()
        inn.book("BK-1")
        until(lambda: crm.most_hanging >= OUTGOING_THREADS, "all threads of the senders to hang")
        for number in range(2, 5):
            inn.book(f"BK-{number}", hours=1, days=number)
        for number in range(2, 5):
            inn.until_state(f"BK-{number}", "ready")
        assert OUTGOING_THREADS == crm.most_hanging
        crm.is_hanging = False
        crm.released.set()

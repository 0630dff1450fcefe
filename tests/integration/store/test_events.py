"""Accepted events: kept before they are answered for, once, until they are applied."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import redis

from tests.integration.store.conftest import Desk, an_event, keeper_of, make_house
from worker.domain.booking import BookingEvent, EventType, StayKey
from worker.domain.record import Stay
from worker.service.apply_event import MOST_FAILURES, EventApplier
from worker.store import keys
from worker.store.commit import Commit
from worker.store.events import RejectedEvent, applied_commands, rejected_id
from worker.store.store import Store

HOUSE = make_house("SS1")


def _later(store: Store, **span: float) -> Any:
    return store.agenda.now() + timedelta(**span)


@contextmanager
def _full_memory(store: Store) -> Iterator[None]:
    """As long as this lasts Redis takes nothing more, as a full one does."""
    store.client.config_set("maxmemory", "1")
    try:
        yield
    finally:
        store.client.config_set("maxmemory", "0")


def _a_delivery(store: Store, body: bytes = b'{"guest":"Zo\xeb \xff"') -> RejectedEvent:
    return RejectedEvent(
        id=rejected_id("direct", body),
        source="direct",
        received=store.agenda.now(),
        content_type="application/json; charset=x",
        errors={"body": ["is not JSON"]},
        body=body,
    )


def test_an_event_is_accepted_once(store: Store) -> None:
    """The same id again is no new event, keeps the first body, and is in the inbox once."""
    event = an_event(guest_name="Zoë")
    key, is_new = store.events.accept(event)
    assert is_new
    assert (key, False) == store.events.accept(event)
    assert (key, False) == store.events.accept(replace(event, changes={"unit": "other"}))
    assert [key] == store.events.waiting(_later(store, seconds=1))
    found = store.events.get(key)
    assert found is not None
    assert (event.id, event.key, event.type, dict(event.changes)) == (
        found.id,
        found.key,
        found.type,
        found.changes,
    )


def test_the_same_id_of_another_source_is_another_event(store: Store) -> None:
    """Ids are the sender's own: two sources may use the same."""
    event = an_event()
    other = replace(event, key=StayKey("lodgify", "BK-1"))
    assert store.events.accept(event)[1]
    assert store.events.accept(other)[1]
    assert 2 == len(store.events.waiting(_later(store, seconds=1)))


def test_of_many_deliveries_at_once_one_is_new(opened: Callable[[], Store]) -> None:
    """Sixteen deliveries of one event in the same moment: exactly one is new."""
    stores, event, together = [opened() for _ in range(4)], an_event(), Barrier(16)

    def accept(number: int) -> bool:
        together.wait()
        return stores[number % 4].events.accept(event)[1]

    with ThreadPoolExecutor(16) as pool:
        assert 1 == sum(pool.map(accept, range(16)))


def test_an_event_that_could_not_be_recorded_may_come_again(store: Store) -> None:
    """Promise 1: where recording failed the sender gets an error, and its repetition is new, no duplicate."""
    event = an_event()
    with _full_memory(store), pytest.raises(redis.RedisError):
        store.events.accept(event)
    assert [] == store.client.keys("*")
    assert store.events.accept(event)[1]


def test_an_id_stays_known_after_the_event_was_applied(store: Store) -> None:
    """A repetition after the application is a duplicate, and nothing waits."""
    event = an_event()
    key, _ = store.events.accept(event)
    EventApplier(store, Desk(store, HOUSE).ledger).apply(key)
    assert (key, False) == store.events.accept(event)
    assert [] == store.events.waiting(_later(store, days=1))
    assert store.events.get(key) is None


def test_the_inbox_drains(store: Store) -> None:
    """Each accepted event is applied once, whatever order and however often it is hinted at."""
    desk = Desk(store, HOUSE)
    applier = EventApplier(store, desk.ledger)
    accepted = [store.events.accept(an_event(f"BK-{n % 5}"))[0] for n in range(25)]
    with ThreadPoolExecutor(8) as pool:
        for job in [pool.submit(applier.apply, key) for key in [*reversed(accepted), *accepted]]:
            job.result()
    assert [] == store.events.waiting(_later(store, days=1))
    assert [] == store.client.keys(keys.event("*"))
    assert 5 == store.stays.count()
    for number in range(5):
        stay = store.stays.get(StayKey("direct", f"BK-{number}"))
        assert stay is not None
        lines = [n for n in stay.timeline if n.what in ("event.accepted", "event.stale")]
        assert 5 == len({n.detail["event"] for n in lines})
        assert (
            max(int(str(n.detail["event"]).partition("-")[2]) for n in lines) == stay.booking.version.number
        )


def test_an_event_that_fails_stays_and_is_put_off(store: Store) -> None:
    """Promises 1 and 8: it is tried again later; after some failures one letter opens, and it still waits."""
    desk = Desk(store, HOUSE)
    applier = EventApplier(store, desk.ledger)
    key, _ = store.events.accept(an_event(check_in="not a date"))
    for _ in range(MOST_FAILURES + 2):
        applier.apply(key)
    assert [] == store.events.waiting(_later(store, seconds=20))
    assert [key] == store.events.waiting(_later(store, hours=2))
    (letter,) = store.letters.page(is_open=True, limit=9, cursor=None).items
    assert ("bug", "event", "BK-1") == (letter.reason.value, letter.step.value, letter.booking)
    assert store.events.get(key) is not None


def test_an_applied_event_forgets_its_failures(store: Store) -> None:
    """The count of failures goes with the event."""
    event = an_event()
    key, _ = store.events.accept(event)
    assert [1, 2] == [store.events.failed(key), store.events.failed(key)]
    Commit(commands=applied_commands(key, event.key)).run(store.scripts, HOUSE)
    assert [keys.seen("direct")] == store.client.keys("*")


def test_waiting_events_are_hinted_at_by_one(opened: Callable[[], Store]) -> None:
    """Events whose message was lost are hinted at again, by one process and not by each."""
    stores = [opened() for _ in range(3)]
    key, _ = stores[0].events.accept(an_event())
    stores[0].client.zadd(keys.INBOX, {key: 1})
    hinted: list[str] = []
    keepers = [keeper_of(one, HOUSE, hint_event=hinted.append) for one in stores]
    for keeper in keepers:
        keeper.tick()
    assert [key] == hinted


def test_old_ids_are_forgotten(store: Store) -> None:
    """Ids older than 30 days go, younger ones stay; other sources are not touched."""
    event = an_event()
    store.events.accept(event)
    store.events.accept(replace(event, key=StayKey("lodgify", "BK-1")))
    store.events.forget_ids("direct", _later(store, days=29))
    assert not store.events.accept(event)[1]
    store.events.forget_ids("direct", _later(store, days=31))
    assert store.events.accept(event)[1]
    assert 1 == store.client.zcard(keys.seen("lodgify"))


def test_a_delivery_not_understood_is_kept_once_and_whole(store: Store) -> None:
    """The body comes back byte by byte; the same delivery again is not kept again."""
    delivery = _a_delivery(store)
    assert store.events.keep_rejected(delivery)
    assert not store.events.keep_rejected(replace(delivery, received=_later(store, hours=1)))
    found = store.events.get_rejected(delivery.id)
    assert found is not None
    assert (delivery.body, delivery.errors, delivery.content_type) == (
        found.body,
        found.errors,
        found.content_type,
    )
    assert [delivery.id] == [d.id for d in store.events.rejected_page(limit=5, cursor=None).items]
    assert store.events.get_rejected("none") is None


def test_a_replayed_delivery_says_so(store: Store) -> None:
    """After a replay the kept delivery bears its time, at its old place in the list."""
    delivery = _a_delivery(store)
    store.events.keep_rejected(delivery)
    other = _a_delivery(store, b"other")
    store.events.keep_rejected(replace(other, received=_later(store, minutes=1)))
    at = _later(store, hours=1).replace(microsecond=0)
    store.events.change_rejected(replace(delivery, replayed=at))
    page = store.events.rejected_page(limit=5, cursor=None)
    assert [(other.id, None), (delivery.id, at)] == [(d.id, d.replayed) for d in page.items]


def test_ids_of_any_length_and_script_make_short_keys(store: Store) -> None:
    """The sender's id may be anything: the key holds only its digest."""
    key, is_new = store.events.accept(replace(an_event(), id="é\n#:*" * 5000))
    assert is_new
    assert len(key) < 50
    assert hashlib.sha256(("é\n#:*" * 5000).encode()).hexdigest().startswith(key.partition(":")[2])


@pytest.mark.parametrize("name", ["Zo\ud83d", "\u0000\u2028", "𝄞"])
def test_any_name_that_json_can_carry_is_accepted(store: Store, name: str) -> None:
    """JSON may hold half a surrogate pair; it must not make an authentic event fail for ever."""
    desk = Desk(store, HOUSE)
    key, is_new = store.events.accept(an_event(guest_name=name, guest_email="z@example.com"))
    assert is_new
    EventApplier(store, desk.ledger).apply(key)
    stay = store.stays.get(StayKey("direct", "BK-1"))
    assert isinstance(stay, Stay)
    assert name == stay.booking.guest_name


def test_a_cancel_that_comes_first_leaves_a_tombstone(store: Store) -> None:
    """Whatever order they come in, an older event does not bring a cancelled stay back."""
    desk = Desk(store, HOUSE)
    applier = EventApplier(store, desk.ledger)
    created: BookingEvent = an_event()
    cancelled = replace(an_event(kind=EventType.CANCELLED), changes={})
    for event in (cancelled, created):
        applier.apply(store.events.accept(event)[0])
    stay = store.stays.get(StayKey("direct", "BK-1"))
    assert stay is not None
    assert "cancelled" == stay.booking.status.value
    assert not store.agenda.is_scheduled("SS1", "direct/BK-1")


def test_by_content(store: Store) -> None:
    """An id made of contents is a duplicate only of what was said last of the same stay."""
    first, second = an_event(), replace(an_event(), id="msg_2", changes={"unit": "other"})

    def is_new(event: BookingEvent) -> bool:
        return store.events.accept(event, by_content=True)[1]

    assert [True, False, True, False] == [is_new(one) for one in (first, first, second, second)]
    assert is_new(first)
    assert is_new(replace(second, key=StayKey("direct", "BK-other")))
    assert 2 == len(store.events.pending(first.key))


def test_by_content_after_news_with_an_id(store: Store) -> None:
    """A poll that finds what an earlier one found says something new where a webhook came between them."""
    polled, webhook = an_event(), replace(an_event(kind=EventType.CANCELLED), id="msg_2")
    accept = store.events.accept
    assert accept(polled, by_content=True)[1]
    assert accept(webhook)[1]
    assert accept(polled, by_content=True)[1]
    # The same webhook once more is no news, so it hides none.
    assert not accept(webhook)[1]
    assert not accept(polled, by_content=True)[1]

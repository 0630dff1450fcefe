"""Encryption at the edge: rotation, wrong keys, one PIN index for all processes, and no secret in a dump."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from threading import Barrier, Event
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet

from tests.integration.store.conftest import SECRET, Desk, an_event, make_house
from worker.domain.access_code import GaveUp, Phase
from worker.domain.booking import StayKey
from worker.domain.goals import Wish
from worker.domain.reasons import Job, Reason
from worker.domain.record import Stay
from worker.domain.wanted import goals
from worker.processes.embedded_redis import EmbeddedRedis
from worker.service.accounts import Accounts
from worker.service.apply_event import EventApplier
from worker.service.counts import Counts
from worker.service.keys import KeyRing
from worker.service.lock_calls import LockCalls
from worker.service.vendor import Vendor
from worker.service.visit import Visit
from worker.store import keys
from worker.store.events import RejectedEvent
from worker.store.store import Store, open_store
from worker.store.vault import UnreadableError

KEY = StayKey("direct", "BK-1")
NEW = Fernet.generate_key().decode()
CANARY: dict[str, Any] = {
    "pin": "480213",
    "guest_name": "Quillfeather",
    "guest_email": "quill@example.com",
    "guest_phone": "+61 400 555 777",
    "email_message": "Gate-behind-the-fig-tree",
}


def test_what_is_sealed_opens_again(store: Store) -> None:
    """Any JSON value comes back; two seals of one value differ."""
    value = {"a": [None, "Zoë", 0, {"b": "048"}]}
    token = store.vault.seal(value)
    assert value == store.vault.open(token)
    assert token != store.vault.seal(value)


def test_a_new_first_key_still_reads_the_old(opened: Callable[..., Store]) -> None:
    """Rotation: with the new key first the old records are read, and what is written is the new key's."""
    old = opened(SECRET)
    Desk(old, make_house("SS1")).book(**CANARY)
    tag = old.vault.tag(CANARY["pin"])
    both = opened(NEW, SECRET)
    stay = both.stays.get(KEY)
    assert stay is not None
    assert "480213" == stay.pin
    assert tag == both.vault.tag(CANARY["pin"])
    Desk(both, make_house("SS1")).change("BK-1", lambda found: replace(found, told=True))
    alone = opened(NEW).stays.get(KEY)
    assert alone is not None
    assert "480213" == alone.pin
    with pytest.raises(UnreadableError):
        old.stays.get(KEY)


def test_the_pin_index_outlives_its_first_key(opened: Callable[..., Store]) -> None:
    """Once a process ran with the new key first, the old key may go: PINs are compared as before."""
    tag = opened(SECRET).vault.tag("480213")
    assert tag == opened(NEW, SECRET).vault.tag("480213")
    assert tag == opened(NEW).vault.tag("480213")


def test_a_wrong_key_says_what_to_do(opened: Callable[..., Store]) -> None:
    """Without the key there is an UnreadableError that names the setting, and neither key nor text."""
    right = opened(SECRET)
    Desk(right, make_house("SS1")).book(**CANARY)
    wrong = opened(NEW)
    with pytest.raises(UnreadableError, match="INNKEY_SECRET_KEY") as caught:
        wrong.stays.get(KEY)
    assert not any(secret in str(caught.value) for secret in (SECRET, NEW, *CANARY.values()))
    with pytest.raises(UnreadableError):
        wrong.vault.tag("480213")
    key, _ = right.events.accept(an_event("BK-2"))
    with pytest.raises(UnreadableError):
        wrong.events.get(key)


def test_an_unreadable_record_holds_up_no_lock(opened: Callable[..., Store]) -> None:
    """G04: one record whose key is missing neither keeps its lock's lease nor is due again and again."""
    store = opened(SECRET)
    desk = Desk(store, make_house("SS1"))
    desk.book("BK-1", starts_in=timedelta(hours=1))
    store.client.set(keys.stay("direct/BK-1"), '{"x":"of-a-key-that-is-gone"}')
    desk.woken += store.agenda.tick(desk.house).woken
    claim = store.agenda.claim(desk.house.locks["SS1"], timedelta(seconds=30))
    assert claim is not None
    visit = Visit(
        store=store,
        ledger=desk.ledger,
        clock=desk.clock,
        stopping=Event(),
        house=desk.house,
        lock=desk.house.locks["SS1"],
        claim=claim,
        calls=LockCalls(
            store=store,
            vendor=Vendor(clients={}, keys=KeyRing(store, lambda: desk.house, desk.clock), counts=Counts()),
            accounts=Accounts(store, desk.ledger),
            clock=desk.clock,
            house=desk.house,
            account=desk.house.accounts["default"],
            claim=claim,
            lease=timedelta(seconds=30),
            leased_at=0,
        ),
    )
    with suppress(UnreadableError):
        visit.run()
    assert not store.client.exists(keys.lease("SS1"), keys.window("default"), keys.line("default"))
    assert store.client.zscore(keys.DUE, "SS1") is not None
    assert [] == store.agenda.tick(desk.house).woken


def test_the_tag_is_the_same_in_every_process(opened: Callable[..., Store], server: EmbeddedRedis) -> None:
    """Processes that start at the same moment on an empty Redis agree on one key for the PIN index."""
    stores, together = [opened(SECRET) for _ in range(8)], Barrier(8)

    def tag(store: Store) -> str:
        together.wait()
        return store.vault.tag("480213")

    with ThreadPoolExecutor(8) as pool:
        tags = set(pool.map(tag, stores))
    code = (
        "import sys; from worker.store.store import open_store; url, key = sys.stdin.read().split();"
        "store = open_store(url, [key]); print(store.vault.tag('480213')); store.client.close()"
    )
    other = subprocess.run(
        [sys.executable, "-c", code],
        input=f"{server.url} {SECRET}",
        text=True,
        capture_output=True,
        check=True,
    )
    assert {other.stdout.strip()} == tags


def test_the_tag_is_no_bare_digest(opened: Callable[..., Store]) -> None:
    """Two installations have different tags for one PIN, and two PINs differ in one."""
    first = opened(SECRET)
    tag = first.vault.tag("480213")
    assert tag != first.vault.tag("480214")
    first.client.flushall()
    assert tag != opened(SECRET).vault.tag("480213")


def _dump(url: str) -> dict[str, bytes]:
    """Every key of Redis with all it holds, uncompressed, and its dump."""
    with redis.Redis.from_url(url) as client:
        readers: dict[bytes, Callable[[bytes], object]] = {
            b"string": client.get,
            b"hash": client.hgetall,
            b"zset": lambda key: client.zrange(key, 0, -1, withscores=True),
            b"set": client.smembers,
            b"list": lambda key: client.lrange(key, 0, -1),
        }
        found = {}
        for key in client.scan_iter(count=1000):
            text = repr(readers[client.type(key)](key)).encode()
            found[key.decode()] = key + text + (client.dump(key) or b"")
        return found


def _in_trouble(desk: Desk) -> None:
    """The stay's code is in a slot and was e-mailed; then its job is given up, and a letter opens."""

    def pushed(stay: Stay) -> Stay:
        wish, code = goals(stay, desk.house, desk.clock.now())["SS1"], stay.code("SS1")
        assert isinstance(wish, Wish)
        assert wish.written is not None
        assert code is not None
        on = replace(code, phase=Phase.SETTING, slot=120, writes=(wish.written,), started=wish.starts)
        on = replace(on, gave_up=GaveUp(Reason.UNCONFIRMED, Job.SET))
        told = replace(stay.with_code(on), shown_pin=stay.pin, written_pin=stay.pin, told=True)
        return replace(told, emailed=wish.written)

    desk.change("BK-1", pushed)


def test_no_secret_is_in_a_dump_of_redis(server: EmbeddedRedis, store: Store) -> None:
    """Promise 9: event, stay, code, letter, alert and rejected delivery leave no PIN or guest readable."""
    desk = Desk(store, make_house("SS1"))
    key, _ = store.events.accept(an_event("BK-1", starts_in=timedelta(hours=2), **CANARY))
    store.events.accept(an_event("BK-2", **CANARY))
    EventApplier(store, desk.ledger).apply(key)
    _in_trouble(desk)
    body = repr(CANARY).encode()
    store.events.keep_rejected(
        RejectedEvent(
            id="r1",
            source="direct",
            received=store.agenda.now(),
            content_type="application/json",
            errors={"guest_name": [f"{CANARY['guest_name']} is not a name"]},
            body=body,
        )
    )
    dump = _dump(server.url)
    kinds = {name.split(":")[1] for name in dump}
    assert {"stay", "event", "letter", "alert", "rejected", "pins", "slots", "due", "index-key"} <= kinds
    told = [*CANARY.values(), "example.com", "400555777"]
    leaks = [(name, secret) for name, text in dump.items() for secret in told if secret.encode() in text]
    assert [] == leaks
    stay = store.stays.get(KEY)
    assert stay is not None
    assert not any(secret in repr(stay) for secret in told)


def test_a_leak_would_be_seen(server: EmbeddedRedis, store: Store) -> None:
    """The search finds what it looks for, in a value that Redis compresses too."""
    store.client.set(keys.stay("direct/BK-9"), "x" * 5000 + "480213")
    store.client.hset("innkey:some-hash", "480214", "x")
    dump = _dump(server.url)
    assert b"480213" in dump[keys.stay("direct/BK-9")]
    assert b"480214" in dump["innkey:some-hash"]


def test_open_store_sends_nothing(server: EmbeddedRedis) -> None:
    """A store is made without a connection: nothing is sent before it is used."""
    store = open_store(server.url, [SECRET])
    assert 0 == len(store.client.connection_pool._available_connections)
    store.client.close()

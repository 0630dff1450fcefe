"""What a person asks of a lock: before all others, beside no one, within its time, and never later."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration import until
from tests.integration.engine_kit import DOOR, GATE, Engine, engine
from worker.domain.house import Lock
from worker.domain.outcomes import Kind
from worker.service.by_hand import OccupiedError, QuietError
from worker.service.ledger import Ledger
from worker.service.lock_desk import LockDesk
from worker.store import keys
from worker.store.vault import UnreadableError


@pytest.fixture
def inn(tmp_path: Path) -> Iterator[Engine]:
    """An engine with two places, whose vendor lets go of an unanswered call after three seconds."""
    with engine(tmp_path, account='call_timeout = "1s"\nvendor_hold = "3s"\nmax_in_flight = 2') as made:
        yield made


def desk(inn: Engine, **more: object) -> LockDesk:
    """The desk of one process."""
    made = inn.innkey.lock_desk()
    for name, value in more.items():
        setattr(made, name, value)
    return made


def door(inn: Engine, name: str = DOOR) -> Lock:
    """One lock."""
    return inn.innkey.house().locks[name]


def is_free(inn: Engine) -> bool:
    """Whether nobody holds a place, a lease or the promise of one."""
    client = inn.innkey.store.client
    return not client.exists(
        keys.lease(DOOR), keys.window("default"), keys.wanted(DOOR), keys.hand("default")
    )


class TestUnlock:
    """A person at a door."""

    def test_opens(self, inn: Engine) -> None:
        """One call, answered; nothing is held afterwards, nothing queued."""
        reply = desk(inn).unlock(door(inn))
        assert (True, False, Kind.DONE) == (reply.is_done, reply.is_perhaps, reply.outcome.kind)
        assert ["unlock"] == [call["op"] for call in inn.calls()]
        assert is_free(inn)

    def test_once_more_after_a_504(self, inn: Engine) -> None:
        """The vendor advises it; opening twice is harmless."""
        inn.vendor.add_fault("status", op="unlock", status=504)
        assert desk(inn).unlock(door(inn)).is_done
        assert 2 == len(inn.calls("unlock"))

    def test_twice_a_504(self, inn: Engine) -> None:
        """It is not tried a third time, and the door was perhaps opened."""
        inn.vendor.add_fault("status", op="unlock", status=504, times=None)
        reply = desk(inn).unlock(door(inn))
        assert (False, True, 504) == (reply.is_done, reply.is_perhaps, reply.outcome.http_status)
        assert 2 == len(inn.calls("unlock"))

    def test_a_504_and_then_no_gateway(self, inn: Engine) -> None:
        """Though the second try was surely not done, the first one perhaps was."""
        inn.vendor.add_fault("status", op="unlock", status=504)
        inn.vendor.add_fault("ack", op="unlock", ack=8)
        reply = desk(inn).unlock(door(inn))
        assert (Kind.OFFLINE, True) == (reply.outcome.kind, reply.is_perhaps)

    def test_no_gateway(self, inn: Engine) -> None:
        """Surely not opened, and not tried again."""
        inn.vendor.set_lock(DOOR, gateway_online=False)
        reply = desk(inn).unlock(door(inn))
        assert (Kind.OFFLINE, False) == (reply.outcome.kind, reply.is_perhaps)
        assert 1 == len(inn.calls("unlock"))

    def test_unanswered(self, inn: Engine) -> None:
        """Promises 4 and 5: perhaps opened; its place is kept, and the next command waits or is refused."""
        inn.vendor.add_fault("hang", op="unlock", hold_seconds=2.5)
        reply = desk(inn).unlock(door(inn))
        assert (Kind.UNANSWERED, True) == (reply.outcome.kind, reply.is_perhaps)
        assert 1 == inn.innkey.store.client.zcard(keys.window("default"))
        with pytest.raises(QuietError, match=r"was never answered; the next one may go out in [23] s"):
            desk(inn, within=timedelta(seconds=2)).unlock(door(inn))
        assert 1 == len(inn.calls("unlock"))
        assert desk(inn).unlock(door(inn)).is_done

    def test_cut(self, inn: Engine) -> None:
        """Promises 4 and 6: a cut connection is no answer either; the door was perhaps opened."""
        inn.vendor.add_fault("cut", op="unlock", how="nothing", executed=True)
        reply = desk(inn).unlock(door(inn))
        assert (Kind.CUT, True) == (reply.outcome.kind, reply.is_perhaps)
        assert 1 == len(inn.calls("unlock"))
        assert 1 == inn.innkey.store.client.zcard(keys.window("default"))

    def test_the_call_ends_with_the_patience(self, inn: Engine) -> None:
        """The time for an unlock includes its call, also where calls may take longer."""
        inn.vendor.add_fault("hang", op="unlock", hold_seconds=2.5)
        before = time.monotonic()
        made = desk(inn, within=timedelta(seconds=0.6))
        account = inn.innkey.house().accounts["default"]
        with made.borrowed(door(inn), with_lease=True, is_bounded=False) as calls:
            calls.borrowed.ends = time.monotonic() + 0.5
            assert account.call_timeout > timedelta(seconds=0.6)
            # So near the end no call would begin by itself.
            answer = calls.borrowed.call(lambda by: made.vendor.unlock("default", DOOR, by), is_command=True)
        assert Kind.UNANSWERED is answer.outcome.kind
        assert time.monotonic() - before < 0.95

    def test_gateway_is_back(self, inn: Engine) -> None:
        """A door that opened has its gateway: what failed only for that is tried again at once."""
        inn.vendor.set_lock(DOOR, gateway_online=False)
        inn.book("BK-1", unit="cabin")
        inn.settle(lambda: inn.state() == "review")
        inn.vendor.set_lock(DOOR, gateway_online=True)
        assert desk(inn).unlock(door(inn)).is_done
        inn.settle(lambda: inn.state() == "ready")

    def test_the_answer_is_told_whatever_follows(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """A record that cannot be read does not hide that the door was opened."""
        inn.innkey.store.client.sadd(keys.lock_offline(DOOR), "direct/BK-9")

        def unreadable(*_: object, **__: object) -> None:
            raise UnreadableError

        monkeypatch.setattr(Ledger, "change", unreadable)
        assert desk(inn).unlock(door(inn)).is_done
        assert is_free(inn)


class TestFirst:
    """Before all others."""

    def test_a_visit_makes_way(self, inn: Engine) -> None:
        """It ends after the call in flight, and goes on when the person is done."""
        inn.vendor.add_fault("slow", op="list", lock=DOOR, seconds=0.7)
        inn.book("BK-1", unit="cabin")
        work = threading.Thread(target=inn.settle, args=(lambda: inn.state() == "ready",))
        work.start()
        until(lambda: inn.innkey.store.client.exists(keys.lease(DOOR)), "the visit")
        assert desk(inn).unlock(door(inn)).is_done
        work.join()
        assert ["list", "unlock"] == [call["op"] for call in inn.calls(lock=DOOR)][:2]
        assert {120} == set(inn.vendor.codes(DOOR))

    def test_the_next_free_place(self, inn: Engine) -> None:
        """With all places taken, the first that becomes free is the person's, whoever stands in line."""
        store, client = inn.innkey.store, inn.innkey.store.client
        later = (inn.innkey.clock.now() + timedelta(minutes=5)).timestamp() * 1000
        client.zadd(keys.window("default"), {"X1": later, "X2": later})
        opened = threading.Thread(target=desk(inn).unlock, args=(door(inn),))
        opened.start()
        until(lambda: client.exists(keys.hand("default")), "the person in line")
        inn.book("BK-1", unit="house")
        inn.applier.apply(inn.queue.events[-1])
        client.zrem(keys.window("default"), "X1")
        assert GATE not in store.agenda.tick(inn.innkey.house()).woken
        opened.join()
        assert ["unlock"] == [call["op"] for call in inn.calls()]

    def test_nothing_is_queued(self, inn: Engine) -> None:
        """Who gave up waiting has nothing done later."""
        inn.innkey.store.client.set(keys.lease(DOOR), "somebody", px=600_000)
        with pytest.raises(OccupiedError, match="busy"):
            desk(inn, within=timedelta(seconds=1.2)).unlock(door(inn))
        inn.innkey.store.client.delete(keys.lease(DOOR))
        inn.settle()
        assert [] == inn.calls()

    def test_a_wake_up_makes_way(self, inn: Engine) -> None:
        """A lock that a person waits for is not claimed; it is its turn afterwards."""
        inn.book("BK-1", unit="cabin")
        inn.applier.apply(inn.queue.events[-1])
        inn.innkey.store.client.set(keys.wanted(DOOR), "1", px=700)
        inn.server.serve(DOOR)
        assert [] == inn.calls()
        inn.settle(lambda: inn.state() == "ready")


class TestClock:
    """The clock, set by hand."""

    def test_is_known_to_the_visit(self, inn: Engine) -> None:
        """A visit does not set again what a person has just set."""
        assert desk(inn).set_clock(door(inn)).is_done
        inn.book("BK-1", unit="cabin")
        inn.settle(lambda: inn.state() == "ready")
        assert 1 == len(inn.calls("clock", DOOR))


class TestReads:
    """Lists and events need no lease."""

    def test_beside_a_visit(self, inn: Engine) -> None:
        """They do not wait for the lock, and wake nobody."""
        inn.innkey.store.client.set(keys.lease(DOOR), "somebody", px=600_000)
        inn.vendor.hand(DOOR, 101, "0953", name="Cleaner")
        desk(inn).list_events(door(inn))
        assert [101] == [entry.slot for entry in desk(inn).list_pins(door(inn)).entries or ()]

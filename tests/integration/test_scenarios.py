"""Situations that systems of this kind got wrong, each over the whole engine."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.engine_kit import DOOR, Engine, engine
from worker.bootstrap import bootstrap
from worker.domain.reasons import Reason
from worker.store import keys


@pytest.mark.parametrize("first", [120, 101])
def test_a_lock_is_filled_to_its_last_slot(tmp_path: Path, first: int) -> None:
    """A21, A06: all 81 slots, and all 100; the next one waits, and a person hears of it in time."""
    with engine(tmp_path, policy={"first_slot": str(first), "at_risk": '"24h"'}) as inn:
        slots = range(first, 201)
        for number in slots:
            inn.book(f"BK-{number}", unit="cabin", begins=48)
        inn.settle()
        codes = inn.vendor.codes(DOOR)
        assert list(slots) == sorted(codes)
        assert len(slots) == len({code["pin"] for code in codes.values()})
        inn.book("BK-late", unit="cabin", begins=49)
        inn.book("BK-soon", unit="cabin", begins=5)
        inn.settle()
        letters = inn.innkey.store.letters.page(is_open=True, limit=10, cursor=None).items
        assert [("BK-soon", Reason.NO_FREE_SLOT)] == [(one.booking, one.reason) for one in letters]
        inn.send(f"BK-{first}", kind="booking.cancelled")
        inn.settle(lambda: inn.state("BK-soon") == "ready")
        assert 0 == inn.innkey.store.letters.open_count()


def test_a_burst_of_events_does_not_become_a_burst_of_calls(tmp_path: Path) -> None:
    """B05: a booking that is changed fifty times in a moment costs its door a handful of calls."""
    with engine(tmp_path) as inn:
        last = (datetime.now(UTC) + timedelta(days=2)).replace(microsecond=0)
        inn.book(unit="cabin", begins=5)
        for number in range(50):
            inn.send(kind="booking.updated", check_out=(last - timedelta(minutes=49 - number)).isoformat())
        inn.settle(lambda: inn.state() == "ready")
        inn.settle()
        assert last == inn.stay().check_out
        assert len(inn.calls()) <= 7
        (code,) = inn.vendor.codes(DOOR).values()
        written = inn.stay().codes[0].latest
        assert written is not None
        assert written.ends == code["ends"]


def test_a_stay_that_is_well_hides_no_trouble_of_another(tmp_path: Path) -> None:
    """M03: the letter of one booking stays open, though later ones on the same lock go well."""
    with engine(tmp_path) as inn:
        inn.vendor.add_fault("ack", op="add", ack=2, times=3)
        inn.book("BK-1", unit="cabin", begins=5)
        inn.settle(lambda: inn.state("BK-1") == "review")
        inn.book("BK-2", unit="cabin", begins=5)
        inn.settle(lambda: inn.state("BK-2") == "ready")
        assert "review" == inn.state("BK-1")
        assert 1 == inn.innkey.store.letters.open_count()


def test_what_waits_goes_on_waiting_over_a_restart(tmp_path: Path) -> None:
    """G08, G07: the wait of a lock that cannot be read survives its worker, and ends by itself."""
    with engine(tmp_path, policy={"retry_delays": '["0s", "2s", "2s"]'}) as inn:
        inn.vendor.add_fault("status", op="list", status=503, times=2)
        inn.book(unit="cabin", begins=5)
        inn.settle(lambda: inn.stay().codes[0].misreads == 2)
        again_at = inn.stay().codes[0].again_at
        assert again_at is not None
        restarted = bootstrap(inn.environ, hints=inn.queue)
        other = Engine(restarted, inn.sandbox, inn.vendor, inn.queue, inn.outbox, inn.folder, inn.environ)
        other.settle(lambda: other.state() == "ready")
        lists = inn.calls("list")
        assert 3 == len(lists)
        assert other.innkey.clock.now() >= again_at
        for client in other.server.vendor.clients.values():
            client.close()
        restarted.store.client.close()


def test_a_pin_that_the_booking_brings_is_used(tmp_path: Path) -> None:
    """H10: it is adopted, though the policy would have chosen another one, and counts as told."""
    with engine(tmp_path, policy={"pin_length": "4"}) as inn:
        inn.book(unit="cabin", begins=5, pin="482913")
        inn.settle(lambda: inn.state() == "ready")
        assert ["482913"] == [code["pin"] for code in inn.vendor.codes(DOOR).values()]
        assert inn.stay().told


def test_the_nearest_arrival_gets_the_slot_that_frees(tmp_path: Path) -> None:
    """Promise 10: of all who wait for a slot; and the removal that makes room goes before other removals."""
    with engine(tmp_path, policy={"first_slot": "120", "last_slot": "121", "at_risk": '"1s"'}) as inn:
        for name in ("BK-1", "BK-2"):
            inn.book(name, unit="cabin", begins=1)
        inn.settle()
        for name, begins in (("BK-late", 40), ("BK-soon", 2), ("BK-mid", 20)):
            inn.book(name, unit="cabin", begins=begins)
        inn.settle()
        assert 3 == inn.innkey.store.client.zcard(keys.lock_waiting(DOOR))
        inn.send("BK-1", kind="booking.cancelled")
        inn.settle(lambda: inn.state("BK-soon") == "ready")
        assert ["setting", "setting"] == [inn.state("BK-mid"), inn.state("BK-late")]


def test_a_call_that_was_cut_keeps_its_place(tmp_path: Path) -> None:
    """Promise 4: its answer never came, so the vendor may still be at it; the door is read back at once."""
    with engine(tmp_path, account='vendor_hold = "60s"') as inn:
        inn.vendor.add_fault("cut", op="add", lock=DOOR, executed="yes", how="nothing")
        inn.book(unit="cabin", begins=5)
        inn.settle(lambda: inn.state() == "ready")
        inn.settle()
        assert ["list", "add", "list"] == [call["op"] for call in inn.calls() if call["op"] != "clock"]
        (ghost,) = inn.innkey.store.client.zrange(keys.window("default"), 0, -1)
        assert str(ghost).startswith(f"{DOOR}#")

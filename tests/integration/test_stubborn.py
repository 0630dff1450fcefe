"""Locks that will not delete a code, and gateways that come back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest

from tests.integration.engine_kit import DOOR, Engine, engine
from worker.domain import turn
from worker.domain.steps import Read


@pytest.fixture
def inn(tmp_path: Path) -> Iterator[Engine]:
    """A running engine."""
    with engine(tmp_path) as made:
        yield made


def letters(inn: Engine) -> list[tuple[str, str]]:
    """Reason and step of the open letters."""
    found = inn.innkey.store.letters.page(is_open=True, limit=10, cursor=None).items
    return [(letter.reason.value, letter.step.value) for letter in found]


def stays_put(inn: Engine) -> str:
    """A stay whose code is on, and that was then cancelled while the lock fails every delete; its PIN."""
    inn.book(unit="cabin", guest_email="john@example.com")
    inn.settle()
    pin = str(inn.vendor.codes(DOOR)[120]["pin"])
    inn.vendor.add_fault("ack", ack=2, op="delete", lock=DOOR, times=None)
    inn.send(kind="booking.cancelled")
    inn.settle(lambda: bool(inn.outbox.mails))
    return pin


def test_a_stubborn_code_is_overwritten_before_the_last_try(inn: Engine) -> None:
    """The vendor's own advice: an ended PIN over it, then delete; the letter says so (F19)."""
    pin = stays_put(inn)
    assert [("lock_failed", "remove")] == letters(inn)
    ops = [call["op"] for call in inn.calls() if call["op"] in ("add", "delete")]
    assert ["add", "delete", "delete", "add", "add", "delete"] == ops
    left = inn.vendor.codes(DOOR)[120]
    assert pin != left["pin"]
    assert left["name"].endswith("direct/BK-1")
    assert 1 == len(inn.vendor.emails())
    assert "dead already" in inn.outbox.mails[-1][1]
    inn.vendor.clear_faults()


def test_after_the_overwriting_the_delete_may_work(inn: Engine) -> None:
    """The sandbox refuses an ended window, so one of a minute is written; the last delete takes it off."""
    inn.book(unit="cabin")
    inn.settle()
    inn.vendor.add_fault("ack", ack=6, op="delete", lock=DOOR, times=2)
    inn.send(kind="booking.cancelled")
    inn.settle(lambda: inn.state() == "cancelled")
    ops = [call["op"] for call in inn.calls() if call["op"] in ("add", "delete")]
    assert ["add", "delete", "delete", "add", "add", "delete"] == ops
    assert {} == inn.vendor.codes(DOOR)
    assert [] == letters(inn)


def test_a_second_code_of_a_stay_goes_when_the_first_one_goes(inn: Engine) -> None:
    """Promise 8: both bear its mark; the list that was read before shows the second one (A18)."""
    inn.book(unit="cabin")
    inn.settle()
    inn.vendor.hand(DOOR, 150, "640827", name="John direct/BK-1")
    inn.send(kind="booking.cancelled")
    inn.settle(lambda: inn.state() == "cancelled")
    assert {} == inn.vendor.codes(DOOR)


def test_a_second_code_of_a_stay_is_taken_off_while_the_first_one_stays(inn: Engine) -> None:
    """Promise 3: at the next look at the lock, whoever it is for (A18)."""
    inn.book(unit="cabin")
    inn.settle()
    inn.vendor.hand(DOOR, 150, "640827", name="John direct/BK-1")
    inn.book("BK-2", unit="cabin", begins=24 * 9)
    inn.settle(lambda: inn.state("BK-2") == "ready")
    assert [120, 121] == sorted(inn.vendor.codes(DOOR))
    assert "ready" == inn.state()


def test_a_gateway_that_answers_again_releases_its_letters(inn: Engine) -> None:
    """An ack 1 through a gateway lets go on what failed for it alone (F06, F08)."""
    inn.vendor.set_lock(DOOR, gateway_online=False)
    inn.book("BK-1", unit="cabin")
    inn.settle(lambda: letters(inn) == [("gateway_offline", "set")])
    inn.vendor.set_lock(DOOR, gateway_online=True)
    inn.book("BK-2", unit="cabin")
    inn.settle(lambda: inn.state("BK-1") == "ready" and inn.state("BK-2") == "ready")
    assert [] == letters(inn)


def test_a_letter_about_a_gateway_is_probed(inn: Engine) -> None:
    """Half an hour after the letter one setClock asks whether the gateway is back."""
    inn.vendor.set_lock(DOOR, gateway_online=False)
    inn.book("BK-1", unit="cabin")
    inn.settle(lambda: letters(inn) == [("gateway_offline", "set")])
    code = inn.stay().codes[0]
    assert code.due is not None
    assert 29 * 60 < (code.due - inn.innkey.clock.now()).total_seconds() <= 30 * 60 + 1


def test_a_cancel_that_comes_during_the_push(inn: Engine) -> None:
    """The push goes through, the stay is cancelled meanwhile: the code is taken off (promise 8)."""
    inn.book(unit="cabin")
    inn.vendor.set_latency(base=1.0)
    work = Thread(target=inn.settle)
    work.start()
    ends = time.monotonic() + 30
    while not [c for c in inn.calls("add") if c["outcome"] == "running"] and time.monotonic() < ends:
        time.sleep(0.01)
    inn.applier.apply(inn.send(kind="booking.cancelled"))
    work.join()
    inn.vendor.set_latency(base=0.0)
    inn.settle(lambda: inn.state() == "cancelled")
    assert {} == inn.vendor.codes(DOOR)
    assert 1 == len(inn.calls("delete"))


def test_a_job_without_an_end_is_stopped(inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect that asks for the list again and again becomes a put-off job, and no flood of calls (F07)."""
    monkeypatch.setattr(turn, "look_at", lambda stay, *_: (stay, Read()))
    inn.book(unit="cabin")
    inn.settle()
    (code,) = inn.stay().codes
    assert 1 == code.crashes
    assert code.due is not None
    assert code.due > inn.innkey.clock.now() + timedelta(seconds=20)
    assert 40 >= len(inn.calls())

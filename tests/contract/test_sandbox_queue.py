"""The sandbox takes thirty calls and drops the next without a word, as the KAS API document warns."""

from __future__ import annotations

import time
from functools import partial

import httpx
import pytest

from tests.contract.sandbox_kit import LOCK, Stage, StandingClock, stage, wait_until
from worker.kas.sandbox import LockSpec, Setup


def _fill(scene: Stage, count: int, key: str | None = None) -> None:
    """Let this many calls hang and wait until they do."""
    before = scene.control.stats()["outstanding"]
    scene.key = key or scene.key
    for _ in range(count):
        scene.aside(scene.read)
    wait_until(
        lambda: scene.control.stats()["outstanding"] == before + count, f"{count} more calls outstanding"
    )


def test_the_31st_call_is_never_answered_nor_executed() -> None:
    """F22: thirty are held, the next one hangs; it is counted as dropped, and nothing of it is done."""
    with stage() as scene:
        scene.control.add_fault("hang", op="list", times=None)
        _fill(scene, 30)
        scene.aside(scene.add)
        wait_until(lambda: scene.control.stats()["dropped"] == 1, "the 31st call to be dropped")
        stats = scene.control.stats()
        assert (30, 30) == (stats["outstanding"], stats["max_outstanding"])
        assert {} == scene.control.codes(LOCK)
        (call,) = scene.control.calls(op="add")
        assert ("dropped", "no", 30, None) == (
            call["outcome"],
            call["executed"],
            call["outstanding"],
            call["status"],
        )


def test_a_dropped_call_s_connection_stays_open_until_the_client_leaves() -> None:
    """The caller sees no error, only its own time-out; then the call is over."""
    with stage(Setup(locks=[LOCK], queue_limit=1)) as scene:
        scene.control.add_fault("hang", op="list")
        _fill(scene, 1)
        with pytest.raises(httpx.ReadTimeout):
            scene.call("PUT", "setClock", timeout=0.3)
        wait_until(lambda: scene.control.calls(op="clock")[0]["ended"] is not None, "the dropped call to end")
        assert 1 == scene.control.stats()["outstanding"]


def test_thirty_calls_at_once_are_all_served() -> None:
    """Thirty slow calls together are thirty answers, none dropped, and the record says thirty."""
    with stage(Setup(locks=[f"SS{n}" for n in range(30)])) as scene:
        scene.control.add_fault("slow", seconds=600, times=None)
        for number in range(30):
            scene.aside(partial(scene.clock, f"SS{number}"))
        wait_until(lambda: scene.control.stats()["outstanding"] == 30, "thirty calls outstanding")
        assert (30, 0) == (scene.control.stats()["max_outstanding"], scene.control.stats()["dropped"])
        assert 29 == max(call["outstanding"] for call in scene.control.calls())


def test_a_place_is_free_before_its_answer_arrives() -> None:
    """Who has an answer may call again at once: with one place, a hundred calls in a row all pass."""
    with stage(Setup(locks=[LOCK], queue_limit=1)) as scene:
        assert {200} == {scene.read().status_code for _ in range(100)}
        assert (1, 0) == (scene.control.stats()["max_outstanding"], scene.control.stats()["dropped"])


def test_each_account_has_its_own_queue() -> None:
    """A full queue of one account leaves the other's empty."""
    locks = (LockSpec(LOCK), LockSpec("SS2", account="other"))
    with stage(Setup(locks=locks, accounts={"default": ("k1",), "other": ("k2",)}, queue_limit=2)) as scene:
        scene.control.add_fault("hang", lock=LOCK, times=None)
        _fill(scene, 2, key="k1")
        scene.key = "k2"
        assert 200 == scene.read("SS2").status_code
        accounts = scene.control.stats()["accounts"]
        assert {"outstanding": 2, "max_outstanding": 2, "dropped": 0} == accounts["default"]
        assert {"outstanding": 0, "max_outstanding": 1, "dropped": 0} == accounts["other"]


def test_refused_calls_take_no_lasting_place() -> None:
    """Wrong keys never enter the queue; refused calls leave it."""
    with stage(Setup(locks=[LOCK], queue_limit=1)) as scene:
        assert {400} == {scene.add(slot=7).status_code for _ in range(5)}
        scene.key = "wrong"
        assert {400} == {scene.read().status_code for _ in range(5)}
        stats = scene.control.stats()
        assert (0, 1, 0) == (stats["outstanding"], stats["max_outstanding"], stats["dropped"])


def test_a_hanging_call_keeps_its_place_until_the_client_leaves() -> None:
    """Without a hold the place is free once the client is gone."""
    with stage() as scene:
        scene.control.add_fault("hang")
        with pytest.raises(httpx.ReadTimeout):
            scene.call("GET", "remotePassword", timeout=0.3)
        wait_until(lambda: scene.control.stats()["outstanding"] == 0, "the place to be free")


@pytest.mark.parametrize("kind", ["hang", "cut"])
def test_a_hold_keeps_the_place_of_an_unanswered_call(kind: str) -> None:
    """The vendor may still work on a call nobody waits for: its place stays taken until the hold is over."""
    with stage() as scene:
        scene.control.add_fault(kind, hold_seconds=600, how="nothing")
        with pytest.raises(httpx.TransportError):
            scene.call("PUT", "setClock", timeout=0.3)
        assert 1 == scene.control.stats()["outstanding"]
        scene.control.add_fault(kind, hold_seconds=0.5, how="nothing")
        with pytest.raises(httpx.TransportError):
            scene.call("PUT", "setClock", timeout=0.1)
        wait_until(lambda: scene.control.stats()["outstanding"] == 1, "the short hold to end")
        held = scene.control.calls()[1]
        assert held["ended_epoch"] is not None
        assert 0.5 <= held["ended_epoch"] - held["at_epoch"]


def test_a_client_that_leaves_early_does_not_stop_its_command() -> None:
    """The gateway goes on without its caller: the code is on the lock in the end."""
    with stage() as scene:
        scene.control.add_fault("slow", seconds=0.4)
        with pytest.raises(httpx.ReadTimeout):
            scene.call("PUT", "setClock", timeout=0.1)
        assert 1 == scene.control.stats()["outstanding"]
        wait_until(lambda: scene.control.calls()[0]["executed"] == "yes", "the clock to be set")
        wait_until(lambda: scene.control.stats()["outstanding"] == 0, "the place to be free")


def test_overlapping_commands_on_one_lock_are_counted() -> None:
    """Two commands under way on a lock are an overlap, a list beside a command is none."""
    with stage(Setup(locks=[LOCK, "SS000002"])) as scene:
        scene.control.add_fault("hang", op="clock", times=2)
        scene.aside(scene.clock)
        wait_until(lambda: scene.control.stats()["outstanding"] == 1, "the first clock to hang")
        scene.read()
        scene.aside(lambda: scene.clock("SS000002"))
        wait_until(lambda: scene.control.stats()["outstanding"] == 2, "the second clock to hang")
        assert {} == scene.control.stats()["overlaps"]
        scene.add()
        assert {LOCK: 1} == scene.control.stats()["overlaps"]


def test_stopping_ends_hanging_dropped_slow_and_held_calls_at_once() -> None:
    """Stop waits for nobody: the slow command is not carried out, every connection is closed."""
    with stage(Setup(locks=[LOCK], queue_limit=3), StandingClock()) as scene:
        scene.control.add_fault("hang", op="list", hold_seconds=600)
        scene.control.add_fault("slow", seconds=600, op="add")
        scene.control.add_fault("cut", op="delete", hold_seconds=600)
        for work in (scene.read, scene.add, lambda: scene.delete(password_id=120)):
            scene.aside(work)
        wait_until(lambda: scene.control.stats()["outstanding"] == 3, "the queue to be full")
        scene.aside(scene.clock)
        wait_until(lambda: scene.control.stats()["dropped"] == 1, "a call to be dropped")
        began = time.monotonic()
        scene.sandbox.stop()
        for thread in scene.threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in scene.threads)
        assert time.monotonic() - began < 60
        assert {"default": 0} == dict(scene.sandbox.core.queue.outstanding)
        assert {} == scene.sandbox.core.state.locks[LOCK].codes

"""Faults by rule and by rate, places in the queue and latency: for every call that the sandbox knows."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from tests.contract.sandbox_kit import LOCK, Stage, stage, wait_until
from worker.kas.sandbox import Setup
from worker.kas.sandbox.faults import OPS

LOGIN = ("owner@example.com", "secret")


def _fetch_key(scene: Stage) -> httpx.Response:
    return scene.http.post("users/apikey", json=dict(zip(("email", "password"), LOGIN, strict=True)))


CALLS: dict[str, Callable[[Stage], httpx.Response]] = {
    "add": lambda scene: scene.add(),
    "delete": lambda scene: scene.delete(password_id=120),
    "list": lambda scene: scene.read(),
    "clock": lambda scene: scene.clock(),
    "key": _fetch_key,
    "unlock": lambda scene: scene.unlock(),
    "rfid_list": lambda scene: scene.read_tags(),
    "rfid_add": lambda scene: scene.add_tag(),
    "rfid_delete": lambda scene: scene.delete_tag(110),
    "events": lambda scene: scene.events(),
}
OF_A_LOCK = [op for op in CALLS if op != "key"]
TO_THE_LOCK = [op for op in OF_A_LOCK if op not in ("list", "events")]
SETUP = Setup(locks=[LOCK], logins={"default": LOGIN})


def test_every_call_is_tried() -> None:
    """All calls are here."""
    assert sorted(OPS) == sorted(CALLS)


@pytest.mark.parametrize("op", CALLS)
def test_a_call_goes_well_and_is_in_the_journal(op: str) -> None:
    """Without a fault it is a 200 under its name, and all places are free again."""
    with stage(SETUP) as scene:
        assert 200 == CALLS[op](scene).status_code
        (call,) = scene.control.calls(op=op)
        assert ("ok", 200, "default") == (call["outcome"], call["status"], call["account"])
        assert 0 == scene.control.stats()["outstanding"]


@pytest.mark.parametrize("op", CALLS)
@pytest.mark.parametrize("rated", [False, True])
def test_a_504_by_rule_and_by_rate(op: str, *, rated: bool) -> None:
    """Each call can end in the gateway's time-out, by its name or with all others."""
    with stage(SETUP) as scene:
        if rated:
            scene.control.set_rates({"504_lost": 1.0})
        else:
            scene.control.add_fault("status", op=op)
        answer = CALLS[op](scene)
        assert (504, 504) == (answer.status_code, answer.json()["ack"])
        assert ["fault:status"] == [call["outcome"] for call in scene.control.calls()]


@pytest.mark.parametrize("op", CALLS)
def test_a_500_says_unknown_error(op: str) -> None:
    """The document's words for what went wrong inside the cloud, and nothing is done."""
    with stage(SETUP) as scene:
        scene.control.add_fault("status", op=op, status=500, body="plain")
        answer = CALLS[op](scene)
        assert (500, "Unknown Error") == (answer.status_code, answer.text)
        assert ["no"] == [call["executed"] for call in scene.control.calls()]


@pytest.mark.parametrize("op", TO_THE_LOCK)
@pytest.mark.parametrize("ack", [2, 3, 4, 5, 6, 7, 8, 10])
def test_any_ack_by_rule(op: str, ack: int) -> None:
    """Whatever goes to the lock may end in each ack of the document, with nothing done."""
    with stage(SETUP) as scene:
        scene.control.add_fault("ack", op=op, ack=ack)
        answer = CALLS[op](scene)
        assert (200, ack) == (answer.status_code, answer.json()["ack"])
        assert ["no"] == [call["executed"] for call in scene.control.calls()]


@pytest.mark.parametrize("op", CALLS)
def test_a_rule_for_one_call_spares_the_others(op: str) -> None:
    """By its own name only."""
    with stage(SETUP) as scene:
        scene.control.add_fault("throttle", op=op, seconds=1)
        spared = [CALLS[other](scene).status_code for other in CALLS if other != op]
        assert ({200}, 429) == (set(spared), CALLS[op](scene).status_code)


@pytest.mark.parametrize("op", CALLS)
def test_a_call_hangs_and_leaves_when_told(op: str) -> None:
    """A hanging call of each kind keeps its place until the client leaves."""
    with stage(SETUP) as scene:
        scene.control.add_fault("hang", op=op)
        scene.aside(lambda: CALLS[op](scene))
        wait_until(lambda: scene.control.stats()["outstanding"] == 1, "the call to hang")


@pytest.mark.parametrize("op", TO_THE_LOCK)
def test_an_ack_by_rate_befalls_what_goes_to_the_lock(op: str) -> None:
    """Tags are listed through the gateway, so that their list can fail with an ack too."""
    with stage(SETUP) as scene:
        scene.control.set_rates({"ack8": 1.0})
        assert 8 == CALLS[op](scene).json()["ack"]


@pytest.mark.parametrize("op", ["list", "events", "key"])
@pytest.mark.parametrize("name", ["ack8", "lose"])
def test_an_ack_by_rate_spares_what_has_none(op: str, name: str) -> None:
    """The cloud's own lists, and keys."""
    with stage(SETUP) as scene:
        scene.control.set_rates({name: 1.0})
        answer = CALLS[op](scene)
        assert (200, ["ok"]) == (answer.status_code, [call["outcome"] for call in scene.control.calls()])


def test_a_lost_unlock_leaves_the_door_shut() -> None:
    """Ack 1, and no opening."""
    with stage() as scene:
        scene.control.add_fault("lose", op="unlock")
        assert 1 == scene.unlock().json()["ack"]
        assert [] == scene.control.openings(LOCK)


@pytest.mark.parametrize("shown", [True, False])
def test_a_lost_tag_is_listed_only_if_told(*, shown: bool) -> None:
    """Ack 1 for a tag that never reached the lock; its answer shows it or not."""
    with stage() as scene:
        scene.control.add_fault("lose", op="rfid_add", shown=shown)
        data = scene.add_tag().json()
        assert 1 == data["ack"]
        assert ([110] if shown else []) == [entry["rfid_id"] for entry in data["l_rfids"]]
        assert {} == scene.control.tags(LOCK)


@pytest.mark.parametrize(
    ("op", "key"), [("rfid_add", "l_rfids"), ("rfid_list", "l_rfids"), ("events", "events")]
)
def test_other_lock_and_no_list(op: str, key: str) -> None:
    """The answer names another lock, or lacks its list."""
    with stage() as scene:
        scene.control.add_fault("other_lock", op=op)
        scene.control.add_fault("no_list", op=op)
        first, second = (CALLS[op](scene).json() for _ in range(2))
        if op == "events":
            first, second = first["events"], second["events"]
        assert ("SS999999", True) == (first["l_factory_name"], key in first)
        assert (LOCK, False) == (second["l_factory_name"], key in second)


@pytest.mark.parametrize(("op", "overlaps"), [("unlock", 1), ("rfid_list", 1), ("events", 0)])
def test_what_goes_to_the_lock_can_overlap(op: str, overlaps: int) -> None:
    """Two calls at once on one lock are counted where both need its gateway."""
    with stage() as scene:
        scene.control.add_fault("hang", op="clock")
        scene.aside(scene.clock)
        wait_until(lambda: scene.control.stats()["outstanding"] == 1, "the call to hang")
        CALLS[op](scene)
        assert overlaps == scene.control.stats()["overlaps"].get(LOCK, 0)


@pytest.mark.parametrize("op", ["list", "events"])
def test_the_cloud_s_own_lists_do_not_wait_for_the_gateway(op: str) -> None:
    """They have a latency of their own."""
    with stage() as scene:
        scene.control.set_latency(base=600.0)
        assert 200 == CALLS[op](scene).status_code


@pytest.mark.parametrize("op", TO_THE_LOCK)
def test_what_goes_to_the_lock_takes_the_gateway_s_time(op: str) -> None:
    """The tags' list too."""
    with stage() as scene:
        scene.control.set_latency(base=0.05, lists=600.0)
        CALLS[op](scene)
        (call,) = scene.control.calls(op=op)
        assert call["ended_epoch"] is not None
        assert 0.05 <= call["ended_epoch"] - call["at_epoch"]


@pytest.mark.parametrize(
    ("name", "least", "most"), [("fast", 0.0, 0.5), ("usual", 1.0, 3.0), ("slow", 8.0, 15.0)]
)
def test_profiles_of_latency(name: str, least: float, most: float) -> None:
    """A profile is chosen by name, for all locks or for one; slow is no slower than the document's 15 s."""
    with stage() as scene:
        scene.control.set_profile(name)
        latency = scene.control.state()["latency"]
        assert least <= latency["base_seconds"]
        assert most >= latency["base_seconds"] + latency["jitter_seconds"]
        assert latency == scene.control.set_lock(LOCK, latency={"profile": name})["latency"]

"""Faults by rate follow their seed, and each name means what it says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox_kit import LOCK, Stage, StandingClock, stage, wait_until

RATES: dict[str, Any] = {"504_executed": 0.2, "504_lost": 0.2, "ack8": 0.2, "html": 0.2}


def _statuses(seed: int) -> list[tuple[int, str]]:
    with stage() as scene:
        scene.control.set_rates(RATES, seed=seed)
        answers = [scene.clock() for _ in range(60)]
        return [
            (answer.status_code, call["outcome"])
            for answer, call in zip(answers, scene.control.calls(), strict=True)
        ]


def test_rates_follow_their_seed() -> None:
    """The same seed spoils the same calls, another one others; each rate has its share."""
    first, again, other = _statuses(1), _statuses(1), _statuses(2)
    assert first == again
    assert first != other
    shares = {outcome for _, outcome in first}
    assert {"ok", "fault:status", "fault:ack", "fault:html"} == shares
    assert 60 * 0.05 < sum(outcome == "ok" for _, outcome in first) < 60 * 0.5


@pytest.mark.parametrize(
    ("name", "status", "ack", "there"),
    [
        ("504_executed", 504, 504, True),
        ("504_lost", 504, 504, False),
        ("ack2", 200, 2, False),
        ("ack2_executed", 200, 2, True),
        ("ack8", 200, 8, False),
        ("pending_never", 200, 5, False),
        ("no_list", 200, 1, True),
        ("lose", 200, 1, False),
    ],
)
def test_each_rate_means_its_name(name: str, status: int, ack: int, there: bool) -> None:  # noqa: FBT001
    """At rate 1 every command goes wrong in that way; the list of a command-only fault stays honest."""
    with stage() as scene:
        scene.control.set_rates({name: 1.0})
        answer = scene.add()
        assert (status, ack) == (answer.status_code, answer.json()["ack"])
        assert ([120] if there else []) == list(scene.control.codes(LOCK))
        scene.control.set_rates({})
        assert 1 == scene.add().json()["ack"]


@pytest.mark.parametrize("name", ["504_late", "pending_done"])
def test_late_rates_arrive_within_their_range(name: str) -> None:
    """The command reaches the lock between the two bounds."""
    clock = StandingClock()
    with stage(clock=clock) as scene:
        scene.control.set_rates({name: 1.0}, late_seconds=(10, 20))
        scene.add()
        scene.control.set_rates({})
        clock.forward(9.9)
        assert [] == scene.slots()
        clock.forward(10.2)
        assert [120] == scene.slots()


@pytest.mark.parametrize("name", ["cut", "hang"])
def test_cut_and_hang_by_rate(name: str) -> None:
    """Both leave the caller without an answer, and the lock without the code."""
    with stage() as scene:
        scene.control.set_rates({name: 1.0})
        scene.aside(scene.add)
        wait_until(lambda: _outcome(scene) == f"fault:{name}", "the call to go wrong")
        assert {} == scene.control.codes(LOCK)


def test_acks_by_rate_spare_the_lists() -> None:
    """A list has no ack, so those rates leave it alone."""
    with stage() as scene:
        scene.control.set_rates({"ack2": 0.5, "lose": 0.5})
        assert {200} == {scene.read().status_code for _ in range(10)}
        assert {"ok"} == {call["outcome"] for call in scene.control.calls()}


def _outcome(scene: Stage) -> str:
    calls = scene.control.calls(op="add")
    return calls[0]["outcome"] if calls else ""

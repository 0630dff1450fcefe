"""The sandbox's doors: who is let in by the lock's own clock, and what that takes of the battery."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.contract.sandbox_kit import LOCK, Stage, StandingClock, stage
from worker.kas.sandbox import LockSpec, Setup

OFFLINE = {"ack": 8, "message": "Failed. Gateway offline or lock out of range."}
# A window of an hour in Brisbane; the standing clock shows 20:00 there.
WINDOW: dict[str, Any] = {"password_start_time": "2611222000", "password_end_time": "2611222100"}


def _reasons(scene: Stage, pin: str = "482913") -> str:
    tried = scene.control.type_pin(LOCK, pin)
    assert (tried["reason"] == "opened") is tried["opened"]
    return str(tried["reason"])


def test_a_pin_opens_from_the_start_of_its_window_to_its_end() -> None:
    """The first minute belongs to the window, the last does not; another PIN opens nothing."""
    clock = StandingClock()
    with stage(clock=clock) as scene:
        scene.add(**WINDOW)
        assert ("opened", "unknown") == (_reasons(scene), _reasons(scene, "999999"))
        clock.forward(-1)
        assert "too_early" == _reasons(scene)
        clock.forward(3600)
        assert "opened" == _reasons(scene)
        clock.forward(1)
        assert "too_late" == _reasons(scene)
        assert 2 == len(scene.control.openings(LOCK))


def test_a_window_is_judged_in_the_lock_s_zone() -> None:
    """20:00 in Brisbane is five in the morning in New York."""
    with stage(Setup(locks=[LockSpec(LOCK, zone="America/New_York")]), StandingClock()) as scene:
        scene.add(**WINDOW)
        assert "too_early" == _reasons(scene)


def test_a_wrong_clock_shuts_a_guest_out_until_it_is_set() -> None:
    """The lock judges by its own clock: behind it is too early, ahead too late; Set Clock puts it right."""
    with stage(clock=StandingClock()) as scene:
        scene.add(**WINDOW)
        scene.control.set_clock_error(LOCK, -60)
        tried = scene.control.type_pin(LOCK, "482913")
        expected = ("too_early", 120, "2026-11-22T09:59:00.000Z")
        assert expected == (tried["reason"], tried["slot"], tried["lock_time"])
        scene.control.set_clock_error(LOCK, 3600)
        assert "too_late" == _reasons(scene)
        assert 1 == scene.clock().json()["ack"]
        assert 0 == scene.control.lock(LOCK)["clock_error"]
        assert "opened" == _reasons(scene)


def test_the_cloud_does_not_judge_by_the_lock_s_clock() -> None:
    """A clock that is a year ahead makes no add be refused; a failed Set Clock leaves it wrong."""
    with stage(clock=StandingClock()) as scene:
        scene.control.set_clock_error(LOCK, 366 * 86_400)
        assert 1 == scene.add(**WINDOW).json()["ack"]
        scene.control.add_fault("ack", ack=2, op="clock")
        scene.clock()
        assert "too_late" == _reasons(scene)


def test_a_lock_without_a_clock_lets_in_only_those_without_a_window() -> None:
    """A window cannot be judged without a clock; a code typed by hand may have none."""
    with stage(Setup(locks=[LOCK], clock_set=False)) as scene:
        scene.control.hand(LOCK, 150, "1357")
        scene.control.hand(LOCK, 151, "2468", starts="", ends="")
        assert ("no_clock", "opened") == (_reasons(scene, "1357"), _reasons(scene, "2468"))


def test_a_removed_code_no_longer_opens() -> None:
    """What is off the lock is off, also where the cloud's list still lags."""
    with stage(clock=StandingClock()) as scene:
        scene.control.set_lock(LOCK, list_lag=60)
        scene.add(**WINDOW)
        scene.delete(password_id=120)
        assert "unknown" == _reasons(scene)


def test_delete_by_value_takes_the_lowest_of_its_duplicates_only() -> None:
    """Notice 4 of Delete Online Password: after a delete by value a second code with it may still open."""
    with stage(clock=StandingClock()) as scene:
        scene.add(slot=150, **WINDOW)
        scene.control.hand(LOCK, 130, "482913")
        assert 1 == scene.delete(password="482913").json()["ack"]
        assert [150] == scene.slots()
        assert "opened" == _reasons(scene)
        assert 1 == scene.delete(password="482913").json()["ack"]
        assert "unknown" == _reasons(scene)


def test_of_duplicates_the_one_inside_its_window_opens() -> None:
    """The slot of the event is that of the code that let the guest in."""
    with stage(clock=StandingClock()) as scene:
        scene.add(slot=150, **WINDOW)
        scene.control.hand(LOCK, 130, "482913", ends="2511220000")
        assert 150 == scene.control.type_pin(LOCK, "482913")["slot"]


def test_a_tag_opens_inside_its_window() -> None:
    """By uid in either case, or by the vendor's number; by the lock's own clock, as a PIN."""
    with stage(clock=StandingClock()) as scene:
        times: dict[str, Any] = {"rfid_start_time": "2611222000", "rfid_end_time": "2611222100"}
        scene.add_tag(**times)
        scene.add_tag(111, uid=None, kas_uid="1234567890", is_kas_uid=True, **times)
        tried = [scene.control.present_tag(LOCK, uid) for uid in ("abcd1234", "1234567890", "00000001")]
        assert [(True, 110), (True, 111), (False, None)] == [(one["opened"], one["slot"]) for one in tried]
        scene.control.set_clock_error(LOCK, 3600)
        assert "too_late" == scene.control.present_tag(LOCK, "ABCD1234")["reason"]


def test_the_battery_runs_down_with_every_opening() -> None:
    """Each takes `drain`; the event shows whole percents, of which the last is reached at the very end."""
    with stage() as scene:
        scene.control.hand(LOCK, 150, "1357")
        scene.control.set_lock(LOCK, drain=0.5)
        scene.control.set_battery(LOCK, 1.2)
        levels = [scene.control.type_pin(LOCK, "1357")["battery"] for _ in range(3)]
        assert pytest.approx([0.7, 0.2, 0.0]) == levels
        assert [1, 1, 0] == [event["battery"] for event in scene.trail()]
        assert [1, 1, 0] == [one["battery"] for one in scene.control.openings(LOCK)]


def test_an_empty_battery_lets_nobody_in_and_is_out_of_range() -> None:
    """No PIN, no tag, no command, until there are new batteries; the cloud's own lists go on."""
    with stage() as scene:
        scene.control.hand(LOCK, 150, "1357")
        scene.control.hand_tag(LOCK, 150, "ABCD1234")
        scene.control.set_battery(LOCK, 0)
        assert "no_battery" == _reasons(scene, "1357")
        assert "no_battery" == scene.control.present_tag(LOCK, "ABCD1234")["reason"]
        for answer in (scene.unlock(), scene.clock(), scene.add(), scene.read_tags()):
            assert OFFLINE == answer.json()
        assert ([150], []) == (scene.slots(), scene.trail())
        scene.control.set_battery(LOCK, 100)
        assert "opened" == _reasons(scene, "1357")


def test_doors_survive_a_restart(tmp_path: Path) -> None:
    """Tags, openings, clock error, battery, drain, reader and late unlocks are there after a restart."""
    clock = StandingClock()
    setup = Setup(locks=[LockSpec(LOCK, reader=True)], data_dir=tmp_path)
    with stage(setup, clock) as scene:
        scene.add_tag(2000)
        scene.control.hand_tag(LOCK, 150, "1234567890")
        scene.control.present_tag(LOCK, "1234567890")
        scene.control.set_clock_error(LOCK, -90)
        scene.control.set_battery(LOCK, 12.5)
        scene.control.set_lock(LOCK, drain=0.5)
        for op in ("unlock", "rfid_add", "rfid_delete"):
            scene.control.add_fault("status", op=op, executed="late", late_seconds=60)
        answers = (scene.unlock(), scene.add_tag(111, "00000001"), scene.delete_tag(150))
        assert [504] * 3 == [answer.status_code for answer in answers]
        before, openings = scene.control.state(), scene.control.openings(LOCK)
    with stage(setup, clock) as scene:
        assert (before, openings) == (scene.control.state(), scene.control.openings(LOCK))
        clock.forward(60)
        assert [111, 2000] == list(scene.control.tags(LOCK))
        assert ["tag", "remote"] == [one["how"] for one in scene.control.openings(LOCK)]


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("type", {"lock": LOCK}, "pin"),
    ("type", {"lock": "SS9", "pin": "1234"}, "lock"),
    ("present", {"lock": LOCK, "uid": "12"}, "uid"),
    ("hand_tag", {"lock": LOCK, "rfid_id": 100, "uid": "ABCD1234"}, "rfid_id"),
    ("hand_tag", {"lock": LOCK, "rfid_id": 150, "uid": "ABCD1234", "ends": "later"}, "ends"),
    ("wipe_tag", {"lock": LOCK, "rfid_id": 150}, "rfid_id"),
    ("clock_error", {"lock": LOCK, "seconds": "much"}, "seconds"),
    ("battery", {"lock": LOCK, "percent": 101}, "percent"),
    ("locks", {"name": LOCK, "drain": -1}, "drain"),
    ("latency", {"profile": "sluggish"}, "profile"),
    ("latency", {"profile": "slow", "base_seconds": 1}, "profile"),
]


@pytest.mark.parametrize(("name", "sent", "field"), BAD)
def test_bad_input_is_told_by_field(name: str, sent: dict[str, Any], field: str) -> None:
    """Every input is checked: 400 with the field in `errors`, and the state stays as it was."""
    with stage() as scene:
        before = scene.control.state()["locks"]
        answer = httpx.post(f"{scene.sandbox.control_url}/{name}", json=sent)
        assert (400, [field]) == (answer.status_code, list(answer.json()["errors"]))
        assert before == scene.control.state()["locks"]

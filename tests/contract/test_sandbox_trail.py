"""The sandbox's remote unlock, and the audit trail with what it shows and what it misses."""

from __future__ import annotations

import httpx
import pytest

from tests.contract.sandbox_kit import LOCK, StandingClock, stage
from worker.kas.sandbox import Auth, LockSpec, Setup

OFFLINE = {"ack": 8, "message": "Failed. Gateway offline or lock out of range."}


def test_remote_unlock_opens_the_door() -> None:
    """Ack 1 with "Success", and an opening that the trail shows with the document's null fields."""
    with stage(clock=StandingClock()) as scene:
        answer = scene.unlock()
        assert (200, {"ack": 1, "message": "Success"}) == (answer.status_code, answer.json())
        (opening,) = scene.control.openings(LOCK)
        assert ("remote", None, True) == (opening["how"], opening["slot"], opening["captured"])
        (event,) = scene.trail()
        assert (None, None, 7, "Remote Unlock", "default@example.com", "default") == (
            event["battery"],
            event["user_id"],
            event["user_type"],
            event["user_type_desc"],
            event["user_id_value"],
            event["user_name"],
        )


def test_remote_unlock_is_refused_in_the_document_s_words() -> None:
    """No admin (nor may a manager), no such lock, a wrong key in the address: a header counts for nothing."""
    locks = (LockSpec("SS1", auth=Auth.MANAGER), LockSpec("SS2", account="other"), LockSpec("SS3"))
    with stage(Setup(locks=locks)) as scene:
        answers = (
            scene.unlock("SS1"),
            scene.unlock("SS2"),
            scene.unlock("SS9"),
            scene.unlock("SS3", "wrong"),
        )
        expected = ["You are not the admin."] * 2 + ["Lock is not found.", "Invalid Token."]
        assert [(400, words) for words in expected] == [(one.status_code, one.text) for one in answers]
        header = {"x-auth-token": scene.key}
        assert "Invalid Token." == scene.http.get("lockCommand/remoteUnlock/SS3/wrong", headers=header).text
        assert [] == scene.control.openings("SS3")


def test_remote_unlock_needs_a_gateway() -> None:
    """Ack 8, and the door stays shut."""
    with stage() as scene:
        scene.control.set_lock(LOCK, gateway_online=False)
        assert OFFLINE == scene.unlock().json()
        assert [] == scene.control.openings(LOCK)


def test_a_504_of_an_unlock_may_hide_an_open_door() -> None:
    """Notice 2 of Remote Unlock: nobody knows whether it was delivered."""
    with stage() as scene:
        scene.control.add_fault("status", op="unlock", executed=True)
        scene.control.add_fault("status", op="unlock", executed=False)
        assert [504, 504] == [scene.unlock().status_code for _ in range(2)]
        assert ["yes", "no"] == [call["executed"] for call in scene.control.calls(op="unlock")]
        assert 1 == len(scene.control.openings(LOCK))


def test_an_unlock_s_key_is_in_no_journal(capsys: pytest.CaptureFixture[str]) -> None:
    """The key in the address reaches neither the journal of calls, nor the page, nor what is printed."""
    key = "eyJhbGciOi.eyJfaWQi.v8cuLVqu_-1"
    with stage(Setup(locks=[LOCK], accounts={"default": (key,)})) as scene:
        scene.key = key
        assert 1 == scene.unlock().json()["ack"]
        scene.unlock("SS9")
        scene.unlock(key=key + "x")
        calls = scene.control.calls(op="unlock")
        assert [{}] * 3 == [call["body"] for call in calls]
        shown = f"{calls}{scene.control.state()}{httpx.get(scene.sandbox.page_url).text}"
        printed = capsys.readouterr()
        assert "eyJ" not in shown + printed.out + printed.err


def test_the_trail_tells_who_opened_newest_last() -> None:
    """A PIN, a tag and an unlock: each with its time, its number, its name and the lock's zone."""
    clock = StandingClock()
    with stage(clock=clock) as scene:
        scene.add(password_start_time="2001010000")
        scene.add_tag(rfid_start_time="2001010000")
        scene.control.type_pin(LOCK, "482913")
        clock.forward(0.5)
        scene.control.present_tag(LOCK, "ABCD1234")
        clock.forward(60)
        scene.unlock()
        pin, tag, remote = scene.trail()
        assert 24 == len(pin.pop("_id"))
        assert {
            "date_added": "2026-11-22T10:00:00.000Z",
            "event_type": 1,
            "event_type_label": "Unlock Event",
            "battery": 100,
            "user_id": 120,
            "user_type": 3,
            "user_type_desc": "password",
            "user_id_value": "482913",
            "user_name": "John",
            "date_added_timezone_name": "Australia/Brisbane",
        } == pin
        assert ("2026-11-22T10:00:00.500Z", 110, "rfid", "ABCD1234", "Cleaner") == (
            tag["date_added"],
            tag["user_id"],
            tag["user_type_desc"],
            tag["user_id_value"],
            tag["user_name"],
        )
        assert "2026-11-22T10:01:00.500Z" == remote["date_added"]


def test_the_trail_needs_no_gateway_and_bears_ack_0() -> None:
    """What the server has is shown while the gateway is away."""
    with stage() as scene:
        scene.unlock()
        scene.control.set_lock(LOCK, gateway_online=False)
        answer = scene.events()
        data = answer.json()
        assert (200, ["events", "ack"], 0) == (answer.status_code, list(data), data["ack"])
        assert ["_id", "l_factory_name", "events", "__v", "l_lock_title"] == list(data["events"])
        assert (LOCK, "Front gate", 1) == (
            data["events"]["l_factory_name"],
            data["events"]["l_lock_title"],
            len(data["events"]["events"]),
        )


def test_the_trail_misses_what_happened_while_the_gateway_was_offline() -> None:
    """It never shows it, not even afterwards; the control API knows."""
    with stage() as scene:
        scene.control.hand(LOCK, 150, "1357")
        scene.control.set_lock(LOCK, gateway_online=False)
        assert scene.control.type_pin(LOCK, "1357")["opened"]
        scene.control.set_lock(LOCK, gateway_online=True)
        assert scene.control.type_pin(LOCK, "1357")["opened"]
        assert [False, True] == [one["captured"] for one in scene.control.openings(LOCK)]
        assert 1 == len(scene.trail())
        assert 1 == len(scene.control.openings(LOCK, limit=1))


def test_the_trail_goes_back_three_months() -> None:
    """An event of 92 days ago is gone, a younger one is not."""
    clock = StandingClock()
    with stage(clock=clock) as scene:
        scene.unlock()
        clock.forward(92 * 86_400 - 1)
        scene.unlock()
        assert 2 == len(scene.trail())
        clock.forward(1)
        assert 1 == len(scene.trail())


def test_the_trail_is_refused_in_the_document_s_words() -> None:
    """A manager may read it; nobody without rights, with a wrong key, or of no lock."""
    locks = (
        LockSpec("SS1", auth=Auth.MANAGER),
        LockSpec("SS2", auth=Auth.NONE),
        LockSpec("SS3", account="other"),
    )
    with stage(Setup(locks=locks)) as scene:
        assert 200 == scene.events("SS1").status_code
        answers = [scene.events(lock) for lock in ("SS2", "SS3", "SS9")]
        scene.key = "wrong"
        answers.append(scene.events("SS1"))
        expected = [
            "You are not the manager.",
            "You are not the admin.",
            "Lock is not found.",
            "Invalid Token.",
        ]
        assert [(400, words) for words in expected] == [(one.status_code, one.text) for one in answers]

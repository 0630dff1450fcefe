"""The sandbox's vendor routes say what the KAS API document says, word by word."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox_kit import LOCK, StandingClock, stage
from worker.kas.sandbox import Auth, LockSpec, Setup

OFFLINE = {"ack": 8, "message": "Failed. Gateway offline or lock out of range."}


def test_add_answers_success_with_the_lock_and_all_its_codes() -> None:
    """The success body has ack, message, the PIN, the lock and every code on it, as plain text."""
    with stage() as scene:
        scene.control.hand(LOCK, 150, "0953", "Cleaner pin", starts="1901011200", ends="1904251200")
        answer = scene.add(pin="0123")
        data = answer.json()
        new = data["l_passwords"][0]
        assert len(new.pop("_id")) == 24
        assert (200, "text/plain; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
        assert ["ack", "message", "password", "l_factory_name", "l_passwords"] == list(data)
        assert (1, "Success", "0123", LOCK) == tuple(list(data.values())[:4])
        assert {
            "password_start_time": "2612011500",
            "password_end_time": "9912051000",
            "password_id": 120,
            "password_name": "John",
            "password": "0123",
            "password_email": "john@example.com",
            "password_message": "Watch out for the dog.",
        } == new
        assert [120, 150] == [entry["password_id"] for entry in data["l_passwords"]]


def test_the_content_type_of_a_successful_add_can_be_set() -> None:
    """A cloud that calls its JSON by its name can be played too."""
    with stage(Setup(locks=[LOCK], post_content_type="application/json")) as scene:
        assert "application/json" == scene.add().headers["content-type"]


def test_list_shows_codes_and_title_without_an_ack() -> None:
    """The list bears the lock, its codes by slot with five fields each, its title, and no ack."""
    with stage() as scene:
        scene.add(slot=130, pin="1357")
        scene.add(slot=121, pin="2468")
        data = scene.read().json()
        assert ["l_factory_name", "l_passwords", "l_lock_title"] == list(data)
        assert (LOCK, "Front gate") == (data["l_factory_name"], data["l_lock_title"])
        assert {
            "password_start_time": "2612011500",
            "password_end_time": "9912051000",
            "password_id": 121,
            "password_name": "John",
            "password": "2468",
        } == data["l_passwords"][0]
        assert [121, 130] == scene.slots()


@pytest.mark.parametrize("named", [{"password_id": 120}, {"password": "482913"}, {"password_id": 199}])
def test_delete_by_id_or_pin_and_of_an_absent_code_succeeds(named: dict[str, Any]) -> None:
    """F12: all three answer ack 1; only the named code is gone."""
    with stage() as scene:
        scene.add()
        scene.add(slot=121, pin="1357")
        assert {"ack": 1, "message": "Password deleted successfully."} == scene.delete(**named).json()
        assert ([120, 121] if named.get("password_id") == 199 else [121]) == scene.slots()


def test_delete_of_an_unknown_pin_succeeds() -> None:
    """No code has that PIN: ack 1, nothing gone."""
    with stage() as scene:
        scene.add()
        assert 1 == scene.delete(password="9753").json()["ack"]
        assert [120] == scene.slots()


def test_set_clock_sets_the_clock() -> None:
    """The clock of the lock counts as set from then on."""
    with stage(Setup(locks=[LOCK], clock_set=False)) as scene:
        assert {"ack": 1, "message": "Clock set successfully."} == scene.clock().json()
        assert scene.control.lock(LOCK)["clock_set"] is True
        assert scene.control.lock(LOCK)["clock_set_at"] is not None


def test_add_without_a_clock_fails_with_ack_2() -> None:
    """Notice 2 of Add Online Password: the lock must have its clock set; the cloud says so only by an ack."""
    with stage(Setup(locks=[LOCK], clock_set=False)) as scene:
        expected = {"ack": 2, "message": "Error. Internal interface error. Failed. Timeout."}
        assert expected == scene.add().json()
        assert [] == scene.slots()
        scene.clock()
        assert 1 == scene.add().json()["ack"]


def test_add_to_a_taken_slot_overwrites_silently() -> None:
    """A07: notice 3 of Add Online Password: a code typed by hand is gone without a word."""
    with stage() as scene:
        scene.control.hand(LOCK, 120, "1357", "Cleaner")
        assert 1 == scene.add().json()["ack"]
        assert ["482913"] == [entry["password"] for entry in scene.read().json()["l_passwords"]]


def test_a_pin_of_another_slot_is_refused() -> None:
    """A PIN is refused in another slot of its lock; in its own it overwrites; on another lock it is free."""
    with stage(Setup(locks=[LOCK, "SS000002"])) as scene:
        scene.add()
        answer = scene.add(slot=121)
        assert (400, "Password is already existing.") == (answer.status_code, answer.text)
        assert 1 == scene.add(password_name="Jane").json()["ack"]
        assert 1 == scene.add(slot=121, lock="SS000002").json()["ack"]
        assert [120] == scene.slots()


@pytest.mark.parametrize(
    ("starts", "ends"),
    [
        ("2612011500", "2612011500"),
        ("2612021500", "2612011500"),
        ("2613011500", "9912011500"),
        ("2602301500", "9912011500"),
        ("2612012400", "9912011500"),
        ("2612010000", "9912011160"),
        ("1901011200", "1904251200"),
    ],
)
def test_bad_times_are_refused(starts: str, ends: str) -> None:
    """Equal, reversed, no calendar moment, or over already: the document's words, and nothing happens."""
    with stage() as scene:
        answer = scene.add(password_start_time=starts, password_end_time=ends)
        assert (400, "Error with Start and End times") == (answer.status_code, answer.text)
        assert [] == scene.slots()


def test_the_end_is_judged_in_the_lock_s_zone() -> None:
    """At 10:00 UTC it is 20:00 in Brisbane, 05:00 in New York: an end at 12:00 is over in only one."""
    locks = (LockSpec(LOCK), LockSpec("SS000002", zone="America/New_York"))
    times: dict[str, Any] = {"password_start_time": "2611220100", "password_end_time": "2611221200"}
    with stage(Setup(locks=locks), StandingClock()) as scene:
        assert 400 == scene.add(**times).status_code
        assert 1 == scene.add(lock="SS000002", **times).json()["ack"]


def test_an_end_now_is_over() -> None:
    """The end is exclusive: a code that ends this very minute is refused, one minute more is not."""
    with stage(clock=StandingClock()) as scene:
        assert 400 == scene.add(password_start_time="2611220100", password_end_time="2611222000").status_code
        assert 200 == scene.add(password_start_time="2611220100", password_end_time="2611222001").status_code


def test_invalid_token() -> None:
    """No key or a wrong one: 400 with the document's words, on each call."""
    with stage() as scene:
        scene.key = "wrong"
        for answer in (scene.add(), scene.delete(password_id=120), scene.read(), scene.clock()):
            assert (400, "Invalid Token.") == (answer.status_code, answer.text)
        assert "Invalid Token." == scene.http.get(f"lockCommand/remotePassword/{LOCK}").text


def test_unknown_lock() -> None:
    """A lock that is not bound to any account is not found, on each call."""
    with stage() as scene:
        answers = (
            scene.add(lock="SS9"),
            scene.delete("SS9", password_id=120),
            scene.read("SS9"),
            scene.clock("SS9"),
        )
        for answer in answers:
            assert (400, "Lock is not found.") == (answer.status_code, answer.text)


def test_unknown_locks_are_made_where_the_set_up_says_so() -> None:
    """With auto_create the first call to a lock makes it."""
    with stage(Setup(auto_create=True)) as scene:
        assert 1 == scene.add(lock="SS000077").json()["ack"]
        assert [120] == scene.slots("SS000077")


def test_rights() -> None:
    """A manager may read only; without rights nothing is allowed; a lock of another account is not ours."""
    locks = (
        LockSpec("SS1", auth=Auth.MANAGER),
        LockSpec("SS2", auth=Auth.NONE),
        LockSpec("SS3", account="other"),
    )
    with stage(Setup(locks=locks)) as scene:
        assert 200 == scene.read("SS1").status_code
        assert "You are not the admin." == scene.add(lock="SS1").text
        assert "You are not the manager." == scene.read("SS2").text
        assert "You are not the admin." == scene.clock("SS2").text
        assert "You are not the admin." == scene.read("SS3").text
        assert (400, "You are not the admin.") == (
            scene.add(lock="SS3").status_code,
            scene.add(lock="SS3").text,
        )


def test_each_account_has_its_own_keys_and_locks() -> None:
    """A key opens the locks of its account."""
    locks = (LockSpec("SS1", account="one"), LockSpec("SS2", account="two"))
    with stage(Setup(locks=locks, accounts={"one": ("k1", "k1b"), "two": ("k2",)})) as scene:
        for key, lock, status in (
            ("k1", "SS1", 200),
            ("k1b", "SS1", 200),
            ("k2", "SS1", 400),
            ("k2", "SS2", 200),
        ):
            scene.key = key
            assert status == scene.read(lock).status_code


def test_an_offline_gateway_answers_ack_8_and_still_lists() -> None:
    """Commands need the gateway, lists do not."""
    with stage() as scene:
        scene.add()
        scene.control.set_lock(LOCK, gateway_online=False)
        assert OFFLINE == scene.add(slot=121, pin="1357").json()
        assert OFFLINE == scene.delete(password_id=120).json()
        assert OFFLINE == scene.clock().json()
        assert [120] == scene.slots()


def test_email_is_sent_with_an_executed_add_only() -> None:
    """An executed add with email_checked sends one e-mail with PIN and window; a failed one sends none."""
    with stage() as scene:
        scene.add()
        scene.control.set_lock(LOCK, gateway_online=False)
        scene.add(email_checked=True)
        scene.control.set_lock(LOCK, gateway_online=True)
        scene.add(slot=121, email_checked=True)
        assert [] == scene.control.emails()
        scene.add(email_checked=True)
        (sent,) = scene.control.emails()
        assert (LOCK, 120, "john@example.com", "482913") == (
            sent["lock"],
            sent["slot"],
            sent["to"],
            sent["pin"],
        )
        assert ("2612011500", "9912051000") == (sent["starts"], sent["ends"])
        assert "Watch out for the dog." == sent["message"]


def test_other_calls_answer_404() -> None:
    """What the document does not know is plainly absent, and takes no place in the queue."""
    with stage() as scene:
        assert 404 == scene.http.get("events").status_code
        assert 404 == scene.call("PUT", "remoteRFID").status_code
        assert 404 == scene.call("GET", "remoteUnlock").status_code
        assert 404 == scene.call("POST", "setClock").status_code
        assert [] == scene.control.calls()


def test_list_lag_shows_the_state_of_that_long_ago() -> None:
    """With a lag the list trails the lock by that many seconds, while the lock itself has the code."""
    clock = StandingClock()
    with stage(clock=clock) as scene:
        scene.control.set_lock(LOCK, list_lag=60)
        scene.add()
        assert ([], [120]) == (scene.slots(), list(scene.control.codes(LOCK)))
        clock.forward(30)
        scene.add(pin="1357")
        clock.forward(30)
        assert ["482913"] == [entry["password"] for entry in scene.read().json()["l_passwords"]]
        scene.delete(password_id=120)
        clock.forward(30)
        assert ["1357"] == [entry["password"] for entry in scene.read().json()["l_passwords"]]
        clock.forward(30)
        assert [] == scene.slots()


def test_latency_is_drawn_from_the_seed() -> None:
    """Two sandboxes with one seed delay the n-th call to a lock alike; another seed does not."""
    draws = []
    for seed in (1, 1, 2):
        setup = Setup(locks=[LOCK], seed=seed)
        with stage(setup) as scene:
            draws.append([scene.sandbox.core.chance("add", LOCK).random() for _ in range(3)])
    assert draws[0] == draws[1]
    assert draws[0] != draws[2]


def test_latency_delays_commands_not_lists_and_a_lock_may_have_its_own() -> None:
    """A gateway's latency is that of commands; a lock's own latency goes before the sandbox's."""
    with stage(Setup(locks=[LOCK, "SS000002"])) as scene:
        scene.control.set_latency(base=600.0)
        scene.control.set_lock("SS000002", latency={"base_seconds": 0.05})
        assert 200 == scene.read().status_code
        scene.add(lock="SS000002")
        (call,) = scene.control.calls(lock="SS000002")
        assert call["ended_epoch"] is not None
        assert 0.05 <= call["ended_epoch"] - call["at_epoch"]

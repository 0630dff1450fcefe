"""The sandbox's control API and page: look in, type by hand, steer; bad input is told by field."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import httpx
import pytest

from tests.contract.sandbox_kit import LOCK, StandingClock, body, stage
from worker.kas.sandbox import ControlError, Latency, LockSpec, SandboxControl, Setup


def test_state_shows_locks_with_their_codes() -> None:
    """The state is the truth of the fake lock, PINs included."""
    with stage(clock=StandingClock()) as scene:
        scene.add()
        state = scene.control.state()
        assert ("2026-11-22T10:00:00.000Z", {"default": 1}) == (state["now"], state["accounts"])
        (lock,) = state["locks"]
        assert (LOCK, "Front gate", "Australia/Brisbane") == (lock["name"], lock["title"], lock["zone"])
        assert {
            "slot": 120,
            "pin": "482913",
            "name": "John",
            "starts": "2612011500",
            "ends": "9912051000",
            "email": "john@example.com",
            "message": "Watch out for the dog.",
            "by_hand": False,
        } == lock["codes"][0]
        with pytest.raises(KeyError):
            scene.control.lock("SS9")


def test_calls_are_logged_in_order_with_their_bodies() -> None:
    """Each vendor call leaves its times, account, lock, kind, slot, body, answer, and the queue's length."""
    with stage(clock=StandingClock()) as scene:
        scene.add()
        scene.read()
        scene.key = "wrong"
        scene.clock()
        add, read, refused = scene.control.calls()
        assert {
            "number": 1,
            "at": "2026-11-22T10:00:00.000Z",
            "at_epoch": 1795341600.0,
            "ended": "2026-11-22T10:00:00.000Z",
            "ended_epoch": 1795341600.0,
            "account": "default",
            "lock": LOCK,
            "op": "add",
            "slot": 120,
            "body": body(),
            "outcome": "ok",
            "status": 200,
            "executed": "yes",
            "outstanding": 0,
        } == {name: value for name, value in add.items() if name != "key_hash"}
        assert add["key_hash"] == read["key_hash"] != refused["key_hash"]
        assert (None, "invalid_token", 400) == (refused["account"], refused["outcome"], refused["status"])
        assert [2] == [call["number"] for call in scene.control.calls(op="list")]
        assert [3] == [call["number"] for call in scene.control.calls(since=2)]
        assert [1] == [call["number"] for call in scene.control.calls(limit=1)]
        assert [] == scene.control.calls(lock="SS9")
        assert {"add": 1, "list": 1, "clock": 1} == scene.control.stats()["calls"]


def test_locks_are_made_and_changed() -> None:
    """What is left out stays as it was, or takes its default on a new lock."""
    with stage() as scene:
        made = scene.control.set_lock("SS2", account="new", zone="Australia/Adelaide", list_lag=5)
        assert ("new", "Australia/Adelaide", 5.0, True) == (
            made["account"],
            made["zone"],
            made["list_lag"],
            made["clock_set"],
        )
        changed = scene.control.set_lock("SS2", gateway_online=False, latency={"base_seconds": 2})
        assert ("Australia/Adelaide", False) == (changed["zone"], changed["gateway_online"])
        assert {"base_seconds": 2.0, "jitter_seconds": 0.0, "list_seconds": 0.0} == changed["latency"]
        assert scene.control.set_lock("SS2", latency=None)["latency"] is None
        assert "new" in scene.control.state()["accounts"]


def test_codes_typed_by_hand_and_wiped() -> None:
    """A hand-typed code is listed, may share a PIN, and goes by `wipe` or DELETE; an empty slot is told."""
    with stage() as scene:
        scene.control.hand(LOCK, 150, "1357", "Cleaner")
        scene.control.hand(LOCK, 151, "1357")
        assert [150, 151] == scene.slots()
        assert {True} == {code["by_hand"] for code in scene.control.codes(LOCK).values()}
        scene.control.wipe(LOCK, 150)
        gone = httpx.request("DELETE", f"{scene.sandbox.control_url}/hand", json={"lock": LOCK, "slot": 151})
        assert (200, []) == (gone.status_code, scene.slots())
        with pytest.raises(ControlError, match="empty"):
            scene.control.wipe(LOCK, 150)


def test_an_empty_field_of_a_hand_typed_code_is_left_out_of_the_list() -> None:
    """A09: a code with only a PIN, or only a name, still holds its slot in the list."""
    with stage() as scene:
        scene.control.hand(LOCK, 150, "1357", starts="", ends="")
        scene.control.hand(LOCK, 151, "", "Cleaner", starts="", ends="")
        expected = [
            {"password_id": 150, "password": "1357"},
            {"password_id": 151, "password_name": "Cleaner"},
        ]
        assert expected == scene.read().json()["l_passwords"]


def test_keys_are_added_and_revoked() -> None:
    """F25: a revoked key is invalid from the next call on, an added one valid."""
    with stage() as scene:
        assert 2 == scene.control.set_keys(add=["fresh"])
        assert 1 == scene.control.set_keys(revoke=[scene.key])
        assert "Invalid Token." == scene.read().text
        scene.key = "fresh"
        assert 200 == scene.read().status_code


def test_reset_goes_back_to_the_set_up() -> None:
    """Codes, e-mails, calls, rules, rates, keys and records are gone; the locks of the set-up are there."""
    with stage() as scene:
        scene.add(email_checked=True)
        scene.control.set_lock("SS2")
        scene.control.set_keys(revoke=[scene.key])
        scene.control.add_fault("ack", ack=2, times=None)
        scene.control.set_rates({"ack2": 1.0})
        scene.control.set_latency(base=600)
        scene.control.reset()
        assert ([], [], []) == (scene.control.calls(), scene.control.emails(), scene.control.faults())
        assert 0 == scene.control.stats()["max_outstanding"]
        assert [LOCK] == [lock["name"] for lock in scene.control.state()["locks"]]
        assert [] == scene.slots()
        assert 1 == scene.clock().json()["ack"]


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("locks", {}, "name"),
    ("locks", {"name": "a b"}, "name"),
    ("locks", {"name": "SS1", "zone": "Mars/Olympus"}, "zone"),
    ("locks", {"name": "SS1", "auth": "owner"}, "auth"),
    ("locks", {"name": "SS1", "list_lag": -1}, "list_lag"),
    ("locks", {"name": "SS1", "colour": "red"}, "colour"),
    ("locks", {"name": "SS1", "latency": {"base_seconds": "fast"}}, "latency"),
    ("hand", {"lock": "SS9", "slot": 120, "pin": "1234"}, "lock"),
    ("hand", {"lock": LOCK, "slot": 100, "pin": "1234"}, "slot"),
    ("hand", {"lock": LOCK, "slot": "120", "pin": "1234"}, "slot"),
    ("hand", {"lock": LOCK, "slot": 120}, "pin"),
    ("hand", {"lock": LOCK, "slot": 120, "pin": "1234", "starts": "tomorrow"}, "starts"),
    ("wipe", {"lock": LOCK, "slot": 120}, "slot"),
    ("faults", {}, "kind"),
    ("faults", {"kind": "meteor"}, "kind"),
    ("faults", {"kind": "ack"}, "ack"),
    ("faults", {"kind": "text"}, "text"),
    ("faults", {"kind": "slow"}, "seconds"),
    ("faults", {"kind": "hang", "executed": "late"}, "late_seconds"),
    ("faults", {"kind": "hang", "executed": "maybe"}, "executed"),
    ("faults", {"kind": "hang", "executed": 1}, "executed"),
    ("faults", {"kind": "hang", "op": "open"}, "op"),
    ("faults", {"kind": "hang", "times": 0}, "times"),
    ("faults", {"kind": "cut", "how": "gently"}, "how"),
    ("rates", {"rates": {"meteor": 0.1}}, "rates"),
    ("rates", {"rates": {"ack2": 1.5}}, "rates"),
    ("rates", {"rates": {"ack2": 0.6, "ack8": 0.6}}, "rates"),
    ("rates", {"rates": {}, "late_seconds": [5, 1]}, "late_seconds"),
    ("keys", {"add": "fresh"}, "add"),
    ("latency", {"base_seconds": -1}, "base_seconds"),
]


@pytest.mark.parametrize(("name", "sent", "field"), BAD)
def test_bad_input_is_told_by_field(name: str, sent: dict[str, Any], field: str) -> None:
    """Every input is checked: 400 with the field in `errors`, and the state stays as it was."""
    with stage() as scene:
        before = scene.control.state()["locks"]
        answer = httpx.post(f"{scene.sandbox.control_url}/{name}", json=sent)
        assert 400 == answer.status_code
        assert [field] == list(answer.json()["errors"])
        assert before == scene.control.state()["locks"]


def test_what_is_no_json_object_is_refused() -> None:
    """Broken JSON and JSON lists are 400, unknown control calls 404 with those there are."""
    with stage() as scene:
        for sent in (b"{", b"[]", b""):
            assert 400 == httpx.post(f"{scene.sandbox.control_url}/locks", content=sent).status_code
        unknown = httpx.get(f"{scene.sandbox.control_url}/nothing")
        assert 404 == unknown.status_code
        assert "GET /control/state" in unknown.json()["known"]


class _Links(HTMLParser):
    """Collects whatever a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note src and href."""
        self.found += [value or "" for name, value in attrs if name in ("src", "href", "action")]


def test_the_page_shows_locks_without_foreign_requests() -> None:
    """The page names locks, holders, calls and e-mails, escapes what guests write, fetches nothing."""
    with stage() as scene:
        scene.add(
            password_name="<b>John</b>", email_checked=True, password_message="<script>alert()</script>"
        )
        scene.control.set_lock(LOCK, gateway_online=False, clock_set=False)
        page = httpx.get(scene.sandbox.page_url)
        part = httpx.get(f"{scene.sandbox.page_url}?part=1").text
        assert "text/html; charset=utf-8" == page.headers["content-type"]
        for words in (
            "Front gate",
            "gateway offline",
            "clock not set",
            "2026-12-01 15:00",
            "john@example.com",
        ):
            assert words in page.text
            assert words in part
        assert "&lt;b&gt;John" in page.text
        assert "<script>alert" not in page.text
        assert "<html" not in part
        links = _Links()
        links.feed(page.text)
        assert ["data:,"] == links.found
        assert "http://" not in page.text
        assert "https://" not in page.text


def test_the_page_masks_pins_until_asked() -> None:
    """The visible text has dots; the PIN waits in the button's data."""
    with stage() as scene:
        scene.add()
        page = httpx.get(scene.sandbox.page_url).text
        assert 1 == page.count("482913")
        assert 'data-pin="482913"' in page
        assert ">••••••</button>" in page


def test_an_empty_page_says_so() -> None:
    """No locks, calls or e-mails yet."""
    with stage(Setup()) as scene:
        page = httpx.get(scene.sandbox.page_url).text
        assert "No locks yet." in page
        assert 3 == page.count("None yet.")


def test_the_page_shows_doors() -> None:
    """Tags, battery, a wrong clock, and the last openings with what the audit trail missed."""
    with stage(Setup(locks=[LockSpec(LOCK, reader=True), "SS000002"])) as scene:
        scene.control.hand_tag(LOCK, 1500, "ABCD1234", "Cleaner")
        scene.control.hand("SS000002", 150, "1357", "Owner")
        scene.control.set_battery(LOCK, 19.4)
        scene.control.set_clock_error(LOCK, -5400)
        scene.control.set_lock("SS000002", gateway_online=False)
        scene.control.type_pin("SS000002", "1357")
        scene.control.present_tag(LOCK, "ABCD1234")
        part = httpx.get(f"{scene.sandbox.page_url}?part=1").text
        for words in ("battery 20 %", "clock 1.5 h behind", "reader", "1500", "missed it", "has it"):
            assert words in part
        openings = part.split("Last openings")[1]
        assert openings.index("Cleaner") < openings.index("Owner")
        assert ("ABCD1234" not in openings, 1) == (True, part.count("ABCD1234"))


def test_a_set_up_gives_locks_their_properties() -> None:
    """A LockSpec's properties are the lock's."""
    spec = LockSpec(
        "SS5", title="Five", latency=Latency(1.0), list_lag=3.0, clock_set=False, gateway_online=False
    )
    with stage(Setup(locks=[spec])) as scene:
        lock = scene.control.lock("SS5")
        assert ("Five", 3.0, False, False) == (
            lock["title"],
            lock["list_lag"],
            lock["clock_set"],
            lock["gateway_online"],
        )
        assert {"base_seconds": 1.0, "jitter_seconds": 0.0, "list_seconds": 0.0} == lock["latency"]


def test_control_errors_carry_the_sandbox_s_words() -> None:
    """The client raises what the sandbox said."""
    with stage() as scene, pytest.raises(ControlError, match=r"POST /control/faults: 400 .*Must be one of"):
        scene.control.add_fault("meteor")


def test_the_client_closes_with_its_block() -> None:
    """After the `with` it is closed."""
    with stage() as scene:
        with SandboxControl(scene.sandbox.control_url) as control:
            control.stats()
        with pytest.raises(RuntimeError):
            control.stats()

"""The sandbox's RFID tags: the three calls of the document, and tags added by hand."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox_kit import LOCK, StandingClock, stage, tag_body
from worker.kas.sandbox import Auth, ControlError, LockSpec, Setup

OFFLINE = {"ack": 8, "message": "Failed. Gateway offline or lock out of range."}
READER = "UL000002"
WITH_READER = Setup(locks=[LOCK, LockSpec(READER, reader=True)])


def test_add_answers_success_with_the_lock_and_all_its_tags() -> None:
    """Ack, message, the tag's number as "password", the lock, and every tag by id, as plain text."""
    with stage() as scene:
        scene.control.hand_tag(LOCK, 150, "0A0B0C0D", "Cleaner")
        answer = scene.add_tag()
        data = answer.json()
        assert (200, "text/plain; charset=utf-8") == (answer.status_code, answer.headers["content-type"])
        assert ["ack", "message", "password", "l_factory_name", "l_rfids"] == list(data)
        assert (1, "Success", "ABCD1234", LOCK) == tuple(list(data.values())[:4])
        assert {
            "rfid_start_time": "2612011500",
            "rfid_end_time": "9912051000",
            "rfid_id": 110,
            "rfid_name": "Cleaner",
            "uid": "ABCD1234",
            "is_kas_uid": False,
        } == data["l_rfids"][0]
        assert [110, 150] == [entry["rfid_id"] for entry in data["l_rfids"]]


def test_list_shows_tags_and_title_without_an_ack() -> None:
    """The list bears the lock, its tags by id and its title; a tag of the vendor's shows its ten digits."""
    with stage() as scene:
        scene.add_tag(120, uid=None, kas_uid="1234567890", is_kas_uid=True)
        scene.add_tag(110)
        data = scene.read_tags().json()
        assert ["l_factory_name", "l_rfids", "l_lock_title"] == list(data)
        assert (LOCK, "Front gate") == (data["l_factory_name"], data["l_lock_title"])
        assert [(110, None), (120, "1234567890")] == [
            (entry["rfid_id"], entry.get("kas_uid")) for entry in data["l_rfids"]
        ]
        assert "uid" not in data["l_rfids"][1]


def test_an_add_to_a_taken_id_overwrites() -> None:
    """Notice 3 of Add Remote RFID: the new tag takes the id, and opens; the old one no longer does."""
    with stage() as scene:
        scene.add_tag(rfid_start_time="2001010000")
        assert 1 == scene.add_tag(uid="00000001", rfid_start_time="2001010000").json()["ack"]
        assert ["00000001"] == [tag["uid"] for tag in scene.control.tags(LOCK).values()]
        assert scene.control.present_tag(LOCK, "00000001")["opened"]
        assert not scene.control.present_tag(LOCK, "ABCD1234")["opened"]


@pytest.mark.parametrize("again", ["ABCD1234", "abcd1234"])
def test_a_tag_of_another_id_is_refused(again: str) -> None:
    """The document's words for a number that another id holds, in either case of its letters; per lock."""
    with stage(WITH_READER) as scene:
        scene.add_tag()
        answer = scene.add_tag(111, again)
        assert (400, "Password is already existing.") == (answer.status_code, answer.text)
        assert 1 == scene.add_tag(110, again).json()["ack"]
        assert 1 == scene.add_tag(111, again, READER).json()["ack"]
        assert [110] == list(scene.control.tags(LOCK))


def test_a_kas_number_of_another_id_is_refused() -> None:
    """With is_kas_uid the ten digits count, and the uid beside them does not."""
    with stage() as scene:
        scene.add_tag(110, kas_uid="1234567890", is_kas_uid=True)
        assert 400 == scene.add_tag(111, "00000001", kas_uid="1234567890", is_kas_uid=True).status_code
        assert 1 == scene.add_tag(111, kas_uid="0000000001", is_kas_uid=True).json()["ack"]


@pytest.mark.parametrize(
    ("starts", "ends"),
    [("2612011500", "2612011500"), ("2613011500", "9912011500"), ("1901011200", "1904251200")],
)
def test_bad_times_are_refused(starts: str, ends: str) -> None:
    """Equal, no calendar moment, or over already: the document's words."""
    with stage() as scene:
        answer = scene.add_tag(rfid_start_time=starts, rfid_end_time=ends)
        assert (400, "Error with Start and End times") == (answer.status_code, answer.text)
        assert {} == scene.control.tags(LOCK)


@pytest.mark.parametrize(("rfid_id", "lock"), [(101, LOCK), (200, LOCK), (201, READER), (2000, READER)])
def test_ids_go_to_200_and_on_a_reader_to_2000(rfid_id: int, lock: str) -> None:
    """The edges are sound."""
    with stage(WITH_READER) as scene:
        assert 1 == scene.add_tag(rfid_id, lock=lock).json()["ack"]
        assert [rfid_id] == list(scene.control.tags(lock))
        assert 1 == scene.delete_tag(rfid_id, lock).json()["ack"]


@pytest.mark.parametrize(
    ("rfid_id", "lock"), [(100, LOCK), (201, LOCK), (2001, READER), (True, LOCK), ("101", LOCK)]
)
def test_other_ids_are_refused(rfid_id: Any, lock: str) -> None:
    """Whether to add or to delete."""
    with stage(WITH_READER) as scene:
        for answer in (scene.add_tag(rfid_id, lock=lock), scene.delete_tag(rfid_id, lock)):
            assert (400, "Invalid rfid_id.") == (answer.status_code, answer.text)


MALFORMED: list[tuple[str, Any]] = [
    ("rfid_id", None),
    ("rfid_start_time", "26120115"),
    ("rfid_end_time", 2612011500),
    ("rfid_name", None),
    ("uid", "ABCD123"),
    ("uid", "ABCD12345"),
    ("uid", "GBCD1234"),
    ("uid", None),
    ("kas_uid", "123456789"),
    ("kas_uid", "ABCDEF1234"),
    ("is_kas_uid", "true"),
]


@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_a_malformed_field_is_named(name: str, value: Any) -> None:
    """The sandbox's own words, and nothing happens."""
    with stage() as scene:
        answer = scene.call("POST", "remoteRFID", json=tag_body(**{name: value}))
        assert (400, f"Invalid {name}.") == (answer.status_code, answer.text)
        assert {} == scene.control.tags(LOCK)


def test_a_kas_number_is_needed_where_it_is_announced() -> None:
    """is_kas_uid without kas_uid is refused, whatever uid says."""
    with stage() as scene:
        assert "Invalid kas_uid." == scene.add_tag(is_kas_uid=True).text


def test_delete_of_a_tag_and_of_an_absent_one_succeeds() -> None:
    """Both answer ack 1 with the document's words; only the named one is gone."""
    with stage() as scene:
        scene.add_tag(110)
        scene.add_tag(111, "00000001")
        expected = {"ack": 1, "message": "RFID deleted successfully."}
        assert expected == scene.delete_tag(110).json() == scene.delete_tag(199).json()
        assert [111] == list(scene.control.tags(LOCK))


def test_all_three_calls_need_a_gateway() -> None:
    """Even the list: unlike that of the PINs it is the lock's own."""
    with stage() as scene:
        scene.add_tag()
        scene.control.set_lock(LOCK, gateway_online=False)
        answers = (scene.add_tag(111, "00000001"), scene.delete_tag(110), scene.read_tags())
        assert [OFFLINE] * 3 == [answer.json() for answer in answers]
        assert [110] == list(scene.control.tags(LOCK))


def test_add_without_a_clock_fails_with_ack_2() -> None:
    """Notice 2 of Add Remote RFID: the lock must have its clock set."""
    with stage(Setup(locks=[LOCK], clock_set=False)) as scene:
        assert 2 == scene.add_tag().json()["ack"]
        scene.clock()
        assert 1 == scene.add_tag().json()["ack"]


def test_rights_and_refusals() -> None:
    """A manager may read the tags only; wrong keys and unknown locks are told in the document's words."""
    locks = (LockSpec("SS1", auth=Auth.MANAGER), LockSpec("SS2", auth=Auth.NONE))
    with stage(Setup(locks=locks)) as scene:
        assert 200 == scene.read_tags("SS1").status_code
        assert "You are not the admin." == scene.add_tag(lock="SS1").text
        assert "You are not the admin." == scene.delete_tag(110, "SS1").text
        assert "You are not the manager." == scene.read_tags("SS2").text
        for answer in (scene.add_tag(lock="SS9"), scene.delete_tag(110, "SS9"), scene.read_tags("SS9")):
            assert (400, "Lock is not found.") == (answer.status_code, answer.text)
        scene.key = "wrong"
        for answer in (scene.add_tag(lock="SS1"), scene.delete_tag(110, "SS1"), scene.read_tags("SS1")):
            assert (400, "Invalid Token.") == (answer.status_code, answer.text)


def test_tags_by_hand_are_listed_and_wiped() -> None:
    """A tag added by hand is in the list, with either kind of number; `wipe_tag` tells an empty id."""
    with stage() as scene:
        scene.control.hand_tag(LOCK, 150, "0a0b0c0d", "Cleaner")
        scene.control.hand_tag(LOCK, 151, "1234567890")
        assert [150, 151] == [entry["rfid_id"] for entry in scene.read_tags().json()["l_rfids"]]
        assert {True} == {tag["by_hand"] for tag in scene.control.tags(LOCK).values()}
        scene.control.wipe_tag(LOCK, 150)
        assert [151] == list(scene.control.tags(LOCK))
        with pytest.raises(ControlError, match="empty"):
            scene.control.wipe_tag(LOCK, 150)
        with pytest.raises(ControlError, match="Only a reader"):
            scene.control.hand_tag(LOCK, 201, "0A0B0C0D")


def test_a_late_tag_waits_for_its_hour() -> None:
    """A tag whose answer was a 504 may reach the lock later, and a delete too."""
    clock = StandingClock()
    with stage(clock=clock) as scene:
        scene.control.add_fault("status", op="rfid_add", executed="late", late_seconds=60)
        scene.control.add_fault("status", op="rfid_delete", executed="late", late_seconds=90)
        assert [504, 504] == [scene.add_tag().status_code, scene.delete_tag(110).status_code]
        expected = ["rfid_add", "rfid_delete"]
        assert expected == [late["op"] for late in scene.control.state()["pending_late"]]
        assert {} == scene.control.tags(LOCK)
        clock.forward(60)
        assert [110] == list(scene.control.tags(LOCK))
        clock.forward(30)
        assert {} == scene.control.tags(LOCK)

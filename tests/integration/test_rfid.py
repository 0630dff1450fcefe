"""RFID tags: the guest's card follows the stay like the PIN, and the house's own tags are kept like stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.engine_kit import DOOR, GATE, Engine, engine
from worker.domain.media import tags_of
from worker.domain.reasons import Reason
from worker.kas.sandbox import LockSpec
from worker.service.staff_tags import (
    BadTagError,
    GuestTagError,
    NewTag,
    NoSuchTagError,
    StaffTags,
    UnknownLockError,
)
from worker.store import keys

CARD, OTHER = "A1B2C3D4", "0BADF00D"


@pytest.fixture
def inn(tmp_path: Path) -> Iterator[Engine]:
    """A running engine."""
    with engine(tmp_path) as made:
        yield made


def staff(inn: Engine) -> StaffTags:
    """The service that keeps the house's own tags."""
    return StaffTags(inn.innkey.store, inn.innkey.ledger)


def a_tag(*doors: str, name: str = "cleaner", hours: float = 48, number: str = OTHER) -> NewTag:
    """A tag from an hour ago on."""
    now = datetime.now(UTC)
    starts, ends = now - timedelta(hours=1), now + timedelta(hours=hours)
    window = {"starts": starts.isoformat(), "ends": ends.isoformat()}
    return NewTag(id=name, number=number, name="Cleaner", doors=doors, **window)


def test_the_guest_s_card_is_on_every_door_beside_the_pin(inn: Engine) -> None:
    """Promise 3: one tag for a booking and lock, the window of the PIN, ready only with both."""
    inn.book(rfid=CARD, begins=5)
    inn.settle(lambda: inn.state() == "ready")
    inn.settle()
    for door in (GATE, DOOR):
        (tag,) = inn.vendor.tags(door).values()
        (pin,) = inn.vendor.codes(door).values()
        assert (CARD, pin["starts"], pin["ends"]) == (tag["uid"], tag["starts"], tag["ends"])
        assert tag["name"].endswith("direct/BK-1")
        assert inn.vendor.present_tag(door, CARD)["opened"] is False, "not before check-in"
    media = [(code["lock"], code["medium"], code["state"]) for code in inn.view()["codes"]]
    assert [(GATE, "pin", "set"), (DOOR, "pin", "set"), (GATE, "rfid", "set"), (DOOR, "rfid", "set")] == media
    for door in (GATE, DOOR):
        ops = [call["op"] for call in inn.calls(lock=door)]
        assert ["add", "clock", "list", "rfid_add", "rfid_list"] == sorted(ops)
    assert {} == inn.vendor.stats()["overlaps"]


def test_it_follows_the_stay_and_goes_at_its_end(inn: Engine) -> None:
    """D01, D09, promise 8: moved in place, taken to another unit, off with the PIN."""
    inn.book(rfid=CARD, begins=5)
    inn.settle(lambda: inn.state() == "ready")
    (before,) = inn.vendor.tags(GATE).items()
    later = datetime.now(UTC) + timedelta(days=6)
    inn.send(kind="booking.updated", check_out=later.isoformat())
    inn.settle(lambda: inn.vendor.tags(GATE)[before[0]]["ends"] != before[1]["ends"])
    inn.settle(lambda: inn.state() == "ready")
    assert [before[0]] == list(inn.vendor.tags(GATE))
    inn.send(kind="booking.updated", unit="cabin")
    inn.settle(lambda: not inn.vendor.tags(GATE) and not inn.vendor.codes(GATE))
    inn.send(kind="booking.cancelled")
    inn.settle(lambda: inn.state() == "cancelled")
    assert ({}, {}) == (inn.vendor.tags(DOOR), inn.vendor.codes(DOOR))


def test_a_card_that_is_taken_back_leaves_the_pin(inn: Engine) -> None:
    """A `null` clears it: the tag goes, the PIN stays and is the same."""
    inn.book(unit="cabin", rfid=CARD, begins=5)
    inn.settle(lambda: inn.state() == "ready")
    pin = inn.view()["pin"]
    inn.send(kind="booking.updated", rfid=None)
    inn.settle(lambda: not inn.vendor.tags(DOOR))
    assert (pin, "ready") == (inn.view()["pin"], inn.state())


def test_a_foreign_tag_keeps_its_place(inn: Engine) -> None:
    """Promise 2: what was added by hand is neither overwritten nor deleted."""
    inn.vendor.hand_tag(DOOR, 120, "FEEDBEEF", "By hand")
    inn.book(unit="cabin", rfid=CARD, begins=5)
    inn.settle(lambda: inn.state() == "ready")
    assert {120: "FEEDBEEF", 121: CARD} == {n: tag["uid"] for n, tag in inn.vendor.tags(DOOR).items()}
    inn.send(kind="booking.cancelled")
    inn.settle(lambda: inn.state() == "cancelled")
    assert [120] == list(inn.vendor.tags(DOOR))


def test_a_doubtful_add_is_read_back(inn: Engine) -> None:
    """Promise 6: executed in spite of a 504, it is not sent again."""
    inn.vendor.add_fault("status", op="rfid_add", lock=DOOR, status=504, executed="yes")
    inn.book(unit="cabin", rfid=CARD, begins=5)
    inn.settle(lambda: inn.state() == "ready")
    assert 1 == len(inn.calls("rfid_add"))


def test_a_door_that_does_not_take_the_card_is_a_letter(inn: Engine) -> None:
    """Promise 8: the PIN is on, the card is not: partial, and a person is told which of them it is."""
    inn.vendor.add_fault("ack", op="rfid_add", lock=DOOR, ack=2, times=3)
    inn.book(unit="cabin", rfid=CARD, begins=5)
    inn.settle(lambda: inn.state() == "partial")
    (letter,) = inn.innkey.store.letters.page(is_open=True, limit=5, cursor=None).items
    assert (Reason.LOCK_FAILED, tags_of(DOOR)) == (letter.reason, letter.lock)
    inn.settle(lambda: bool(inn.outbox.mails))
    assert "RFID tags" in inn.outbox.mails[0][0]
    assert CARD not in "".join(inn.outbox.mails[0])
    inn.innkey.review.retry(letter.id)
    inn.settle(lambda: inn.state() == "ready")


def test_tags_cannot_be_read_without_the_gateway(tmp_path: Path) -> None:
    """F06: ack 8 to the list of tags is no failed read but a gateway that is away; the PIN does not wait."""
    with engine(tmp_path, policy={"offline_delays": '["1s"]'}) as inn:
        inn.vendor.add_fault("ack", op="rfid_list", lock=DOOR, ack=8, times=2)
        inn.book(unit="cabin", rfid=CARD, begins=5)
        inn.settle(lambda: inn.innkey.store.letters.open_count() == 1)
        (letter,) = inn.innkey.store.letters.page(is_open=True, limit=5, cursor=None).items
        assert Reason.GATEWAY_OFFLINE is letter.reason
        assert "partial" == inn.state()
        inn.innkey.review.retry(letter.id)
        inn.settle(lambda: inn.state() == "ready")


def test_the_vendor_s_printed_cards(inn: Engine) -> None:
    """Ten digits are the number printed on a card: sent as `kas_uid`."""
    inn.book(unit="cabin", rfid="1234567890", begins=5)
    inn.settle(lambda: inn.state() == "ready")
    (tag,) = inn.vendor.tags(DOOR).values()
    assert "1234567890" == tag["kas_uid"]


def test_one_command_at_a_time_for_both_memories(tmp_path: Path) -> None:
    """Promise 5: PINs and tags of one door share its lease; the one that waits holds no place meanwhile."""
    with engine(tmp_path, account="max_in_flight = 2") as inn:
        inn.vendor.set_latency(base=0.1)
        for number in range(6):
            inn.book(f"BK-{number}", unit="cabin", rfid=f"A1B2C3D{number}", begins=5)
        for event in inn.queue.events:
            inn.applier.apply(event)
        inn.settle(lambda: all(inn.state(f"BK-{n}") == "ready" for n in range(6)), workers=8)
        stats = inn.vendor.stats()
        assert ({}, 0) == (stats["overlaps"], stats["dropped"])
        assert 2 >= stats["max_outstanding"]
        assert not inn.innkey.store.client.exists(keys.following(DOOR))


def test_a_tag_of_the_house_on_several_doors(inn: Engine) -> None:
    """Added with a window to several locks at once, taken off one of them, then off the last."""
    staff(inn).add(a_tag(GATE, DOOR))
    inn.settle(lambda: bool(inn.vendor.tags(GATE)) and bool(inn.vendor.tags(DOOR)))
    assert ({}, {}) == (inn.vendor.codes(GATE), inn.vendor.codes(DOOR))
    assert inn.vendor.present_tag(DOOR, OTHER)["opened"]
    (place,) = inn.vendor.tags(GATE)
    inn.settle()
    staff(inn).remove_at(GATE, place)
    inn.settle(lambda: not inn.vendor.tags(GATE))
    assert 1 == len(inn.vendor.tags(DOOR))
    staff(inn).remove("cleaner", DOOR)
    inn.settle(lambda: not inn.vendor.tags(DOOR))
    with pytest.raises(NoSuchTagError):
        staff(inn).remove_at(DOOR, place)


def test_a_tag_that_ends_is_removed(inn: Engine) -> None:
    """Promise 8: nobody has to remember it."""
    staff(inn).add(a_tag(DOOR, hours=48))
    inn.settle(lambda: bool(inn.vendor.tags(DOOR)))
    staff(inn).add(a_tag(DOOR, hours=-0.5))
    inn.settle(lambda: not inn.vendor.tags(DOOR))


def test_what_a_tag_of_the_house_may_not_be(inn: Engine) -> None:
    """A lock that is not in the file, a number that is none, a guest's card: each is refused."""
    with pytest.raises(UnknownLockError):
        staff(inn).add(a_tag("SS999999"))
    with pytest.raises(BadTagError, match="hexadecimal"):
        staff(inn).add(a_tag(DOOR, number="xyz"))
    with pytest.raises(BadTagError, match="after"):
        staff(inn).add(a_tag(DOOR, hours=-2))
    inn.book(unit="cabin", rfid=CARD, begins=5)
    inn.settle(lambda: inn.state() == "ready")
    (place,) = inn.vendor.tags(DOOR)
    with pytest.raises(GuestTagError):
        staff(inn).remove_at(DOOR, place)


def test_a_reader_has_two_thousand_places(tmp_path: Path) -> None:
    """The KAS API document, "Add Remote RFID": ids to 2000 on an access control reader, to 200 elsewhere."""
    reader = "SS000003"
    stage = {"locks": [LockSpec(GATE), LockSpec(DOOR), LockSpec(reader, reader=True)]}
    units = f"[locks.{reader}]\nreader = true"
    with engine(tmp_path, policy={"first_slot": "200"}, stage=stage, units=units) as inn:
        for number in range(3):
            staff(inn).add(a_tag(DOOR, reader, name=f"tag-{number}", number=f"0000000{number}"))
        inn.settle()
        assert ([200], [200, 201, 202]) == (list(inn.vendor.tags(DOOR)), list(inn.vendor.tags(reader)))

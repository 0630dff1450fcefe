"""What other systems are told, from the difference of two records of a stay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.domain.kit import (
    DAY,
    DOOR,
    GATE,
    HOUR,
    MINUTE,
    NOW,
    OTHER_PIN,
    PIN,
    Bench,
    a_house,
    an_entry,
)
from worker.domain.access_code import GaveUp, Phase
from worker.domain.dead_letter import DeadLetter, LetterState
from worker.domain.outcomes import Entry, Kind
from worker.domain.outgoing import TOPICS, News, Topic, news_of_letter, news_of_stay, pin_to_tell
from worker.domain.plan import turned_for_new_pin
from worker.domain.reasons import Job, Reason
from worker.domain.record import Stay
from worker.domain.trail import arrived

GUEST = {"guest_name": "Wilhelmina Canary", "guest_email": "w@canary.example", "guest_phone": "+61400777123"}


@dataclass
class Told(Bench):
    """A bench that keeps what each write tells others."""

    news: list[News] = field(default_factory=list)

    def write(self, stay: Stay, before: Stay | None = None) -> None:
        """Write the stay, and tell."""
        known = before if before is not None else getattr(self, "stay", None)
        super().write(stay, before)
        self.news += news_of_stay(known, self.stay, self.house, self.now)

    def take(self) -> list[News]:
        """What was told since the last time."""
        taken, self.news = self.news, []
        return taken

    def topics(self) -> list[Topic]:
        """The same, by their types alone."""
        return [one.topic for one in self.take()]

    def put_on_both(self) -> None:
        """The codes of the gate and of the own door."""
        for lock in (GATE, DOOR):
            self.lock = lock
            self.put_on()


def test_a_booking_is_no_news() -> None:
    """Whoever sent the booking knows it: nothing is told before a door has the PIN."""
    assert [] == Told().book(**GUEST).topics()


def test_a_code_and_the_stay_with_it() -> None:
    """The code is on the lock, and the stay ready: both with the window as instants and the PIN's place."""
    bench = Told().book(**GUEST)
    bench.put_on()
    code, ready = bench.take()
    assert (Topic.CODE_SET, Topic.BOOKING_READY) == (code.topic, ready.topic)
    expected = {
        "source": "direct",
        "booking": "BK-1",
        "unit": "cabin",
        "state": "ready",
        "lock": DOOR,
        "medium": "pin",
        "slot": 120,
        "code": "set",
        "starts": "2026-12-01T15:00:00+10:00",
        "ends": "2026-12-05T10:00:00+10:00",
    }
    assert expected == code.data
    assert {"lock": DOOR, "medium": "pin", "slot": 120, "state": "set"} == ready.data["codes"][0]  # type: ignore[index]
    assert "2026-12-01T15:00:00+10:00" == ready.data["check_in"]
    assert (PIN, PIN) == (code.pin, ready.pin)


def test_news_hold_neither_guest_nor_pin() -> None:
    """Promise 9: what is kept of the news has no PIN and nothing of the guest."""
    bench = Told().book(**GUEST)
    bench.put_on()
    bench.change(phase=Phase.SETTING, gave_up=GaveUp(Reason.LOCK_FAILED, Job.SET))
    kept = json.dumps([one.data for one in bench.take()])
    assert not [word for word in (PIN, *GUEST.values()) if word in kept]
    assert PIN not in repr(bench.news)


def test_a_stay_is_ready_when_its_last_door_is() -> None:
    """One `code.set` for each door, one `booking.ready` for all of them."""
    bench = Told(lock=GATE).book(unit="house")
    bench.put_on()
    assert [Topic.CODE_SET] == bench.topics()
    bench.lock = DOOR
    bench.put_on()
    assert [Topic.CODE_SET, Topic.BOOKING_READY] == bench.topics()


def test_what_was_told_is_not_told_again() -> None:
    """A write that changes nothing of it tells nothing: neither later nor after another look."""
    bench = Told().book()
    entry = bench.put_on()
    bench.take()
    bench.wait(HOUR).look(entry)
    bench.write(bench.stay)
    assert [] == bench.topics()


def test_ready_again_is_news_again() -> None:
    """A longer stay is not ready until its window is on the lock: then code and stay are told anew."""
    bench = Told().book()
    entry = bench.put_on()
    bench.take()
    bench.event("updated", check_out="2026-12-07T10:00")
    assert [] == bench.topics()
    step = bench.look(entry)
    bench.send(step, Kind.DONE, [replace(entry, ends="2612071000")])
    code, ready = bench.take()
    assert (Topic.CODE_SET, Topic.BOOKING_READY) == (code.topic, ready.topic)
    assert "2026-12-07T10:00:00+10:00" == code.data["ends"] == ready.data["check_out"]


def test_a_code_that_is_gone() -> None:
    """It tells the slot that it had and the window that it opened."""
    bench = Told().book()
    entry = bench.put_on()
    bench.take()
    bench.event("cancelled")
    step = bench.look(entry)
    bench.send(step, Kind.DONE)
    (gone,) = bench.take()
    assert Topic.CODE_REMOVED == gone.topic
    told = {name: gone.data[name] for name in ("state", "lock", "slot", "code", "starts", "ends")}
    assert {
        "state": "cancelled",
        "lock": DOOR,
        "slot": 120,
        "code": "removed",
        "starts": "2026-12-01T15:00:00+10:00",
        "ends": "2026-12-05T10:00:00+10:00",
    } == told
    assert gone.pin is None


def test_a_stay_at_risk_is_told_once() -> None:
    """From the moment at which it is at risk, whatever its doors do; and once only."""
    bench = Told().book()
    bench.take()
    bench.wait(9 * MINUTE).write(bench.stay)
    assert [] == bench.topics()
    bench.wait(MINUTE).write(bench.stay)
    (risk,) = bench.take()
    assert Topic.BOOKING_AT_RISK == risk.topic
    assert "planned" == risk.data["codes"][0]["state"]  # type: ignore[index]
    bench.wait(HOUR).write(bench.stay)
    assert [] == bench.topics()


def test_an_arrival_is_told_once() -> None:
    """The first opening that is known; an earlier one that turns up late changes the booking alone."""
    bench = Told().book()
    bench.put_on()
    bench.take()
    bench.wait(8 * HOUR)
    for at in (bench.now - HOUR, bench.now - 2 * HOUR):
        came = arrived(bench.stay, DOOR, at)
        assert came is not None
        bench.write(came)
    (news,) = bench.take()
    assert (Topic.BOOKING_ARRIVED, "2026-12-01T17:00:01+10:00") == (news.topic, news.data["arrived"])


def test_a_tag_is_told_without_a_pin() -> None:
    """A guest's card is a code of the medium `rfid`."""
    bench = Told(lock=f"{DOOR}~rfid").book(rfid="A1B2C3D4")
    bench.put_on()
    (news,) = bench.take()
    assert (DOOR, "rfid", None) == (news.data["lock"], news.data["medium"], news.pin)


def a_letter(**changes: Any) -> DeadLetter:
    """A letter about the own door."""
    letter = DeadLetter(
        id="letter-1",
        reason=Reason.LOCK_FAILED,
        step=Job.SET,
        opened=NOW,
        source="direct",
        booking="BK-1",
        lock=DOOR,
        slot=120,
        message="The lock answered that it could not do it.",
        problem=f"lock_failed:{DOOR}",
    )
    return replace(letter, **changes)


def test_a_letter_that_opens() -> None:
    """Id, reason, step and place, and our own words."""
    news = news_of_letter(a_letter(), NOW)
    assert news is not None
    assert Topic.LETTER_OPENED == news.topic
    assert {
        "id": "letter-1",
        "state": "open",
        "reason": "lock_failed",
        "step": "set",
        "source": "direct",
        "booking": "BK-1",
        "lock": DOOR,
        "medium": "pin",
        "slot": 120,
        "message": "The lock answered that it could not do it.",
        "attempts": 0,
        "opened": "2026-12-01T00:00:00Z",
        "resolved": None,
    } == news.data


def test_a_letter_that_is_resolved() -> None:
    """What a person wrote when settling it may name the guest: it is not told."""
    news = news_of_letter(a_letter().settled(NOW + HOUR, "Wilhelmina has a key now."), NOW + HOUR)
    assert news is not None
    assert (Topic.LETTER_RESOLVED, "2026-12-01T01:00:00Z") == (news.topic, news.data["resolved"])
    assert "Wilhelmina" not in json.dumps(news.data)


def test_a_letter_that_is_being_retried_is_no_news() -> None:
    """It is still open."""
    assert news_of_letter(a_letter(state=LetterState.RETRYING), NOW) is None


def test_a_letter_of_an_account_has_no_booking() -> None:
    """Its fields are there, and empty."""
    news = news_of_letter(
        a_letter(source=None, booking=None, lock=None, slot=None, reason=Reason.INVALID_KEY), NOW
    )
    assert news is not None
    assert [None] * 5 == [news.data[name] for name in ("source", "booking", "lock", "medium", "slot")]


def the_pin(bench: Told, topic: Topic, lock: str | None = DOOR) -> str | None:
    """The PIN that would be told now."""
    return pin_to_tell(topic, lock, bench.stay, bench.house, bench.now)


class TestPin:
    """Only a PIN that the guest was told (section 5 of the API: `pin`), and only while it opens the door."""

    def test_it_is_told_when_the_stay_was_ready(self) -> None:
        """The gate has it first: not told before the own door has it too."""
        bench = Told(lock=GATE)
        bench.event("created", unit="house", check_in="2026-12-01T15:00", check_out="2026-12-05T10:00")
        bench.write(replace(bench.stay, pin=PIN))
        bench.put_on()
        assert the_pin(bench, Topic.CODE_SET, GATE) is None
        bench.lock = DOOR
        bench.put_on()
        assert [PIN] * 3 == [
            the_pin(bench, Topic.CODE_SET, GATE),
            the_pin(bench, Topic.CODE_SET),
            the_pin(bench, Topic.BOOKING_READY),
        ]

    def test_a_rotation_under_way_tells_neither(self) -> None:
        """The gate has the new PIN, the guest still knows the old one."""
        bench = Told().book(unit="house")
        bench.put_on_both()
        bench.write(turned_for_new_pin(replace(bench.stay, pin=OTHER_PIN), bench.house, bench.now))
        bench.lock = GATE
        entry = bench.wait(DAY / 4).look(self.shown(bench))
        bench.send(entry, Kind.DONE, [self.shown(bench, OTHER_PIN)])
        assert Phase.SET == bench.code.phase
        assert [None] * 3 == [
            the_pin(bench, Topic.CODE_SET, GATE),
            the_pin(bench, Topic.CODE_SET),
            the_pin(bench, Topic.BOOKING_READY),
        ]

    @staticmethod
    def shown(bench: Told, pin: str = PIN) -> Entry:
        """What the bench's lock shows in the stay's slot."""
        latest = bench.code.latest
        assert latest is not None
        return an_entry(bench.code.slot or 0, replace(latest, pin=pin))

    def test_a_code_that_is_off_tells_none(self) -> None:
        """A delivery that comes late must not hand out a PIN that opens nothing."""
        bench = Told().book()
        entry = bench.put_on()
        bench.event("cancelled")
        assert the_pin(bench, Topic.BOOKING_READY) is None
        bench.send(bench.look(entry), Kind.DONE)
        assert the_pin(bench, Topic.CODE_SET) is None

    def test_other_news_tell_none(self) -> None:
        """Only `code.set` and `booking.ready` have one."""
        bench = Told().book()
        bench.put_on()
        others = [topic for topic in TOPICS if topic not in (Topic.CODE_SET, Topic.BOOKING_READY)]
        assert [None] * len(others) == [the_pin(bench, topic) for topic in others]

    def test_tags_have_none(self) -> None:
        """The number of a card is no PIN."""
        bench = Told().book(rfid="A1B2C3D4")
        bench.put_on()
        bench.lock = f"{DOOR}~rfid"
        bench.put_on()
        assert Phase.SET == bench.code.phase
        assert the_pin(bench, Topic.CODE_SET, bench.lock) is None


@pytest.mark.parametrize("doors", [1, 500])
def test_a_body_stays_small(doors: int) -> None:
    """Standard Webhooks recommend less than 20 kB, whatever the house."""
    bench = Told().book(unit="cabin")
    code = bench.code
    many = tuple(replace(code, lock=f"SS{number:06}") for number in range(doors))
    bench.stay = replace(bench.stay, codes=many)
    bench.house = a_house()
    later = replace(bench.stay, arrived_at=NOW)
    (news,) = news_of_stay(bench.stay, later, bench.house, NOW + timedelta(seconds=1))
    data: Mapping[str, object] = news.data
    assert len(json.dumps(data)) < 18_000

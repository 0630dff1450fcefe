"""What a person is told beside dead letters, and what is forgotten: over the real record and the sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine_kit import DOOR, Engine, engine
from worker.domain.booking import StayKey
from worker.domain.record import Stay
from worker.domain.states import LATE_AFTER
from worker.service.views import unmanaged_view
from worker.store import keys
from worker.store.events import RejectedEvent

OFFLINE = {"offline_delays": '["30m"]', "alert_gather": '"1s"'}
GUEST: dict[str, Any] = {
    "guest_name": "Wilhelmina Canary",
    "guest_email": "wilhelmina@canary.example",
    "guest_phone": "+61400777123",
}


@pytest.fixture
def inn(tmp_path: Path) -> Iterator[Engine]:
    """A running engine whose retries after ack 8 are far away."""
    with engine(tmp_path, policy=OFFLINE) as made:
        yield made


def subjects(inn: Engine) -> list[str]:
    """The subjects of the mails so far."""
    return [subject for subject, _ in inn.outbox.mails]


def earlier(inn: Engine, span: timedelta, booking: str = "BK-1") -> None:
    """Have the stay planned earlier than it was."""

    def change(stay: Stay | None, _now: datetime) -> Stay | None:
        assert stay is not None
        assert stay.planned_at is not None
        return replace(stay, planned_at=stay.planned_at - span)

    inn.innkey.ledger.change(StayKey("direct", booking), change)


def test_a_stay_at_risk_is_told_and_cleared(inn: Engine) -> None:
    """Promise 8: ten minutes after a code was due a person is told, though nothing else happens then."""
    inn.vendor.add_fault("hang", op="list", lock=DOOR, times=None)
    inn.innkey.store.client.set(keys.paused("default"), "letter")
    inn.innkey.store.client.set(keys.probe("default"), "1")
    inn.book(unit="cabin", begins=5)
    inn.settle()
    assert (False, []) == (inn.view()["at_risk"], subjects(inn))
    earlier(inn, LATE_AFTER - timedelta(seconds=1))
    inn.settle(lambda: bool(inn.outbox.mails))
    assert [f"[Innkey] At risk: Door {DOOR} ({DOOR})"] == subjects(inn)
    assert "booking direct/BK-1" in inn.outbox.mails[0][1]
    assert inn.view()["at_risk"]
    assert "booking.at_risk" in [note["what"] for note in inn.view()["timeline"]]
    inn.vendor.clear_faults()
    inn.innkey.store.client.delete(keys.paused("default"))
    inn.settle(lambda: inn.state() == "ready")
    inn.settle(lambda: len(inn.outbox.mails) > 1)
    assert f"[Innkey] Cleared: At risk: Door {DOOR} ({DOOR})" == subjects(inn)[1]
    assert not inn.view()["at_risk"]


def test_all_arrivals_at_risk_are_one_mail(tmp_path: Path) -> None:
    """Alerts are one per problem: when the vendor's cloud is away, every door of tonight has the same one."""
    with engine(tmp_path, policy={"alert_gather": '"2s"'}) as inn:
        inn.innkey.store.client.set(keys.paused("default"), "letter")
        inn.innkey.store.client.set(keys.probe("default"), "1")
        for name, unit in (("BK-1", "cabin"), ("BK-2", "house"), ("BK-3", "cabin")):
            inn.book(name, unit=unit, begins=5)
        inn.settle()
        for name in ("BK-1", "BK-2", "BK-3"):
            earlier(inn, LATE_AFTER, name)
        inn.settle(lambda: sum(text.count("- booking") for _, text in inn.outbox.mails) == 4)
        assert len(inn.outbox.mails) <= 2


def test_a_cancelled_stay_is_no_longer_at_risk(inn: Engine) -> None:
    """What is not wanted any more clears the warning."""
    inn.innkey.store.client.set(keys.paused("default"), "letter")
    inn.innkey.store.client.set(keys.probe("default"), "1")
    inn.book(unit="cabin", begins=5)
    inn.settle()
    earlier(inn, LATE_AFTER)
    inn.settle(lambda: len(inn.outbox.mails) == 1)
    inn.send(kind="booking.cancelled")
    inn.settle(lambda: len(inn.outbox.mails) == 2)
    assert subjects(inn)[1].startswith("[Innkey] Cleared: At risk")


def test_the_first_ack_8_before_an_arrival_is_told_at_once(inn: Engine) -> None:
    """F06: within `at_risk` of check-in nobody waits for the last retry; the code stays `setting`."""
    inn.vendor.add_fault("ack", op="add", lock=DOOR, ack=8)
    inn.book(unit="cabin", begins=5)
    inn.settle(lambda: bool(inn.outbox.mails))
    assert [f"[Innkey] Gateway offline: Door {DOOR} ({DOOR})"] == subjects(inn)
    assert ["setting"] == [code["state"] for code in inn.view()["codes"]]
    assert 0 == inn.innkey.store.letters.open_count()


def test_ack_8_long_before_the_arrival_is_not_told(inn: Engine) -> None:
    """There is time: the retries come first."""
    inn.vendor.add_fault("ack", op="add", lock=DOOR, ack=8)
    inn.book(unit="cabin", begins=24 * 5)
    inn.settle(lambda: inn.stay().codes[0].offline == 1)
    inn.settle()
    assert [] == subjects(inn)


def test_a_warning_and_its_letter_are_one_problem(tmp_path: Path) -> None:
    """The letter follows under the same problem, and one mail says that all is well again."""
    with engine(tmp_path, policy={"offline_delays": '["1s"]', "alert_gather": '"0s"'}) as inn:
        inn.vendor.add_fault("ack", op="add", lock=DOOR, ack=8, times=2)
        inn.book(unit="cabin", begins=5)
        inn.settle(lambda: inn.innkey.store.letters.open_count() == 1)
        inn.settle(lambda: len(inn.outbox.mails) == 2)
        (letter,) = inn.innkey.store.client.zrange(keys.OPEN_LETTERS, 0, -1)
        inn.innkey.review.retry(str(letter))
        inn.settle(lambda: inn.state() == "ready")
        inn.settle(lambda: len(inn.outbox.mails) == 3)
        title = f"Gateway offline: Door {DOOR} ({DOOR})"
        assert [f"[Innkey] {title}", f"[Innkey] {title}"] == subjects(inn)[:2]
        assert subjects(inn)[2].startswith(f"[Innkey] Cleared: {title}")


def test_a_hand_typed_code_that_may_remain_is_told_once(inn: Engine) -> None:
    """By hand: a foreign code in the slot stays, the code is `removed`, and one mail says so (promise 2)."""
    inn.vendor.add_fault("text", op="add", lock=DOOR, text="Bad pin", times=None)
    inn.book(unit="cabin", begins=5)
    inn.settle(lambda: inn.innkey.store.letters.open_count() == 1)
    (letter,) = inn.innkey.store.client.zrange(keys.OPEN_LETTERS, 0, -1)
    slot = inn.stay().codes[0].slot
    assert slot is not None
    inn.vendor.hand(DOOR, slot, pin="7406", name="By hand")
    inn.innkey.review.resolve(str(letter), "typed it in")
    inn.settle()
    inn.outbox.mails.clear()
    inn.send(kind="booking.cancelled")
    inn.settle(lambda: inn.state() == "cancelled")
    inn.settle(lambda: bool(inn.outbox.mails))
    inn.settle()
    assert [f"[Innkey] Hand typed: Door {DOOR} ({DOOR})"] == subjects(inn)
    assert "By hand" == inn.vendor.codes(DOOR)[slot]["name"]
    assert "code.replaced" in [note["what"] for note in inn.view()["timeline"]]


def test_a_mark_that_nobody_knows_is_listed_told_once_and_adopted(inn: Engine) -> None:
    """M04, promise 2: after a loss of the record codes are left alone until their booking comes again."""
    inn.book("BK-1", unit="cabin", begins=5)
    inn.settle(lambda: inn.state() == "ready")
    pin = inn.view()["pin"]
    inn.innkey.store.client.flushall()
    inn.vendor.hand(DOOR, 150, pin="740612", name="Uncle Bob/Smith")
    inn.book("BK-2", unit="cabin", begins=5)
    inn.settle(lambda: inn.state("BK-2") == "ready")
    facts = inn.innkey.store.locks.facts(DOOR)
    assert [{"slot": 120, "mark": "direct/BK-1"}] == unmanaged_view(facts)
    inn.settle(lambda: bool(inn.outbox.mails))
    inn.book("BK-3", unit="cabin", begins=5)
    inn.settle(lambda: inn.state("BK-3") == "ready")
    inn.settle()
    assert [f"[Innkey] Unmanaged: Door {DOOR} ({DOOR})"] == subjects(inn)
    inn.send("BK-1", unit="cabin", check_in=at(5), check_out=at(50))
    inn.settle(lambda: inn.state("BK-1") == "ready")
    inn.settle(lambda: len(inn.outbox.mails) == 2)
    assert pin == inn.view("BK-1")["pin"]
    assert {120, 121, 122, 150} == set(inn.vendor.codes(DOOR))


def at(hours: float) -> str:
    """So many hours from now, as events write it."""
    return (datetime.now(UTC) + timedelta(hours=hours)).isoformat()


def test_guest_and_pin_are_erased_after_retain(tmp_path: Path) -> None:
    """K04: when `retain` has passed since check-out, no guest and no PIN is left of the stay in Redis."""
    with engine(tmp_path, policy={"retain": '"1s"'}) as inn:
        inn.book(unit="cabin", begins=-2, **GUEST, pin="482913")
        inn.settle(lambda: inn.state() == "ready")
        inn.send(kind="booking.updated", check_out=at(-1))
        inn.settle(lambda: inn.state() == "ended")
        inn.settle(lambda: inn.stay().booking.guest_name is None)
        stay = inn.stay()
        booking = stay.booking
        left = [booking.guest_email, booking.guest_phone, booking.pin, stay.pin, stay.shown_pin, stay.emailed]
        assert [None] * 6 == left
        assert "ended" == inn.state()
        assert "guest.erased" == stay.timeline[-1].what
        assert inn.innkey.store.client.zscore(keys.WATCH, "direct/BK-1") is None


def test_a_guest_in_the_house_is_not_erased(tmp_path: Path) -> None:
    """K04: nor one whose code is still on a door."""
    with engine(tmp_path, policy={"retain": '"1s"'}) as inn:
        inn.vendor.add_fault("ack", op="delete", lock=DOOR, ack=2, times=None)
        inn.book(unit="cabin", begins=-2, **GUEST)
        inn.settle(lambda: inn.state() == "ready")
        inn.send(kind="booking.updated", check_out=at(-1))
        inn.settle(lambda: inn.innkey.store.letters.open_count() == 1)
        inn.watch.look("direct/BK-1")
        assert "Wilhelmina Canary" == inn.stay().booking.guest_name


def test_kept_deliveries_are_erased_after_retain(tmp_path: Path) -> None:
    """K04: a body that was not understood holds a guest too."""
    with engine(tmp_path, policy={"retain": '"1h"'}) as inn:
        now = inn.innkey.store.agenda.now()
        for name, age in (("old", timedelta(hours=2)), ("new", timedelta(minutes=1))):
            row = RejectedEvent(
                id=name, source="direct", received=now - age, content_type="", errors={}, body=b"{}"
            )
            assert inn.innkey.store.events.keep_rejected(row)
        inn.housekeeping.tidy(["direct"])
        assert ["new"] == inn.innkey.store.client.zrange(keys.REJECTED, 0, -1)
        assert inn.innkey.store.events.get_rejected("old") is None

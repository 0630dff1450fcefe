"""OwnerRez: the guest that its webhooks do not tell, asked of its API."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.asked_kit import KEY, Asking, asking
from tests.integration.pms_kit import Answer, Asked
from tests.integration.sources_kit import a_stay
from worker.domain.booking import Status
from worker.sample_deliveries import ownerrez
from worker.sample_deliveries.stay import SampleStay

NAME = "ownerrez"


@dataclass
class Office:
    """OwnerRez as its API shows it."""

    bookings: dict[str, dict[str, Any]] = field(default_factory=dict)
    guests: dict[str, dict[str, Any]] = field(default_factory=dict)

    def put(self, stay: SampleStay) -> dict[str, Any]:
        """Write a booking down; the delivery that tells of it."""
        made = ownerrez.document(stay)
        assert isinstance(made, dict)
        self.bookings[stay.id] = made["entity"]
        return made

    def answered(self, asked: Asked) -> Answer:
        """Answer as the API."""
        match asked.path.removeprefix("/api/").split("/"):
            case ["bookings"]:
                offset, limit = int(asked.query["offset"]), int(asked.query["limit"])
                page = list(self.bookings.values())[offset : offset + limit]
                more = "https://elsewhere.example.com" if offset + limit < len(self.bookings) else None
                return Answer({"items": page, "next_page_url": more})
            case ["bookings", one] if one in self.bookings:
                return Answer(self.bookings[one])
            case ["guests", one] if one in self.guests:
                return Answer(self.guests[one])
        return Answer({"error": "no"}, 404)


@pytest.fixture
def office() -> Office:
    """An office with one guest."""
    ann = {"first_name": "Ann", "last_name": "Lee", "email_addresses": [{"address": "ann@example.com"}]}
    return Office(guests={"7001": ann})


@pytest.fixture
def kit(tmp_path: Path, office: Office) -> Iterator[Asking]:
    """A source beside it."""
    with asking(tmp_path, NAME, office.answered) as made:
        yield made


def test_the_booking_at_once_and_then_its_guest(kit: Asking, office: Office) -> None:
    """The code does not wait for the API; the guest comes with one question, as the account's user."""
    told = office.put(a_stay("501"))
    assert "accepted" == kit.deliver(told)
    found = kit.booking("501")
    assert found is not None
    assert (Status.CONFIRMED, "40160", None) == (found.status, found.unit, found.guest_email)
    assert "duplicate" == kit.deliver(told)
    kit.run()
    found = kit.booking("501")
    assert found is not None
    assert ("Ann Lee", "ann@example.com") == (found.guest_name, found.guest_email)
    assert ["/api/bookings/501", "/api/guests/7001"] == kit.api.paths()
    basic = f"Basic {base64.b64encode(KEY.encode()).decode()}"
    assert {basic} == {one.headers["authorization"] for one in kit.api.asked}


def test_a_guest_who_is_gone(kit: Asking, office: Office) -> None:
    """The booking counts without."""
    office.guests.clear()
    kit.deliver(office.put(a_stay("501")))
    kit.run()
    assert set() == kit.waiting()
    assert kit.booking("501") is not None


def test_a_poll_finds_what_no_webhook_told(kit: Asking, office: Office) -> None:
    """Page by page; what is over is left alone, and what was found is asked for with its guest."""
    office.put(a_stay("1", check_in="2020-01-01", check_out="2020-01-03"))
    today = datetime.now(UTC)
    for number in range(2, 204):
        office.put(a_stay(str(number), check_out=f"{today + timedelta(days=6):%Y-%m-%d}"))
    kit.begin()
    kit.run()
    pages = [one.query for one in kit.api.asked if one.path == "/api/bookings"]
    assert ["0", "100", "200"] == [one["offset"] for one in pages]
    assert {"2000-01-01T00:00:00Z"} == {one["since_utc"] for one in pages}
    assert kit.booking("1") is None
    found = kit.booking("203")
    assert found is not None
    assert "ann@example.com" == found.guest_email


def test_a_later_poll_asks_for_the_latest_only(kit: Asking, office: Office) -> None:
    """Five minutes of overlap; a cancellation is found so, too."""
    stay = a_stay("501")
    kit.deliver(office.put(stay))
    kit.begin()
    kit.run()
    office.put(replace(stay, kind="cancelled", changed=stay.changed + timedelta(seconds=60)))
    before = datetime.now(UTC)
    kit.pass_time()
    kit.run()
    since = [one.query["since_utc"] for one in kit.api.asked if one.path == "/api/bookings"]
    assert any(one > "2026" and datetime.fromisoformat(one) < before for one in since)
    found = kit.booking("501")
    assert found is not None
    assert Status.CANCELLED is found.status


def test_an_answer_without_a_list_is_no_empty_list(kit: Asking) -> None:
    """Then the poll is tried again, and nothing is taken for read."""
    kit.api.answer = lambda _: Answer({"message": "maintenance"})
    kit.begin()
    kit.run()
    assert "polled" not in kit.web.innkey.store.errands.notes(NAME)

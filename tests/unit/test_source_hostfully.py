"""The adapter `hostfully`: what its words mean."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.source_kit import errors, parse
from tests.unit.thin_kit import answer, problems, the_event
from worker.domain.booking import Status


def said(**changed: Any) -> dict[str, Any]:
    """What the API says; `...` leaves a field out."""
    given = {**answer("hostfully"), **changed}
    return {name: value for name, value in given.items() if value is not ...}


@pytest.mark.parametrize(
    "event",
    [
        "NEW_INQUIRY",
        "NEW_HOLD",
        "NEW_BOOKING_REQUEST",
        "NEW_BOOKING",
        "UNIT_CHANGED",
        "BOOKING_UPDATED",
        "BOOKING_CANCELLED",
        "SOMETHING_NEW",
    ],
)
def test_what_is_asked_for(event: str) -> None:
    """Whatever happens to a lead, also what this adapter has never heard of."""
    assert ("l-1",) == parse("hostfully", {"event_type": event, "agency_uid": "a", "lead_uid": "l-1"}).asks


@pytest.mark.parametrize(
    "event",
    [
        "NEW_BLOCKED_DATES",
        "PROPERTY_AVAILABILITY_UPDATED",
        "PINCODE_CREATED",
        "NEW_INBOX_MESSAGE",
        "INBOX_THREAD_UPDATED",
        "NEW_PROPERTY",
        "DEACTIVATED_PROPERTY",
        "CHANNEL_ACTIVATED",
        "INTEGRATION_DEACTIVATED",
    ],
)
def test_noise(event: str) -> None:
    """C03: what concerns no stay is ignored, even where it names a lead."""
    assert () == parse("hostfully", {"event_type": event, "agency_uid": "a", "lead_uid": "l-1"}).asks


def test_what_is_no_delivery() -> None:
    """For a person; an unknown event that names no lead is none of ours."""
    assert {"event_type"} == set(errors("hostfully", {"lead_uid": "l-1"}))
    assert {"lead_uid"} == set(errors("hostfully", {"event_type": "NEW_BOOKING"}))
    assert {"lead_uid"} == set(errors("hostfully", {"event_type": "NEW_BOOKING", "lead_uid": "../x"}))
    assert () == parse("hostfully", {"event_type": "SOMETHING_NEW"}).asks


@pytest.mark.parametrize(
    ("word", "kind", "expected"),
    [
        ("BOOKED", "BOOKING", Status.CONFIRMED),
        ("BOOKED_BY_AGENT", "BOOKING", Status.CONFIRMED),
        ("BOOKED_BY_CUSTOMER", "BOOKING", Status.CONFIRMED),
        ("BOOKED_EXTERNALLY", "BOOKING", Status.CONFIRMED),
        ("PAID_IN_FULL", "BOOKING", Status.CONFIRMED),
        ("STAY", "BOOKING", Status.CONFIRMED),
        ("ARCHIVED", "BOOKING", Status.CONFIRMED),
        ("BOOKED", ..., Status.CONFIRMED),
        ("BOOKED", "INQUIRY", Status.TENTATIVE),
        ("BOOKED", "BLOCK", Status.BLOCKED),
        ("BLOCKED", "BLOCK", Status.BLOCKED),
        ("NEW", "INQUIRY", Status.TENTATIVE),
        ("ON_HOLD", "INQUIRY", Status.TENTATIVE),
        ("PENDING", "BOOKING_REQUEST", Status.TENTATIVE),
        ("CANCELLED", "BOOKING", Status.CANCELLED),
        ("CANCELLED_BY_TRAVELER", "BOOKING", Status.CANCELLED),
        ("CANCELLED_BY_OWNER", "BOOKING", Status.CANCELLED),
        ("HOLD_EXPIRED", "INQUIRY", Status.CANCELLED),
        ("CLOSED", "INQUIRY", Status.CANCELLED),
    ],
)
def test_statuses(word: str, kind: object, expected: Status) -> None:
    """E10: by status and type; an inquiry never has a code."""
    assert expected == the_event("hostfully", said(status=word, type=kind)).changes["status"]


def test_unknown_words() -> None:
    """For a person."""
    assert {"status"} == set(problems("hostfully", said(status="DREAMT_OF")))
    assert {"type"} == set(problems("hostfully", said(type="SUBLET")))


def test_times_are_local() -> None:
    """D18: date-times of the property; they never pass through UTC."""
    changes = the_event(
        "hostfully",
        said(checkInLocalDateTime="2026-12-01T16:00:00", checkOutLocalDateTime="2026-12-05T11:00"),
    ).changes
    assert ["2026-12-01T16:00:00", "2026-12-05T11:00:00"] == [changes["check_in"], changes["check_out"]]


def test_a_unit_of_a_property() -> None:
    """A property with several units is called with the unit; without a property nothing is said."""
    assert "40160/u-1" == the_event("hostfully", said(unitUid="u-1")).changes["unit"]
    assert "40160" == the_event("hostfully", said(unitUid=...)).changes["unit"]
    assert "unit" not in the_event("hostfully", said(propertyUid=None)).changes


def test_the_guest() -> None:
    """The mobile number before the other one."""
    who = {"firstName": "John", "phoneNumber": "+61 1", "cellPhoneNumber": "+61 2"}
    assert "+61 2" == the_event("hostfully", said(guestInformation=who)).changes["guest_phone"]

"""The adapter `uplisting`: what its words mean, and what its address says."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.source_kit import errors, event, parse
from worker.domain.booking import EventType, Status

BOOKING = {
    "id": 501,
    "property_id": 40160,
    "check_in": "2026-12-01",
    "check_out": "2026-12-05",
    "status": "confirmed",
    "timestamp": "2026-11-20T10:00:00Z",
}


def document(**booking: Any) -> dict[str, Any]:
    """A delivery; `...` leaves a field out."""
    return {name: value for name, value in {**BOOKING, **booking}.items() if value is not ...}


def changes(**booking: Any) -> dict[str, Any]:
    """What a delivery changes."""
    return dict(event("uplisting", document(**booking)).changes)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("confirmed", Status.CONFIRMED),
        ("checked_in", Status.CONFIRMED),
        ("checked_out", Status.CONFIRMED),
        ("completed", Status.CONFIRMED),
        ("pending", Status.TENTATIVE),
        ("inquiry", Status.TENTATIVE),
        ("cancelled", Status.CANCELLED),
        ("canceled", Status.CANCELLED),
        ("declined", Status.CANCELLED),
    ],
)
def test_statuses(word: str, expected: Status) -> None:
    """Where the address does not say what has happened, the status does."""
    assert expected == changes(status=word)["status"]


@pytest.mark.parametrize("word", ["maybe", None, 5, ...])
def test_unknown_statuses(word: object) -> None:
    """A status that is not known is for a person."""
    assert {"status"} == set(errors("uplisting", document(status=word)))


@pytest.mark.parametrize("query", ["event=booking_removed", "x=1&event=Booking-Removed"])
def test_a_removed_booking_is_cancelled(query: str) -> None:
    """The address says so, whatever the body calls it."""
    found = event("uplisting", document(status="confirmed"), query=query)
    assert (EventType.CANCELLED, Status.CANCELLED.value) == (found.type, found.changes["status"])
    assert Status.CANCELLED == event("uplisting", document(status=...), query=query).changes["status"]


def test_what_the_address_says() -> None:
    """A new booking and a changed one; the same body at both addresses is two events."""
    made = event("uplisting", document(), query="event=booking_created")
    moved = event("uplisting", document(), query="event=booking_updated")
    assert (EventType.CREATED, EventType.UPDATED) == (made.type, moved.type)
    assert made.id != moved.id


def test_a_wrong_word_in_the_address() -> None:
    """A slip of the operator's is not passed over: a removal would be taken for a booking."""
    assert {"event"} == set(errors("uplisting", document(), query="event=booking_remove"))
    assert {"event"} == set(errors("uplisting", document(event="booking_gone")))


def test_what_a_body_says() -> None:
    """Should a body name its event, it counts like the address; one of another kind is no booking."""
    assert EventType.CANCELLED is event("uplisting", document(event="booking_removed")).type
    assert () == parse("uplisting", {"event": "property_updated", "id": 1}).events


@pytest.mark.parametrize(
    ("unit", "called"),
    [
        ({"mutli_unit_id": 7}, "40160/7"),
        ({"multi_unit_id": 7}, "40160/7"),
        ({"mutli_unit_id": None, "multi_unit_id": ""}, "40160"),
        ({}, "40160"),
    ],
)
def test_units(unit: dict[str, Any], called: str) -> None:
    """A property, and the unit of it where it has several, in both spellings."""
    assert called == changes(**unit)["unit"]


def test_times() -> None:
    """The booking's own, to the minute; the unit's where there are none."""
    found = changes(arrival_time="15:30:00", departure_time="10:00:00")
    assert ("2026-12-01T15:30:00", "2026-12-05T10:00:00") == (found["check_in"], found["check_out"])
    assert "2026-12-01" == changes(arrival_time="late")["check_in"]


def test_guest() -> None:
    """The full name, and the preferred one where there is no other."""
    found = changes(guest_name="Ann Lee", preferred_guest_name="Ann", guest_email="a@example.com")
    assert ("Ann Lee", "a@example.com") == (found["guest_name"], found["guest_email"])
    assert "Ann" == changes(guest_name="", preferred_guest_name="Ann")["guest_name"]
    assert "guest_phone" not in found


@pytest.mark.parametrize(
    "later", ["2026-11-20T10:00:01Z", 1795168801, 1795168801.5, "2026-11-20T21:00:01+11:00"]
)
def test_order(later: object) -> None:
    """`timestamp` orders, as a text or in seconds."""
    one, two = event("uplisting", document()), event("uplisting", document(timestamp=later))
    assert two.version.is_newer_than(one.version)
    assert two.version.number is not None


@pytest.mark.parametrize("odd", [None, "soon", 1e300, float("1e18"), True, -1, []])
def test_odd_timestamps(odd: object) -> None:
    """Then the order of receipt counts."""
    assert event("uplisting", document(timestamp=odd)).version.number is None

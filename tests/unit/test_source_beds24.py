"""The adapter `beds24`: what its words mean, in version 2 and version 1."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.source_kit import errors, event, parse
from worker.domain.booking import EventType, Status

FORM = "application/x-www-form-urlencoded"
BOOKING = {
    "id": 501,
    "roomId": 40160,
    "status": "confirmed",
    "arrival": "2026-12-01",
    "departure": "2026-12-05",
    "bookingTime": "2026-11-20T10:00:00Z",
    "modifiedTime": "2026-11-22T10:00:00Z",
}


def document(**booking: Any) -> dict[str, Any]:
    """A delivery; `...` leaves a field out."""
    given = {name: value for name, value in {**BOOKING, **booking}.items() if value is not ...}
    return {"timeStamp": "2026-11-22T10:00:01Z", "booking": given, "retries": 0}


def changes(**booking: Any) -> dict[str, Any]:
    """What a delivery changes."""
    return dict(event("beds24", document(**booking)).changes)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("confirmed", Status.CONFIRMED),
        ("new", Status.CONFIRMED),
        ("request", Status.TENTATIVE),
        ("inquiry", Status.TENTATIVE),
        ("black", Status.BLOCKED),
        ("cancelled", Status.CANCELLED),
        ("canceled", Status.CANCELLED),
    ],
)
def test_statuses(word: str, expected: Status) -> None:
    """`black` is a block, requests and inquiries get no code."""
    assert expected == changes(status=word)["status"]


def test_cancel_time() -> None:
    """It cancels where there is no status; one that is left over from before takes no confirmed stay away."""
    at = "2026-11-22T10:00:00Z"
    assert Status.CANCELLED == changes(status=..., cancelTime=at)["status"]
    assert Status.CONFIRMED == changes(cancelTime=at)["status"]


@pytest.mark.parametrize("word", ["maybe", None, 5, ...])
def test_unknown_statuses(word: object) -> None:
    """A status that is not known is for a person."""
    assert {"booking.status"} == set(errors("beds24", document(status=word)))


@pytest.mark.parametrize(("unit", "called"), [(2, "40160/2"), (0, "40160"), (None, "40160"), (..., "40160")])
def test_units(unit: object, called: str) -> None:
    """A room, and the unit of it where it is told."""
    assert called == changes(unitId=unit)["unit"]


def test_guest() -> None:
    """First and last name; the mobile number where there is no other."""
    found = changes(firstName="Ann", lastName="Lee", phone="", mobile="+61 4", email="a@example.com")
    assert ("Ann Lee", "+61 4", "a@example.com") == (
        found["guest_name"],
        found["guest_phone"],
        found["guest_email"],
    )
    assert not any(name.startswith("guest") for name in changes() if changes()[name] is not None)


def test_what_has_happened_is_derived() -> None:
    """A booking that was modified when it was made is new."""
    assert EventType.UPDATED is event("beds24", document()).type
    assert EventType.CREATED is event("beds24", document(bookingTime=BOOKING["modifiedTime"])).type


def test_order() -> None:
    """`modifiedTime` orders, and where it is missing the time of the delivery."""
    one, two = event("beds24", document()), event("beds24", document(modifiedTime=...))
    assert two.version.is_newer_than(one.version)


def test_a_retry_is_the_same() -> None:
    """What changes from attempt to attempt makes no other event."""
    again = document() | {"retries": 2, "timeStamp": "2026-11-22T10:20:00Z"}
    assert event("beds24", document()).id == event("beds24", again).id


@pytest.mark.parametrize("status", ["new", "modify", "cancel", ""])
def test_version_1_is_for_a_person(status: str) -> None:
    """An id alone says nothing that may be relied on, in the address or in a form."""
    query = f"bookid=501&status={status}"
    assert {"bookid"} == set(errors("beds24", b"", content_type="", query=query))
    assert {"bookid"} == set(errors("beds24", query.encode(), content_type=FORM))


def test_messages_of_version_1() -> None:
    """They concern no stay."""
    assert () == parse("beds24", b"", content_type="", query="bookid=501&status=message").events


def test_nothing_at_all() -> None:
    """An empty delivery is kept too."""
    assert {"body"} == set(errors("beds24", b"", content_type="", query=""))


def test_inventory() -> None:
    """C03: the inventory webhook concerns no stay."""
    assert () == parse("beds24", {"roomId": "1", "propId": "2", "action": "SYNC_ROOM"}).events

"""The adapter `smoobu`: what its words mean."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.source_kit import errors, event, parse
from worker.domain.booking import EventType, Status

DATA = {
    "id": 501,
    "type": "reservation",
    "arrival": "2026-12-01",
    "departure": "2026-12-05",
    "apartment": {"id": 40160, "name": "x"},
}


def document(action: str = "updateReservation", **data: Any) -> dict[str, Any]:
    """A delivery; `_` stands for `-`, `...` leaves a field out."""
    given = {**DATA, **{name.replace("_", "-"): value for name, value in data.items()}}
    return {"action": action, "user": 1, "data": {k: v for k, v in given.items() if v is not ...}}


def status(action: str = "updateReservation", **data: Any) -> object:
    """What a delivery says of the stay."""
    return event("smoobu", document(action, **data)).changes["status"]


@pytest.mark.parametrize(
    ("action", "kind", "expected"),
    [
        ("newReservation", "reservation", Status.CONFIRMED),
        ("updateReservation", "reservation", Status.CONFIRMED),
        ("updateReservation", "modification of booking", Status.CONFIRMED),
        ("updateReservation", ..., Status.CONFIRMED),
        ("updateReservation", "cancellation", Status.CANCELLED),
        ("newReservation", "cancellation", Status.CANCELLED),
        ("cancelReservation", "reservation", Status.CANCELLED),
        ("cancelReservation", ..., Status.CANCELLED),
        ("deleteReservation", "reservation", Status.CANCELLED),
    ],
)
def test_statuses(action: str, kind: object, expected: Status) -> None:
    """Off by its action or by its type."""
    assert expected == status(action, type=kind)


def test_unknown_type() -> None:
    """A type that is not known is for a person."""
    assert {"data.type"} == set(errors("smoobu", document(type="enquiry")))


def test_blocks() -> None:
    """E10: a blocked booking is no guest; a cancelled block is off."""
    assert Status.BLOCKED == status(is_blocked_booking=True)
    assert Status.BLOCKED == status(is_blocked_booking=True, type="block")
    assert Status.CANCELLED == status("cancelReservation", is_blocked_booking=True)


@pytest.mark.parametrize(
    ("hour", "expected"),
    [("16:30", "2026-12-01T16:30:00"), ("9:05", "2026-12-01T09:05:00"), ("16:30:00", "2026-12-01T16:30:00")]
    + [(odd, "2026-12-01") for odd in (None, "", "25:00", "late", 5.5)],
)
def test_times(hour: object, expected: str) -> None:
    """D10: a time of day counts; what is none falls back to the unit's."""
    assert expected == event("smoobu", document(check_in=hour)).changes["check_in"]


def test_apartment() -> None:
    """Its id is a number or a text; a delete may come without one."""
    assert "40160" == event("smoobu", document(apartment={"id": "40160"})).changes["unit"]
    assert "unit" not in event("smoobu", {"action": "deleteReservation", "data": {"id": 5}}).changes


def test_guest() -> None:
    """The whole name if there is one, else first and last."""
    assert "Ann Lee" == event("smoobu", document(firstname="Ann", lastname="Lee")).changes["guest_name"]


def test_order() -> None:
    """`modifiedAt` orders; without it the receipt does."""
    one, two = (event("smoobu", document(modifiedAt=f"2026-11-22 10:00:0{n}")) for n in (1, 2))
    assert two.version.is_newer_than(one.version)
    assert event("smoobu", document()).version.number is None


def test_two_changes_within_a_minute_are_two() -> None:
    """D01: news is told apart by its content, not by booking and time."""
    assert event("smoobu", document()).id != event("smoobu", document(departure="2026-12-06")).id


@pytest.mark.parametrize("action", ["updateRates", "newMessage", "newTimelineEvent", "deleteTimelineEvent"])
def test_other_actions(action: str) -> None:
    """What is no reservation concerns no stay."""
    assert () == parse("smoobu", {"action": action, "user": 1, "data": {}}).events


def test_new_is_created() -> None:
    """A new reservation is told as created."""
    assert EventType.CREATED is event("smoobu", document("newReservation")).type

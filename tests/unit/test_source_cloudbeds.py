"""The adapter `cloudbeds`: what its words mean."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.source_kit import errors, parse
from tests.unit.thin_kit import ASKED, STAY, answer, problems, the_event
from worker.domain.booking import EventType, Status


def said(**changed: Any) -> dict[str, Any]:
    """What the API says; `...` leaves a field out."""
    given = {**answer("cloudbeds"), **changed}
    return {name: value for name, value in given.items() if value is not ...}


def room(name: str, unit: str | None, **more: Any) -> dict[str, Any]:
    """One room of a reservation; without a unit one that is still to be chosen."""
    return {"subReservationID": name, **({"roomID": unit} if unit else {}), **more}


@pytest.mark.parametrize(
    "action",
    ["created", "status_changed", "dates_changed", "accommodation_changed", "accommodation_removed"],
)
@pytest.mark.parametrize("name", ["reservationID", "reservationId", "reservationid"])
def test_what_is_asked_for(action: str, name: str) -> None:
    """Whatever happens to a reservation, and however its name is spelt."""
    delivery = {"event": f"reservation/{action}", name: "2326925352181", "propertyId": 1, "timestamp": 1.5}
    assert ("2326925352181",) == parse("cloudbeds", delivery).asks


def test_guests() -> None:
    """News of a guest count where they name the reservation."""
    assert ("7",) == parse("cloudbeds", {"event": "guest/details_changed", "reservationId": "7"}).asks
    assert () == parse("cloudbeds", {"event": "guest/created", "guestId": "7"}).asks


@pytest.mark.parametrize(
    "event",
    [
        "reservation/notes_changed",
        "reservation/custom_fields_changed",
        "transaction/created",
        "housekeeping/room_condition_changed",
        "roomblock/created",
    ],
)
def test_noise(event: str) -> None:
    """C03: what concerns no door is ignored."""
    found = parse("cloudbeds", {"event": event, "reservationID": "7"})
    assert ((), ()) == (found.asks, found.events)


def test_deleted() -> None:
    """What cannot be asked for any more is off, after all that was asked for before it."""
    found = parse("cloudbeds", {"event": "reservation/deleted", "reservationId": STAY.id, "timestamp": 1.5})
    (event,) = found.events
    assert ((), STAY.id, EventType.CANCELLED) == (found.asks, event.key.id, event.type)
    asked_before = the_event("cloudbeds", said(), event.version.stamp - timedelta(seconds=1))
    assert event.version.is_newer_than(asked_before.version)
    asked_after = the_event("cloudbeds", said(), event.version.stamp + timedelta(seconds=1))
    assert asked_after.version.is_newer_than(event.version)


def test_what_is_no_delivery() -> None:
    """For a person."""
    assert {"event"} == set(errors("cloudbeds", {"reservationID": "7"}))
    assert {"reservationid"} == set(errors("cloudbeds", {"event": "reservation/created"}))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("confirmed", Status.CONFIRMED),
        ("checked_in", Status.CONFIRMED),
        ("checked_out", Status.CONFIRMED),
        ("not_confirmed", Status.TENTATIVE),
        ("canceled", Status.CANCELLED),
        ("no_show", Status.CONFIRMED),
    ],
)
def test_statuses(word: str, expected: Status) -> None:
    """Each of its own."""
    assert expected == the_event("cloudbeds", said(status=word)).changes["status"]


def test_unknown_statuses() -> None:
    """For a person."""
    assert {"status"} == set(problems("cloudbeds", said(status="on_request")))


def test_dates_are_local() -> None:
    """D17: dates of the property, at the unit's times; those of the room before those of the reservation."""
    changes = the_event(
        "cloudbeds",
        said(assigned=[room(STAY.id, "40160", startDate="2026-12-02", endDate="2026-12-04")]),
    ).changes
    assert ["2026-12-02", "2026-12-04"] == [changes["check_in"], changes["check_out"]]


def test_several_rooms() -> None:
    """Each room is a stay of its own with its own dates; the first bears the reservation's id."""
    found = the_event(
        "cloudbeds",
        said(
            assigned=[
                room(f"{STAY.id}-1", "601917-1", startDate="2026-12-02", endDate="2026-12-04"),
                room(STAY.id, "601917-0"),
            ]
        ),
    )
    assert (STAY.id, "601917-0") == (found.key.id, found.changes["unit"])
    assert found.siblings is not None
    (name,) = found.siblings
    other = found.siblings[name]
    assert (f"{STAY.id}.{STAY.id}-1", "601917-1", "2026-12-02") == (name, other["unit"], other["check_in"])


def test_one_room_of_two_is_chosen() -> None:
    """The other waits for its room; no stay changes its name when it gets one."""
    found = the_event(
        "cloudbeds",
        said(assigned=[room(f"{STAY.id}-1", "601917-1")], unassigned=[room(STAY.id, None)]),
    )
    assert (Status.TENTATIVE, None) == (found.changes["status"], found.changes["unit"])
    assert found.siblings is not None
    other = found.siblings[f"{STAY.id}.{STAY.id}-1"]
    assert (Status.CONFIRMED, "601917-1") == (other["status"], other["unit"])


def test_cancelled_with_rooms() -> None:
    """A cancelled reservation takes all of its rooms along, whether it names them or not."""
    named = the_event("cloudbeds", said(status="canceled"))
    assert (EventType.CANCELLED, Status.CANCELLED) == (named.type, named.changes["status"])
    bare = the_event("cloudbeds", said(status="canceled", assigned=[], unassigned=[]))
    assert {} == bare.siblings


def test_checked_in_without_a_room_keeps_the_one_it_had() -> None:
    """A guest who is in must not be put out while the room is changed."""
    found = the_event(
        "cloudbeds",
        said(status="checked_in", assigned=[], unassigned=[room(STAY.id, None)]),
        ASKED + timedelta(days=10),
    )
    assert Status.CONFIRMED == found.changes["status"]
    assert "unit" not in found.changes


def test_the_main_guest() -> None:
    """Of several the main one, with the mobile number; without a list the reservation's own fields."""
    guests = {
        "1": {"guestFirstName": "Mary", "isMainGuest": False},
        "2": {
            "guestFirstName": "John",
            "guestLastName": "Lee",
            "guestCellPhone": "+61 1",
            "isMainGuest": True,
        },
    }
    changes = the_event("cloudbeds", said(guestList=guests)).changes
    assert ("John Lee", "+61 1") == (changes["guest_name"], changes["guest_phone"])
    changes = the_event("cloudbeds", said(guestList=[])).changes
    assert ("John Lee", STAY.email) == (changes["guest_name"], changes["guest_email"])


def test_a_no_show_keeps_its_room() -> None:
    """Who lets himself in was never seen at the desk: no audit takes his code or his door."""
    changes = the_event("cloudbeds", said(status="no_show", assigned=[], unassigned=[])).changes
    assert ("confirmed", False) == (changes["status"], "unit" in changes)

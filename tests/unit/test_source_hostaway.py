"""The adapter `hostaway`: what its words mean."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.source_kit import errors, event, parse
from webhooks.sources.hostaway_api import read_pin
from worker.domain.booking import EventType, Status, StayKey

CONFIRMED, TENTATIVE, CANCELLED = Status.CONFIRMED, Status.TENTATIVE, Status.CANCELLED
DATA = {
    "id": 501,
    "listingMapId": 40160,
    "status": "new",
    "arrivalDate": "2026-12-01",
    "departureDate": "2026-12-05",
}


def document(kind: str = "reservation.updated", **data: Any) -> dict[str, Any]:
    """A delivery; `...` leaves a field out."""
    given = {name: value for name, value in {**DATA, **data}.items() if value is not ...}
    return {"object": "reservation", "event": kind, "accountId": 1, "data": given}


def changes(**data: Any) -> dict[str, Any]:
    """What a delivery changes."""
    return dict(event("hostaway", document(**data)).changes)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("new", CONFIRMED),
        ("modified", CONFIRMED),
        ("cancelled", CANCELLED),
        ("declined", CANCELLED),
        ("expired", CANCELLED),
        ("inquiryDenied", CANCELLED),
        ("inquiryTimedout", CANCELLED),
        ("inquiryNotPossible", CANCELLED),
        ("ownerStay", Status.BLOCKED),
        ("pending", TENTATIVE),
        ("awaitingPayment", TENTATIVE),
        ("awaitingGuestVerification", TENTATIVE),
        ("unconfirmed", TENTATIVE),
        ("inquiry", TENTATIVE),
        ("inquiryPreapproved", TENTATIVE),
    ],
)
def test_statuses(word: str, expected: Status) -> None:
    """Only `new` and `modified` are confirmed."""
    assert expected == changes(status=word)["status"]


@pytest.mark.parametrize("word", ["unknown", "confirmed?", None, 5, ...])
def test_unknown_statuses(word: object) -> None:
    """A status that is not known neither gives nor takes a code: a person has to look."""
    assert {"data.status"} == set(errors("hostaway", document(status=word)))


@pytest.mark.parametrize(
    ("hour", "expected"), [(15, "2026-12-01T15:00:00"), (0, "2026-12-01T00:00:00"), (None, "2026-12-01")]
)
def test_hours(hour: object, expected: str) -> None:
    """D10: check-in is a whole hour, or the unit's own."""
    assert expected == changes(checkInTime=hour)["check_in"]


@pytest.mark.parametrize("hour", [24, -1, "x", True, 15.5])
def test_hours_that_are_none(hour: object) -> None:
    """D10: an hour that is none falls back to the unit's."""
    assert "2026-12-01" == changes(checkInTime=hour)["check_in"]


def test_unspecified_dates_are_ignored() -> None:
    """With `isDatesUnspecified` both dates are yesterday and mean nothing."""
    assert not {"check_in", "check_out"} & set(changes(isDatesUnspecified=1))


def test_dates() -> None:
    """A bad date of a confirmed reservation is told by its place; one that is left out changes nothing."""
    assert {"data.arrivalDate"} == set(errors("hostaway", document(arrivalDate="2026-02-30")))
    assert "check_in" not in changes(arrivalDate=...)
    assert "check_in" not in changes(arrivalDate="soon", status="cancelled")


def test_the_channels_code_is_not_the_id() -> None:
    """`reservationId` is the channel's; the stay is named by `id`."""
    found = event("hostaway", document("reservation.created", reservationId="HM123"))
    assert (StayKey("hostaway", "501"), EventType.CREATED) == (found.key, found.type)
    assert {"data.id"} == set(errors("hostaway", document(id=...)))


def test_guest() -> None:
    """The whole name if there is one, else first and last; a blank clears, what is not named stays."""
    assert "Ann Lee" == changes(guestFirstName="Ann", guestLastName="Lee")["guest_name"]
    assert "Bo" == changes(guestName="Bo", guestFirstName="Ann")["guest_name"]
    assert {"guest_email": None, "guest_phone": "5"} == {
        name: value for name, value in changes(guestEmail="none", phone=5).items() if name.startswith("guest")
    }
    assert not any(name.startswith("guest") for name in changes())


def test_order() -> None:
    """The later of the two moments orders, whole seconds or not; without one the receipt does."""
    two = event("hostaway", document(updatedOn="2026-11-22 10:00:00", latestActivityOn="2026-11-22 10:00:05"))
    one = event("hostaway", document(updatedOn="2026-11-22 10:00:01"))
    assert two.version.is_newer_than(one.version)
    assert event("hostaway", document()).version.number is None


def test_nested_payload() -> None:
    """The variant with `payload.data` is the same."""
    plain = document()
    nested = {"event": "reservation.updated", "payload": {"data": plain["data"]}}
    assert event("hostaway", plain).changes == event("hostaway", nested).changes


def test_units_of_a_listing() -> None:
    """Each unit has its stay and its own guest; the lowest one is the reservation itself."""
    units = [{"listingUnitId": 12, "guestName": "Bo"}, {"listingUnitId": 7}, {"x": 1}]
    found = event("hostaway", document(guestName="Ann", reservationUnit=units))
    assert ("40160/7", "Ann") == (found.changes["unit"], found.changes["guest_name"])
    assert found.siblings is not None
    assert {"501.12": ("40160/12", "Bo")} == {
        name: (row["unit"], row["guest_name"]) for name, row in found.siblings.items()
    }


def test_units_that_are_not_told() -> None:
    """C08: a delivery without units takes none away, unless the reservation is off."""
    assert event("hostaway", document()).siblings is None
    assert {} == event("hostaway", document(status="cancelled")).siblings


def test_other_events() -> None:
    """Messages concern no stay; what is neither a reservation nor named is kept."""
    assert () == parse("hostaway", {"object": "conversationMessage", "event": "message.received"}).events
    assert {"event"} == set(errors("hostaway", {"data": DATA}))


@pytest.mark.parametrize(
    ("told", "expected"), [(482913, "482913"), ("482913", "482913"), (None, ""), (True, "")]
)
def test_a_door_code_may_come_as_a_number(told: object, expected: str) -> None:
    """The field holds what was written, however Hostaway tells it."""

    class Api:
        def get(self, _path: str) -> object:
            return {"result": {"doorCode": told}}

    assert expected == read_pin(Api(), "501")  # type: ignore[arg-type]

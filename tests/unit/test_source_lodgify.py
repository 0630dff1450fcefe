"""The adapter `lodgify`: what its words mean, and whose signature it takes."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import pytest

from tests.unit.source_kit import NOW, config, errors, event, parse
from webhooks.sources import lodgify
from webhooks.sources.adapter import Delivery, UnprovenError
from worker.domain.booking import EventType, Status
from worker.secret import Secret

BOOKING = {
    "id": 501,
    "type": "Booking",
    "property_id": 40160,
    "status": "Booked",
    "date_arrival": "2026-12-01T00:00:00",
    "date_departure": "2026-12-05T00:00:00",
}
BODY = b'[{"action": "booking_change"}]'


def document(action: str = "booking_change", **booking: Any) -> list[dict[str, Any]]:
    """A delivery; `...` leaves a field out."""
    given = {name: value for name, value in {**BOOKING, **booking}.items() if value is not ...}
    return [{"action": action, "booking": given, "guest": {"name": "Ann"}}]


def verify(signature: str | None) -> None:
    """Check a signature of BODY with two subscriptions' secrets."""
    headers = {} if signature is None else {"ms-signature": signature}
    source = config("lodgify", secrets=(Secret("one"), Secret("two")))
    lodgify.verify(Delivery(body=BODY, headers=headers, received=NOW), source, NOW)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Booked", Status.CONFIRMED),
        ("Open", Status.TENTATIVE),
        ("Tentative", Status.TENTATIVE),
        ("Declined", Status.CANCELLED),
        ("Canceled", Status.CANCELLED),
        ("Cancelled", Status.CANCELLED),
    ],
)
def test_statuses(word: str, expected: Status) -> None:
    """Only `Booked` is confirmed; no event's name says that a booking is off."""
    assert expected == event("lodgify", document(status=word)).changes["status"]


def test_closed_periods() -> None:
    """E10: a closed period is no guest."""
    assert Status.BLOCKED == event("lodgify", document(type="ClosedPeriod")).changes["status"]


@pytest.mark.parametrize("word", ["Maybe", None, 5, ...])
def test_unknown_statuses(word: object) -> None:
    """A status that is not known is for a person."""
    assert {"booking.status"} == set(errors("lodgify", document(status=word)))


def test_dates_are_local() -> None:
    """The midnight of a date is no time of day, and passes through no zone."""
    changes = event("lodgify", document()).changes
    assert ("2026-12-01", "2026-12-05") == (changes["check_in"], changes["check_out"])


def test_the_same_booking_from_two_subscriptions() -> None:
    """What differs only in the action is the same news."""
    one, two = (event("lodgify", document(name)) for name in ("booking_new_any_status", "booking_change"))
    assert one.id == two.id
    assert (EventType.CREATED, EventType.UPDATED) == (one.type, two.type)
    assert one.id != event("lodgify", document(date_departure="2026-12-06T00:00:00")).id


def test_rooms() -> None:
    """A booking over rooms is a stay for each, also for two rooms of one type."""
    rooms = [{"id": 9, "room_type_id": 2}, {"id": 8, "room_type_id": 2}, {"id": 9, "room_type_id": 3}]
    found = event("lodgify", document(room_types=rooms))
    assert "40160/2" == found.changes["unit"]
    assert found.siblings is not None
    units = {name: row["unit"] for name, row in found.siblings.items()}
    assert {"501.9": "40160/2", "501.9.2": "40160/3"} == units


@pytest.mark.parametrize("action", ["rate_change", "availability_change", "guest_message_received"])
def test_other_events(action: str) -> None:
    """What is no booking concerns no stay."""
    assert () == parse("lodgify", {"action": action}).events


@pytest.mark.parametrize("secret", [b"one", b"two"])
def test_signatures(secret: bytes) -> None:
    """Each subscription has a secret of its own; the digits may come in either case."""
    digest = hmac.digest(secret, BODY, hashlib.sha256).hex()
    verify(f"sha256={digest}")
    verify(f"SHA256={digest.upper()}")


@pytest.mark.parametrize(
    "given", [None, "", "sha256=", "sha256=00", f"sha256={'0' * 64}", "sha256=é", "x" * 71]
)
def test_forged_signatures(given: str | None) -> None:
    """C01: everything else is refused."""
    with pytest.raises(UnprovenError):
        verify(given)


def test_a_digest_alone_is_no_signature() -> None:
    """The header names the hash."""
    with pytest.raises(UnprovenError):
        verify(hmac.digest(b"one", BODY, hashlib.sha256).hex())

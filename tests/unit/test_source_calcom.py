"""The adapter `calcom`: what its words mean, whose signature it takes, what becomes of a rescheduled stay."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest

from tests.unit.source_kit import NOW, config, errors, event, parse
from webhooks.sources import calcom
from webhooks.sources.adapter import Delivery, UnprovenError
from worker.domain.booking import EventType, Status
from worker.secret import Secret

PAYLOAD = {
    "uid": "new",
    "bookingId": 91,
    "eventTypeId": 40160,
    "startTime": "2026-12-01T05:00:00Z",
    "endTime": "2026-12-05T00:00:00Z",
    "attendees": [
        {"name": "Ann Lee", "email": "a@example.com", "phoneNumber": "+61 4"},
        {"name": "Bo", "email": "b@example.com"},
    ],
    "status": "ACCEPTED",
}


def document(trigger: str = "BOOKING_CREATED", **payload: Any) -> dict[str, Any]:
    """A delivery; `...` leaves a field out."""
    given = {name: value for name, value in {**PAYLOAD, **payload}.items() if value is not ...}
    return {"triggerEvent": trigger, "createdAt": "2026-11-20T10:00:00.000Z", "payload": given}


def changes(trigger: str = "BOOKING_CREATED", **payload: Any) -> dict[str, Any]:
    """What a delivery changes."""
    return dict(event("calcom", document(trigger, **payload)).changes)


@pytest.mark.parametrize(
    ("trigger", "status", "expected"),
    [
        ("BOOKING_CREATED", "ACCEPTED", Status.CONFIRMED),
        ("BOOKING_CREATED", "PENDING", Status.TENTATIVE),
        ("BOOKING_RESCHEDULED", "ACCEPTED", Status.CONFIRMED),
        ("BOOKING_RESCHEDULED", "PENDING", Status.TENTATIVE),
        ("BOOKING_PAID", "ACCEPTED", Status.CONFIRMED),
        ("BOOKING_PAID", "AWAITING_HOST", Status.TENTATIVE),
        ("BOOKING_PAID", "CANCELLED", Status.CANCELLED),
        ("BOOKING_REQUESTED", "ACCEPTED", Status.TENTATIVE),
        ("BOOKING_REQUESTED", ..., Status.TENTATIVE),
        ("BOOKING_PAYMENT_INITIATED", "ACCEPTED", Status.TENTATIVE),
        ("BOOKING_CANCELLED", "CANCELLED", Status.CANCELLED),
        ("BOOKING_CANCELLED", ..., Status.CANCELLED),
        ("BOOKING_REJECTED", "REJECTED", Status.CANCELLED),
    ],
)
def test_statuses(trigger: str, status: object, expected: Status) -> None:
    """Requests and what is not paid get no code."""
    assert expected == changes(trigger, status=status)["status"]


def test_unknown_words() -> None:
    """A trigger about a booking, or a status, that is not known is for a person."""
    assert {"triggerEvent"} == set(errors("calcom", document("BOOKING_SWAPPED")))
    assert {"payload.status"} == set(errors("calcom", document(status="MAYBE")))
    assert {"payload.status"} == set(errors("calcom", document(status=...)))


@pytest.mark.parametrize(
    "trigger",
    ["MEETING_STARTED", "MEETING_ENDED", "RECORDING_READY", "FORM_SUBMITTED", "OOO_CREATED", "PING"],
)
def test_noise(trigger: str) -> None:
    """C03: they concern no stay, nor does who has not shown up."""
    for one in (trigger, "BOOKING_NO_SHOW_UPDATED"):
        assert () == parse("calcom", {"triggerEvent": one, "payload": {"bookingUid": "new"}}).events


def test_instants() -> None:
    """They are moments, whatever their offset; the unit's times do not count."""
    found = changes(startTime="2026-12-01T15:00:00+10:00")
    assert ("2026-12-01T05:00:00+00:00", "2026-12-05T00:00:00+00:00") == (
        found["check_in"],
        found["check_out"],
    )


@pytest.mark.parametrize("odd", ["soon", 5, "2026-12-01", "1999-12-31T00:00:00Z"])
def test_bad_instants(odd: object) -> None:
    """They are told by their place; of a cancelled booking they need not be readable."""
    assert {"payload.startTime"} == set(errors("calcom", document(startTime=odd)))
    assert "check_in" not in changes("BOOKING_CANCELLED", startTime=odd)


def test_to_reschedule_moves_the_stay() -> None:
    """D03: the new booking is on, the one before is off, in one delivery."""
    found = parse("calcom", document("BOOKING_RESCHEDULED", rescheduleUid="old"))
    new, old = found.events
    assert (("new", Status.CONFIRMED.value), ("old", Status.CANCELLED.value)) == (
        (new.key.id, new.changes["status"]),
        (old.key.id, old.changes["status"]),
    )
    assert (EventType.CANCELLED, True) == (old.type, new.id != old.id)
    created = event("calcom", document(uid="old") | {"createdAt": "2026-11-20T09:00:00.000Z"})
    assert created.version.is_older_than(old.version)


@pytest.mark.parametrize("trigger", ["BOOKING_REQUESTED", "BOOKING_CREATED", "BOOKING_CANCELLED"])
def test_whatever_the_trigger_is(trigger: str) -> None:
    """By the API a reschedule comes as a request; the booking before is off all the same."""
    assert ["new", "old"] == [
        one.key.id for one in parse("calcom", document(trigger, rescheduleUid="old")).events
    ]


@pytest.mark.parametrize("before", [None, "", "new", ...])
def test_no_other_booking(before: object) -> None:
    """A booking does not take its own place."""
    assert 1 == len(parse("calcom", document("BOOKING_RESCHEDULED", rescheduleUid=before)).events)


def test_guest_and_unit() -> None:
    """Who booked is the first of the attendees; the event type is the unit."""
    found = changes()
    assert ("Ann Lee", "a@example.com", "+61 4", "40160") == tuple(
        found[name] for name in ("guest_name", "guest_email", "guest_phone", "unit")
    )
    assert not any(name.startswith("guest") for name in changes(attendees=...))


def test_order() -> None:
    """`createdAt` orders."""
    newer = event("calcom", document() | {"createdAt": "2026-11-20T10:00:00.001Z"})
    assert newer.version.is_newer_than(event("calcom", document()).version)


def test_custom_templates() -> None:
    """They may say anything, and are for a person, as a form too."""
    assert {"triggerEvent"} == set(errors("calcom", {"content": "A new event", "booker": "Ann"}))
    form = urlencode({"title": "A stay", "name": "Ann"}).encode()
    assert {"body"} == set(errors("calcom", form, content_type="application/x-www-form-urlencoded"))


def verify(signature: str | None) -> None:
    """Check a signature of `{}`."""
    headers = {} if signature is None else {"x-cal-signature-256": signature}
    source = config("calcom", secrets=(Secret("other"), Secret("123456")))
    calcom.verify(Delivery(body=b"{}", headers=headers, received=NOW), source, NOW)


def test_signature() -> None:
    """The hexadecimal HMAC-SHA256 of the body, made with openssl."""
    verify("eb95f4b6e98d2c8f6484947d07b70cd726474ca9dda165359f7b6546406a7e42")


@pytest.mark.parametrize(
    "given",
    [
        None,
        "",
        "0" * 64,
        "no-secret-provided",
        "sha256=eb95f4b6e98d2c8f6484947d07b70cd726474ca9dda165359f7b6546406a7e42",
    ],
)
def test_forged(given: str | None) -> None:
    """C01: everything else is refused, and above all what says that it is not signed."""
    with pytest.raises(UnprovenError) as refusal:
        verify(given)
    assert (given == "no-secret-provided") == ("has no secret" in str(refusal.value))

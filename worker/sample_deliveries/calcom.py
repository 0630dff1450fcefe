"""Deliveries as Cal.com's webhooks make them. Not verified against a live account."""

from __future__ import annotations

from datetime import datetime

from worker.sample_deliveries.signatures import hex_of
from worker.sample_deliveries.stay import DAY, Document, SampleStay, hour_of, number_or_text, utc
from worker.secret import Secret

__all__ = ["STATUSES", "document", "noise", "sign"]

STATUSES = {"confirmed": "ACCEPTED", "tentative": "PENDING", "cancelled": "CANCELLED"}
_TRIGGERS = {
    "confirmed": "BOOKING_CREATED",
    "tentative": "BOOKING_REQUESTED",
    "cancelled": "BOOKING_CANCELLED",
}


def sign(body: bytes, secret: Secret, now: datetime) -> dict[str, str]:  # noqa: ARG001 - the protocol's
    """The header that signs a body."""
    return {"x-cal-signature-256": hex_of(body, secret)}


def document(stay: SampleStay) -> Document:
    """A booking, at 05:00 and 00:00 UTC where no times of day are given: 15:00 and 10:00 in Brisbane."""
    attendee = {"name": stay.name, "email": stay.email, "phoneNumber": stay.phone, "timeZone": "UTC"}
    payload = {
        "type": "a-stay",
        "title": "A stay",
        "uid": stay.id,
        "bookingId": 91,
        "eventTypeId": number_or_text(stay.unit),
        "startTime": f"{stay.check_in[:DAY]}T{hour_of(stay.check_in) or '05:00'}:00Z",
        "endTime": f"{stay.check_out[:DAY]}T{hour_of(stay.check_out) or '00:00'}:00Z",
        "organizer": {"name": "The house", "email": "house@example.com", "timeZone": "Australia/Brisbane"},
        "attendees": [attendee],
        "status": STATUSES[stay.word],
    }
    return {
        "triggerEvent": _TRIGGERS[stay.word],
        "createdAt": utc(stay.changed, "%Y-%m-%dT%H:%M:%S.%fZ"),
        "payload": payload,
    }


def noise() -> Document:
    """What concerns no stay."""
    return {"triggerEvent": "MEETING_ENDED", "createdAt": "2026-11-22T10:00:00.000Z", "payload": {}}

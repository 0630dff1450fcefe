"""Deliveries as Hostfully's webhooks make them, and what its API says then. Not verified on a live one."""

from __future__ import annotations

from worker.sample_deliveries.stay import DAY, Document, SampleStay, hour_of, utc

__all__ = ["STATUSES", "answer", "document", "noise", "sign"]

STATUSES = {
    "confirmed": ("BOOKED", "BOOKING"),
    "tentative": ("PENDING", "BOOKING_REQUEST"),
    "blocked": ("BLOCKED", "BLOCK"),
    "cancelled": ("CANCELLED", "BOOKING"),
    "inquiry": ("NEW", "INQUIRY"),
}
_EVENTS = {"created": "NEW_BOOKING", "updated": "BOOKING_UPDATED", "cancelled": "BOOKING_CANCELLED"}
sign = None


def document(stay: SampleStay) -> Document:
    """A new, changed or cancelled booking: only its name."""
    return {
        "agency_uid": "agency-1",
        "event_type": _EVENTS["cancelled" if stay.is_cancelled else stay.kind],
        "property_uid": stay.unit,
        "lead_uid": stay.id,
    }


def answer(stay: SampleStay) -> Document:
    """The `lead` of what `GET /leads/<uid>` says of it."""
    first, _, last = stay.name.partition(" ")
    status, kind = STATUSES[stay.word]
    return {
        "uid": stay.id,
        "propertyUid": stay.unit,
        "unitUid": None,
        "agencyUid": "agency-1",
        "status": status,
        "type": kind,
        "channel": "HOSTFULLY",
        "checkInLocalDateTime": f"{stay.check_in[:DAY]}T{hour_of(stay.check_in) or '15:00'}:00",
        "checkOutLocalDateTime": f"{stay.check_out[:DAY]}T{hour_of(stay.check_out) or '10:00'}:00",
        "metadata": {
            "createdUtcDateTime": "2026-11-20T09:00:00",
            "updatedUtcDateTime": utc(stay.changed, "%Y-%m-%dT%H:%M:%S"),
        },
        "guestInformation": {
            "firstName": first,
            "lastName": last,
            "email": stay.email,
            "phoneNumber": stay.phone,
            "cellPhoneNumber": None,
        },
    }


def noise() -> Document:
    """What concerns no stay."""
    return {"agency_uid": "agency-1", "event_type": "NEW_INBOX_MESSAGE", "lead_uid": "1"}

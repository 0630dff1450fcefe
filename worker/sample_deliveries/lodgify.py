"""Deliveries as Lodgify's webhooks make them. Not verified against a live account."""

from __future__ import annotations

from datetime import datetime

from worker.sample_deliveries.signatures import hex_of
from worker.sample_deliveries.stay import DAY, Document, SampleStay, number_or_text
from worker.secret import Secret

__all__ = ["STATUSES", "document", "noise", "sign"]

STATUSES = {
    "confirmed": "Booked",
    "tentative": "Tentative",
    "blocked": "Tentative",  # Lodgify has no word of its own for it
    "cancelled": "Declined",
    "inquiry": "Open",
}


def sign(body: bytes, secret: Secret, now: datetime) -> dict[str, str]:  # noqa: ARG001 - the protocol's
    """The header that signs a body."""
    return {"ms-signature": f"sha256={hex_of(body, secret)}"}


def document(stay: SampleStay) -> Document:
    """A new or changed booking, in an array; there is no event of its own for a cancellation."""
    booking = {
        "id": number_or_text(stay.id),
        "type": "Booking",
        "booking_type": "Booking",
        "date_arrival": f"{stay.check_in[:DAY]}T00:00:00",
        "date_departure": f"{stay.check_out[:DAY]}T00:00:00",
        "property_id": number_or_text(stay.unit),
        "property_name": "A property",
        "status": STATUSES[stay.word],
        "room_types": [
            {"id": number_or_text(unit), "room_type_id": number_or_text(unit), "name": "A room"}
            for unit in stay.units
        ],
        "source": "Manual",
        "source_text": "",
        "language": "en",
    }
    guest = {"name": stay.name, "email": stay.email, "phone_number": stay.phone}
    return [{"action": _action(stay), "booking": booking, "guest": guest}]


def noise() -> Document:
    """What concerns no stay."""
    return [{"action": "rate_change", "property_id": 1, "room_type_ids": [2]}]


def _action(stay: SampleStay) -> str:
    if stay.is_cancelled:
        return "booking_status_change_declined"
    return "booking_new_any_status" if stay.kind == "created" else "booking_change"

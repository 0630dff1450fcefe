"""Deliveries as Uplisting's webhooks make them. Not verified against a live account."""

from __future__ import annotations

from worker.sample_deliveries.stay import DAY, Document, SampleStay, hour_of, number_or_text, utc

__all__ = ["STATUSES", "document", "noise", "sign"]

STATUSES = {"confirmed": "confirmed", "tentative": "pending", "cancelled": "cancelled", "inquiry": "inquiry"}
sign = None


def document(stay: SampleStay) -> Document:
    """A booking; nothing says what has happened to it."""
    return {
        "id": number_or_text(stay.id),
        "property_id": number_or_text(stay.unit),
        "property_name": "A property",
        "check_in": stay.check_in[:DAY],
        "check_out": stay.check_out[:DAY],
        "arrival_time": _hour(stay.check_in),
        "departure_time": _hour(stay.check_out),
        "status": STATUSES[stay.word],
        "channel": "direct",
        "external_reservation_id": f"CH-{stay.id}",
        "guest_name": stay.name,
        "preferred_guest_name": stay.name.partition(" ")[0],
        "guest_email": stay.email,
        "guest_phone": stay.phone,
        "manually_moved": False,
        "mutli_unit_id": None,
        "mutli_unit_name": None,
        "timestamp": utc(stay.changed),
    }


def noise() -> Document:
    """What concerns no stay. All that Uplisting is known to send does: this is how it could look."""
    return {"event": "property_updated", "id": 1, "timestamp": "2026-11-22T10:00:00Z"}


def _hour(written: str) -> str | None:
    hour = hour_of(written)
    return f"{hour}:00" if hour is not None else None

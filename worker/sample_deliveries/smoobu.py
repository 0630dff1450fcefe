"""Deliveries as Smoobu's webhooks make them. Not verified against a live account."""

from __future__ import annotations

from worker.sample_deliveries.stay import DAY, Document, SampleStay, hour_of, number_or_text, utc

__all__ = ["STATUSES", "document", "noise", "sign"]

_ACTIONS = {"created": "newReservation", "updated": "updateReservation", "cancelled": "cancelReservation"}
STATUSES = {"confirmed": False, "tentative": True, "blocked": True, "cancelled": False, "inquiry": True}
sign = None


def document(stay: SampleStay) -> Document:
    """A new, changed or cancelled reservation. What Smoobu has no word for is a blocked booking."""
    first, _, last = stay.name.partition(" ")
    data = {
        "id": number_or_text(stay.id),
        "reference-id": None,
        "type": "cancellation" if stay.is_cancelled else "reservation",
        "arrival": stay.check_in[:DAY],
        "departure": stay.check_out[:DAY],
        "check-in": hour_of(stay.check_in),
        "check-out": hour_of(stay.check_out),
        "modifiedAt": utc(stay.changed, "%Y-%m-%d %H:%M:%S"),
        "apartment": {"id": number_or_text(stay.unit), "name": "An apartment"},
        "channel": {"id": 13, "name": "Direct booking"},
        "guest-name": stay.name,
        "firstname": first,
        "lastname": last,
        "email": stay.email,
        "phone": stay.phone,
        "is-blocked-booking": STATUSES[stay.word],
    }
    action = _ACTIONS["cancelled" if stay.is_cancelled else stay.kind]
    return {"action": action, "user": 10001, "data": data}


def noise() -> Document:
    """What concerns no stay."""
    return {"action": "updateRates", "user": 10001, "data": {}}

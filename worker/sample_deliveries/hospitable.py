"""Deliveries as Hospitable's webhooks make them. Not verified against a live account."""

from __future__ import annotations

import hashlib
from datetime import datetime

from worker.sample_deliveries.signatures import hex_of
from worker.sample_deliveries.stay import DAY, Document, SampleStay, hour_of, utc
from worker.secret import Secret

__all__ = ["STATUSES", "document", "noise", "sign"]

STATUSES = {
    "confirmed": ("accepted", None),
    "tentative": ("request", "request for payment"),
    "blocked": ("request", "request to book"),  # Hospitable sends no blocks
    "cancelled": ("cancelled", None),
    "inquiry": ("request", "request to book"),
}
_OFFSET = "+10:00"


def sign(body: bytes, secret: Secret, now: datetime) -> dict[str, str]:  # noqa: ARG001 - the protocol's
    """The header that signs a body."""
    return {"signature": hex_of(body, secret)}


def document(stay: SampleStay) -> Document:
    """A created or changed reservation; there is no event of its own for a cancellation."""
    first, _, last = stay.name.partition(" ")
    category, sub_category = STATUSES[stay.word]
    current = {"category": category, "sub_category": sub_category}
    data = {
        "id": stay.id,
        "platform": "direct",
        "platform_id": f"CH-{stay.id}",
        "arrival_date": f"{stay.check_in[:DAY]}T00:00:00{_OFFSET}",
        "departure_date": f"{stay.check_out[:DAY]}T00:00:00{_OFFSET}",
        "check_in": f"{stay.check_in[:DAY]}T{hour_of(stay.check_in) or '15:00'}:00{_OFFSET}",
        "check_out": f"{stay.check_out[:DAY]}T{hour_of(stay.check_out) or '10:00'}:00{_OFFSET}",
        "reservation_status": {
            "current": current,
            "history": [{**current, "changed_at": utc(stay.changed)}],
        },
        "guest": {
            "first_name": first,
            "last_name": last,
            "email": stay.email,
            "phone_numbers": [stay.phone] if stay.phone else [],
        },
        "properties": [{"id": stay.unit, "name": "A property", "timezone": "+1000"}],
    }
    return {
        "id": _news_id(stay),
        "action": "reservation.created" if stay.kind == "created" else "reservation.changed",
        "triggers": "status_changed",
        "created": utc(stay.changed),
        "version": "v2",
        "data": data,
    }


def noise() -> Document:
    """What concerns no stay."""
    return {"id": "01NOISE", "action": "message.created", "created": "2026-11-22T10:00:00Z", "data": {}}


def _news_id(stay: SampleStay) -> str:
    """In the order of time, and the same for the same news."""
    return f"{utc(stay.changed, '%Y%m%d%H%M%S')}{hashlib.sha256(repr(stay).encode()).hexdigest()[:12]}"

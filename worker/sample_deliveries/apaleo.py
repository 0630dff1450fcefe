"""Deliveries as apaleo's webhooks make them, and what its API says then. Not verified on a live account."""

from __future__ import annotations

from worker.sample_deliveries.stay import Document, SampleStay, instant, utc

__all__ = ["STATUSES", "answer", "document", "noise", "sign"]

STATUSES = {"confirmed": "Confirmed", "cancelled": "Canceled"}
sign = None


def document(stay: SampleStay) -> Document:
    """A reservation that was created, amended or cancelled: only its name."""
    kind = {"created": "created", "updated": "amended", "cancelled": "canceled"}[stay.kind]
    return {
        "topic": "Reservation",
        "type": "canceled" if stay.is_cancelled else kind,
        "id": f"event-{stay.id}-{utc(stay.changed, '%H%M%S%f')}",
        "accountId": "DEMO",
        "propertyId": "MUC",
        "data": {"entityId": stay.id},
        "timestamp": int(stay.changed.timestamp() * 1000),
    }


def answer(stay: SampleStay) -> Document:
    """What `GET /booking/v1/reservations/<id>` says of it."""
    first, _, last = stay.name.partition(" ")
    return {
        "id": stay.id,
        "bookingId": stay.id.partition("-")[0],
        "status": STATUSES[stay.word],
        "property": {"id": "MUC"},
        "unit": {"id": stay.unit, "name": "101"} if stay.unit else None,
        "arrival": instant(stay.check_in),
        "departure": instant(stay.check_out),
        "created": "2026-11-20T09:00:00Z",
        "modified": utc(stay.changed),
        "primaryGuest": {
            "firstName": first,
            "lastName": last,
            "email": stay.email,
            "phone": stay.phone,
        },
    }


def noise() -> Document:
    """What apaleo sends to try a new subscription."""
    return {"topic": "System", "type": "healthcheck", "id": "1", "accountId": "DEMO", "timestamp": 1}

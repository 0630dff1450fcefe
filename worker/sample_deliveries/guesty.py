"""Deliveries as Guesty's webhooks of version 2 make them. No sample was published, nor is this verified."""

from __future__ import annotations

import hashlib
from datetime import datetime

from worker.sample_deliveries.signatures import standard
from worker.sample_deliveries.stay import DAY, Document, SampleStay, hour_of, utc
from worker.secret import Secret

__all__ = ["STATUSES", "document", "legacy", "noise", "sign"]

STATUSES = {
    "confirmed": "confirmed",
    "tentative": "reserved",
    "blocked": "reserved",  # blocks are no reservations in Guesty
    "cancelled": "canceled",
    "inquiry": "inquiry",
}


def sign(body: bytes, secret: Secret, now: datetime) -> dict[str, str]:
    """The headers that sign a body; the id is the same for the same body, as with one that is sent again."""
    sent_id = f"msg_{hashlib.sha256(body).hexdigest()[:24]}"
    return {
        "svix-id": sent_id,
        "svix-timestamp": str(int(now.timestamp())),
        "svix-signature": standard(sent_id, body, secret, now),
    }


def document(stay: SampleStay) -> Document:
    """A created or updated reservation; there is no event of its own for a cancellation."""
    data = {
        "reservationId": stay.id,
        "unitId": stay.unit,
        "status": STATUSES[stay.word],
        "checkInDateLocalized": stay.check_in[:DAY],
        "checkOutDateLocalized": stay.check_out[:DAY],
        "plannedArrival": hour_of(stay.check_in),
        "plannedDeparture": hour_of(stay.check_out),
        "guestsCount": 2,
        "confirmationCode": f"CH-{stay.id}",
    }
    event = "reservation.created.v2" if stay.kind == "created" else "reservation.updated.v2"
    return {"event": event, "publishedAt": utc(stay.changed, "%Y-%m-%dT%H:%M:%S.%fZ"), "data": data}


def legacy(stay: SampleStay) -> Document:
    """The same in the older version, with the guest."""
    reservation = {
        "_id": stay.id,
        "listingId": stay.unit,
        "status": STATUSES[stay.word],
        "checkInDateLocalized": stay.check_in[:DAY],
        "checkOutDateLocalized": stay.check_out[:DAY],
        "plannedArrival": hour_of(stay.check_in),
        "plannedDeparture": hour_of(stay.check_out),
        "lastUpdatedAt": utc(stay.changed, "%Y-%m-%dT%H:%M:%S.%fZ"),
        "integration": {"platform": "manual"},
        "guest": {"fullName": stay.name, "email": stay.email, "phone": stay.phone},
    }
    event = "reservation.new" if stay.kind == "created" else "reservation.updated"
    return {"event": event, "reservation": reservation}


def noise() -> Document:
    """What concerns no stay."""
    return {"event": "reservation.messageReceived", "reservationId": "1"}

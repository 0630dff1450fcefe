"""Deliveries as Beds24's booking webhook of version 2 makes them. Not verified against a live account."""

from __future__ import annotations

from datetime import timedelta

from worker.sample_deliveries.stay import DAY, Document, SampleStay, number_or_text, utc

__all__ = ["STATUSES", "document", "noise", "sign"]

STATUSES = {
    "confirmed": "confirmed",
    "tentative": "request",
    "blocked": "black",
    "cancelled": "cancelled",
    "inquiry": "inquiry",
}
sign = None


def document(stay: SampleStay) -> Document:
    """A booking; nothing says what has happened to it."""
    first, _, last = stay.name.partition(" ")
    since = stay.changed if stay.kind == "created" else stay.changed - timedelta(hours=1)
    booking = {
        "id": number_or_text(stay.id),
        "propertyId": 10001,
        "roomId": number_or_text(stay.unit),
        "status": STATUSES[stay.word],
        "arrival": stay.check_in[:DAY],
        "departure": stay.check_out[:DAY],
        "bookingTime": utc(since),
        "modifiedTime": utc(stay.changed),
        "cancelTime": utc(stay.changed) if stay.is_cancelled else None,
        "firstName": first,
        "lastName": last,
        "email": stay.email,
        "phone": stay.phone,
    }
    return {
        "timeStamp": utc(stay.changed),
        "booking": booking,
        "invoiceItems": [],
        "infoItems": [],
        "messages": [],
        "retries": 0,
    }


def noise() -> Document:
    """What concerns no stay: the inventory webhook."""
    return {"roomId": "1", "propId": "2", "ownerId": "3", "action": "SYNC_ROOM"}

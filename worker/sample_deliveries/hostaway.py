"""Deliveries as Hostaway's unified webhooks make them. Not verified against a live account."""

from __future__ import annotations

from worker.sample_deliveries.stay import DAY, Document, SampleStay, hour_of, number_or_text, utc

__all__ = ["STATUSES", "document", "noise", "sign"]

STATUSES = {
    "confirmed": "new",
    "tentative": "awaitingPayment",
    "blocked": "ownerStay",
    "cancelled": "cancelled",
    "inquiry": "inquiry",
}
sign = None


def document(stay: SampleStay) -> Document:
    """A created or updated reservation; there is no event of its own for a cancellation."""
    event = "created" if stay.kind == "created" else "updated"
    status = "modified" if stay.kind == "updated" and stay.word == "confirmed" else STATUSES[stay.word]
    first, _, last = stay.name.partition(" ")
    data = {
        "id": number_or_text(stay.id),
        "hostawayReservationId": stay.id,
        "channelId": 2000,
        "channelName": "direct",
        "reservationId": f"CH-{stay.id}",
        "listingMapId": number_or_text(stay.unit),
        "status": status,
        "arrivalDate": stay.check_in[:DAY],
        "departureDate": stay.check_out[:DAY],
        "isDatesUnspecified": 0,
        "checkInTime": _hour(stay.check_in),
        "checkOutTime": _hour(stay.check_out),
        "guestName": stay.name,
        "guestFirstName": first,
        "guestLastName": last,
        "guestEmail": stay.email,
        "phone": stay.phone,
        "reservationUnit": [
            {"listingUnitId": number_or_text(unit), "guestName": stay.name} for unit in stay.units
        ],
        "latestActivityOn": utc(stay.changed, "%Y-%m-%d %H:%M:%S"),
    }
    return {"object": "reservation", "event": f"reservation.{event}", "accountId": 10001, "data": data}


def noise() -> Document:
    """What concerns no stay."""
    data = {"id": 1, "conversationId": 2, "body": "Hello"}
    return {
        "object": "conversationMessage",
        "event": "message.received",
        "accountId": 10001,
        "data": data,
    }


def _hour(written: str) -> int | None:
    hour = hour_of(written)
    return int(hour[:2]) if hour is not None else None

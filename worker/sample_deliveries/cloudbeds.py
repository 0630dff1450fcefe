"""Deliveries as Cloudbeds' webhooks make them, and what its API says then. Not verified on a live account."""

from __future__ import annotations

from typing import Any

from worker.sample_deliveries.stay import DAY, Document, SampleStay

__all__ = ["STATUSES", "answer", "document", "noise", "sign"]

STATUSES = {
    "confirmed": "confirmed",
    "tentative": "not_confirmed",
    "cancelled": "canceled",
}
sign = None


def document(stay: SampleStay) -> Document:
    """A reservation that is new, or of which the status or the dates have changed."""
    plain: dict[str, Any] = {
        "startDate": stay.check_in[:DAY],
        "endDate": stay.check_out[:DAY],
        "version": "1.0",
        "timestamp": stay.changed.timestamp(),
    }
    if stay.kind == "updated" and not stay.is_cancelled:
        # The names are spelt otherwise in this event.
        named = {"reservationId": stay.id, "propertyId": 10001, "propertyId_str": "10001"}
        return {**named, **plain, "event": "reservation/dates_changed"}
    event = "status_changed" if stay.is_cancelled else "created"
    named = {"reservationID": stay.id, "propertyID": 10001, "propertyID_str": "10001"}
    return {**named, **plain, "status": STATUSES[stay.word], "event": f"reservation/{event}"}


def answer(stay: SampleStay) -> Document:
    """The `data` of what `getReservation` says of it."""
    first, _, last = stay.name.partition(" ")
    units = stay.units or (stay.unit,)
    rooms = [_room(stay, number, unit) for number, unit in enumerate(units)]
    is_on = not stay.is_cancelled
    return {
        "propertyID": "10001",
        "reservationID": stay.id,
        "status": STATUSES[stay.word],
        "startDate": stay.check_in[:DAY],
        "endDate": stay.check_out[:DAY],
        "guestName": stay.name,
        "guestEmail": stay.email,
        "guestList": {
            "501": {
                "guestID": "501",
                "guestFirstName": first,
                "guestLastName": last,
                "guestEmail": stay.email,
                "guestPhone": stay.phone,
                "guestCellPhone": "",
                "isMainGuest": True,
            }
        },
        "assigned": [one for one in rooms if "roomID" in one] if is_on else [],
        "unassigned": [one for one in rooms if "roomID" not in one] if is_on else [],
    }


def noise() -> Document:
    """What concerns no stay."""
    return {"event": "transaction/created", "propertyID": 10001, "version": "1.0", "timestamp": 1.5}


def _room(stay: SampleStay, number: int, unit: str) -> dict[str, Any]:
    return {
        "subReservationID": f"{stay.id}-{number}" if number else stay.id,
        "roomTypeName": "A room",
        **({"roomID": unit, "roomName": unit} if unit else {}),
        "startDate": stay.check_in[:DAY],
        "endDate": stay.check_out[:DAY],
    }

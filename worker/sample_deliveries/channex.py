"""Deliveries as Channex' webhooks make them, with the revision in them. Not verified on a live account."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from worker.sample_deliveries.stay import DAY, Document, SampleStay, utc

__all__ = ["STATUSES", "document", "noise", "sign", "told"]

STATUSES = {"confirmed": "new", "cancelled": "cancelled"}
_PROPERTY = "90958ec0-9713-4196-873e-4add0d834670"
sign = None


def document(stay: SampleStay) -> Document:
    """A new, modified or cancelled booking, whole."""
    status = "modified" if stay.kind == "updated" and stay.word == "confirmed" else STATUSES[stay.word]
    name, _, surname = stay.name.partition(" ")
    room = {
        "room_type_id": stay.unit,
        "rate_plan_id": "445835fb-7956-42e4-8ba2-6a53aa3bd12c",
        "checkin_date": stay.check_in[:DAY],
        "checkout_date": stay.check_out[:DAY],
        "occupancy": {"adults": 2, "children": 0, "infants": 0},
        "guests": [],
    }
    revision = {
        "id": _revision_id(stay),
        "booking_id": stay.id,
        "property_id": _PROPERTY,
        "system_id": _revision_id(stay),
        "unique_id": f"OSA-{stay.id}",
        "ota_name": "Offline",
        "status": status,
        "arrival_date": stay.check_in[:DAY],
        "departure_date": stay.check_out[:DAY],
        "arrival_hour": None,
        "customer": {"name": name, "surname": surname or None, "mail": stay.email, "phone": stay.phone},
        "rooms": [{**room, "room_type_id": unit} for unit in stay.units or (stay.unit,)],
        "inserted_at": utc(stay.changed, "%Y-%m-%dT%H:%M:%S.%f"),
    }
    return _news(revision, stay)


def told(stay: SampleStay) -> Document:
    """The same as the documentation shows it: which revision there is."""
    names = {"booking_id": stay.id, "property_id": _PROPERTY, "revision_id": _revision_id(stay)}
    return _news(names, stay)


def noise() -> Document:
    """What concerns no stay."""
    return {"event": "ari", "payload": [{"availability": 1, "date": "2026-12-01"}], "property_id": _PROPERTY}


def _news(payload: Mapping[str, object], stay: SampleStay) -> Document:
    return {
        "event": "booking",
        "payload": payload,
        "property_id": _PROPERTY,
        "user_id": None,
        "timestamp": utc(stay.changed),
    }


def _revision_id(stay: SampleStay) -> str:
    """A UUID, the same for the same revision."""
    digits = hashlib.sha256(repr(stay).encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:32]}"

"""Deliveries as OwnerRez's webhooks make them. Not verified against a live account."""

from __future__ import annotations

import hashlib
from typing import Any

from worker.sample_deliveries.stay import DAY, Document, SampleStay, hour_of, number_or_text, utc

__all__ = ["STATUSES", "document", "noise", "sign"]

STATUSES = {
    "confirmed": ("active", "booking"),
    "tentative": ("pending", "booking"),
    "blocked": ("active", "block"),
    "cancelled": ("canceled", "booking"),
    "inquiry": ("active", "quoteHold"),
}
sign = None


def document(stay: SampleStay) -> Document:
    """A new or changed booking, whose guest is only a number; there is no action for a cancellation."""
    status, kind = STATUSES[stay.word]
    entity: dict[str, Any] = {
        "id": number_or_text(stay.id),
        "property_id": number_or_text(stay.unit),
        "guest_id": 7001,
        "status": status,
        "type": kind,
        "is_block": kind == "block",
        "arrival": stay.check_in[:DAY],
        "departure": stay.check_out[:DAY],
        "check_in": hour_of(stay.check_in),
        "check_out": hour_of(stay.check_out),
        "canceled_utc": utc(stay.changed) if stay.is_cancelled else None,
        "updated_utc": utc(stay.changed),
        "door_codes": [],
        "listing_site": "Direct",
    }
    return {
        "id": _news_id(stay),
        "user_id": 10001,
        "action": "entity_create" if stay.kind == "created" else "entity_update",
        "entity_type": "booking",
        "entity_id": number_or_text(stay.id),
        "categories": ["canceled"] if stay.is_cancelled else ["dates"],
        "entity": entity,
    }


def noise() -> Document:
    """What concerns no stay: the test that OwnerRez sends."""
    return {"id": 1, "user_id": 10001, "action": "webhook_test"}


def _news_id(stay: SampleStay) -> int:
    """The same for the same news."""
    return int(hashlib.sha256(repr(stay).encode()).hexdigest()[:12], 16)

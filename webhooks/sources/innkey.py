"""The adapter `innkey`: our own form of a booking event, signed as Standard Webhooks say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from marshmallow import ValidationError

from webhooks.problems import flat
from webhooks.sources import standard_webhooks
from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.innkey_schema import EventSchema
from webhooks.sources.json_body import read_object
from worker.domain.booking import BookingEvent, EventType, StayKey, Version
from worker.property_access import SourceConfig
from worker.store.events import rejected_id

__all__ = ["answers_kept_with_200", "content_types", "parse", "verify"]

content_types = frozenset({"application/json"})
answers_kept_with_200 = False

_AS_THEY_ARE = ("unit", "status", "check_in", "check_out", "send_email", "email_message", "pin", "rfid")
_GUEST = ("name", "email", "phone")


def verify(delivery: Delivery, config: SourceConfig, now: datetime) -> None:
    """Check the signature. Raises UnprovenError."""
    standard_webhooks.verify(delivery.headers, delivery.body, config.secrets, now)


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read the event; a type other than `booking.*` concerns no stay. Raises NotUnderstoodError."""
    event_id = delivery.headers.get("webhook-id", "")
    if not standard_webhooks.ID.fullmatch(event_id):
        event_id = f"body:{rejected_id(config.name, delivery.body)}"
    document = read_object(delivery.body)
    kind = document.get("type")
    if isinstance(kind, str) and not kind.startswith("booking."):
        return Parsed(event_id)
    try:
        loaded: dict[str, Any] = EventSchema().load(document)
    except ValidationError as error:
        raise NotUnderstoodError(flat(error.messages)) from None
    return Parsed(event_id, (_event(event_id, loaded, config.name),))


def _event(event_id: str, loaded: Mapping[str, Any], source: str) -> BookingEvent:
    data = loaded["data"]
    number, text = data.get("version") or (None, "")
    return BookingEvent(
        id=event_id,
        key=StayKey(source, data["id"]),
        type=EventType(loaded["type"]),
        version=Version(number=number, text=text, stamp=loaded["timestamp"]),
        changes=_changes(data),
    )


def _changes(data: Mapping[str, Any]) -> dict[str, object]:
    """Only what the event names; a guest that is null clears all of the guest's fields."""
    changes = {name: data[name] for name in _AS_THEY_ARE if name in data}
    if "guest" in data:
        guest = data["guest"]
        given = dict.fromkeys(_GUEST) if guest is None else guest
        changes |= {f"guest_{name}": value for name, value in given.items()}
    return changes

"""The adapter `uplisting`: whole bookings that do not say what has happened; a token is their proof."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import parse_qsl

from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.json_body import FORM, JSON, read_documents
from webhooks.sources.reading import Document, identity, mapping, moment, name_of, word
from webhooks.sources.reservations import Reservation, content_id, guest, parsed, status_of, stay_times
from webhooks.sources.unsigned import verify
from worker.domain.booking import Status
from worker.property_access import SourceConfig

__all__ = ["answers_kept_with_200", "content_types", "parse", "verify"]

content_types = frozenset({JSON, FORM})
answers_kept_with_200 = True

_CREATED, _REMOVED = "bookingcreated", "bookingremoved"
_EVENTS = ("", _CREATED, "bookingupdated", _REMOVED)
_STATUSES: Mapping[str, Status] = {
    "confirmed": Status.CONFIRMED,
    "checkedin": Status.CONFIRMED,
    "checkedout": Status.CONFIRMED,
    "completed": Status.CONFIRMED,
    "pending": Status.TENTATIVE,
    "inquiry": Status.TENTATIVE,
    "cancelled": Status.CANCELLED,
    "canceled": Status.CANCELLED,
    "declined": Status.CANCELLED,
}


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read the bookings; what has happened to them stands in the address. Raises NotUnderstoodError."""
    documents = read_documents(delivery)
    event = _known(dict(parse_qsl(delivery.query)).get("event"))
    found = [
        _reservation(_booking(one), event or _known(one.get("event")))
        for one in documents
        if _is_a_booking(one)
    ]
    return parsed(content_id([event, documents]), found, delivery, config, by_content=True)


def _known(event: object) -> str:
    """What the operator wrote behind the address for this event; a wrong word is not passed over."""
    told = word(event)
    if told not in _EVENTS:
        known = "booking_created, booking_updated and booking_removed"
        raise NotUnderstoodError({"event": [f"is none of {known}"]})
    return told


def _is_a_booking(document: Document) -> bool:
    """No body is known to name its event; one that names another kind is no booking."""
    event = document.get("event")
    return not isinstance(event, str) or word(event).startswith("booking")


def _booking(document: Document) -> Document:
    return mapping(document.get("booking")) or document


def _reservation(booking: Document, event: str) -> Reservation:
    removed = event == _REMOVED
    status = Status.CANCELLED if removed else status_of(booking.get("status"), _STATUSES, "status")
    unit = _unit(booking)
    times = stay_times(
        status,
        (booking.get("check_in"), "check_in"),
        (booking.get("check_out"), "check_out"),
        opens=booking.get("arrival_time"),
        closes=booking.get("departure_time"),
    )
    name = "guest_name" if booking.get("guest_name") else "preferred_guest_name"
    return Reservation(
        id=name_of(booking, "id"),
        event=content_id([event, booking]),
        status=status,
        changed=_changed(booking.get("timestamp")),
        is_new=event == _CREATED,
        changes={
            **({"unit": unit} if unit else {}),
            **times,
            **guest(booking, name=name, email="guest_email", phone="guest_phone"),
        },
    )


def _unit(booking: Document) -> str | None:
    """The property, with the unit of it where it has several: `property/unit`."""
    house = identity(booking.get("property_id"), "property_id")
    # Uplisting writes it like this.
    name = "mutli_unit_id" if booking.get("mutli_unit_id") else "multi_unit_id"
    unit = identity(booking.get(name), name)
    return f"{house}/{unit}" if house and unit else house


def _changed(told: object) -> datetime | None:
    """The moment of the news: RFC 3339, or in seconds since 1970."""
    if isinstance(told, int | float) and not isinstance(told, bool):
        try:
            return moment(datetime.fromtimestamp(told, UTC).isoformat())
        except (ValueError, OverflowError, OSError):
            return None
    return moment(told)

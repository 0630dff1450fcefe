"""The adapter `beds24`: its booking webhook, whole bookings in version 2, only an id in version 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.beds24_api import asking, changes, fetch, most_asked, read_pin, write_pin
from webhooks.sources.fetching import asks_without_order, fetched, may_ask
from webhooks.sources.json_body import FORM, JSON, read_documents
from webhooks.sources.reading import Document, identity, mapping, moment, name_of, word
from webhooks.sources.reservations import Reservation, content_id, guest, parsed, status_of, stay_times
from webhooks.sources.unsigned import verify
from worker.domain.booking import Status
from worker.property_access import SourceConfig

__all__ = [
    "answers_kept_with_200",
    "asking",
    "changes",
    "content_types",
    "fetch",
    "most_asked",
    "parse",
    "read",
    "read_pin",
    "verify",
    "write_pin",
]

content_types = frozenset({JSON, FORM, ""})
answers_kept_with_200 = True

_STATUSES: Mapping[str, Status] = {
    "confirmed": Status.CONFIRMED,
    "new": Status.CONFIRMED,
    "request": Status.TENTATIVE,
    "inquiry": Status.TENTATIVE,
    "black": Status.BLOCKED,
    "cancelled": Status.CANCELLED,
    "canceled": Status.CANCELLED,
}


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read the bookings; what synchronises inventory concerns no stay. Raises NotUnderstoodError."""
    if not delivery.body.strip() or _is_a_plain_form(delivery):
        return _of_version_1(delivery, config)
    documents = read_documents(delivery)
    found = [_reservation(one) for one in documents if _is_of_a_booking(one)]
    told = parsed(content_id(documents), found, delivery, config, by_content=True)
    return replace(told, asks=asks_without_order(found, config))


def read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002, ARG001 - the protocol's
    """Read a booking of the API: it is what a delivery of version 2 carries. Raises NotUnderstoodError."""
    return fetched(_reservation({"booking": document}), config, asked)


def _is_a_plain_form(delivery: Delivery) -> bool:
    """Whether version 1 came as a form instead of in the address."""
    return delivery.content_type == FORM and b"bookid=" in delivery.body


def _of_version_1(delivery: Delivery, config: SourceConfig) -> Parsed:
    """A message concerns no stay. All else names a booking and does not say what it is now: it is asked for.

    Not even a cancellation: Beds24 says that the status of such a call is not synchronous.
    """
    given = f"{delivery.query}&{delivery.body.decode('latin-1')}"
    told = {name.lower(): value for name, value in parse_qsl(given)}
    if "bookid" in told and word(told.get("status")) == "message":
        return Parsed(content_id(told), by_content=True)
    if "bookid" in told and may_ask(config):
        return Parsed(content_id(told), by_content=True, asks=(name_of(told, "bookid"),))
    if "bookid" in told:
        cure = "give the source api_url and api_key, or set the webhook to version 2, with personal data"
        cause = f"is all that a webhook of version 1 tells; {cure}"
        raise NotUnderstoodError({"bookid": [cause]})
    raise NotUnderstoodError({"body": ["is empty"]})


def _is_of_a_booking(document: Document) -> bool:
    if isinstance(document.get("booking"), dict):
        return True
    if word(document.get("action")).startswith("sync"):
        return False
    raise NotUnderstoodError({"booking": ["is missing"]})


def _reservation(document: Document) -> Reservation:
    booking = mapping(document.get("booking"))
    status = _status(booking)
    created, modified = moment(booking.get("bookingTime")), moment(booking.get("modifiedTime"))
    times = stay_times(
        status, (booking.get("arrival"), "booking.arrival"), (booking.get("departure"), "booking.departure")
    )
    who = guest(booking, name=("firstName", "lastName"), email="email", phone=_phone(booking))
    unit = _unit(booking)
    return Reservation(
        id=name_of(booking, "id", path="booking."),
        event=content_id(booking),
        status=status,
        changed=modified or moment(document.get("timeStamp")),
        is_new=created is not None and created == modified,
        changes={**({"unit": unit} if unit else {}), **times, **who},
    )


def _status(booking: Document) -> Status:
    """By its status; only where it has none does the time of a cancellation count."""
    if booking.get("status") in (None, "") and booking.get("cancelTime"):
        return Status.CANCELLED
    return status_of(booking.get("status"), _STATUSES, "booking.status")


def _phone(booking: Document) -> str:
    return "mobile" if booking.get("mobile") and not booking.get("phone") else "phone"


def _unit(booking: Document) -> str | None:
    """The room, with the unit of it where the room has several: `room/unit`."""
    room = identity(booking.get("roomId"), "booking.roomId")
    unit = identity(booking.get("unitId"), "booking.unitId")
    return f"{room}/{unit}" if room and unit and unit != "0" else room

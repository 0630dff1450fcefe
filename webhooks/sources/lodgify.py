"""The adapter `lodgify`: whole bookings without an order of their own, signed for each subscription."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from webhooks.sources import hmac_hex
from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed, UnprovenError
from webhooks.sources.fetching import fetched, may_ask
from webhooks.sources.json_body import FORM, JSON, read_documents
from webhooks.sources.lodgify_api import asking, changes, fetch, most_asked
from webhooks.sources.reading import Document, identity, mapping, mappings, name_of, word
from webhooks.sources.reservations import (
    Part,
    Reservation,
    content_id,
    guest,
    parsed,
    status_of,
    stay_times,
)
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
    "verify",
]

content_types = frozenset({JSON, FORM})
answers_kept_with_200 = True

_PREFIX = "sha256="
_STATUSES: Mapping[str, Status] = {
    "booked": Status.CONFIRMED,
    "open": Status.TENTATIVE,
    "tentative": Status.TENTATIVE,
    "declined": Status.CANCELLED,
    "canceled": Status.CANCELLED,
    "cancelled": Status.CANCELLED,
}


def verify(delivery: Delivery, config: SourceConfig, now: datetime) -> None:  # noqa: ARG001 - the protocol's
    """Check `ms-signature: sha256=<hex>` with each of the subscriptions' secrets. Raises UnprovenError."""
    given = delivery.headers.get("ms-signature", "").strip()
    if not given.lower().startswith(_PREFIX):
        raise UnprovenError("missing or malformed signature header")
    hmac_hex.check(given[len(_PREFIX) :], delivery.body, config.secrets)


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read the bookings; rates, availability and messages concern no stay. Raises NotUnderstoodError.

    Nothing in a delivery says whether it was overtaken: what the booking is now is asked for as well.
    """
    documents = read_documents(delivery)
    found = [_reservation(one) for one in documents if _is_of_a_booking(one)]
    told = parsed(content_id(documents), found, delivery, config, by_content=True)
    return replace(told, asks=tuple(one.id for one in found)) if may_ask(config) else told


def read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002, ARG001 - the protocol's
    """Read a booking of the API, whose shape is another. Raises NotUnderstoodError."""
    told = mapping(document)
    names = {"date_arrival": "arrival", "date_departure": "departure", "room_types": "rooms"}
    booking = {**told, **{name: told.get(other) for name, other in names.items()}}
    # The moment of a cancellation may outlast a reinstatement.
    is_off = told.get("canceled_at") and word(told.get("status")) != "booked"
    if told.get("is_deleted") is True or is_off:
        booking["status"] = "canceled"
    who = mapping(told.get("guest"))
    phone = {"phone_number": who["phone"]} if "phone" in who else {}
    one = _reservation({"booking": booking, "guest": {**phone, **who}})
    return fetched(_without_nameless_rooms(one, mappings(told.get("rooms"))), config, asked)


def _without_nameless_rooms(one: Reservation, rooms: list[Document]) -> Reservation:
    """Rooms without ids of their own cannot be matched with those of a delivery: several stay as they are."""
    if len(rooms) < 2 or all(room.get("id") for room in rooms):
        return one
    return replace(one, parts=(), changes={k: v for k, v in one.changes.items() if k != "unit"})


def _is_of_a_booking(document: Document) -> bool:
    action = document.get("action")
    if not isinstance(action, str):
        raise NotUnderstoodError({"action": ["is missing"]})
    return word(action).startswith("booking")


def _reservation(document: Document) -> Reservation:
    booking = mapping(document.get("booking"))
    status = status_of(booking.get("status"), _STATUSES, "booking.status")
    if status is Status.CONFIRMED and "closed" in word(booking.get("type")):
        status = Status.BLOCKED
    listing = identity(booking.get("property_id"), "booking.property_id")
    times = stay_times(
        status,
        (booking.get("date_arrival"), "booking.date_arrival"),
        (booking.get("date_departure"), "booking.date_departure"),
    )
    who = guest(mapping(document.get("guest")), name="name", email="email", phone="phone_number")
    return Reservation(
        id=name_of(booking, "id", path="booking."),
        # The same booking comes once for each subscription that it concerns, under another action.
        event=content_id({"booking": booking, "guest": document.get("guest")}),
        status=status,
        is_new=word(document.get("action")).startswith("bookingnew"),
        changes={**({"unit": listing} if listing else {}), **times, **who},
        parts=_rooms(booking, listing),
    )


def _rooms(booking: Document, listing: str | None) -> list[Part]:
    """The rooms of the booking; each is called `property/room type`."""
    found = []
    for one in mappings(booking.get("room_types")):
        kind = identity(one.get("room_type_id") or one.get("id"), "booking.room_types.room_type_id")
        row = identity(one.get("id") or one.get("room_type_id"), "booking.room_types.id")
        if kind is not None and row is not None and listing is not None:
            found.append(Part(id=row, changes={"unit": f"{listing}/{kind}"}))
    return found

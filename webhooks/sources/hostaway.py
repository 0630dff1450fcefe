"""The adapter `hostaway`: its unified webhooks, proven by HTTP Basic, which carry whole reservations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.fetching import asks_without_order, fetched
from webhooks.sources.hostaway_api import asking, changes, fetch, most_asked, read_pin, write_pin
from webhooks.sources.json_body import FORM, JSON, read_documents
from webhooks.sources.reading import Document, identity, mapping, mappings, moment, name_of, word
from webhooks.sources.reservations import (
    Part,
    Reservation,
    content_id,
    guest,
    parsed,
    status_of,
    stay_times,
)
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

content_types = frozenset({JSON, FORM})
answers_kept_with_200 = True

_STATUSES: Mapping[str, Status] = {
    "new": Status.CONFIRMED,
    "modified": Status.CONFIRMED,
    "cancelled": Status.CANCELLED,
    "declined": Status.CANCELLED,
    "expired": Status.CANCELLED,
    "inquirydenied": Status.CANCELLED,
    "inquirytimedout": Status.CANCELLED,
    "inquirynotpossible": Status.CANCELLED,
    "ownerstay": Status.BLOCKED,
    "pending": Status.TENTATIVE,
    "awaitingpayment": Status.TENTATIVE,
    "awaitingguestverification": Status.TENTATIVE,
    "unconfirmed": Status.TENTATIVE,
    "inquiry": Status.TENTATIVE,
    "inquirypreapproved": Status.TENTATIVE,
}


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read the reservations; messages and the like concern no stay. Raises NotUnderstoodError."""
    documents = read_documents(delivery)
    found = [_reservation(one) for one in documents if _is_of_a_reservation(one)]
    told = parsed(content_id(documents), found, delivery, config, by_content=True)
    return replace(told, asks=asks_without_order(found, config))


def read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002, ARG001 - the protocol's
    """Read a reservation of the API: it is what a delivery carries. Raises NotUnderstoodError."""
    return fetched(_reservation({"data": document}), config, asked)


def _is_of_a_reservation(document: Document) -> bool:
    kind, event = document.get("object"), document.get("event")
    if not isinstance(kind, str) and not isinstance(event, str):
        raise NotUnderstoodError({"event": ["is missing"]})
    return word(kind) == "reservation" or word(event).startswith("reservation")


def _reservation(document: Document) -> Reservation:
    data = mapping(document.get("data")) or mapping(mapping(document.get("payload")).get("data"))
    status = status_of(data.get("status"), _STATUSES, "data.status")
    unit = identity(data.get("listingMapId"), "data.listingMapId")
    return Reservation(
        id=name_of(data, "id", "hostawayReservationId", path="data."),
        event=content_id(document),
        status=status,
        changed=_changed(data),
        is_new=word(document.get("event")) == "reservation.created",
        changes={**({"unit": unit} if unit else {}), **_times(data, status), **_guest(data)},
        parts=_parts(data, unit),
    )


def _changed(data: Document) -> datetime | None:
    """The later one: a message of the guest's moves the one, a change in the office the other."""
    told = (moment(data.get(name)) for name in ("updatedOn", "latestActivityOn"))
    return max((one for one in told if one is not None), default=None)


def _times(data: Document, status: Status) -> dict[str, object]:
    if data.get("isDatesUnspecified") in (1, True, "1"):
        return {}  # both dates are yesterday then
    return stay_times(
        status,
        (data.get("arrivalDate"), "data.arrivalDate"),
        (data.get("departureDate"), "data.departureDate"),
        opens=data.get("checkInTime"),
        closes=data.get("checkOutTime"),
    )


def _guest(data: Document) -> dict[str, object]:
    name = "guestName" if data.get("guestName") else ("guestFirstName", "guestLastName")
    return guest(data, name=name, email="guestEmail", phone="phone")


def _parts(data: Document, listing: str | None) -> list[Part]:
    """The units of a listing that has several; each is called `listing/unit`."""
    found = []
    for one in mappings(data.get("reservationUnit")):
        unit = identity(one.get("listingUnitId"), "data.reservationUnit.listingUnitId")
        if unit is not None and listing is not None:
            name: dict[str, Any] = {k: v for k, v in guest(one, name="guestName").items() if v}
            found.append(Part(id=unit, changes={"unit": f"{listing}/{unit}", **name}))
    return found

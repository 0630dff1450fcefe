"""The adapter `smoobu`: whole reservations, unsigned; a token in the address is their proof."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.fetching import asks_without_order, fetched
from webhooks.sources.json_body import FORM, JSON, read_documents
from webhooks.sources.reading import Document, identity, mapping, moment, name_of, word
from webhooks.sources.reservations import Reservation, content_id, guest, parsed, stay_times
from webhooks.sources.smoobu_api import asking, changes, fetch, most_asked
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
    "verify",
]

content_types = frozenset({JSON, FORM})
answers_kept_with_200 = True

_OFF = ("cancelreservation", "deletereservation")
_CANCELLED = ("cancellation", "cancelled", "canceled")
_CONFIRMED = ("reservation", "modificationofbooking")


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read the reservations; rates, messages and the timeline concern no stay. Raises NotUnderstoodError."""
    documents = read_documents(delivery)
    found = [_reservation(one) for one in documents if _is_of_a_reservation(one)]
    told = parsed(content_id(documents), found, delivery, config, by_content=True)
    return replace(told, asks=asks_without_order(found, config))


def read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002, ARG001 - the protocol's
    """Read a reservation of the API: it is what a delivery carries. Raises NotUnderstoodError."""
    return fetched(_reservation({"data": document}), config, asked)


def _is_of_a_reservation(document: Document) -> bool:
    action = document.get("action")
    if not isinstance(action, str):
        raise NotUnderstoodError({"action": ["is missing"]})
    return word(action).endswith("reservation")


def _reservation(document: Document) -> Reservation:
    data = mapping(document.get("data"))
    action = word(document.get("action"))
    status = _status(action, data)
    unit = identity(mapping(data.get("apartment")).get("id"), "data.apartment.id")
    times = stay_times(
        status,
        (data.get("arrival"), "data.arrival"),
        (data.get("departure"), "data.departure"),
        opens=data.get("check-in"),
        closes=data.get("check-out"),
    )
    name = "guest-name" if data.get("guest-name") else ("firstname", "lastname")
    return Reservation(
        id=name_of(data, "id", path="data."),
        event=content_id(document),
        status=status,
        changed=moment(data.get("modifiedAt")) or moment(data.get("modified-at")),
        is_new=action == "newreservation",
        changes={
            **({"unit": unit} if unit else {}),
            **times,
            **guest(data, name=name, email="email", phone="phone"),
        },
    )


def _status(action: str, data: Document) -> Status:
    """Off by its action or its type, which an update bears too; Smoobu has no inquiries and options.

    A type that is not known is for a person: whether the stay is on cannot be told.
    """
    kind = word(data.get("type"))
    if action in _OFF or kind in _CANCELLED:
        return Status.CANCELLED
    if data.get("is-blocked-booking") in (True, 1, "1", "true"):
        return Status.BLOCKED
    if data.get("type") is not None and kind not in _CONFIRMED:
        raise NotUnderstoodError({"data.type": ["is not a type that this adapter knows"]})
    return Status.CONFIRMED

"""The adapter `hospitable`: whole reservations with ids of the news, signed over the body."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webhooks.sources import hmac_hex
from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.fetching import fetched
from webhooks.sources.hospitable_api import asking, changes, fetch, most_asked
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

_STATUSES: Mapping[str, Status] = {
    "accepted": Status.CONFIRMED,
    "request": Status.TENTATIVE,
    "cancelled": Status.CANCELLED,
    "canceled": Status.CANCELLED,
    "notaccepted": Status.CANCELLED,
}
_NAMES = ("first_name", "last_name")


def verify(delivery: Delivery, config: SourceConfig, now: datetime) -> None:  # noqa: ARG001 - the protocol's
    """Check `Signature`, the hexadecimal HMAC-SHA256 of the body. Raises UnprovenError."""
    hmac_hex.check(delivery.headers.get("signature", "").strip(), delivery.body, config.secrets)


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read the reservations; properties, messages and reviews concern no stay. Raises NotUnderstoodError."""
    documents = read_documents(delivery)
    news = [one for one in documents if _is_of_a_reservation(one)]
    found = [
        _reservation(data, one, _news_id(one, number))
        for one in news
        for number, data in enumerate(_data(one))
    ]
    delivery_id = _news_id(documents[0], 0) if len(documents) == 1 else content_id(documents)
    has_ids = all(identity(one.get("id"), "id") for one in documents)
    return parsed(delivery_id, found, delivery, config, by_content=not has_ids)


def read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002, ARG001 - the protocol's
    """Read a reservation of the API. Raises NotUnderstoodError.

    When it was asked for is its place in the order: deliveries are ordered by when they were made, which a
    reservation itself does not tell. They say whole seconds, so of one second the receipt decides.
    """
    news = {"created": asked.replace(microsecond=0).isoformat()}
    return fetched(_reservation(mapping(document), news, ""), config, asked)


def _is_of_a_reservation(document: Document) -> bool:
    action = document.get("action")
    if not isinstance(action, str):
        raise NotUnderstoodError({"action": ["is missing"]})
    return word(action).startswith("reservation") and word(document.get("triggers")) != "test"


def _data(document: Document) -> list[Document]:
    """The reservations in the news: an object, or an array of them."""
    given = document.get("data")
    found = mappings(given)
    if not found or (isinstance(given, list) and len(found) != len(given)):
        raise NotUnderstoodError({"data": ["is neither an object nor an array of them"]})
    return found


def _news_id(document: Document, number: int) -> str:
    """The sender's id of the news, which stays the same when it is sent again."""
    told = identity(document.get("id"), "id")
    name = told if told is not None else content_id(document)
    return f"{name}.{number}" if number else name


def _reservation(data: Document, document: Document, news_id: str) -> Reservation:
    status = _status(data)
    units = [
        found
        for one in mappings(data.get("properties"))
        if (found := identity(one.get("id"), "data.properties.id")) is not None
    ]
    return Reservation(
        id=name_of(data, "id", path="data."),
        event=news_id,
        status=status,
        changed=moment(document.get("created")),
        is_new=word(document.get("action")) == "reservation.created",
        changes={**({"unit": units[0]} if units else {}), **_times(data, status), **_guest(data)},
        parts=[Part(id=unit, changes={"unit": unit}) for unit in dict.fromkeys(units)],
    )


def _status(data: Document) -> Status:
    """The category of the status; `status`, which is to go, where there is none."""
    current = mapping(mapping(data.get("reservation_status")).get("current"))
    if "category" in current:
        return status_of(current["category"], _STATUSES, "data.reservation_status.current.category")
    return status_of(data.get("status"), _STATUSES, "data.status")


def _times(data: Document, status: Status) -> dict[str, object]:
    """The wall time counts, whatever offset stands behind it: a property's is the same all year round."""
    arrives, leaves = _first(data, "check_in", "arrival_date"), _first(data, "check_out", "departure_date")
    return stay_times(
        status,
        arrives,
        leaves,
        opens=_hour(arrives) if arrives[1] == "data.check_in" else None,
        closes=_hour(leaves) if leaves[1] == "data.check_out" else None,
    )


def _first(data: Document, *names: str) -> tuple[object, str]:
    name = next((one for one in names if data.get(one)), names[-1])
    return data.get(name), f"data.{name}"


def _hour(told: tuple[object, str]) -> str | None:
    value = told[0]
    return value[11:16] if isinstance(value, str) and value[10:11] in ("T", " ") else None


def _guest(data: Document) -> dict[str, object]:
    who = mapping(data.get("guest"))
    found = guest(who, name=_NAMES, email="email")
    numbers = who.get("phone_numbers")
    if isinstance(numbers, list):
        found |= guest({"phone": numbers[0] if numbers else None}, phone="phone")
    return found

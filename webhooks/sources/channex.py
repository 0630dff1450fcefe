"""The adapter `channex`: news of a booking's revisions, which its API tells and wants acknowledged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.asking import Asking, GoneError, LaterError, RefusedError
from webhooks.sources.fetching import access
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
    "acknowledge",
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
most_asked = 1

PAGE: Final = 100

_UNACKNOWLEDGED = "nonackedbooking"
_STATUSES: Mapping[str, Status] = {
    "new": Status.CONFIRMED,
    "modified": Status.CONFIRMED,
    "cancelled": Status.CANCELLED,
    "canceled": Status.CANCELLED,
}


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read which revisions there are; rates, messages and the like concern no stay. NotUnderstoodError."""
    documents = read_documents(delivery)
    told = [_payload(one) for one in documents if _is_of_a_booking(one)]
    found = [_reservation(one) for one in told if _is_whole(one)]
    ids = [_revision_id(one) for one in told]
    made = parsed(content_id(documents), found, delivery, config, by_content=False)
    # A whole one too: it has to be acknowledged.
    asks = tuple(dict.fromkeys(one for one in ids if one is not None))
    return replace(made, asks=asks, polls=None in ids)


def _is_of_a_booking(document: Document) -> bool:
    event = document.get("event")
    if not isinstance(event, str):
        raise NotUnderstoodError({"event": ["is missing"]})
    return word(event).startswith("booking") or word(event) == _UNACKNOWLEDGED


def _payload(document: Document) -> Document:
    """What the news is about; nothing where `send_data` is off."""
    given = mapping(document.get("payload")) or mapping(document.get("booking"))
    return mapping(given.get("attributes")) or given


def _is_whole(revision: Document) -> bool:
    return "status" in revision and "rooms" in revision


def _revision_id(revision: Document) -> str | None:
    """The id by which it is asked for and acknowledged; `id` alone is the booking's unless both are told."""
    for name in ("revision_id", "booking_revision_id"):
        found = identity(revision.get(name), f"payload.{name}")
        if found is not None:
            return found
    return identity(revision.get("id"), "payload.id") if revision.get("booking_id") else None


def _reservation(revision: Document) -> Reservation:
    status = status_of(revision.get("status"), _STATUSES, "status")
    house = identity(revision.get("property_id"), "property_id")
    times = _times(revision, status, "arrival_date", "departure_date")
    return Reservation(
        id=name_of(revision, "booking_id", "id"),
        event=_revision_id(revision) or content_id(revision),
        status=status,
        changed=moment(revision.get("inserted_at")),
        is_new=word(revision.get("status")) == "new",
        changes={**times, **_customer(revision)},
        parts=_rooms(revision, status, house),
    )


def _times(given: Document, status: Status, first: str, last: str) -> dict[str, object]:
    """Dates only: `arrival_hour` is when the guest thinks to come, not when the stay begins."""
    return stay_times(status, (given.get(first), first), (given.get(last), last))


def _customer(revision: Document) -> dict[str, object]:
    return guest(mapping(revision.get("customer")), name=("name", "surname"), email="mail", phone="phone")


def _rooms(revision: Document, status: Status, house: str | None) -> list[Part]:
    """Each room by its type; one that is not mapped is of the property, and a stay all the same."""
    found = []
    for one in mappings(revision.get("rooms")):
        kind = identity(one.get("room_type_id"), "rooms.room_type_id")
        unit = kind or house
        who = mappings(one.get("guests"))
        name = guest(who[0], name=("name", "surname")) if who else {}
        found.append(
            Part(
                # A UUID's first part: two whole ones are longer than a name on a lock.
                id=kind.partition("-")[0] if kind else "unmapped",
                changes={
                    **({"unit": unit} if unit else {}),
                    **_times(one, status, "checkin_date", "checkout_date"),
                    **{field: value for field, value in name.items() if value},
                },
            )
        )
    return found


# --- its API ------------------------------------------------------------------------------------------------


def asking(config: SourceConfig) -> Asking:
    """API version 1, with a key."""
    url, key = access(config)
    return Asking(url, headers={"user-api-key": key.reveal()})


def fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    """Each revision. Raises AskingError."""
    found = {}
    for one in ids:
        answer = mapping(api.get(f"booking_revisions/{quote(one, safe='')}"))
        found[one] = answer.get("data")
    return found


def read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002 - the field's word
    """Read a revision as the API tells it. Raises NotUnderstoodError."""
    given = mapping(document)
    found = replace(_reservation(mapping(given.get("attributes")) or given), event=id)
    return parsed(id, [found], Delivery(body=b"", received=asked), config, by_content=False)


def changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:  # noqa: ARG001 - the protocol's
    """The revisions that are not acknowledged yet, oldest first, whenever they came. Raises AskingError."""
    yield from _feed(api)


def _feed(api: Asking) -> list[tuple[str, Any]]:
    """All pages before the first is worked on: what is acknowledged leaves the feed, and pages move up."""
    found: dict[str, Any] = {}
    page = 1
    while True:
        asked: dict[str, str | int] = {
            "pagination[page]": page,
            "pagination[limit]": PAGE,
            "order[inserted_at]": "asc",
        }
        data = mapping(api.get("booking_revisions/feed", asked)).get("data")
        if not isinstance(data, list):
            raise LaterError("an answer without a list of revisions")
        news = {one["id"]: one for one in mappings(data) if isinstance(one.get("id"), str)}
        if not news.keys() - found.keys():
            return list(found.items())
        found |= news
        if len(data) < PAGE:
            return list(found.items())
        page += 1


def acknowledge(api: Asking, id: str) -> None:  # noqa: A002 - the field's word
    """Take a revision out of the feed. Raises AskingError."""
    try:
        api.send("POST", f"booking_revisions/{quote(id, safe='')}/ack")
    except GoneError:
        return
    except RefusedError as error:
        # It is on record here. If it stays in the feed, Channex says so itself, by an event and a mail.
        if error.is_key:
            raise

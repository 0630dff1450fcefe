"""The adapter `mews`: a message names hundreds of reservations, and its API tells what they are now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.asking import Asking
from webhooks.sources.fetching import access
from webhooks.sources.json_body import FORM, JSON, read_documents
from webhooks.sources.reading import Document, identity, mapping, mappings, moment, name_of, word
from webhooks.sources.reservations import content_id, guest, status_of, stay_moments
from webhooks.sources.thin import ROOM_BY, as_lived, fetched, pair, with_room
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
most_asked = 200  # it takes 1000, but what it says of them is written one by one within one lease

_RESERVATIONS = "reservations/getAll/2023-06-06"
_CUSTOMERS = "customers/getAll"
_SPAN = timedelta(days=85)  # an interval may have three months at most
_SPANS = 4
_PAGE = 1000
_IN_HOUSE = "started"
_OVER = "processed"
_STATUSES: Mapping[str, Status] = {
    "confirmed": Status.CONFIRMED,
    _IN_HOUSE: Status.CONFIRMED,
    _OVER: Status.CONFIRMED,
    "canceled": Status.CANCELLED,
    "cancelled": Status.CANCELLED,
    "optional": Status.TENTATIVE,
    "requested": Status.TENTATIVE,
    "inquired": Status.TENTATIVE,
    "enquired": Status.TENTATIVE,
}


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:  # noqa: ARG001 - the protocol's
    """Read which service orders have changed; all other events concern no stay. Raises NotUnderstoodError."""
    documents = read_documents(delivery)
    asks = [_named(event) for one in documents for event in _events(one) if _is_of_a_stay(event)]
    return Parsed(content_id(documents), asks=tuple(dict.fromkeys(asks)))


def asking(config: SourceConfig) -> Asking:
    """The Connector API, whose tokens stand in each body."""
    url, key = access(config)
    client, user = pair(key)
    tokens = {"ClientToken": client.reveal(), "AccessToken": user.reveal(), "Client": "Innkey"}
    return Asking(url, common=tokens)


def fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    """Each reservation and who it belongs to. Raises AskingError."""
    page = api.send("POST", _RESERVATIONS, body={"ReservationIds": list(ids), **_limited(None)})
    return dict(_with_customers(api, mapping(page)))


def read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002 - the field's word
    """What a reservation means; all of its times are UTC. Raises NotUnderstoodError."""
    told, who = mapping(mapping(document).get("reservation")), mapping(mapping(document).get("customer"))
    status, state = status_of(told.get("State"), _STATUSES, "State"), word(told.get("State"))
    unit = identity(told.get("AssignedResourceId"), "AssignedResourceId")
    left = told.get("ActualEndUtc") if state == _OVER else None
    booked = stay_moments(status, _either(told, "Start"), _either(told, "End"))
    times = as_lived(booked, told.get("ActualStartUtc"), left)
    now, room = with_room(
        status, unit, moment(times.get("check_in")), asked, is_in_house=state in (_IN_HOUSE, _OVER)
    )
    person = guest(who, name=("FirstName", "LastName"), email="Email", phone="Phone")
    changed = moment(told.get("UpdatedUtc"))
    return fetched(id, now, {**room, **times, **person}, config, asked, changed=changed)


def changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    """What has changed since then, and who arrives within a day; else all whose stay is not over.

    Of these the ones of the next eleven months. Raises AskingError.
    """
    now = datetime.now(UTC)
    if since is None:
        for number in range(_SPANS):
            begins = now + number * _SPAN
            yield from _listed(api, {"CollidingUtc": _interval(begins, begins + _SPAN)})
        return
    yield from _listed(api, {"UpdatedUtc": _interval(max(since, now - _SPAN), now)})
    yield from _listed(api, {"ScheduledStartUtc": _interval(now, now + ROOM_BY)})


def _events(document: Document) -> list[Document]:
    events = document.get("Events")
    if not isinstance(events, list):
        raise NotUnderstoodError({"Events": ["is not a list"]})
    return mappings(events)


def _is_of_a_stay(event: Document) -> bool:
    return word(event.get("Discriminator")) == "serviceorderupdated"


def _named(event: Document) -> str:
    return name_of(mapping(event.get("Value")), "Id", path="Events.Value.")


def _either(told: Document, end: str) -> tuple[object, str]:
    """The scheduled time, else the one of older answers."""
    name = f"Scheduled{end}Utc"
    return (told.get(name), name) if told.get(name) else (told.get(f"{end}Utc"), f"{end}Utc")


def _listed(api: Asking, wanted: Mapping[str, object]) -> Iterator[tuple[str, Any]]:
    cursor: str | None = None
    while True:
        page = mapping(api.send("POST", _RESERVATIONS, body={**wanted, **_limited(cursor)}))
        yield from _with_customers(api, page)
        following = page.get("Cursor")
        # A cursor comes with the last page too.
        if len(mappings(page.get("Reservations"))) < _PAGE or following in (None, cursor):
            return
        cursor = str(following)


def _with_customers(api: Asking, page: Document) -> list[tuple[str, dict[str, Any]]]:
    """Each reservation of a page by its id, with its customer; a company has none."""
    reservations = [one for one in mappings(page.get("Reservations")) if isinstance(one.get("Id"), str)]
    owners = sorted({one["AccountId"] for one in reservations if _is_a_persons(one)})
    found: dict[object, Document] = {}
    if owners:
        body = {"CustomerIds": owners, "Extent": {"Customers": True, "Addresses": False}, **_limited(None)}
        customers = mapping(api.send("POST", _CUSTOMERS, body=body)).get("Customers")
        found = {one.get("Id"): one for one in mappings(customers)}
    return [
        (one["Id"], {"reservation": one, "customer": found.get(one.get("AccountId"))}) for one in reservations
    ]


def _is_a_persons(reservation: Document) -> bool:
    return isinstance(reservation.get("AccountId"), str) and word(reservation.get("AccountType")) != "company"


def _limited(cursor: str | None) -> dict[str, object]:
    return {"Limitation": {"Count": _PAGE, **({"Cursor": cursor} if cursor is not None else {})}}


def _interval(first: datetime, last: datetime) -> dict[str, str]:
    return {"StartUtc": f"{first:%Y-%m-%dT%H:%M:%SZ}", "EndUtc": f"{last:%Y-%m-%dT%H:%M:%SZ}"}

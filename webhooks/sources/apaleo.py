"""The adapter `apaleo`: deliveries name a reservation, and the Booking API tells what it is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.asking import Asking
from webhooks.sources.fetching import access
from webhooks.sources.json_body import JSON, read_documents
from webhooks.sources.oauth import ClientCredentials
from webhooks.sources.reading import Document, identity, mapping, mappings, moment, word
from webhooks.sources.reservations import (
    Reservation,
    content_id,
    guest,
    parsed,
    status_of,
    stay_moments,
)
from webhooks.sources.thin import ROOM_BY, as_lived, fetched, in_address, pair, with_room
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

content_types = frozenset({JSON, ""})
answers_kept_with_200 = True
most_asked = 1

_PAGE = 200
_RESERVATIONS = "booking/v1/reservations"
_AHEAD = timedelta(days=400)
_IN_HOUSE = "inhouse"
_OVER = "checkedout"
_NO_SHOW = "noshow"
_STATUSES: Mapping[str, Status] = {
    "confirmed": Status.CONFIRMED,
    _IN_HOUSE: Status.CONFIRMED,
    _OVER: Status.CONFIRMED,
    "canceled": Status.CANCELLED,
    "cancelled": Status.CANCELLED,
    # A night audit says it of who did not come to the desk, and who lets himself in never does.
    _NO_SHOW: Status.CONFIRMED,
}


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read which reservations have changed; all other topics concern no stay. Raises NotUnderstoodError.

    A deleted one cannot be asked for any more: it is off. A health check may have no body.
    """
    if not delivery.body:
        return Parsed("healthcheck")
    documents = read_documents(delivery)
    news = [one for one in documents if _is_of_a_reservation(one)]
    gone = [_deleted(one) for one in news if _type(one) == "deleted"]
    asks = [_named(one) for one in news if _type(one) != "deleted"]
    found = parsed(_id(documents), gone, delivery, config, by_content=True)
    return Parsed(found.id, found.events, by_content=True, asks=tuple(dict.fromkeys(asks)))


def asking(config: SourceConfig) -> Asking:
    """The API, with a token of the client in the source's table."""
    url, key = access(config)
    client, secret = pair(key)
    login = ClientCredentials(_token_url(url), client.reveal(), secret.reveal(), basic=True)
    return Asking(url, auth=login)


def fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    """What the API says of each reservation. Raises AskingError."""
    found = {one: api.get(f"{_RESERVATIONS}/{quote(one, safe='')}") for one in ids}
    return {one: document for one, document in found.items() if document is not None}


def read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002 - the field's word
    """What a reservation means. Raises NotUnderstoodError."""
    told = mapping(document)
    status = status_of(told.get("status"), _STATUSES, "status")
    state = word(told.get("status"))
    unit = identity(mapping(told.get("unit")).get("id"), "unit.id")
    booked = stay_moments(status, (told.get("arrival"), "arrival"), (told.get("departure"), "departure"))
    times = as_lived(booked, told.get("checkInTime"), told.get("checkOutTime") if state == _OVER else None)
    now, room = with_room(
        status, unit, moment(times.get("check_in")), asked, is_in_house=state in (_IN_HOUSE, _OVER, _NO_SHOW)
    )
    who = mapping(told.get("primaryGuest"))
    changes = {**room, **times, **guest(who, name=("firstName", "lastName"), email="email", phone="phone")}
    return fetched(id, now, changes, config, asked, changed=moment(told.get("modified")))


def changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    """What has changed since then, and who arrives within a day; else all of whom the stay is not over.

    Not each change moves `modified`, the assignment of a room perhaps among them. Raises AskingError.
    """
    now = datetime.now(UTC)
    if since is None:
        yield from _listed(api, "Stay", now, now + _AHEAD)
        return
    yield from _listed(api, "Modification", since, now + ROOM_BY)
    yield from _listed(api, "Arrival", now, now + ROOM_BY)


def _is_of_a_reservation(document: Document) -> bool:
    if not isinstance(document.get("topic"), str):
        raise NotUnderstoodError({"topic": ["is missing"]})
    return word(document.get("topic")) == "reservation" and not _type(document).startswith("paymentaccount")


def _type(document: Document) -> str:
    return word(document.get("type"))


def _named(document: Document) -> str:
    return in_address(mapping(document.get("data")).get("entityId"), "data.entityId")


def _id(documents: Sequence[Document]) -> str:
    """The sender's id of a delivery, the same when it is sent twice."""
    found = identity(documents[0].get("id"), "id") if len(documents) == 1 else None
    return found or content_id(documents)


def _deleted(document: Document) -> Reservation:
    return Reservation(
        id=_named(document),
        event=_id([document]),
        status=Status.CANCELLED,
        changes={},
        changed=_sent(document.get("timestamp")),
    )


def _sent(value: object) -> datetime | None:
    """Milliseconds since 1970."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 10**14:
        return None
    return datetime.fromtimestamp(value // 1000, UTC) + timedelta(milliseconds=value % 1000)


def _listed(api: Asking, kind: str, first: datetime, last: datetime) -> Iterator[tuple[str, Any]]:
    number = 1
    while True:
        asked = {"dateFilter": kind, "from": _written(first), "to": _written(last)}
        page = api.get(_RESERVATIONS, {**asked, "pageNumber": number, "pageSize": _PAGE})
        found = mappings(mapping(page).get("reservations"))  # nothing there is answered with 204
        for one in found:
            name = one.get("id")
            if isinstance(name, str):
                yield name, one
        if len(found) < _PAGE:
            return
        number += 1


def _written(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _token_url(api_url: str) -> str:
    """`api.X` gets its tokens at `identity.X`; any other host, a stand-in for it, by itself."""
    parts = urlsplit(api_url)
    host = f"identity.{parts.netloc[4:]}" if parts.netloc.startswith("api.") else parts.netloc
    return urlunsplit((parts.scheme, host, "/connect/token", "", ""))

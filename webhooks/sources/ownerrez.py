"""The adapter `ownerrez`: bookings without their guest, whom its API tells; proven by HTTP Basic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

import httpx

from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.asking import Asking, GoneError, LaterError
from webhooks.sources.fetching import access, fetched, may_ask
from webhooks.sources.json_body import FORM, JSON, read_documents
from webhooks.sources.reading import Document, identity, mapping, mappings, moment, name_of, word
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

content_types = frozenset({JSON, FORM})
answers_kept_with_200 = True
most_asked = 1

PAGE: Final = 100
EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)

_CREATED = ("entitycreate", "entityinsert")
_ACTIONS = (*_CREATED, "entityupdate", "entitydelete")
_STATUSES: Mapping[str, Status] = {
    "active": Status.CONFIRMED,
    "pending": Status.TENTATIVE,
    "canceled": Status.CANCELLED,
    "cancelled": Status.CANCELLED,
}
_TYPES: Mapping[str, Status] = {
    "booking": Status.CONFIRMED,
    "block": Status.BLOCKED,
    "linkedavailability": Status.BLOCKED,
    "quotehold": Status.TENTATIVE,
}


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read the bookings; guests, properties and the like concern no stay. Raises NotUnderstoodError."""
    documents = read_documents(delivery)
    news = [one for one in documents if _is_of_a_booking(one)]
    has_api = may_ask(config)
    found = [_told(one, delivery.received) for one in news if not has_api or _is_whole(one)]
    # The guest is never in it. Only a confirmed stay needs one.
    asks = [one.id for one in found if one.status is Status.CONFIRMED] if has_api else []
    asks += [name_of(one, "entity_id") for one in news if has_api and not _is_whole(one)]
    told_id = identity(documents[0].get("id"), "id") if len(documents) == 1 else None
    has_ids = all(identity(one.get("id"), "id") for one in news)
    made = parsed(told_id or content_id(documents), found, delivery, config, by_content=not has_ids)
    return replace(made, asks=tuple(dict.fromkeys(asks)))


def _is_of_a_booking(document: Document) -> bool:
    action = document.get("action")
    if not isinstance(action, str):
        raise NotUnderstoodError({"action": ["is missing"]})
    if not word(action).startswith("entity"):
        return False  # a test, or the end of an authorization
    if not isinstance(document.get("entity_type"), str):
        raise NotUnderstoodError({"entity_type": ["is missing"]})
    if word(document["entity_type"]) != "booking":
        return False
    if word(action) not in _ACTIONS:
        raise NotUnderstoodError({"action": ["is not one that this adapter knows"]})
    return True


def _is_whole(document: Document) -> bool:
    return word(document.get("action")) == "entitydelete" or isinstance(document.get("entity"), dict)


def _told(document: Document, received: datetime) -> Reservation:
    event = identity(document.get("id"), "id") or content_id(document)
    if word(document.get("action")) == "entitydelete":
        # Nothing tells when. As of its receipt, so that an update from before does not bring it back.
        return Reservation(
            id=name_of(document, "entity_id"),
            event=event,
            status=Status.CANCELLED,
            changes={},
            changed=received,
        )
    if not _is_whole(document):
        raise NotUnderstoodError({"entity": ["is missing"]})
    found = _booking(mapping(document["entity"]), event, "entity.")
    return replace(found, is_new=word(document.get("action")) in _CREATED)


def _booking(booking: Document, event: str, path: str) -> Reservation:
    status = _status(booking, path)
    unit = identity(booking.get("property_id"), f"{path}property_id")
    times = stay_times(
        status,
        (booking.get("arrival"), f"{path}arrival"),
        (booking.get("departure"), f"{path}departure"),
        opens=booking.get("check_in"),
        closes=booking.get("check_out"),
    )
    return Reservation(
        id=name_of(booking, "id", path=path),
        event=event,
        status=status,
        changed=moment(booking.get("updated_utc")),
        changes={**({"unit": unit} if unit else {}), **times, **_guest(booking)},
    )


def _status(booking: Document, path: str) -> Status:
    """By its status; of what is on, its type counts too: blocks and holds have the status of a booking."""
    if booking.get("status") in (None, "") and booking.get("canceled_utc"):
        return Status.CANCELLED
    status = status_of(booking.get("status"), _STATUSES, f"{path}status")
    if status is not Status.CONFIRMED:
        return status
    if booking.get("is_block") is True:
        return Status.BLOCKED
    kind = booking.get("type")
    return status if kind in (None, "") else status_of(kind, _TYPES, f"{path}type")


def _guest(booking: Document) -> dict[str, object]:
    """The guest as the API tells one: of several addresses and numbers the one that is the default."""
    who = booking.get("guest")
    if not isinstance(who, dict):
        return {}
    found = guest(who, name=("first_name", "last_name"))
    if "email_addresses" in who:
        found |= guest({"email": _default(who["email_addresses"]).get("address")}, email="email")
    if "phones" in who:
        found |= guest({"phone": _default(who["phones"]).get("number")}, phone="phone")
    return found


def _default(given: object) -> Document:
    several = mappings(given)
    return next((one for one in several if one.get("is_default") is True), several[0] if several else {})


# --- its API ------------------------------------------------------------------------------------------------


def asking(config: SourceConfig) -> Asking:
    """API version 2, with `address:token` of an account's own, or the token of an OAuth application."""
    url, key = access(config)
    user, colon, token = key.reveal().partition(":")
    if colon:
        return Asking(url, auth=httpx.BasicAuth(user, token))
    return Asking(url, headers={"Authorization": f"Bearer {key.reveal()}"})


def fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    """Each booking, with its guest in it. Raises AskingError."""
    found = {}
    for one in ids:
        booking = mapping(api.get(f"bookings/{quote(one, safe='')}"))
        found[one] = {**booking, "guest": _fetched_guest(api, booking)}
    return found


def _fetched_guest(api: Asking, booking: Document) -> Any:
    number = booking.get("guest_id")
    if not isinstance(number, int | str) or number == "":
        return booking.get("guest")
    try:
        return api.get(f"guests/{quote(str(number), safe='')}")
    except GoneError:
        return booking.get("guest")


def read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002 - the field's word
    """Read a fetched booking. Raises NotUnderstoodError."""
    return fetched(replace(_booking(mapping(document), "", ""), id=id), config, asked)


def write_pin(api: Asking, id: str, text: str) -> None:  # noqa: A002 - the field's word
    """Make the text the booking's only door code; none leaves it without. Raises AskingError."""
    codes = [{"code": text}] if text else []
    api.send("PATCH", f"bookings/{quote(id, safe='')}", body={"door_codes": codes})


def read_pin(api: Asking, id: str) -> str:  # noqa: A002 - the field's word
    """The booking's door codes. Raises AskingError."""
    told = mapping(api.get(f"bookings/{quote(id, safe='')}")).get("door_codes")
    codes = told if isinstance(told, list) else []
    return ", ".join(str(one.get("code") or "") if isinstance(one, dict) else str(one) for one in codes)


def changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    """The bookings changed since then, by id: the list does not tell their guests. Raises AskingError."""
    told = (since or EVER).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    seen: set[str] = set()
    offset = 0
    while True:
        answer = mapping(api.get("bookings", {"since_utc": told, "limit": PAGE, "offset": offset}))
        if not isinstance(answer.get("items"), list):
            raise LaterError("an answer without a list of bookings")
        items = mappings(answer["items"])
        ids = {str(one["id"]): one for one in items if isinstance(one.get("id"), int | str)}
        for name, booking in ids.items():
            if since is not None or str(booking.get("departure") or "9")[:10] >= yesterday:
                yield name, None
        if not answer.get("next_page_url") or ids.keys() <= seen:
            return
        seen |= ids.keys()
        offset += len(items)

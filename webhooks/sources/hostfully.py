"""The adapter `hostfully`: deliveries name a lead, and the API tells what it is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.asking import Asking
from webhooks.sources.fetching import access
from webhooks.sources.json_body import FORM, JSON, read_documents
from webhooks.sources.reading import Document, by_word, identity, mapping, mappings, moment, word
from webhooks.sources.reservations import content_id, guest, status_of, stay_moments
from webhooks.sources.thin import fetched, in_address
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
most_asked = 1

_PAGE = 100
_LEADS = ("newinquiry", "newhold", "newbookingrequest", "newbooking", "unitchanged", "booking")
# Blocked dates are told of sibling units too, before each booking.
_NOISE = ("blockeddates", "property", "pincode", "inbox", "channel", "integration")
_KINDS: Mapping[str, Status] = {
    "booking": Status.CONFIRMED,
    "block": Status.BLOCKED,
    "inquiry": Status.TENTATIVE,
    "bookingrequest": Status.TENTATIVE,
}
_STATUSES: Mapping[str, Status] = {
    "booked": Status.CONFIRMED,
    "bookedbyagent": Status.CONFIRMED,
    "bookedbycustomer": Status.CONFIRMED,
    "bookedexternally": Status.CONFIRMED,
    "paidinfull": Status.CONFIRMED,
    "stay": Status.CONFIRMED,
    "archived": Status.CONFIRMED,
    "blocked": Status.BLOCKED,
    "new": Status.TENTATIVE,
    "onhold": Status.TENTATIVE,
    "quotesent": Status.TENTATIVE,
    "pending": Status.TENTATIVE,
    "cancelled": Status.CANCELLED,
    "canceled": Status.CANCELLED,
    "cancelledbytraveler": Status.CANCELLED,
    "cancelledbyowner": Status.CANCELLED,
    "declined": Status.CANCELLED,
    "holdexpired": Status.CANCELLED,
    "closed": Status.CANCELLED,
    "closedquote": Status.CANCELLED,
    "closedhold": Status.CANCELLED,
    "duplicate": Status.CANCELLED,
    "ignored": Status.CANCELLED,
    "leadsoftdeleted": Status.CANCELLED,
}


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:  # noqa: ARG001 - the protocol's
    """Read which leads have changed; all other events concern no stay. Raises NotUnderstoodError."""
    documents = read_documents(delivery)
    asks = [_named(one) for one in map(by_word, documents) if _is_of_a_lead(one)]
    return Parsed(content_id(documents), asks=tuple(dict.fromkeys(asks)))


def asking(config: SourceConfig) -> Asking:
    """The API, with the key in the source's table."""
    url, key = access(config)
    return Asking(url, headers={"X-HOSTFULLY-APIKEY": key.reveal()})


def fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    """What the API says of each lead, out of its wrapping. Raises AskingError."""
    told = {one: mapping(api.get(f"leads/{quote(one, safe='')}")) for one in ids}
    found = {one: mapping(lead.get("lead")) or lead for one, lead in told.items()}
    return {one: lead for one, lead in found.items() if "status" in lead}


def read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002 - the field's word
    """What a lead means. Raises NotUnderstoodError."""
    told = mapping(document)
    status = _status(told)
    times = stay_moments(
        status,
        (told.get("checkInLocalDateTime"), "checkInLocalDateTime"),
        (told.get("checkOutLocalDateTime"), "checkOutLocalDateTime"),
    )
    who = mapping(told.get("guestInformation"))
    phone = "cellPhoneNumber" if who.get("cellPhoneNumber") else "phoneNumber"
    changes = {
        **_unit(told),
        **times,
        **guest(who, name=("firstName", "lastName"), email="email", phone=phone),
    }
    changed = moment(mapping(told.get("metadata")).get("updatedUtcDateTime"))
    return fetched(id, status, changes, config, asked, changed=changed)


def changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    """Leads of all agencies that the key knows, whose stay is not over; changed since then, if they can tell.

    Raises AskingError.
    """
    wanted: dict[str, str | int] = {
        "checkOutFrom": f"{datetime.now(UTC) - timedelta(days=1):%Y-%m-%d}",
        "_limit": _PAGE,
    }
    if since is not None:
        wanted["updatedSince"] = f"{since:%Y-%m-%dT%H:%M:%S}"
    for agency in mappings(mapping(api.get("agencies")).get("agencies")):
        if isinstance(agency.get("uid"), str):
            yield from _listed(api, {**wanted, "agencyUid": agency["uid"]})


def _is_of_a_lead(document: Document) -> bool:
    """All but what is known to be noise, if it names a lead; of those that must, even if it does not."""
    event = word(document.get("eventtype"))
    if not event:
        raise NotUnderstoodError({"event_type": ["is missing"]})
    if any(one in event for one in _NOISE):
        return False
    return event.startswith(_LEADS) or bool(document.get("leaduid"))


def _named(document: Document) -> str:
    return in_address(document.get("leaduid"), "lead_uid")


def _status(told: Document) -> Status:
    """What is off is off; else what is not of the kind of a booking is none, whatever its status says."""
    status = status_of(told.get("status"), _STATUSES, "status")
    kind = status_of(told.get("type"), _KINDS, "type") if told.get("type") is not None else Status.CONFIRMED
    return kind if status is Status.CONFIRMED else status


def _unit(told: Document) -> dict[str, object]:
    """The property; of one with several units, `property/unit`."""
    home, unit = identity(told.get("propertyUid"), "propertyUid"), identity(told.get("unitUid"), "unitUid")
    if home is None:
        return {}
    return {"unit": f"{home}/{unit}" if unit is not None else home}


def _listed(api: Asking, wanted: Mapping[str, str | int]) -> Iterator[tuple[str, Any]]:
    cursor, seen = "", set[str]()
    while True:
        page = mapping(api.get("leads", {**wanted, **({"_cursor": cursor} if cursor else {})}))
        found = mappings(page.get("leads"))
        for one in found:
            if isinstance(one.get("uid"), str):
                yield one["uid"], one
        following = mapping(page.get("_paging")).get("_nextCursor")
        # A cursor comes with the last page too.
        if len(found) < _PAGE or not isinstance(following, str) or following in seen:
            return
        seen.add(following)
        cursor = following

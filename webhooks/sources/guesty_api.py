"""Guesty's API: the older endpoints, which tell guest and changes; version 3 where those are gone.

Guesty retires the older ones on 1 March 2027.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin

from webhooks.sources.asking import Asking, GoneError, Params
from webhooks.sources.fetching import Page, access, day_before, in_path, named, pages, rows
from webhooks.sources.oauth import bearer
from webhooks.sources.reading import mapping
from worker.property_access import SourceConfig

__all__ = ["asking", "changes", "fetch", "most_asked"]

most_asked = 1

_PAGE = 100
_FIELDS = (
    "_id status listingId listing._id unitId checkIn checkOut checkInDateLocalized checkOutDateLocalized "
    "plannedArrival plannedDeparture lastUpdatedAt guest.fullName guest.firstName guest.lastName guest.email "
    "guest.phone"
)
_STATUSES = [
    *("inquiry", "reserved", "awaiting_payment", "confirmed", "checked_in", "checked_out"),
    *("canceled", "closed", "declined", "expired"),
]
_IDS = ("_id", "reservationId", "id")


def asking(config: SourceConfig) -> Asking:
    """The API, logged in with `client id:client secret`; Guesty gives out few tokens a day."""
    url, key = access(config)
    return Asking(url, auth=bearer(key, urljoin(url, "/oauth2/token"), scope="open-api"))


def fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    """Each reservation by itself, the guest with it; from version 3, without, where the older one is gone."""
    found: dict[str, Any] = {}
    for one in ids:
        try:
            found[one] = mapping(api.get(f"reservations/{in_path(one)}", {"fields": _FIELDS}))
        except GoneError:
            found |= named(rows(api.get("reservations-v3", {"reservationIds[]": [one]}), "results"), *_IDS)
    return {one: document for one, document in found.items() if document}


def changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    """Those updated since then, else those that leave later; of version 3 always the latter."""
    filters: list[dict[str, object]] = [{"operator": "$in", "field": "status", "value": _STATUSES}]
    if since is not None:
        stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        filters.append({"operator": "$gte", "field": "lastUpdatedAt", "value": stamp})
    else:
        filters.append({"operator": "$gte", "field": "checkOutDateLocalized", "value": day_before()})
    chosen: Params = {"filters": json.dumps(filters), "fields": _FIELDS, "sort": "_id", "limit": _PAGE}

    def ask(number: int, _last: str | None) -> Page:
        answer = api.get("reservations", {**chosen, "skip": number * _PAGE})
        count = mapping(answer).get("count")
        return rows(answer, "results"), isinstance(count, int) and (number + 1) * _PAGE >= count

    try:
        yield from pages(ask, *_IDS)
    except GoneError:
        yield from _of_version_3(api)


def _of_version_3(api: Asking) -> Iterator[tuple[str, Any]]:
    chosen: Params = {"filter[checkOut][gte]": day_before(), "sort": "_id", "limit": _PAGE}

    def ask(number: int, _last: str | None) -> Page:
        answer = api.get("reservations-v3/search", {**chosen, "skip": number * _PAGE})
        more = mapping(mapping(answer).get("pagination")).get("hasMore")
        return rows(answer, "results"), more is False

    yield from pages(ask, *_IDS)

"""Lodgify's API (version 2): bookings one by one, and lists of those updated, or not over yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from webhooks.sources.asking import Asking, Params
from webhooks.sources.fetching import Page, access, in_path, pages, rows
from worker.property_access import SourceConfig

__all__ = ["asking", "changes", "fetch", "most_asked"]

most_asked = 1

_PAGE = 50
_BOOKINGS = "v2/reservations/bookings"


def asking(config: SourceConfig) -> Asking:
    """The API, with the account's key in `X-ApiKey`."""
    url, key = access(config)
    return Asking(url, headers={"X-ApiKey": key.reveal()})


def fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    """Each booking by itself."""
    found = {one: api.get(f"{_BOOKINGS}/{in_path(one)}") for one in ids}
    return {one: document for one, document in found.items() if isinstance(document, dict)}


def changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    """Those updated since then; else those that are to come, and those under way."""
    if since is not None:
        stamp = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        yield from _listed(api, {"stayFilter": "All", "updatedSince": stamp})
        return
    for one in ("Upcoming", "Current"):
        yield from _listed(api, {"stayFilter": one})


def _listed(api: Asking, chosen: Params) -> Iterator[tuple[str, Any]]:
    def ask(number: int, _last: str | None) -> Page:
        plain: Params = {"page": number + 1, "size": _PAGE, "includeExternal": "true"}
        return rows(api.get(_BOOKINGS, {**plain, **chosen}), "items"), False

    yield from pages(ask, "id")

"""Smoobu's API: reservations one by one, and lists of those modified, or not over yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from webhooks.sources.asking import Asking, Params
from webhooks.sources.fetching import Page, access, day_before, in_path, pages, rows
from webhooks.sources.reading import mapping
from worker.property_access import SourceConfig

__all__ = ["asking", "changes", "fetch", "most_asked"]

most_asked = 1

_PAGE = 100


def asking(config: SourceConfig) -> Asking:
    """The API, with the key in `Api-Key`."""
    url, key = access(config)
    return Asking(url, headers={"Api-Key": key.reveal()})


def fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    """Each reservation by itself."""
    found = {one: api.get(f"reservations/{in_path(one)}") for one in ids}
    return {one: document for one, document in found.items() if isinstance(document, dict)}


def changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    """Those modified since the day before (its filter knows days only); else those that leave later."""
    chosen: Params = {"departureFrom": day_before()}
    if since is not None:
        chosen = {"modifiedFrom": day_before(since)}

    def ask(number: int, _last: str | None) -> Page:
        plain: Params = {"page": number + 1, "pageSize": _PAGE, "showCancellation": "true"}
        answer = api.get("reservations", {**plain, **chosen})
        count = mapping(answer).get("page_count")
        return rows(answer, "bookings"), isinstance(count, int) and number + 1 >= count

    yield from pages(ask, "id")

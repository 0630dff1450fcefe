"""Hospitable's API: reservations one by one, and by the day of check-in; no list of what has changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from webhooks.sources.asking import Asking
from webhooks.sources.fetching import Page, access, in_path, pages, rows
from webhooks.sources.oauth import Bearer
from webhooks.sources.reading import mapping
from worker.property_access import SourceConfig

__all__ = ["asking", "changes", "fetch", "most_asked"]

most_asked = 1

_PAGE = 100
_AT_ONCE = 20  # properties in one request
_INCLUDE = "guest,properties,listings"
SOON = timedelta(days=3)
PAST, AHEAD = timedelta(days=60), timedelta(days=730)


def asking(config: SourceConfig) -> Asking:
    """The API, with a personal access token."""
    url, key = access(config)
    return Asking(url, auth=Bearer(key))


def fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    """Each reservation by itself."""
    found = {
        one: mapping(api.get(f"reservations/{in_path(one)}", {"include": _INCLUDE})).get("data")
        for one in ids
    }
    return {one: document for one, document in found.items() if isinstance(document, dict)}


def changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    """Those who arrive in the next days, since nothing tells what has changed; else all that may matter."""
    today = datetime.now(UTC)
    first, last = today - timedelta(days=1), today + SOON
    if since is None:
        first, last = today - PAST, today + AHEAD
    days = {"start_date": f"{first:%Y-%m-%d}", "end_date": f"{last:%Y-%m-%d}", "include": _INCLUDE}
    listed = [id_ for id_, _ in pages(partial(_page, api, "properties", {}), "id")]
    for start in range(0, len(listed), _AT_ONCE):
        chosen = {"properties[]": listed[start : start + _AT_ONCE], **days}
        yield from pages(partial(_page, api, "reservations", chosen), "id")


def _page(api: Asking, path: str, chosen: Mapping[str, Any], number: int, _last: str | None) -> Page:
    answer = api.get(path, {"per_page": _PAGE, "page": number + 1, **chosen})
    last = mapping(mapping(answer).get("meta")).get("last_page")
    return rows(answer, "data"), isinstance(last, int) and number + 1 >= last

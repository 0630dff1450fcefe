"""Hostaway's API: reservations one by one, and lists of those with news, or not over yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from webhooks.sources.asking import Asking, Params
from webhooks.sources.fetching import Page, access, day_before, in_path, pages, rows
from webhooks.sources.oauth import bearer
from webhooks.sources.reading import mapping
from worker.property_access import SourceConfig

__all__ = ["asking", "changes", "fetch", "most_asked", "read_pin", "write_pin"]

most_asked = 1

_PAGE = 100
_STALE = (401, 403)
SETTLES = 1.0  # "valid 1 second after being returned", says Hostaway of its tokens


def asking(config: SourceConfig) -> Asking:
    """The API, logged in with `account:secret`, or with a token."""
    url, key = access(config)
    auth = bearer(key, f"{url}/accessTokens", scope="general", stale=_STALE, settles=SETTLES)
    return Asking(url, auth=auth)


def fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    """Each reservation by itself."""
    found = {one: mapping(api.get(f"reservations/{in_path(one)}")).get("result") for one in ids}
    return {one: document for one, document in found.items() if isinstance(document, dict)}


def changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    """With activity since the day before (its filter knows days only); else those that leave later."""
    chosen: Params = {"departureStartDate": day_before()}
    if since is not None:
        chosen = {"latestActivityStart": day_before(since)}

    def ask(_number: int, last: str | None) -> Page:
        after = {"afterId": last} if last is not None else {}
        return rows(api.get("reservations", {"limit": _PAGE, **chosen, **after}), "result"), False

    yield from pages(ask, "id")


def write_pin(api: Asking, id: str, text: str) -> None:  # noqa: A002 - the field's word
    """Put the text into `doorCode`; none clears it."""
    api.send("PUT", f"reservations/{in_path(id)}", body={"doorCode": text or None})


def read_pin(api: Asking, id: str) -> str:  # noqa: A002 - the field's word
    """What `doorCode` holds."""
    found = mapping(mapping(api.get(f"reservations/{in_path(id)}")).get("result")).get("doorCode")
    is_whole = isinstance(found, int) and not isinstance(found, bool)
    return str(found) if is_whole or isinstance(found, str) else ""

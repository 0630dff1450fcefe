"""Beds24's API (version 2): bookings by their ids, and lists of those modified, or not over yet."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from webhooks.sources.asking import Asking, GoneError
from webhooks.sources.fetching import Page, access, day_before, named, pages, rows
from webhooks.sources.oauth import TokenAuth
from webhooks.sources.reading import Document, mapping, mappings
from worker.property_access import SourceConfig
from worker.secret import Secret

__all__ = ["asking", "changes", "fetch", "most_asked", "read_pin", "write_pin"]

most_asked = 20

PIN_ITEM = "INNKEY_PIN"
_REFRESH = "refresh:"
# Without this list Beds24 leaves out cancelled bookings, as programs found.
_STATUSES = ["confirmed", "request", "new", "cancelled", "black", "inquiry"]


class _Refreshed(TokenAuth):
    """A refresh token, which fetches tokens that last a day, in headers of Beds24's own."""

    def __init__(self, token_url: str, key: Secret) -> None:
        super().__init__(token_url, key.reveal())
        self._key = key

    def fetching(self) -> tuple[str, Mapping[str, str], Mapping[str, str]]:
        """The request for a token."""
        return "GET", {"refreshToken": self._key.reveal()}, {}

    def read(self, document: Mapping[str, Any]) -> tuple[object, object]:
        """The token, and for how many seconds it is good."""
        return document.get("token"), document.get("expiresIn")

    def put_on(self, request: httpx.Request, token: str) -> None:
        """Send the token along."""
        request.headers["token"] = token


def asking(config: SourceConfig) -> Asking:
    """The API, with a long life token (which only reads), or `refresh:` and a refresh token."""
    url, key = access(config)
    if key.reveal().startswith(_REFRESH):
        secret = Secret(key.reveal().removeprefix(_REFRESH))
        return Asking(url, auth=_Refreshed(f"{url}/authentication/token", secret))
    return Asking(url, headers={"token": key.reveal()})


def fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    """Several bookings in one request, cancelled ones too."""
    found = named(rows(api.get("bookings", {"id": list(ids)}), "data"), "id")
    return {one: document for one, document in found.items() if one in ids}


def changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    """Those modified since then; else those that leave later."""
    stamp = f"{since.astimezone(UTC):%Y-%m-%dT%H:%M:%S}" if since is not None else ""
    chosen = {"modifiedFrom": stamp} if since is not None else {"departureFrom": day_before()}

    def ask(number: int, _last: str | None) -> Page:
        answer = api.get("bookings", {"status": _STATUSES, "page": number + 1, **chosen})
        more = mapping(mapping(answer).get("pages")).get("nextPageExists")
        return rows(answer, "data"), more is not True

    yield from pages(ask, "id")


def write_pin(api: Asking, id: str, text: str) -> None:  # noqa: A002 - the field's word
    """Put the text into an info item of ours, the one that is there if there is one; none blanks it."""
    item = {"code": PIN_ITEM, "text": text}
    written = [{"id": one["id"], **item} for one in _items(api, id) if "id" in one]
    if text and not written:
        written = [item]
    if written:
        api.send("POST", "bookings", body=[{"id": int(id) if id.isdecimal() else id, "infoItems": written}])


def read_pin(api: Asking, id: str) -> str:  # noqa: A002 - the field's word
    """What our info item holds."""
    return " ".join(sorted({str(one.get("text") or "") for one in _items(api, id)})).strip()


def _items(api: Asking, id: str) -> list[Document]:  # noqa: A002 - the field's word
    answer = api.get("bookings", {"id": id, "includeInfoItems": "true"})
    booking = named(rows(answer, "data"), "id").get(id)
    if booking is None:
        raise GoneError("no such booking")
    return [one for one in mappings(booking.get("infoItems")) if one.get("code") == PIN_ITEM]

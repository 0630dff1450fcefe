"""Booking systems' APIs as their documentation says, each over the reservations of a test."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.integration.pms_kit import Answer, Asked, Pms, pms
from webhooks.sources import ADAPTERS, hostaway_api
from webhooks.sources.adapter import Lists
from webhooks.sources.asking import Asking
from worker.property_access import SourceConfig
from worker.secret import Secret

__all__ = ["APIS", "KEYS", "TOKEN", "Api", "api_of", "document"]

KEYS = {
    "hostaway": "10001:the-secret-of-hostaway",
    "hospitable": "the-token-of-hospitable",
    "guesty": "client:the-secret-of-guesty",
    "lodgify": "the-key-of-lodgify",
    "smoobu": "the-key-of-smoobu",
    "beds24": "refresh:the-token-of-beds24",
    "ownerrez": "pt_the-token-of-ownerrez",
}
PATHS = {
    "hostaway": "/v1",
    "hospitable": "/v2",
    "guesty": "/v1",
    "lodgify": "",
    "smoobu": "/api",
    "beds24": "/v2",
    "ownerrez": "/v2",
}
TOKEN = "the-token-that-was-given-out"
Documents = dict[str, dict[str, Any]]


@dataclass
class Api:
    """One booking system's API: its reservations, and what was asked of it."""

    adapter: str
    server: Pms
    documents: Documents = field(default_factory=dict)
    page: int = 100
    tokens: int = 0
    fault: Callable[[Asked], Answer | None] = lambda _: None

    def config(self, **more: Any) -> SourceConfig:
        """A source that may ask it."""
        return SourceConfig(
            name=self.adapter,
            adapter=self.adapter,
            api_url=self.server.url + PATHS[self.adapter],
            api_key=Secret(KEYS[self.adapter]),
            **more,
        )

    @property
    def module(self) -> Lists:
        """Its adapter."""
        return ADAPTERS[self.adapter]  # type: ignore[return-value]

    def asking(self) -> Asking:
        """A connection to it."""
        return self.module.asking(self.config())

    def answered(self, asked: Asked) -> Answer:
        """Answer one request."""
        return self.fault(asked) or {**APIS, "ownerrez": _ownerrez}[self.adapter](self, asked)

    def listed(self, number: int) -> list[dict[str, Any]]:
        """The page of that number, from 0."""
        all_ = list(self.documents.values())
        return all_[number * self.page : (number + 1) * self.page]


@contextmanager
def api_of(adapter: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """One booking system's API on a free port."""
    monkeypatch.setattr(hostaway_api, "SETTLES", 0.0)
    with pms(lambda _: Answer()) as server:
        made = Api(adapter, server)
        server.answer = made.answered
        yield made


def document(adapter: str, booking: int, **changed: Any) -> dict[str, Any]:
    """A confirmed reservation of John Lee's from 1 to 5 December in unit 40160, as that API shows it."""
    dates = ("2026-12-01", "2026-12-05")
    plain: Mapping[str, dict[str, Any]] = {
        "hostaway": {
            "id": booking,
            "listingMapId": 40160,
            "status": "new",
            "guestName": "John Lee",
            "arrivalDate": dates[0],
            "departureDate": dates[1],
            "guestEmail": "john@example.com",
            "latestActivityOn": "2026-11-22 10:00:00",
            "doorCode": None,
            "reservationUnit": [],
        },
        "hospitable": {
            "id": str(booking),
            "reservation_status": {"current": {"category": "accepted"}},
            "arrival_date": f"{dates[0]}T00:00:00+10:00",
            "departure_date": f"{dates[1]}T00:00:00+10:00",
            "guest": {"first_name": "John", "last_name": "Lee", "email": "john@example.com"},
            "properties": [{"id": "40160"}],
        },
        "guesty": {
            "_id": str(booking),
            "status": "confirmed",
            "listingId": "40160",
            "checkInDateLocalized": dates[0],
            "checkOutDateLocalized": dates[1],
            "guest": {"fullName": "John Lee", "email": "john@example.com"},
            "lastUpdatedAt": "2026-11-22T10:00:00.000Z",
        },
        "lodgify": {
            "id": booking,
            "property_id": 40160,
            "status": "Booked",
            "is_deleted": False,
            "rooms": [],
            "arrival": dates[0],
            "departure": dates[1],
            "guest": {"name": "John Lee", "email": "john@example.com", "phone": None},
        },
        "smoobu": {
            "id": booking,
            "type": "reservation",
            "arrival": dates[0],
            "departure": dates[1],
            "apartment": {"id": 40160},
            "guest-name": "John Lee",
            "email": "john@example.com",
            "modifiedAt": "2026-11-22 10:00:00",
        },
        "beds24": {
            "id": booking,
            "roomId": 40160,
            "status": "confirmed",
            "firstName": "John",
            "lastName": "Lee",
            "arrival": dates[0],
            "departure": dates[1],
            "email": "john@example.com",
            "bookingTime": "2026-11-22T10:00:00Z",
            "modifiedTime": "2026-11-22T10:00:00Z",
            "infoItems": [],
        },
        "ownerrez": {
            "id": booking,
            "property_id": 40160,
            "status": "active",
            "type": "booking",
            "arrival": dates[0],
            "departure": dates[1],
            "updated_utc": "2026-11-22T10:00:00Z",
            "door_codes": [],
        },
    }
    return {**plain[adapter], **changed}


def _token_of(api: Api, body: object) -> Answer:
    api.tokens += 1
    return Answer(body)


def _refuses(asked: Asked, header: str, value: str) -> Answer | None:
    return None if asked.headers.get(header) == value else Answer({"error": "who are you"}, 401)


def _one(api: Api, asked: Asked, wrap: Callable[[dict[str, Any]], object]) -> Answer:
    found = api.documents.get(asked.path.rpartition("/")[2])
    return Answer({"error": "no such thing"}, 404) if found is None else Answer(wrap(found))


def _hostaway(api: Api, asked: Asked) -> Answer:
    if asked.path == "/v1/accessTokens":
        good = {"client_id": "10001", "client_secret": "the-secret-of-hostaway", "scope": "general"}
        if asked.form != {"grant_type": "client_credentials", **good}:
            return Answer({"error": "invalid_client"}, 400)
        return _token_of(api, {"token_type": "Bearer", "expires_in": 63072000, "access_token": TOKEN})
    if (no := _refuses(asked, "authorization", f"Bearer {TOKEN}")) is not None:
        return no
    if asked.path != "/v1/reservations":
        booking = asked.path.rpartition("/")[2]
        if asked.method == "PUT" and booking in api.documents:
            api.documents[booking] |= asked.body
        return _one(api, asked, lambda one: {"status": "success", "result": one})
    ids = list(api.documents)
    start = ids.index(asked.query["afterId"]) + 1 if "afterId" in asked.query else 0
    found = [api.documents[one] for one in ids[start : start + api.page]]
    return Answer({"status": "success", "result": found, "count": len(ids)})


def _hospitable(api: Api, asked: Asked) -> Answer:
    if (no := _refuses(asked, "authorization", f"Bearer {KEYS['hospitable']}")) is not None:
        return no
    if asked.path == "/v2/properties":
        return Answer({"data": [{"id": "40160"}], "meta": {"current_page": 1, "last_page": 1}})
    if asked.path != "/v2/reservations":
        return _one(api, asked, lambda one: {"data": one})
    if "properties[]" not in asked.query:
        return Answer({"message": "The properties field is required."}, 422)
    number = int(asked.query["page"]) - 1
    last = -(-len(api.documents) // api.page)
    return Answer({"data": api.listed(number), "meta": {"last_page": last}})


def _guesty(api: Api, asked: Asked) -> Answer:
    if asked.path == "/oauth2/token":
        good = {"client_id": "client", "client_secret": "the-secret-of-guesty", "scope": "open-api"}
        if asked.form != {"grant_type": "client_credentials", **good}:
            return Answer({"error": "invalid_client"}, 401)
        return _token_of(api, {"token_type": "Bearer", "expires_in": 86400, "access_token": TOKEN})
    if (no := _refuses(asked, "authorization", f"Bearer {TOKEN}")) is not None:
        return no
    if asked.path != "/v1/reservations":
        return _one(api, asked, lambda one: one)
    assert isinstance(json.loads(asked.query["filters"]), list)
    number = int(asked.query["skip"]) // 100
    return Answer({"results": api.listed(number), "count": len(api.documents)})


def _lodgify(api: Api, asked: Asked) -> Answer:
    if (no := _refuses(asked, "x-apikey", KEYS["lodgify"])) is not None:
        return no
    if asked.path != "/v2/reservations/bookings":
        return _one(api, asked, lambda one: one)
    is_none = asked.query["stayFilter"] == "Current"
    return Answer({"count": None, "items": [] if is_none else api.listed(int(asked.query["page"]) - 1)})


def _smoobu(api: Api, asked: Asked) -> Answer:
    if (no := _refuses(asked, "api-key", KEYS["smoobu"])) is not None:
        return no
    if asked.path != "/api/reservations":
        return _one(api, asked, lambda one: one)
    number = int(asked.query["page"]) - 1
    count = max(1, -(-len(api.documents) // api.page))
    return Answer({"page_count": count, "bookings": api.listed(number)})


def _beds24(api: Api, asked: Asked) -> Answer:
    if asked.path == "/v2/authentication/token":
        if asked.headers.get("refreshtoken") != "the-token-of-beds24":
            return Answer({"success": False}, 401)
        return _token_of(api, {"token": TOKEN, "expiresIn": 86400})
    if (no := _refuses(asked, "token", TOKEN)) is not None:
        return no
    if asked.method == "POST":
        for one in asked.body:
            _written(api.documents[str(one["id"])]["infoItems"], one["infoItems"])
        return Answer([{"success": True} for _ in asked.body], 201)
    if "id" in asked.query:
        wanted = [api.documents[one] for one in asked.many("id") if one in api.documents]
        return Answer({"success": True, "data": wanted, "pages": {"nextPageExists": False}})
    number = int(asked.query["page"]) - 1
    more = (number + 1) * api.page < len(api.documents)
    return Answer({"success": True, "data": api.listed(number), "pages": {"nextPageExists": more}})


def _ownerrez(api: Api, asked: Asked) -> Answer:
    if (no := _refuses(asked, "authorization", f"Bearer {KEYS['ownerrez']}")) is not None:
        return no
    if asked.path == "/v2/bookings":
        return Answer({"items": list(api.documents.values()), "next_page_url": None})
    booking = asked.path.rpartition("/")[2]
    if asked.method == "PATCH" and booking in api.documents:
        api.documents[booking] |= asked.body
    return _one(api, asked, lambda one: one)


def _written(items: list[dict[str, Any]], given: list[dict[str, Any]]) -> None:
    for item in given:
        known = next((one for one in items if one["id"] == item.get("id")), None)
        if known is not None:
            known |= item
        else:
            items.append({"id": len(items) + 1, **item})


APIS: Mapping[str, Callable[[Api, Asked], Answer]] = {
    "hostaway": _hostaway,
    "hospitable": _hospitable,
    "guesty": _guesty,
    "lodgify": _lodgify,
    "smoobu": _smoobu,
    "beds24": _beds24,
}

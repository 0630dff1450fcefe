"""What an API's documents mean, and which deliveries make Innkey ask for one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.unit.source_kit import JSON, NOW, config
from webhooks.sources import ADAPTERS, guesty, lodgify
from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.fetching import day_before, in_path, named
from worker.domain.booking import BookingEvent, Status
from worker.secret import Secret

ASKED = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
KEYED: dict[str, Any] = {"api_url": "https://api.example.com", "api_key": Secret("k3y")}


def told(adapter: str, document: object, *, query: str = "", **keyed: Any) -> Parsed:
    """What the adapter makes of a delivery to a source with or without a key."""
    body = b"" if query else json.dumps(document).encode()
    delivery = Delivery(body=body, received=NOW, content_type="" if query else JSON, query=query)
    return ADAPTERS[adapter].parse(delivery, config(adapter, **keyed))


BOOKING = {"id": 501, "status": "Booked", "property_id": 40160, "date_arrival": "2026-12-01T00:00:00"}
LODGIFY = [{"action": "booking_change", "booking": BOOKING, "guest": {"name": "John Lee"}}]


def test_a_delivery_of_lodgifys_is_an_event_and_an_ask() -> None:
    """Nothing in it says whether it was overtaken, so what the booking is now is asked for as well."""
    found = told("lodgify", LODGIFY, **KEYED)
    assert (1, ("501",)) == (len(found.events), found.asks)
    assert () == told("lodgify", LODGIFY).asks


def _guesty(**reservation: Any) -> dict[str, Any]:
    return {"event": "reservation.updated.v2", "data": {"reservationId": "501", **reservation}}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (_guesty(status="confirmed"), ("501",)),
        (_guesty(status="confirmed", guest={"fullName": "John Lee"}), ()),
        (_guesty(status="canceled"), ()),
    ],
)
def test_a_guest_whom_guesty_does_not_tell_is_asked_for(
    document: dict[str, Any], expected: tuple[str, ...]
) -> None:
    """Version 2 is lean; what it says of the stay counts at once."""
    found = told("guesty", document, **KEYED)
    assert (1, expected) == (len(found.events), found.asks)
    assert () == told("guesty", document).asks


def test_a_call_of_beds24s_version_1_is_an_ask() -> None:
    """It names a booking, whatever status stands beside it; a message concerns no stay."""
    found = told("beds24", None, query="bookid=501&status=cancel", **KEYED)
    assert ((), ("501",)) == (found.events, found.asks)
    assert () == told("beds24", None, query="bookid=501&status=message", **KEYED).asks
    with pytest.raises(NotUnderstoodError):
        told("beds24", None, query="bookid=&status=modify", **KEYED)


_DATES = {"arrival": "2026-12-01", "departure": "2026-12-05"}
_HOSTAWAY = {"id": 501, "status": "new", "arrivalDate": "2026-12-01", "departureDate": "2026-12-05"}
_UNORDERED = [
    ("hostaway", "data", "updatedOn", {"event": "reservation.updated", "data": _HOSTAWAY}),
    ("smoobu", "data", "modifiedAt", {"action": "updateReservation", "data": {"id": 501, **_DATES}}),
    ("beds24", "booking", "modifiedTime", {"booking": {"id": 501, "status": "confirmed", **_DATES}}),
]


@pytest.mark.parametrize(("adapter", "within", "name", "document"), _UNORDERED)
def test_what_a_delivery_gives_no_order_is_asked_for(
    adapter: str, within: str, name: str, document: dict[str, Any]
) -> None:
    """Without its moment nothing says whether a delivery was overtaken."""
    found = told(adapter, document, **KEYED)
    assert (1, ("501",)) == (len(found.events), found.asks)
    assert () == told(adapter, document).asks
    ordered = {**document, within: {**document[within], name: "2026-11-22 10:00:00"}}
    assert () == told(adapter, ordered, **KEYED).asks


def of_lodgify(**changed: Any) -> BookingEvent:
    """A booking of Lodgify's API, read."""
    document = {
        "id": 501,
        "status": "Booked",
        "property_id": 40160,
        "arrival": "2026-12-01",
        "departure": "2026-12-05",
        "rooms": [],
        "guest": {"name": "John Lee", "phone": "+61 400 000 000"},
        **changed,
    }
    (found,) = lodgify.read("501", document, config("lodgify"), ASKED).events
    return found


@pytest.mark.parametrize(
    "changed",
    [
        {"is_deleted": True},
        {"canceled_at": "2026-11-22T10:00:00", "status": None},
        {"canceled_at": "2026-11-22T10:00:00", "status": "Open"},
        {"status": "Declined"},
    ],
)
def test_a_booking_that_lodgify_deleted_is_cancelled(changed: dict[str, Any]) -> None:
    """A deleted one whatever its status says, one with a moment of cancellation where that is not booked."""
    assert Status.CANCELLED.value == of_lodgify(**changed).changes["status"]


def test_a_reinstated_booking_of_lodgifys_is_confirmed() -> None:
    """The moment of its cancellation may still stand there."""
    assert "confirmed" == of_lodgify(canceled_at="2026-11-22T10:00:00").changes["status"]


def test_the_guest_in_lodgifys_api() -> None:
    """The telephone number has another name there."""
    assert "+61 400 000 000" == of_lodgify().changes["guest_phone"]


@pytest.mark.parametrize(
    ("rooms", "unit", "siblings"),
    [
        ([], "40160", None),
        ([{"room_type_id": 7}], "40160/7", []),
        ([{"room_type_id": 7, "id": 1}, {"room_type_id": 8, "id": 2}], "40160/7", ["501.2"]),
        ([{"room_type_id": 7}, {"room_type_id": 8}], None, None),
    ],
)
def test_rooms_in_lodgifys_api(
    rooms: list[dict[str, Any]], unit: str | None, siblings: list[str] | None
) -> None:
    """Several rooms without ids of their own leave the rooms that a delivery told as they are."""
    found = of_lodgify(rooms=rooms)
    assert unit == found.changes.get("unit")
    assert siblings == (None if found.siblings is None else list(found.siblings))


def test_nameless_rooms_are_cancelled_with_their_booking() -> None:
    """All of them, whatever they are called."""
    assert {} == of_lodgify(rooms=[{"room_type_id": 7}, {"room_type_id": 8}], is_deleted=True).siblings


def test_a_stay_of_guestys_version_3_in_two_parts() -> None:
    """It begins with the first and ends with the last; the unit is the first one's."""
    parts = [
        {"unitId": "a", "checkInDateLocalized": "2026-12-01", "checkOutDateLocalized": "2026-12-03"},
        {"unitId": "b", "checkInDateLocalized": "2026-12-03", "checkOutDateLocalized": "2026-12-05"},
    ]
    document = {"_id": "501", "status": "confirmed", "stay": parts}
    (found,) = guesty.read("501", document, config("guesty"), ASKED).events
    expected = {"unit": "a", "check_in": "2026-12-01", "check_out": "2026-12-05", "status": "confirmed"}
    assert expected == found.changes


@pytest.mark.parametrize("adapter", ["hostaway", "hospitable", "guesty", "lodgify", "smoobu", "beds24"])
@pytest.mark.parametrize("document", [None, [], {}, {"id": True}, {"id": 1, "status": 7, "type": "?"}, "x"])
def test_a_document_that_is_none_is_for_a_person(adapter: str, document: object) -> None:
    """It raises nothing else."""
    with pytest.raises(NotUnderstoodError):
        ADAPTERS[adapter].read("1", document, config(adapter), ASKED)  # type: ignore[attr-defined]


def test_ids_of_a_list() -> None:
    """Numbers and texts; what has none is left out."""
    found = named([{"id": 1}, {"id": None, "_id": "b"}, {"id": True}, {}], "id", "_id")
    assert ["1", "b"] == list(found)


def test_an_id_is_one_step_of_a_path() -> None:
    """Nothing in it leads elsewhere."""
    assert "%2E%2E%2Fa%3Fb" == in_path("../a?b")


def test_the_day_before() -> None:
    """Nowhere on earth is a later day over before it."""
    assert "2026-11-23" == day_before(ASKED)

"""The adapter `channex`: what its words mean, and what is left to ask for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.source_kit import NOW, config, errors, event, parse
from webhooks.sources import channex
from webhooks.sources.adapter import NotUnderstoodError
from worker.domain.booking import EventType, Status

ROOM = {"room_type_id": "aaaa-1", "checkin_date": "2026-12-01", "checkout_date": "2026-12-05"}
REVISION = {
    "id": "rev-1",
    "booking_id": "book-1",
    "property_id": "house-1",
    "status": "new",
    "arrival_date": "2026-12-01",
    "departure_date": "2026-12-05",
    "arrival_hour": "23:00",
    "customer": {"name": "Ann", "surname": None, "mail": "a@example.com", "phone": "+61 4"},
    "rooms": [ROOM],
    "inserted_at": "2026-11-20T10:00:00.123456",
}


def document(name: str = "booking", **revision: Any) -> dict[str, Any]:
    """A delivery; `...` leaves a field out."""
    given = {key: value for key, value in {**REVISION, **revision}.items() if value is not ...}
    return {"event": name, "payload": given, "property_id": "house-1", "user_id": None}


def changes(**revision: Any) -> dict[str, Any]:
    """What a delivery changes."""
    return dict(event("channex", document(**revision)).changes)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("new", Status.CONFIRMED),
        ("modified", Status.CONFIRMED),
        ("cancelled", Status.CANCELLED),
        ("canceled", Status.CANCELLED),
    ],
)
def test_statuses(word: str, expected: Status) -> None:
    """Channex passes on firm bookings only."""
    assert expected == changes(status=word)["status"]


@pytest.mark.parametrize("word", ["maybe", None, 5])
def test_unknown_statuses(word: object) -> None:
    """A status that is not known is for a person."""
    assert {"status"} == set(errors("channex", document(status=word)))


@pytest.mark.parametrize(
    "name",
    [
        "booking",
        "booking_new",
        "booking_modification",
        "booking_cancellation",
        "booking_unmapped_room",
        "booking_unmapped_rate",
        "non_acked_booking",
    ],
)
def test_events(name: str) -> None:
    """Whatever is said of a booking is news of a revision."""
    ids = {"booking_id": "book-1", "property_id": "house-1"}
    for key in ("revision_id", "booking_revision_id"):
        found = parse("channex", {"event": name, "payload": {**ids, key: "rev-1"}})
        assert ((), ("rev-1",), False) == (found.events, found.asks, found.polls)


@pytest.mark.parametrize("told", [{}, {"payload": None}, {"payload": {"booking_id": "book-1"}}])
def test_without_data(told: dict[str, Any]) -> None:
    """Where it does not say which revision, the feed is asked."""
    found = parse("channex", {"event": "booking", "property_id": "house-1", **told})
    assert ((), (), True) == (found.events, found.asks, found.polls)


@pytest.mark.parametrize("name", ["ari", "message", "review", "reservation_request", "inquiry", "sync_error"])
def test_noise(name: str) -> None:
    """C03: an Airbnb request is no booking before it is accepted."""
    found = parse("channex", {"event": name, "payload": [{"date": "2026-12-01"}]})
    assert ((), (), False) == (found.events, found.asks, found.polls)


@pytest.mark.parametrize("where", ["payload", "booking"])
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_revision_within(where: str, wrapped: bool) -> None:  # noqa: FBT001
    """It counts at once, and is asked for to be acknowledged; the one is the other's duplicate."""
    told = {"event": "booking", where: {"id": "rev-1", "attributes": REVISION} if wrapped else REVISION}
    found = parse("channex", told)
    assert ["rev-1"] == [one.id for one in found.events] == list(found.asks)
    fetched = channex.read("rev-1", {"id": "rev-1", "attributes": REVISION}, config("channex"), NOW)
    assert (["rev-1"], False) == ([one.id for one in fetched.events], fetched.by_content)
    assert found.events[0].changes == fetched.events[0].changes
    assert (EventType.CREATED, "book-1") == (found.events[0].type, found.events[0].key.id)


def test_dates() -> None:
    """Local dates, and each room's own; when the guest thinks to come moves nothing."""
    found = changes(rooms=[{**ROOM, "checkin_date": "2026-12-02"}])
    assert ("2026-12-02", "2026-12-05") == (found["check_in"], found["check_out"])


def test_rooms() -> None:
    """Several rooms are several stays, two of one type among them."""
    rooms = [ROOM, {**ROOM, "room_type_id": "bbbb-2", "guests": [{"name": "Bo", "surname": "Ek"}]}, ROOM]
    found = event("channex", document(rooms=rooms))
    assert found.siblings is not None
    assert "aaaa-1" == found.changes["unit"]
    assert {"book-1.aaaa": "aaaa-1", "book-1.bbbb": "bbbb-2"} == {
        name: told["unit"] for name, told in found.siblings.items()
    }
    assert ("Ann", "Bo Ek") == (found.changes["guest_name"], found.siblings["book-1.bbbb"]["guest_name"])


def test_an_unmapped_room() -> None:
    """It is a real booking: of the unit that stands for the property, or a letter."""
    assert "house-1" == changes(rooms=[{**ROOM, "room_type_id": None}])["unit"]


def test_no_rooms() -> None:
    """Nothing says which unit; a cancelled booking keeps the one it had, and takes all of its stays along."""
    assert "unit" not in changes(rooms=[])
    gone = event("channex", document(status="cancelled", rooms=[]))
    assert ("unit" in gone.changes, gone.siblings) == (False, {})


def test_guest() -> None:
    """The surname may come later."""
    found = changes()
    assert ("Ann", "a@example.com", "+61 4") == tuple(
        found[f"guest_{name}"] for name in ("name", "email", "phone")
    )


def test_order() -> None:
    """`inserted_at` orders."""
    newer = event("channex", document(id="rev-2", inserted_at="2026-11-20T10:00:00.124456"))
    assert newer.version.is_newer_than(event("channex", document()).version)


@pytest.mark.parametrize("fetched", [None, [], "x", {}, {"attributes": {"booking_id": "b", "status": "odd"}}])
def test_a_fetched_document_that_is_not_understood(fetched: object) -> None:
    """It is refused with its reasons, and with nothing else."""
    with pytest.raises(NotUnderstoodError):
        channex.read("rev-1", fetched, config("channex"), NOW)

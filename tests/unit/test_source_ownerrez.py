"""The adapter `ownerrez`: what its words mean, and what is left to ask for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.source_kit import JSON, NOW, config, errors, event, parse
from webhooks.sources import ownerrez
from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from worker.domain.booking import EventType, Status
from worker.secret import Secret

ENTITY = {
    "id": 501,
    "property_id": 40160,
    "guest_id": 7001,
    "status": "active",
    "type": "booking",
    "is_block": False,
    "arrival": "2026-12-01",
    "departure": "2026-12-05",
    "updated_utc": "2026-11-20T10:00:00Z",
}
GUEST = {
    "id": 7001,
    "first_name": "Ann",
    "last_name": "Lee",
    "email_addresses": [{"address": "old@example.com"}, {"address": "a@example.com", "is_default": True}],
    "phones": [{"number": "+61 4"}],
}
WITH_API = config("ownerrez", api_url="https://api.example.com", api_key=Secret("a@example.com:pt_1"))


def document(action: str = "entity_update", **entity: Any) -> dict[str, Any]:
    """A delivery; `...` leaves a field out."""
    given = {name: value for name, value in {**ENTITY, **entity}.items() if value is not ...}
    return {"id": 9, "action": action, "entity_type": "booking", "entity_id": 501, "entity": given}


def changes(**entity: Any) -> dict[str, Any]:
    """What a delivery changes."""
    return dict(event("ownerrez", document(**entity)).changes)


def with_api(told: dict[str, Any]) -> Parsed:
    """A delivery to a source whose API may be asked."""
    delivery = Delivery(body=json.dumps(told).encode(), received=NOW, content_type=JSON)
    return ownerrez.parse(delivery, WITH_API)


@pytest.mark.parametrize(
    ("entity", "expected"),
    [
        ({}, Status.CONFIRMED),
        ({"type": ...}, Status.CONFIRMED),
        ({"type": "Booking", "status": "Active"}, Status.CONFIRMED),
        ({"status": "pending"}, Status.TENTATIVE),
        ({"type": "quoteHold"}, Status.TENTATIVE),
        ({"type": "block"}, Status.BLOCKED),
        ({"type": "linkedAvailability"}, Status.BLOCKED),
        ({"is_block": True}, Status.BLOCKED),
        ({"status": "canceled", "is_block": True}, Status.CANCELLED),
        ({"status": ..., "canceled_utc": "2026-11-20T10:00:00Z"}, Status.CANCELLED),
    ],
)
def test_statuses(entity: dict[str, Any], expected: Status) -> None:
    """An active booking is confirmed; blocks and holds are active too, and get no code."""
    assert expected == changes(**entity)["status"]


@pytest.mark.parametrize(
    ("entity", "place"),
    [
        ({"status": "maybe"}, "entity.status"),
        ({"status": ...}, "entity.status"),
        ({"type": "x"}, "entity.type"),
    ],
)
def test_unknown_words(entity: dict[str, Any], place: str) -> None:
    """A status or type that is not known is for a person."""
    assert {place} == set(errors("ownerrez", document(**entity)))


@pytest.mark.parametrize("action", ["entity_create", "entity_insert", "entity_update"])
def test_both_words_for_a_new_booking(action: str) -> None:
    """Older documentation has the one, live deliveries the other."""
    expected = EventType.UPDATED if action == "entity_update" else EventType.CREATED
    assert expected is event("ownerrez", document(action)).type


def test_times() -> None:
    """The booking's own times of day where they are told."""
    found = changes(check_in="16:00", check_out="11:30")
    assert ("2026-12-01T16:00:00", "2026-12-05T11:30:00") == (found["check_in"], found["check_out"])
    assert "2026-12-01" == changes(check_in=None)["check_in"]


def test_a_deleted_booking_is_cancelled() -> None:
    """Nothing but its number is told; an update from before does not bring it back."""
    told = {"id": 10, "action": "entity_delete", "entity_type": "booking", "entity_id": 501}
    gone = event("ownerrez", told)
    assert (EventType.CANCELLED, "501") == (gone.type, gone.key.id)
    assert event("ownerrez", document()).version.is_older_than(gone.version)


def test_the_news_has_an_id() -> None:
    """It tells duplicates; `updated_utc` orders."""
    assert "9" == event("ownerrez", document()).id
    assert not parse("ownerrez", document()).by_content
    newer = event("ownerrez", document(updated_utc="2026-11-20T10:00:01Z"))
    assert newer.version.is_newer_than(event("ownerrez", document()).version)
    bare = document()
    del bare["id"]
    assert parse("ownerrez", bare).by_content


@pytest.mark.parametrize(
    "kind", ["guest", "property", "thread_message", "inquiry", "quote", "api_application"]
)
def test_other_entities(kind: str) -> None:
    """C03: they concern no stay."""
    told = {"id": 1, "action": "entity_update", "entity_type": kind, "entity_id": 1, "entity": {}}
    assert ((), ()) == (parse("ownerrez", told).events, with_api(told).asks)


def test_other_actions() -> None:
    """C03: tests and the end of an authorization concern no stay; an unknown word about a booking is kept."""
    for action in ("webhook_test", "application_authorization_revoked"):
        assert () == parse("ownerrez", {"id": 1, "action": action}).events
    assert {"action"} == set(errors("ownerrez", document("entity_merge")))
    assert {"entity_type"} == set(errors("ownerrez", {"action": "entity_update"}))


def test_the_guest_is_asked_for() -> None:
    """With a key the booking counts at once, and its guest is asked for; without one it only counts."""
    assert (1, ("501",)) == (len(with_api(document()).events), with_api(document()).asks)
    assert () == parse("ownerrez", document()).asks
    for entity in ({"status": "canceled"}, {"is_block": True}):
        assert () == with_api(document(**entity)).asks


def test_a_delivery_without_its_booking() -> None:
    """Where it can be asked for it is; else it is for a person."""
    told = document()
    del told["entity"]
    assert ((), ("501",)) == (with_api(told).events, with_api(told).asks)
    assert {"entity"} == set(errors("ownerrez", told))


def test_the_fetched_guest() -> None:
    """The default address and number count, else the first; equal content is a duplicate."""
    booking = {**ENTITY, "guest": GUEST}
    found = ownerrez.read("501", booking, WITH_API, NOW)
    (told,) = found.events
    assert ("Ann Lee", "a@example.com", "+61 4") == tuple(
        told.changes[f"guest_{name}"] for name in ("name", "email", "phone")
    )
    assert found.by_content
    assert told.id == ownerrez.read("501", booking, WITH_API, NOW).events[0].id
    (bare,) = ownerrez.read("501", {**ENTITY, "guest": None}, WITH_API, NOW).events
    assert not any(name.startswith("guest") for name in bare.changes)
    (cleared,) = ownerrez.read("501", {**ENTITY, "guest": {"email_addresses": []}}, WITH_API, NOW).events
    assert cleared.changes["guest_email"] is None


@pytest.mark.parametrize("fetched", [None, [], "x", {}, {**ENTITY, "status": "odd"}])
def test_a_fetched_document_that_is_not_understood(fetched: object) -> None:
    """It is refused with its reasons, and with nothing else."""
    with pytest.raises(NotUnderstoodError):
        ownerrez.read("501", fetched, WITH_API, NOW)

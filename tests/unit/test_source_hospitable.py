"""The adapter `hospitable`: what its words mean, and whose signature it takes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.source_kit import NOW, config, errors, event, parse
from webhooks.sources import hospitable
from webhooks.sources.adapter import Delivery, UnprovenError
from worker.domain.booking import EventType, Status
from worker.secret import Secret

VECTOR = "cc99bf59"
DATA = {
    "id": "6f0c2f5e-7c1c-4a0e-9b0b-0c6a0e6f7a10",
    "arrival_date": "2026-12-01T00:00:00-05:00",
    "departure_date": "2026-12-05T00:00:00-05:00",
    "check_in": "2026-12-01T13:00:00-05:00",
    "check_out": "2026-12-05T11:00:00-05:00",
    "reservation_status": {"current": {"category": "accepted", "sub_category": None}},
    "properties": [{"id": "p-1", "timezone": "-0500"}],
}


def document(action: str = "reservation.changed", **data: Any) -> dict[str, Any]:
    """A delivery; `...` leaves a field out."""
    given = {name: value for name, value in {**DATA, **data}.items() if value is not ...}
    return {"id": "01ABC", "action": action, "created": "2026-11-22T10:00:00Z", "data": given}


def changes(**data: Any) -> dict[str, Any]:
    """What a delivery changes."""
    return dict(event("hospitable", document(**data)).changes)


def category(word: object) -> dict[str, Any]:
    """A status of that category."""
    return {"current": {"category": word, "sub_category": None}}


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("accepted", Status.CONFIRMED),
        ("request", Status.TENTATIVE),
        ("cancelled", Status.CANCELLED),
        ("not accepted", Status.CANCELLED),
        ("not_accepted", Status.CANCELLED),
    ],
)
def test_statuses(word: str, expected: Status) -> None:
    """Only `accepted` is confirmed, also in the older field."""
    assert expected == changes(reservation_status=category(word))["status"]
    assert expected == changes(reservation_status=..., status=word)["status"]


@pytest.mark.parametrize("word", ["unknown", None, 5, {}])
def test_unknown_statuses(word: object) -> None:
    """A status that is not known is for a person, whatever the older field says."""
    found = errors("hospitable", document(reservation_status=category(word), status="accepted"))
    assert {"data.reservation_status.current.category"} == set(found)
    assert {"data.status"} == set(errors("hospitable", document(reservation_status=...)))


def test_times_are_wall_times() -> None:
    """D18: what the clock on the wall shows counts; the offset moves neither date nor time."""
    found = changes()
    assert ("2026-12-01T13:00:00", "2026-12-05T11:00:00") == (found["check_in"], found["check_out"])
    found = changes(check_in=..., check_out=None)
    assert ("2026-12-01", "2026-12-05") == (found["check_in"], found["check_out"])
    late = changes(arrival_date="2026-12-01T00:00:00+14:00", check_in="2026-12-01T23:30:00+14:00")
    assert "2026-12-01T23:30:00" == late["check_in"]


def test_bad_dates() -> None:
    """They are told by their place."""
    assert {"data.check_in"} == set(errors("hospitable", document(check_in="soon")))


def test_the_news_has_an_id() -> None:
    """The sender's id names it, also each of several reservations; without an id its content does."""
    one = document()
    assert "01ABC" == parse("hospitable", one).id
    assert not parse("hospitable", one).by_content
    several = {**one, "data": [one["data"], {**one["data"], "id": "other"}]}
    assert ["01ABC", "01ABC.1"] == [found.id for found in parse("hospitable", several).events]
    del one["id"]
    assert parse("hospitable", one).by_content


def test_order() -> None:
    """`created` of the news orders."""
    newer = document() | {"created": "2026-11-22T10:00:01Z"}
    older = event("hospitable", document())
    assert event("hospitable", newer).version.is_newer_than(older.version)


def test_order_within_a_second() -> None:
    """`created` tells no milliseconds; news that came after a document was asked for are newer."""
    asked = datetime(2026, 11, 22, 10, 0, 0, 400_000, tzinfo=UTC)
    (fetched,) = hospitable.read("x", DATA, config("hospitable"), asked).events
    sent = Delivery(body=json.dumps(document()).encode(), received=asked + timedelta(milliseconds=300))
    (told,) = hospitable.parse(sent, config("hospitable")).events
    assert told.version.is_newer_than(fetched.version)


@pytest.mark.parametrize("action", ["reservation.changed", "reservation.updated", "reservation.created"])
def test_actions(action: str) -> None:
    """Both names of a change are known."""
    expected = EventType.CREATED if action.endswith("created") else EventType.UPDATED
    assert expected is event("hospitable", document(action)).type


@pytest.mark.parametrize("action", ["property.changed", "message.created", "review.created"])
def test_other_actions(action: str) -> None:
    """What is no reservation concerns no stay."""
    assert () == parse("hospitable", {"id": "1", "action": action, "data": {}}).events


def test_tests_are_no_reservations() -> None:
    """What Hospitable sends to try the webhook is acknowledged and makes no stay."""
    assert () == parse("hospitable", document() | {"triggers": "test"}).events
    assert 1 == len(parse("hospitable", document() | {"triggers": "historic_reservation"}).events)


def test_properties() -> None:
    """Without the scope for them there is no unit; several are several stays."""
    assert "unit" not in changes(properties=...)
    found = event("hospitable", document(properties=[{"id": "p-1"}, {"id": "p-2"}, {"id": "p-1"}]))
    assert found.siblings is not None
    assert ("p-1", [f"{DATA['id']}.p-2"]) == (found.changes["unit"], list(found.siblings))


def test_guest() -> None:
    """First and last name, and the first of the numbers."""
    who = {"first_name": "Ann", "last_name": "Lee", "email": "a@example.com", "phone_numbers": ["1", "2"]}
    found = changes(guest=who)
    assert ("Ann Lee", "a@example.com", "1") == tuple(
        found[f"guest_{name}"] for name in ("name", "email", "phone")
    )
    assert changes(guest={"phone_numbers": []})["guest_phone"] is None


def verify(signature: str | None, body: bytes = b'{"foo":"bar"}') -> None:
    """Check a signature with the secret of the vendor's example."""
    headers = {} if signature is None else {"signature": signature}
    source = config("hospitable", secrets=(Secret("123456"),))
    hospitable.verify(Delivery(body=body, headers=headers, received=NOW), source, NOW)


def test_the_vendors_example() -> None:
    """The signature of the documentation's example is good, and of no other body."""
    good = "cc99bf5947391ddb0d0d9866f5b9d3a68e8b273c5ac8f699b4ae2399a7433118"
    assert good.startswith(VECTOR)
    verify(good)
    verify(good.upper())
    with pytest.raises(UnprovenError):
        verify(good, b'{"foo": "bar"}')


@pytest.mark.parametrize("given", [None, "", "0" * 64, "é" * 64, "0" * 63])
def test_forged(given: str | None) -> None:
    """C01: everything else is refused."""
    with pytest.raises(UnprovenError):
        verify(given)

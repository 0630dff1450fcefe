"""The adapter `apaleo`: what its words mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.source_kit import errors, parse
from tests.unit.thin_kit import ASKED, answer, problems, the_event
from webhooks.sources.adapter import NotUnderstoodError
from webhooks.sources.apaleo import _token_url
from worker.domain.booking import EventType, Status

NEWS = {
    "topic": "Reservation",
    "type": "amended",
    "id": "e-1",
    "accountId": "DEMO",
    "propertyId": "MUC",
    "data": {"entityId": "XPGMSXGF-1"},
    "timestamp": 1795341600123,
}


def said(**changed: Any) -> dict[str, Any]:
    """What the API says; `...` leaves a field out."""
    given = {**answer("apaleo"), **changed}
    return {name: value for name, value in given.items() if value is not ...}


@pytest.mark.parametrize("topic", ["Reservation", "reservation", "RESERVATION"])
@pytest.mark.parametrize(
    "kind", ["created", "amended", "changed", "checked-in", "unit-assigned", "set-to-no-show", "canceled"]
)
def test_what_is_asked_for(topic: str, kind: str) -> None:
    """Whatever happens to a reservation, and however the topic is spelt."""
    assert ("XPGMSXGF-1",) == parse("apaleo", {**NEWS, "topic": topic, "type": kind}).asks


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("System", "healthcheck"),
        ("Booking", "changed"),
        ("Folio", "created"),
        ("Reservation", "payment-account-set"),
        ("Reservation", "payment-account-removed"),
    ],
)
def test_noise(topic: str, kind: str) -> None:
    """C03: other topics, the health check and payment accounts concern no stay."""
    found = parse("apaleo", {**NEWS, "topic": topic, "type": kind, "data": {"entityId": "X"}})
    assert ((), ()) == (found.asks, found.events)


def test_a_health_check_without_a_body() -> None:
    """It is good too."""
    found = parse("apaleo", b"", content_type="")
    assert ((), ()) == (found.asks, found.events)


def test_deleted() -> None:
    """What cannot be asked for any more is off, as of the delivery's time."""
    found = parse("apaleo", {**NEWS, "type": "deleted"})
    (event,) = found.events
    assert ((), "XPGMSXGF-1", EventType.CANCELLED) == (found.asks, event.key.id, event.type)
    assert datetime.fromtimestamp(1795341600.123, UTC).isoformat() == event.version.text
    before = the_event("apaleo", said(modified="2026-11-22T09:00:00Z"))
    assert event.version.is_newer_than(before.version)
    after = the_event("apaleo", said(modified="2027-11-22T09:00:00Z"))
    assert after.version.is_newer_than(event.version)


def test_the_id_is_the_senders() -> None:
    """Of a delivery that is sent twice it is the same."""
    assert "e-1" == parse("apaleo", NEWS).id == parse("apaleo", {**NEWS, "timestamp": 1}).id


@pytest.mark.parametrize("name", ["", "../../x", "a/b", "a?b=c", "a#", "x" * 101, 7, None])
def test_ids_that_lead_elsewhere(name: object) -> None:
    """C06: an id becomes part of an address; an odd one is for a person."""
    assert {"data.entityId"} == set(errors("apaleo", {**NEWS, "data": {"entityId": name}}))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Confirmed", Status.CONFIRMED),
        ("InHouse", Status.CONFIRMED),
        ("CheckedOut", Status.CONFIRMED),
        ("Canceled", Status.CANCELLED),
        ("NoShow", Status.CONFIRMED),
    ],
)
def test_statuses(word: str, expected: Status) -> None:
    """Each of its own."""
    assert expected == the_event("apaleo", said(status=word)).changes["status"]


def test_a_no_show_keeps_its_room() -> None:
    """Who lets himself in was never seen at the desk: no audit takes his code or his door."""
    changes = the_event("apaleo", said(status="NoShow", unit=None)).changes
    assert ("confirmed", False) == (changes["status"], "unit" in changes)


@pytest.mark.parametrize("word", ["Waiting", "", None, 3])
def test_unknown_statuses(word: object) -> None:
    """For a person."""
    assert {"status"} == set(problems("apaleo", said(status=word)))


def test_times_have_an_offset() -> None:
    """D06: they are instants, whatever the unit's zone."""
    changes = the_event(
        "apaleo", said(arrival="2026-12-01T17:00:00+01:00", departure="2026-12-05T11:00:00+01:00")
    ).changes
    assert ["2026-12-01T17:00:00+01:00", "2026-12-05T11:00:00+01:00"] == [
        changes["check_in"],
        changes["check_out"],
    ]


def test_times_that_cannot_be_read() -> None:
    """Of a confirmed stay they are for a person, of a cancelled one they do not matter."""
    assert {"arrival"} == set(problems("apaleo", said(arrival="soon")))
    assert "check_in" not in the_event("apaleo", said(arrival="soon", status="Canceled")).changes


def test_early_arrival_and_departure() -> None:
    """D02: who came early was let in then, who left early is out; not before the guest is checked out."""
    early = said(
        status="InHouse",
        arrival="2026-12-01T17:00:00+01:00",
        departure="2026-12-05T11:00:00+01:00",
        checkInTime="2026-12-01T12:30:00+01:00",
        checkOutTime="2026-12-04T08:00:00+01:00",
    )
    changes = the_event("apaleo", early).changes
    assert ["2026-12-01T11:30:00+00:00", "2026-12-05T11:00:00+01:00"] == [
        changes["check_in"],
        changes["check_out"],
    ]
    changes = the_event("apaleo", {**early, "status": "CheckedOut"}).changes
    assert "2026-12-04T07:00:00+00:00" == changes["check_out"]


def test_a_late_arrival_changes_nothing() -> None:
    """The booked time counts."""
    changes = the_event("apaleo", said(status="InHouse", checkInTime="2026-12-02T01:00:00Z")).changes
    assert "2026-12-01T12:00:00+00:00" == changes["check_in"]


def test_in_house_without_a_unit_keeps_the_one_it_had() -> None:
    """A guest who is in must not be put out while the room is changed."""
    found = the_event("apaleo", said(status="InHouse", unit=None), ASKED + timedelta(days=10))
    assert Status.CONFIRMED == found.changes["status"]
    assert "unit" not in found.changes


def test_the_guest() -> None:
    """An unreadable address is left blank, an absent guest is not touched."""
    changes = the_event("apaleo", said(primaryGuest={"lastName": "Lee", "email": "no"})).changes
    assert ("Lee", None) == (changes["guest_name"], changes["guest_email"])
    assert "guest_phone" not in changes
    assert "guest_name" not in the_event("apaleo", said(primaryGuest=...)).changes


@pytest.mark.parametrize(
    ("api", "tokens"),
    [
        ("https://api.apaleo.com", "https://identity.apaleo.com/connect/token"),
        ("https://api.apaleo.com/", "https://identity.apaleo.com/connect/token"),
        ("https://api.apaleo-staging.com/x", "https://identity.apaleo-staging.com/connect/token"),
        ("http://127.0.0.1:8080/x", "http://127.0.0.1:8080/connect/token"),
    ],
)
def test_where_tokens_are_fetched(api: str, tokens: str) -> None:
    """At the identity server of the same domain."""
    assert tokens == _token_url(api)


def test_no_topic() -> None:
    """Something else than a delivery."""
    with pytest.raises(NotUnderstoodError):
        parse("apaleo", {"type": "changed"})

"""The adapter `mews`: what its words mean."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.source_kit import errors, parse
from tests.unit.thin_kit import ASKED, answer, problems, the_event
from worker.domain.booking import Status


def message(*events: object) -> dict[str, Any]:
    """A message with these events."""
    return {"EnterpriseId": "e", "IntegrationId": "i", "Events": list(events)}


def named(name: object, discriminator: str = "ServiceOrderUpdated") -> dict[str, Any]:
    """One event."""
    return {"Discriminator": discriminator, "Value": {"Id": name}}


def said(**changed: Any) -> dict[str, Any]:
    """What the API says, the reservation's fields changed; `...` leaves one out."""
    whole = answer("mews")
    given = {**whole["reservation"], **changed}
    return {**whole, "reservation": {name: value for name, value in given.items() if value is not ...}}


def test_a_batch() -> None:
    """Hundreds of events, each reservation once, in the order of the message; the others are ignored."""
    events = [named(f"r-{number % 300}") for number in range(900)]
    noise = [named("x", other) for other in ("CustomerAdded", "ResourceBlockUpdated", "PaymentUpdated")]
    asks = parse("mews", message(*noise, *events)).asks
    assert tuple(f"r-{number}" for number in range(300)) == asks


def test_nothing_of_a_stay() -> None:
    """C03: a message of other events, or of none."""
    assert () == parse("mews", message(named("x", "MessageAdded"))).asks
    assert () == parse("mews", message()).asks


def test_what_is_no_message() -> None:
    """For a person."""
    assert {"Events"} == set(errors("mews", {"EnterpriseId": "e"}))
    assert {"Events.Value.Id"} == set(errors("mews", message(named(None))))
    assert {"Events.Value.Id"} == set(errors("mews", message(named(["x"]))))


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Confirmed", Status.CONFIRMED),
        ("Started", Status.CONFIRMED),
        ("Processed", Status.CONFIRMED),
        ("Canceled", Status.CANCELLED),
        ("Optional", Status.TENTATIVE),
        ("Requested", Status.TENTATIVE),
        ("Inquired", Status.TENTATIVE),
        ("Enquired", Status.TENTATIVE),
    ],
)
def test_states(word: str, expected: Status) -> None:
    """E10: each of its own; options and inquiries have no code."""
    assert expected == the_event("mews", said(State=word)).changes["status"]


def test_unknown_states() -> None:
    """For a person."""
    assert {"State"} == set(problems("mews", said(State="Overbooked")))
    assert {"State"} == set(problems("mews", {"customer": {}}))


def test_times_are_instants() -> None:
    """They are UTC, and are sent on as such: the unit's zone makes local times of them."""
    changes = the_event(
        "mews", said(ScheduledStartUtc="2026-12-01T04:00:00Z", ScheduledEndUtc="2026-12-05T00:00:00.0Z")
    ).changes
    assert ["2026-12-01T04:00:00+00:00", "2026-12-05T00:00:00+00:00"] == [
        changes["check_in"],
        changes["check_out"],
    ]


def test_the_older_names_of_times() -> None:
    """Where the scheduled ones are missing."""
    changes = the_event(
        "mews",
        said(
            ScheduledStartUtc=...,
            ScheduledEndUtc=None,
            StartUtc="2026-12-01T04:00:00Z",
            EndUtc="2026-12-05T00:00:00Z",
        ),
    ).changes
    assert ["2026-12-01T04:00:00+00:00", "2026-12-05T00:00:00+00:00"] == [
        changes["check_in"],
        changes["check_out"],
    ]


def test_early_arrival_and_departure() -> None:
    """D02: who is checked in early was let in then, who is checked out early is out."""
    early = said(State="Started", ActualStartUtc="2026-12-01T09:00:00Z", ActualEndUtc="2026-12-04T08:00:00Z")
    changes = the_event("mews", early).changes
    assert ["2026-12-01T09:00:00+00:00", "2026-12-05T12:00:00+00:00"] == [
        changes["check_in"],
        changes["check_out"],
    ]
    early["reservation"]["State"] = "Processed"
    assert "2026-12-04T08:00:00+00:00" == the_event("mews", early).changes["check_out"]


def test_checked_in_without_a_room_keeps_the_one_it_had() -> None:
    """A guest who is in must not be put out while the room is changed."""
    found = the_event("mews", said(State="Started", AssignedResourceId=None), ASKED + timedelta(days=10))
    assert Status.CONFIRMED == found.changes["status"]
    assert "unit" not in found.changes


def test_a_company_has_no_guest() -> None:
    """Nothing is known of who comes, and nothing is changed."""
    changes = the_event("mews", {**said(AccountType="Company"), "customer": None}).changes
    assert not [name for name in changes if name.startswith("guest_")]

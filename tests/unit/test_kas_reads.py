"""What the answer to a read means, and what an add brings: lists of PINs and tags, the audit trail."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kas_calls import LISTED, judged
from worker.domain.outcomes import Entry, Kind
from worker.kas.answers import Brings


@pytest.mark.parametrize("extra", [{}, {"ack": 0}, {"ack": 1}, {"ack": None}, {"ack": "0"}])
def test_list_is_done(extra: dict[str, object]) -> None:
    """A list with no ack, 0 or 1 is a good read."""
    answer = judged({**LISTED, **extra}, brings=Brings.LIST)

    assert (Kind.DONE, (Entry(120, "0953"),)) == (answer.outcome.kind, answer.entries)


@pytest.mark.parametrize(
    ("ack", "kind"),
    [
        (2, Kind.FAILED),
        (5, Kind.PENDING),
        (8, Kind.OFFLINE),
        (9, Kind.UNCLEAR),
        (True, Kind.UNCLEAR),
        ("no", Kind.UNCLEAR),
    ],
)
def test_list_with_another_ack_shows_nothing(ack: object, kind: Kind) -> None:
    """From a list whose ack is not its success nothing is concluded, even if it shows entries."""
    answer = judged({**LISTED, "ack": ack}, brings=Brings.LIST)

    assert (kind, None) == (answer.outcome.kind, answer.entries)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"ack": 0},
        {**LISTED, "l_passwords": None},
        {**LISTED, "l_passwords": [{"password": "0953"}]},
        {**LISTED, "l_factory_name": "SS000002"},
    ],
)
def test_list_that_cannot_be_trusted_is_doubt(body: object) -> None:
    """An unreadable list is not an empty one (promise 2)."""
    answer = judged(body, brings=Brings.LIST)

    assert (Kind.DOUBT, None) == (answer.outcome.kind, answer.entries)


READS = [
    (Brings.TAGS, {"l_factory_name": "SS000001", "l_rfids": [{"rfid_id": 120, "uid": "ABCD1234"}]}, "tags"),
    (Brings.EVENTS, {"events": {"events": [{"_id": "a", "date_added": "2019-08-07T13:45:48Z"}]}}, "events"),
]


@pytest.mark.parametrize(("brings", "body", "field"), READS)
@pytest.mark.parametrize(
    ("extra", "kind"),
    [
        ({}, Kind.DONE),
        ({"ack": 0}, Kind.DONE),
        ({"ack": 1}, Kind.DONE),
        ({"ack": None}, Kind.DONE),
        ({"ack": 2}, Kind.FAILED),
        ({"ack": 7}, Kind.PENDING),
        ({"ack": 8}, Kind.OFFLINE),
        ({"ack": 9}, Kind.UNCLEAR),
        ({"ack": True}, Kind.UNCLEAR),
    ],
)
def test_tags_and_events_are_judged_as_lists_are(
    brings: Brings, body: dict[str, Any], field: str, extra: dict[str, Any], kind: Kind
) -> None:
    """No ack, or ack 0, is their success; another ack shows nothing."""
    answer = judged({**body, **extra}, brings=brings)

    assert kind is answer.outcome.kind
    assert (kind is Kind.DONE) == bool(getattr(answer, field))


@pytest.mark.parametrize("brings", [Brings.TAGS, Brings.EVENTS])
@pytest.mark.parametrize("body", [{}, [], None, "Success", {"l_rfids": 1, "events": 1}, {"l_passwords": []}])
def test_tags_and_events_that_are_not_there_are_doubt(brings: Brings, body: object) -> None:
    """An answer without the list that was asked for is not an empty list."""
    answer = judged(body, brings=brings)

    assert (Kind.DOUBT, None, None) == (answer.outcome.kind, answer.tags, answer.events)


def test_broken_events_are_counted() -> None:
    """The answer stays good; it tells how many events it could not read."""
    answer = judged({"events": {"events": [7, {}, {"date_added": "2019-08-07"}]}}, brings=Brings.EVENTS)

    assert (Kind.DONE, 1, 2) == (answer.outcome.kind, len(answer.events or ()), answer.skipped)


@pytest.mark.parametrize(("extra", "count"), [({}, None), ({"l_rfids": []}, 0), ({"l_rfids": [{}]}, None)])
def test_add_of_a_tag_may_bring_the_list(extra: dict[str, Any], count: int | None) -> None:
    """The document cuts its example short: the ack stands by itself, with a readable list or without."""
    answer = judged({"ack": 1, **extra}, brings=Brings.ACK_AND_TAGS)

    assert Kind.DONE is answer.outcome.kind
    assert count == (None if answer.tags is None else len(answer.tags))


def test_list_in_an_error_is_not_read() -> None:
    """A readable list under a 5xx or 4xx is not a successful read."""
    assert [None, None] == [judged(LISTED, status, Brings.LIST).entries for status in (504, 400)]


@pytest.mark.parametrize(
    ("extra", "entries"),
    [
        ({}, (Entry(120, "0953"),)),
        ({"l_factory_name": "ss000001"}, (Entry(120, "0953"),)),
        ({"l_factory_name": "SS000910"}, None),
        ({"l_passwords": [{}]}, None),
        ({"l_passwords": []}, ()),
    ],
)
def test_add_brings_its_list_only_when_it_is_ours(
    extra: dict[str, object], entries: tuple[Entry, ...] | None
) -> None:
    """The ack of an add stands by itself; the list beside it counts only if readable and of our lock."""
    answer = judged({**LISTED, "ack": 1, **extra}, brings=Brings.ACK_AND_LIST)

    assert (Kind.DONE, entries) == (answer.outcome.kind, answer.entries)

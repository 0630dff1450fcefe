"""The audit trail is read in order, each event once, and a broken one costs nothing but itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.lock_events import LockEvent
from worker.kas.responses import Trail, read_events

AT = "2019-08-07T13:45:48.140Z"
MOMENT = datetime(2019, 8, 7, 13, 45, 48, 140000, tzinfo=UTC)


def trail(*events: Any, **more: Any) -> Trail | None:
    """What an answer with these events shows of the lock that was asked."""
    return read_events({"events": {"events": list(events)}, "ack": 0, **more}, "SS000001")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ({"ack": 0}, Trail((), 0)),
        ({"events": None, "ack": 0}, Trail((), 0)),
        ({"events": {}, "ack": 0}, Trail((), 0)),
        ({"events": {"events": None}}, Trail((), 0)),
        ({"events": {"events": []}}, Trail((), 0)),
        ({"events": []}, Trail((), 0)),
        ({"events": {"events": [], "l_factory_name": "ss000001"}}, Trail((), 0)),
        ({"events": {"events": [], "l_factory_name": "SS000002"}}, None),
        ({"events": {"events": {}}}, None),
        ({"events": "none", "ack": 0}, None),
        ({"events": None}, None),
        ({}, None),
    ],
)
def test_trails_without_events(record: dict[str, Any], expected: Trail | None) -> None:
    """No events is an answer where the vendor says so; nothing that looks like a trail is none."""
    assert expected == read_events(record, "SS000001")


def test_events_come_in_order_and_once() -> None:
    """Disordered and repeated events are sorted by time, each once."""
    later, first = {"_id": "b", "date_added": "2019-08-16T00:25:25Z"}, {"_id": "a", "date_added": AT}

    read = trail(later, first, later, first)

    assert read is not None
    assert (["a", "b"], 0) == ([event.id for event in read.events], read.skipped)


@pytest.mark.parametrize(
    "broken",
    [
        None,
        1,
        "x",
        [],
        {},
        {"_id": "a"},
        *({"_id": "a", "date_added": bad} for bad in (None, "", "soon", 7, True)),
    ],
)
def test_a_broken_event_is_skipped_and_counted(broken: Any) -> None:
    """One event that cannot be read costs neither the others nor the answer."""
    read = trail(broken, {"_id": "b", "date_added": AT}, broken)

    assert Trail((LockEvent("b", MOMENT),), 2) == read


@pytest.mark.parametrize(
    ("field", "value", "name", "expected"),
    [
        ("battery", None, "battery", None),
        ("battery", "97", "battery", 97),
        ("battery", 0, "battery", 0),
        ("battery", 100, "battery", 100),
        ("battery", 101, "battery", None),
        ("battery", -1, "battery", None),
        ("battery", 255, "battery", None),
        ("battery", True, "battery", None),
        ("event_type", "1", "event_type", 1),
        ("event_type", [1], "event_type", None),
        ("user_id", 102.0, "user_id", 102),
        ("user_id", "x", "user_id", None),
        ("user_type", 7, "user_type", 7),
        ("user_type_desc", "Remote Unlock", "user_kind", "Remote Unlock"),
        ("user_id_value", 4321, "user_value", "4321"),
        ("user_id_value", {"a": 1}, "user_value", ""),
        ("user_name", None, "user_name", ""),
        ("event_type_label", "Unlock Event", "label", "Unlock Event"),
        ("date_added_timezone_name", "Australia/Brisbane", "zone", "Australia/Brisbane"),
    ],
)
def test_fields_of_an_event(field: str, value: object, name: str, expected: object) -> None:
    """Each field may be missing, null or of another type: then it is None or empty, and the event stays."""
    read = trail({"_id": "a", "date_added": AT, field: value})

    assert read is not None
    (event,) = read.events
    assert expected == getattr(event, name)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (AT, MOMENT),
        ("2019-08-07T23:45:48.140+10:00", MOMENT),
        ("2019-08-07T13:45:48.140", MOMENT),
        ("0001-01-01T00:00:00+10:00", None),
        ("9999-12-31T23:59:59-10:00", None),
        ("2019-02-30T00:00:00Z", None),
    ],
)
def test_times_of_events(written: str, expected: datetime | None) -> None:
    """Any offset becomes UTC, none is UTC; a time that is none makes the event broken."""
    read = trail({"_id": "a", "date_added": written})

    assert read is not None
    assert ([expected] if expected else []) == [event.at for event in read.events]
    assert all(event.at.utcoffset() == timedelta(0) for event in read.events)


def test_events_without_an_id_are_told_apart() -> None:
    """Their ids are made of time, type and user: the same on every read."""
    one, other = {"date_added": AT, "user_id": 101}, {"date_added": AT, "user_id": 102, "_id": None}

    first, second = trail(one, other), trail(other, one, one)

    assert first is not None
    assert first == second
    assert 2 == len({event.id for event in first.events})


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
_event = st.fixed_dictionaries(
    {},
    optional={
        "_id": _json | st.sampled_from("ab"),
        "date_added": _json | st.datetimes().map(lambda moment: f"{moment.isoformat()}Z"),
        "event_type": _json,
        "battery": _json,
        "user_id": _json,
        "user_id_value": _json,
    },
)


@given(
    listed=st.lists(_event | _json, max_size=5), more=st.dictionaries(st.text(max_size=8), _json, max_size=3)
)
def test_any_trail_is_read(listed: list[Any], more: dict[str, Any]) -> None:
    """Whatever the events hold, they are read in order, each once, and none is lost unseen."""
    read = trail(*listed, **{key: value for key, value in more.items() if key != "events"})
    again = trail(*reversed(listed))

    assert read is not None
    assert again is not None
    assert sorted(read.events, key=lambda event: event.at) == list(read.events)
    assert len({event.id for event in read.events}) == len(read.events)
    assert {event.id for event in read.events} == {event.id for event in again.events}
    assert read.skipped == again.skipped
    assert len(read.events) + read.skipped <= len(listed)

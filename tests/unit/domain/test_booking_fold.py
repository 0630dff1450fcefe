"""A booking is folded from its events by version; a cancel leaves a tombstone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.unit.domain.kit import CHECK_IN, CHECK_OUT, KEY, NOW, an_event
from worker.domain.booking import (
    Booking,
    BookingEvent,
    EventType,
    Status,
    StayKey,
    Version,
    by_unit,
    cancellation,
    first,
    fold,
    sibling_events,
)

TIMES: dict[str, Any] = {"unit": "cabin", "check_in": CHECK_IN, "check_out": CHECK_OUT}


def folded(*events: BookingEvent) -> Booking:
    """What the events tell in the order in which they came."""
    booking = first(events[0])
    for event in events[1:]:
        booking = fold(booking, event) or booking
    return booking


def test_the_same_event_twice_tells_the_same_booking() -> None:
    """B01: a repeated event changes nothing."""
    event = an_event("created", 1, **TIMES)
    assert folded(event) == folded(event, event)


def test_a_field_left_out_keeps_its_value_and_none_clears_it() -> None:
    """C08: a sparse event deletes nothing; an explicit null does."""
    booking = folded(
        an_event("created", 1, **TIMES, guest_name="Ann", guest_email="ann@example.com"),
        an_event("updated", 2, guest_email=None),
    )
    assert ("Ann", None, CHECK_IN) == (booking.guest_name, booking.guest_email, booking.check_in)


def test_every_order_of_distinct_versions_ends_with_the_newest_state() -> None:
    """B12: whole events in any order come to what the newest says."""
    events = [
        an_event("created", 1, **TIMES),
        an_event("updated", 2, **(TIMES | {"check_out": "2026-12-07T10:00"})),
        an_event("cancelled", 3, **TIMES),
        an_event("created", 4, **(TIMES | {"check_out": "2026-12-09T10:00"})),
    ]
    ends = {(b.status, b.check_out) for b in (folded(*order) for order in permutations(events))}
    assert {(Status.CONFIRMED, "2026-12-09T10:00")} == ends


def test_a_cancel_before_its_booking_stays() -> None:
    """B12: a tombstone is not undone by the older booking that comes after it; it learns whom it buried."""
    late = an_event("created", 1, **TIMES)
    booking = first(an_event("cancelled", 2))
    assert Status.CANCELLED is booking.status
    filled = fold(booking, late)
    assert filled is not None
    assert (Status.CANCELLED, booking.version) == (filled.status, filled.version)
    assert fold(filled, late) is None


@pytest.mark.parametrize(("number", "expected"), [(2, Status.CANCELLED), (3, Status.CONFIRMED)])
def test_only_a_strictly_newer_version_reinstates(number: int, expected: Status) -> None:
    """D21: cancelled and confirmed again; an equal version is not enough."""
    booking = folded(
        an_event("created", 1, **TIMES),
        an_event("cancelled", 2),
        an_event("updated", number, status="confirmed"),
    )
    assert expected is booking.status


def test_a_newer_update_that_says_nothing_of_the_status_leaves_the_tombstone() -> None:
    """B12: a late change of a name does not bring a cancelled stay back."""
    booking = folded(
        an_event("created", 1, **TIMES), an_event("cancelled", 2), an_event("updated", 3, guest_name="X")
    )
    assert Status.CANCELLED is booking.status


def test_of_equal_versions_the_latest_received_counts() -> None:
    """Equal versions are not stale."""
    booking = folded(an_event("created", 1, **TIMES), an_event("updated", 1, unit="house"))
    assert "house" == booking.unit


def test_without_versions_the_events_own_times_decide() -> None:
    """B12: an event without a version is ordered by its stamp."""
    old = an_event("updated", None, unit="shed")
    assert fold(first(an_event("created", 5, **TIMES)), old) is None


@pytest.mark.parametrize("status", ["tentative", "blocked"])
def test_other_states_are_taken_from_the_event(status: str) -> None:
    """E10: an owner's block is not a confirmed stay."""
    assert status == folded(an_event("created", 1, **TIMES, status=status)).status.value


def test_a_key_is_read_back_as_it_is_written() -> None:
    """The id may hold slashes, and a name without a slash is refused."""
    key = StayKey("direct", "A/B/1")
    assert key == StayKey.parse(str(key))
    for wrong in ("direct", "/x", "direct/"):
        with pytest.raises(ValueError, match="source/id"):
            StayKey.parse(wrong)


def test_neither_booking_nor_event_shows_the_guest_or_the_pin() -> None:
    """Promise 9: what a traceback may print holds ids only."""
    event = an_event("created", 1, **TIMES, guest_name="Ann Lee", pin="482913")
    text = repr(event) + repr(first(event))
    assert "Ann" not in text
    assert "482913" not in text
    assert str(KEY) in text


class TestSiblings:
    """The other stays of a reservation over several units follow the order of its first stay."""

    @staticmethod
    def told(number: int, *others: str) -> BookingEvent:
        """A reservation over its own stay and `others`."""
        event = an_event("updated", number, **TIMES)
        return replace(event, siblings={name: {"unit": name, "status": "confirmed"} for name in others})

    @staticmethod
    def ends(before: Booking | None, event: BookingEvent) -> dict[str, str]:
        """What becomes of each other stay."""
        after = first(event) if before is None else fold(before, event) or before
        found = sibling_events(before, after, event)
        return {one.key.id: one.type.value.removeprefix("booking.") for one in found}

    def test_each_is_told(self) -> None:
        """Each other stay gets what is said of it, at the version of the whole."""
        event = self.told(1, "a", "b")
        after = first(event)
        assert ("a", "b") == after.siblings
        found = sibling_events(None, after, event)
        assert [("a", event.version), ("b", event.version)] == [(one.key.id, one.version) for one in found]
        assert 2 == len({one.id for one in found})

    def test_what_is_not_named_any_more_is_cancelled(self) -> None:
        """Only a later list can take one away; an event without a list takes none."""
        before = first(self.told(2, "a", "b"))
        assert {"a": "updated", "b": "cancelled"} == self.ends(before, self.told(3, "a"))
        assert {"a": "cancelled", "b": "cancelled"} == self.ends(before, self.told(3))
        assert {} == self.ends(before, an_event("updated", 3, **TIMES))
        assert ("a", "b") == folded(self.told(2, "a", "b"), an_event("updated", 3)).siblings

    def test_a_stale_event_means_nothing_for_them(self) -> None:
        """B12: neither what it names nor what it leaves out changes."""
        before = first(self.told(2, "a"))
        assert {} == self.ends(before, self.told(1, "a", "b"))
        assert {} == self.ends(before, self.told(1))


def by_time(seconds: float, received: float | None = None) -> Version:
    """What an `innkey` source sends that versions its bookings by time."""
    number = (NOW + timedelta(seconds=seconds) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )
    return Version(number=number, text="a time", stamp=at(seconds if received is None else received))


def by_change(seconds: float, received: float | None = None) -> Version:
    """What a booking system's moment of change becomes."""
    return Version.changed_at(at(seconds), at(seconds if received is None else received))


def by_stamp(seconds: float, received: float | None = None) -> Version:
    """What an event without a version has; it knows one time only."""
    return Version(stamp=at(seconds))


def at(seconds: float) -> datetime:
    """A moment after `NOW`."""
    return NOW + timedelta(seconds=seconds)


def at_version(version: Version, kind: str = "created", **changes: object) -> BookingEvent:
    """An event of that version that says confirmed, unless told."""
    return replace(an_event(kind, 1, **{**TIMES, "status": "confirmed", **changes}), version=version)


def by_hand(booking: Booking, seconds: float, *waiting: BookingEvent) -> Booking:
    """The booking after a person cancelled it so many seconds after `NOW`."""
    after = fold(booking, cancellation(booking, waiting, at(seconds)))
    assert after is not None
    assert Status.CANCELLED is after.status
    return after


def status_after(booking: Booking, version: Version) -> Status:
    """What a confirmation of that version makes of it."""
    return (fold(booking, at_version(version, "updated")) or booking).status


class TestByHand:
    """A person cancels: it counts as the newest that is known, and the source has the last word."""

    @pytest.mark.parametrize("said", [by_stamp, by_time, by_change])
    def test_of_a_source_with_times(self, said: Callable[..., Version]) -> None:
        """B12, D21: news from before is none, however late it comes; later news brings the stay back."""
        gone = by_hand(first(at_version(said(0))), 100)
        assert Status.CANCELLED is status_after(gone, said(0))
        assert Status.CANCELLED is status_after(gone, said(0, received=500))
        assert Status.CANCELLED is status_after(gone, said(99, received=500))
        assert Status.CANCELLED is status_after(gone, said(100))
        assert Status.CONFIRMED is status_after(gone, said(101))

    def test_of_a_source_with_numbers(self) -> None:
        """The number known now stands for now, whatever the clocks show: only a higher one is newer."""
        gone = by_hand(first(at_version(numbered(7, 0))), 100)
        assert ("7", at(100)) == (gone.version.text, gone.version.stamp)
        assert Status.CANCELLED is status_after(gone, numbered(6, 500))
        assert Status.CANCELLED is status_after(gone, numbered(7, 500))
        assert Status.CONFIRMED is status_after(gone, numbered(8, 50))

    @pytest.mark.parametrize("said", [by_stamp, by_time, by_change])
    def test_a_source_whose_clock_is_ahead(self, said: Callable[..., Version]) -> None:
        """Its own latest word counts as known, though it is of a time to come."""
        gone = by_hand(first(at_version(said(300))), 100)
        assert Status.CANCELLED is status_after(gone, said(300))
        assert Status.CONFIRMED is status_after(gone, said(301))

    def test_a_source_with_numbers_falls_back_on_times(self) -> None:
        """An event without a version is ordered by its stamp, against a cancel by hand too."""
        gone = by_hand(first(at_version(numbered(7, 0))), 100)
        assert Status.CANCELLED is status_after(gone, by_stamp(99))
        assert Status.CONFIRMED is status_after(gone, by_stamp(101))

    def test_waiting_news_is_from_before(self) -> None:
        """What is on record and could not be applied yet does not bring the stay back when it can be."""
        late = at_version(numbered(9, 50), "updated")
        gone = by_hand(first(at_version(numbered(7, 0))), 100, late, at_version(numbered(8, 60), "updated"))
        assert Status.CANCELLED is status_after(gone, late.version)
        assert Status.CONFIRMED is status_after(gone, numbered(10, 70))

    @pytest.mark.parametrize("said", [by_stamp, by_time, by_change])
    def test_an_update_that_says_nothing_of_the_status(self, said: Callable[..., Version]) -> None:
        """It leaves the tombstone, and a second cancel by hand has nothing to reckon with but it."""
        gone = by_hand(first(at_version(said(0))), 100)
        again = fold(gone, replace(an_event("updated", 1, guest_name="Ann"), version=said(200)))
        assert again is not None
        assert Status.CANCELLED is again.status

    def test_the_first_stay_takes_the_others_along(self) -> None:
        """As a cancellation of the source does; another stay of the reservation goes alone."""
        before = replace(first(at_version(by_change(0))), siblings=("BK-1.a", "BK-1.b"))
        event = cancellation(before, [], at(100))
        after = fold(before, event)
        assert after is not None
        others = sibling_events(before, after, event)
        assert ["BK-1.a", "BK-1.b"] == [one.key.id for one in others]
        assert {(EventType.CANCELLED, event.version)} == {(one.type, one.version) for one in others}
        lone = replace(before, siblings=())
        assert [] == sibling_events(lone, fold(lone, event) or lone, event)


def numbered(number: int, seconds: float) -> Version:
    """What a source sends that counts its versions."""
    return Version(number=number, text=str(number), stamp=at(seconds))


class TestByUnit:
    """Promise 3: guests of a reservation over several units keep their doors as units come and go."""

    @staticmethod
    def told(*units: str) -> BookingEvent:
        """A reservation over these units, named as adapters name them: the lowest is the first stay."""
        named = {unit: {"unit": unit, "status": "confirmed"} for unit in sorted(units)}
        first, *others = named
        siblings = {f"BK-1.{unit}": named[unit] for unit in others}
        return replace(an_event("updated", 2), changes=named[first], siblings=siblings)

    @staticmethod
    def places(event: BookingEvent) -> dict[str, object]:
        """Which unit each stay has then; the first one's is None where it is cancelled."""
        others = {name: changes["unit"] for name, changes in (event.siblings or {}).items()}
        return {"BK-1": event.changes.get("unit"), **others}

    @pytest.mark.parametrize(
        ("units", "told", "found"),
        [
            ({"BK-1": "11"}, ["11", "12"], {"BK-1": "11", "BK-1.12": "12"}),
            ({"BK-1": "11", "BK-1.12": "12"}, ["12"], {"BK-1": None, "BK-1.12": "12"}),
            ({"BK-1": "11", "BK-1.12": "12"}, ["11"], {"BK-1": "11"}),
            ({"BK-1": "11"}, ["10", "11"], {"BK-1": "11", "BK-1.11": "10"}),
            ({"BK-1": "11", "BK-1.11": "10"}, ["10", "11"], {"BK-1": "11", "BK-1.11": "10"}),
            ({"BK-1": "11", "BK-1.12": "12"}, ["12", "13"], {"BK-1": "13", "BK-1.12": "12"}),
            ({"BK-1.12": "12"}, ["12"], {"BK-1": None, "BK-1.12": "12"}),
            ({"BK-1": "11"}, ["14"], {"BK-1": "14"}),
            ({}, ["11", "12"], {"BK-1": "11", "BK-1.12": "12"}),
        ],
    )
    def test_each_stays_where_it_is(
        self, units: dict[str, str], told: list[str], found: dict[str, object]
    ) -> None:
        """Whatever leaves, joins, or changes: a unit that is told already has its stay."""
        assert found == self.places(by_unit(self.told(*told), units))

    def test_those_who_stay_are_not_cancelled_with_the_first(self) -> None:
        """The first stay leaves, its reservation goes on."""
        event = by_unit(self.told("12"), {"BK-1": "11", "BK-1.12": "12"})
        before = replace(first(an_event("created", 1)), siblings=("BK-1.12",))
        after = fold(before, event)
        assert after is not None
        assert Status.CANCELLED is after.status
        (other,) = sibling_events(before, after, event)
        assert ("BK-1.12", EventType.UPDATED) == (other.key.id, other.type)
        cancelled = replace(event, version=an_event("updated", 3).version, siblings={})
        gone = fold(after, cancelled)
        assert gone is not None
        assert [EventType.CANCELLED] == [one.type for one in sibling_events(after, gone, cancelled)]

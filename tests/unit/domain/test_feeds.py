"""What a calendar that is read again and again means for its stays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.booking import EventType, Status
from worker.domain.feeds import (
    Calendar,
    Doubt,
    Known,
    Listed,
    News,
    Reading,
    Remembered,
    absorb,
    unchanged,
    without_doubles,
)

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
TODAY = NOW.date()
EVERY = timedelta(minutes=15)


def day(offset: int) -> str:
    """A date so many days from the first read."""
    return (TODAY + timedelta(days=offset)).isoformat()


def a_stay(uid: str = "u1", begins: int = 5, nights: int = 3, **more: Any) -> Listed:
    """A stay as a calendar lists it."""
    given = {"uid": uid, "starts": day(begins), "ends": day(begins + nights), **more}
    return Listed(**given)


@dataclass
class Desk:
    """Reads one calendar again and again, and keeps what it told of each stay."""

    state: Remembered = field(default_factory=Remembered)
    now: datetime = NOW
    told: list[News] = field(default_factory=list)
    doubt: Doubt | None = None

    def read(self, *listed: Listed, after: timedelta = EVERY, **more: Any) -> list[str]:
        """A good read; what it told, as `created u1` and so on."""
        self.now += after
        more = {"events": len(listed)} | more
        return self._took(Calendar(without_doubles(listed), **more))

    def read_unchanged(self) -> list[str]:
        """A read that the site answers with 304."""
        self.now += EVERY
        return self._took(unchanged(self.state))

    def _took(self, calendar: Calendar) -> list[str]:
        reading = self.absorbed(calendar)
        self.state, self.doubt = reading.after, reading.doubt
        self.told += reading.news
        return [f"{one.type.value.partition('.')[2]} {one.id}" for one in reading.news]

    def absorbed(self, calendar: Calendar) -> Reading:
        """What a read comes to, as yet without consequence."""
        return absorb(
            self.state,
            calendar,
            self.now,
            today=self.now.date(),
            unit="house",
            new_id=lambda one: one.code or one.uid,
        )

    def known(self, stay: str = "u1") -> Known:
        """What is known of a stay."""
        return next(one for one in self.state.known if one.id == stay)


def test_a_stay_is_told_once() -> None:
    """What is seen first is created, with all that the calendar tells; the same again is no news."""
    desk = Desk()
    assert ["created u1"] == desk.read(a_stay(guest="Ann", phone="1234"))
    assert {
        "unit": "house",
        "check_in": day(5),
        "check_out": day(8),
        "status": "confirmed",
        "guest_name": "Ann",
        "guest_phone": "1234",
    } == desk.told[0].changes
    assert [] == desk.read(a_stay(guest="Ann", phone="1234"))


def test_what_the_calendar_does_not_tell_is_left_alone() -> None:
    """No name and no telephone are no fields; and one that is not told any more is kept."""
    desk = Desk()
    desk.read(a_stay())
    assert {"unit", "check_in", "check_out", "status"} == set(desk.told[0].changes)
    desk.read(a_stay(phone="1234"))
    assert [] == desk.read(a_stay())
    assert "1234" == desk.known().phone


def test_a_stay_is_cancelled_when_three_reads_in_a_row_miss_it() -> None:
    """E04: kept after one and two, cleared after the third, and once."""
    desk = Desk()
    desk.read(a_stay("u1"), a_stay("u2", 20))
    assert [] == desk.read(a_stay("u2", 20))
    assert [] == desk.read(a_stay("u2", 20))
    assert ["cancelled u1"] == desk.read(a_stay("u2", 20))
    assert [] == desk.read(a_stay("u2", 20))


def test_a_return_begins_the_count_anew() -> None:
    """E04: missed twice, there, missed twice: it goes on."""
    desk, other = Desk(), a_stay("u2", 20)
    desk.read(a_stay(), other)
    for _ in range(3):
        assert [] == desk.read(other) + desk.read(other) + desk.read(a_stay(), other)


def test_a_read_that_has_not_changed_misses_what_the_last_one_missed() -> None:
    """E04: 304 is a good read of the same content."""
    desk = Desk()
    desk.read(a_stay(), a_stay("u2", 20))
    desk.read(a_stay("u2", 20))
    assert [] == desk.read_unchanged()
    assert ["cancelled u1"] == desk.read_unchanged()
    assert [] == desk.read_unchanged()


def test_an_unchanged_read_knows_what_a_read_at_once_did_not_count() -> None:
    """E04: two reads within minutes are one; those that follow miss the stay all the same."""
    desk, other = Desk(), a_stay("u2", 20)
    desk.read(a_stay(), other)
    assert [] == [one for _ in range(9) for one in desk.read(other, after=timedelta(seconds=2))]
    assert 0 == desk.known().misses
    assert [[], [], ["cancelled u1"]] == [desk.read_unchanged() for _ in range(3)]


def test_an_empty_calendar_cancels_nothing() -> None:
    """E05: it counts as no good read, however often it comes; what was missed before stays as it was."""
    desk, other = Desk(), a_stay("u2", 20)
    desk.read(a_stay(), other)
    desk.read(other)
    for _ in range(5):
        assert [] == desk.read()
        assert Doubt.EMPTY == desk.doubt
    assert 1 == desk.known().misses
    assert [[], ["cancelled u1"]] == [desk.read(other), desk.read(other)]


def test_an_empty_calendar_is_believed_where_nobody_is_awaited() -> None:
    """A new listing has no events, and one whose stays are over neither."""
    desk = Desk()
    assert ([], None) == (desk.read(), desk.doubt)
    desk.read(a_stay(begins=-4, nights=4))
    assert ([], None) == (desk.read(), desk.doubt)


def test_a_calendar_of_closed_dates_alone_is_no_empty_one() -> None:
    """E04: blocks are events; the one stay that is gone beside them is missed."""
    desk = Desk()
    desk.read(a_stay())
    assert [[], [], ["cancelled u1"]] == [desk.read(events=1) for _ in range(3)]


def test_most_stays_are_not_cancelled_at_once() -> None:
    """E05: when more than half go missing together, four reads over an hour must say so."""
    desk, last = Desk(), a_stay("u4", 40)
    desk.read(*(a_stay(f"u{n}", 10 * n) for n in (1, 2, 3)), last)
    assert [[], [], []] == [desk.read(last) for _ in range(3)]
    assert Doubt.SHRUNK == desk.doubt
    assert [] == desk.read(last, after=timedelta(minutes=14))
    assert ["cancelled u1", "cancelled u2", "cancelled u3"] == desk.read(last, after=timedelta(minutes=16))
    assert desk.doubt is None


def test_most_stays_may_come_back() -> None:
    """E05: then nobody has to look any more."""
    desk = Desk()
    stays = [a_stay(f"u{n}", 10 * n) for n in (1, 2, 3)]
    desk.read(*stays)
    desk.read(stays[0])
    assert Doubt.SHRUNK == desk.doubt
    assert [] == desk.read(*stays)
    assert not desk.doubt


def test_a_single_stay_of_one_is_no_doubt() -> None:
    """E04: one stay that goes alone is the usual cancellation."""
    desk = Desk()
    desk.read(a_stay())
    desk.read(events=1)
    assert desk.doubt is None


def test_what_is_over_falls_out_in_peace() -> None:
    """Sites drop past events: from the day of check-out on that is no cancellation."""
    desk, other = Desk(), a_stay("u2", 20)
    desk.read(a_stay(begins=0, nights=2), other)
    desk.now += timedelta(days=2)
    assert [[], [], [], []] == [desk.read(other) for _ in range(4)]
    desk.now += timedelta(days=9)
    desk.read(other)
    assert ["u2"] == [one.id for one in desk.state.known]


def test_who_is_in_the_house_is_not_shut_out() -> None:
    """A stay under way that goes missing ends at its check-out: some sites list only what is to come."""
    desk, other = Desk(), a_stay("u2", 20)
    desk.read(a_stay(begins=0, nights=5), other)
    desk.now += timedelta(days=1)
    assert [[], [], [], []] == [desk.read(other) for _ in range(4)]


def test_who_comes_for_this_night_only_is_not_shut_out() -> None:
    """A site whose day begins earlier drops today's night in the afternoon, and that may be all there was."""
    desk, other = Desk(), a_stay("u2", 20)
    desk.read(a_stay(begins=0, nights=1), other)
    assert [[], [], [], []] == [desk.read(other) for _ in range(4)]


def test_a_calendar_without_the_last_night_is_no_doubt() -> None:
    """E05: the only stay came for this night, and the site has dropped it already."""
    desk = Desk()
    desk.read(a_stay(begins=0, nights=1))
    assert ([], None) == (desk.read(), desk.doubt)


def test_a_stay_that_returns_is_reinstated() -> None:
    """D21: after its cancellation too, under the same id."""
    desk, other = Desk(), a_stay("u2", 20)
    desk.read(a_stay(), other)
    for _ in range(3):
        desk.read(other)
    assert ["created u1"] == desk.read(a_stay(), other)
    assert "confirmed" == desk.told[-1].changes["status"]


def test_a_stay_that_the_site_calls_cancelled_is_so_at_once() -> None:
    """It need not go missing; and one that was never told of is not told of."""
    desk = Desk()
    desk.read(a_stay())
    off = [a_stay(status=Status.CANCELLED), a_stay("u2", 20, status=Status.CANCELLED)]
    assert ["cancelled u1"] == desk.read(*off)
    assert [] == desk.read_unchanged()


def test_changed_dates_are_told() -> None:
    """D01, D02, D03: the same uid with other dates is the same stay."""
    desk = Desk()
    desk.read(a_stay())
    assert ["updated u1"] == desk.read(a_stay(nights=5))
    assert ["updated u1"] == desk.read(a_stay(begins=9, nights=1))


def test_another_unit_is_told() -> None:
    """D09: the property file says whose calendar it is."""
    desk = Desk()
    desk.read(a_stay())
    moved = absorb(
        desk.state, Calendar((a_stay(),), 1), NOW, today=TODAY, unit="barn", new_id=lambda one: one.uid
    )
    assert ["barn"] == [one.changes["unit"] for one in moved.news]


def test_the_code_of_a_reservation_outlasts_its_uid() -> None:
    """G02: the code is the id, whatever the uid and the dates are."""
    desk = Desk()
    assert ["created HM1"] == desk.read(a_stay("u1", code="HM1"))
    assert ["updated HM1"] == desk.read(a_stay("u9", 30, code="HM1"))


def test_a_code_that_comes_later_does_not_rename_a_stay() -> None:
    """G02: the uid says that it is the same one."""
    desk = Desk()
    desk.read(a_stay("u1"))
    assert [] == desk.read(a_stay("u1", code="HM1"))
    assert ["updated u1"] == desk.read(a_stay("u7", nights=7, code="HM1"))


def test_another_code_under_the_same_uid_is_another_stay() -> None:
    """A site that gives the same dates the same uid does not hand one guest's PIN to the next."""
    desk = Desk()
    desk.read(a_stay("u1", code="HM1"))
    assert ["created HM2"] == desk.read(a_stay("u1", code="HM2"))


@pytest.mark.parametrize("dates", [{"nights": 6}, {"begins": 4, "nights": 4}])
@pytest.mark.parametrize("guest", [{"phone": "1234"}, {"guest": "Ann"}])
def test_an_extension_with_a_new_uid_moves_the_stay(dates: dict[str, Any], guest: dict[str, Any]) -> None:
    """G02, D01: one date and the guest are the same, and the old uid is gone: no second code."""
    desk = Desk()
    desk.read(a_stay("u1", **guest), a_stay("u2", 20))
    assert ["updated u1"] == desk.read(a_stay("u9", **dates, **guest), a_stay("u2", 20))
    assert [[], []] == [desk.read_unchanged(), desk.read_unchanged()]


def test_all_uids_may_change_at_once() -> None:
    """G02: the same dates of a unit are the same stay, even where a site tells nothing of the guest."""
    desk = Desk()
    desk.read(*(a_stay(f"u{n}", 10 * n) for n in range(1, 5)))
    assert [] == desk.read(*(a_stay(f"v{n}", 10 * n) for n in range(1, 5)))


@pytest.mark.parametrize(
    "other",
    [
        {"begins": 5, "nights": 4},  # nothing is known of the guest, and a date is another
        {"begins": 5, "nights": 3, "phone": "9999"},
        {"begins": 5, "nights": 3, "guest": "Bob"},
        {"begins": 6, "nights": 3, "phone": "1234"},
    ],
)
def test_another_guest_does_not_take_a_stay_over(other: dict[str, Any]) -> None:
    """What is not plainly the same stay is another: the former guest may know the PIN."""
    desk = Desk()
    known: dict[str, Any] = {} if {"begins": 5, "nights": 4} == other else {"phone": "1234", "guest": "Ann"}
    desk.read(a_stay("u1", **known), a_stay("u2", 20))
    assert ["created u9"] == desk.read(a_stay("u9", **other), a_stay("u2", 20))


def test_what_came_and_went_in_different_reads_is_not_the_same() -> None:
    """A cancellation, and later another booking of the same dates."""
    desk = Desk()
    desk.read(a_stay("u1"), a_stay("u2", 20))
    desk.read(a_stay("u2", 20))
    assert ["created u9"] == desk.read(a_stay("u9"), a_stay("u2", 20))


def test_two_that_could_be_the_same_are_neither() -> None:
    """Where it is not plain which stay became which, none is moved."""
    desk = Desk()
    desk.read(a_stay("u1", nights=2, guest="Ann"), a_stay("u2", begins=10, nights=2, guest="Ann"))
    both = a_stay("u9", begins=5, nights=7, guest="Ann")
    assert ["created u9"] == desk.read(both)


def test_a_stay_whose_uid_and_start_change_daily_stays_one() -> None:
    """As Booking.com was seen to do: only the end remains. No second code, and the window does not move."""
    desk, other = Desk(), a_stay("u90", 20)
    desk.read(a_stay("u1", begins=0, nights=4), other)
    for passed in (1, 2, 3):
        desk.now = NOW + timedelta(days=passed)
        assert [] == desk.read(a_stay(f"v{passed}", begins=passed, nights=4 - passed), other)
    desk.now = NOW + timedelta(days=4)
    assert [] == desk.read(a_stay("v4", begins=3, nights=1), other)
    assert day(0) == desk.known().starts
    assert ["u1", "u90"] == [one.id for one in desk.state.known]


def test_a_site_whose_day_begins_earlier_gives_no_second_code() -> None:
    """On the evening of the arrival the site may list the stay under another uid, from tomorrow on."""
    desk, other = Desk(), a_stay("u90", 20)
    desk.read(a_stay("u1", begins=0, nights=4), other)
    assert [[], [], [], []] == [desk.read(a_stay("v1", begins=1, nights=3), other) for _ in range(4)]
    assert day(0) == desk.known().starts


def test_the_nights_to_come_of_a_stay_under_way_do_not_move_its_start() -> None:
    """Under the same uid as well; an extension is still told."""
    desk = Desk()
    desk.read(a_stay(begins=0, nights=4))
    desk.now += timedelta(days=1)
    assert [] == desk.read(a_stay(begins=1, nights=3))
    assert ["updated u1"] == desk.read(a_stay(begins=1, nights=5))
    assert day(0) == desk.told[-1].changes["check_in"]


def test_an_arrival_that_is_put_off_moves_the_start() -> None:
    """Whoever comes days later than planned has not been there."""
    desk = Desk()
    desk.read(a_stay(begins=0, nights=9))
    assert ["updated u1"] == desk.read(a_stay(begins=3, nights=6))


def test_what_was_over_before_the_first_read_is_not_told() -> None:
    """E06, D12: calendars list the past too."""
    assert [] == Desk().read(a_stay(begins=-9, nights=3))


def test_an_event_that_cannot_be_read_is_not_missing() -> None:
    """E05: its stay stays as it was; and where it does not even tell its uid, nothing is missing."""
    desk, other = Desk(), a_stay("u2", 20)
    desk.read(a_stay(), other)
    for _ in range(4):
        assert [] == desk.read(other, events=2, unread=frozenset({"u1"}))
        assert [] == desk.read(other, events=2, is_whole=False)
        assert [] == desk.read_unchanged()
    assert 0 == desk.known().misses


def test_a_uid_that_was_used_before_gets_another_id() -> None:
    """A stay keeps its first id under a new uid; the old uid of another stay must not collide with it."""
    desk = Desk()
    desk.read(a_stay("u1", guest="Ann"))
    desk.read(a_stay("u9", nights=5, guest="Ann"))
    assert ["created u1-2"] == desk.read(a_stay("u9", nights=5, guest="Ann"), a_stay("u1", 30))


def test_of_doubles_one_remains() -> None:
    """Of one uid the last; of one reservation all its nights."""
    assert (a_stay(nights=5),) == without_doubles([a_stay(), a_stay(nights=5)])
    parts = [a_stay("u1", 5, 2, code="HM1"), a_stay("u2", 7, 2, code="HM1")]
    assert (a_stay("u1", 5, 4, code="HM1"),) == without_doubles(parts)
    off = replace(parts[0], status=Status.CANCELLED)
    assert (parts[1],) == without_doubles([off, parts[1]])


def test_no_guest_in_a_repr() -> None:
    """Promise 9: a traceback that shows them shows dates and ids."""
    desk = Desk()
    desk.read(a_stay(guest="Canary", phone="7531"))
    shown = repr((desk.state, desk.told, a_stay(guest="Canary", phone="7531")))
    assert not any(word in shown for word in ("Canary", "7531"))


def test_thousands_of_new_uids_are_matched_in_no_time() -> None:
    """Not each against each: a worker has other things to do."""
    desk = Desk()
    desk.read(*(a_stay(f"u{n}", n) for n in range(1, 3000)))
    assert [] == desk.read(*(a_stay(f"v{n}", n) for n in range(1, 3000)))


# --- any sequence of reads ----------------------------------------------------------------------------------

# What a site really has: up to four bookings that do not overlap, each with a guest of its own.
SLOTS = range(4)
ROWS = st.sets(st.sampled_from(SLOTS))
FAULTS = st.sampled_from(["good", "good", "good", "unchanged", "empty", "failed", "soon"])


def row(slot: int, renamed: int = 0) -> Listed:
    """One of the bookings, under one of its uids."""
    return a_stay(f"s{slot}r{renamed}", 4 + 10 * slot, 3, guest=f"G{slot}")


@given(st.lists(st.tuples(ROWS, FAULTS, st.booleans()), max_size=25))
def test_nothing_is_cancelled_before_three_good_reads_have_missed_it(
    reads: Sequence[tuple[set[int], str, bool]],
) -> None:
    """E04, E05: whatever comes in whatever order, and whatever uid each booking has at the time."""
    desk, missed, there, renamed = Desk(), dict.fromkeys(SLOTS, 0), set[int](), 0
    for slots, fault, is_renamed in reads:
        renamed += is_renamed  # no site gives an old uid back
        if fault == "failed":
            desk.now += EVERY
            continue
        is_same = fault == "unchanged"
        seen = (set[int]() if fault == "empty" else slots) if not is_same else there
        before = len(desk.told)
        if is_same:
            desk.read_unchanged()
        else:
            after = timedelta(seconds=20) if fault == "soon" else EVERY
            desk.read(*(row(one, renamed) for one in sorted(seen)), after=after)
        if desk.doubt is not Doubt.EMPTY:
            there = set(seen)
            for slot in SLOTS:
                missed[slot] = 0 if slot in seen else missed[slot] + (desk.state.read_at == desk.now)
        for news in desk.told[before:]:
            if news.type is EventType.CANCELLED:
                assert missed[int(news.id[1])] >= 3


@given(st.lists(st.tuples(ROWS, st.integers(0, 2)), max_size=25))
def test_no_booking_ever_has_two_codes_for_long(reads: Sequence[tuple[set[int], int]]) -> None:
    """G02, A17: once three reads agree, each booking that is there is one stay, and no other is left."""
    desk = Desk()
    for slots, renamed in reads:
        desk.read(*(row(one, renamed) for one in sorted(slots)), events=9)
    slots, renamed = reads[-1] if reads else (set(), 0)
    for _ in range(6):
        desk.read(*(row(one, renamed) for one in sorted(slots)), events=9)
    live = [one for one in desk.state.known if not one.is_cancelled]
    assert sorted(f"G{slot}" for slot in slots) == sorted(str(one.guest) for one in live)


@given(st.lists(ROWS, min_size=1, max_size=12))
def test_a_repeated_read_tells_nothing(reads: Sequence[set[int]]) -> None:
    """B02: after a crash the same read comes again; it comes to the same."""
    desk = Desk()
    for slots in reads:
        desk.read(*(row(one) for one in sorted(slots)), events=9)
        calendar = Calendar(tuple(row(one) for one in sorted(slots)), 9)
        again = desk.absorbed(calendar)
        assert (desk.state, ()) == (again.after, again.news)


@given(st.dates(date(2026, 12, 1), date(2027, 2, 1)))
def test_the_day_decides_not_the_hour(today: date) -> None:
    """A stay that is missing is cancelled only before the day after its arrival."""
    known = Known(id="u1", uid="u1", unit="house", starts=day(20), ends=day(24))
    state = Remembered((known,), NOW)
    for number in range(1, 6):
        at = NOW + number * EVERY
        state = absorb(
            state, Calendar((), 1), at, today=today, unit="house", new_id=lambda one: one.uid
        ).after
    gone = [one for one in state.known if one.is_cancelled]
    assert (today <= date.fromisoformat(day(20))) == bool(gone)

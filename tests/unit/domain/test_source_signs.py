"""When a person is told that a source is silent, or fails its proof of origin."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from tests.unit.domain.kit import DAY, HOUR, MINUTE, NOW
from worker.domain.source_signs import (
    AWAY_AFTER,
    LEARNT_DAYS,
    LEAST_SILENCE,
    NEVER,
    REMEMBERED,
    UNPROVEN_FOR,
    UNPROVEN_MINUTES,
    SourceSigns,
    judged,
    longest_usual_silence,
    with_deliveries,
)


def heard(*proven: datetime, awake: datetime | None = None) -> SourceSigns:
    """The signs after these deliveries, one by one; Innkey was awake from `awake` on, or all the time."""
    signs = SourceSigns(awake=awake or proven[0] - DAY)
    for at in proven:
        signs = with_deliveries(replace(signs, looked=at), [at], [])
    return signs


def daily(days: int, *hours: int) -> SourceSigns:
    """A source that wrote at these hours of each of the last days, the last time some hours before NOW."""
    times = [NOW - day * DAY + hour * HOUR for day in range(1, days + 1) for hour in hours]
    return heard(*sorted(times))


def silent_since(signs: SourceSigns, at: datetime, silence: timedelta | None = None) -> datetime | None:
    """What is told of silence at some moment, with Innkey awake until then."""
    return judged(replace(signs, looked=at), silence, at).silent


class TestSilence:
    """A source is silent for longer than it ever is."""

    def test_a_busy_source_is_missed_within_hours(self) -> None:
        """Nights of ten hours are usual, fifteen are not; what is told is since when."""
        signs = daily(20, 8, 14, 22)
        last = NOW - 2 * HOUR
        assert (last, 15 * HOUR) == (signs.heard, longest_usual_silence(signs))
        assert silent_since(signs, last + 15 * HOUR) is None
        assert last == silent_since(signs, last + 15 * HOUR + MINUTE)

    def test_not_sooner_than_some_hours(self) -> None:
        """A source that writes every hour is not missed at lunch."""
        assert LEAST_SILENCE == longest_usual_silence(daily(20, *range(24)))

    def test_a_small_house_is_not_missed(self) -> None:
        """One booking a month says nothing of what is usual, however long the silence gets."""
        signs = heard(*(NOW - months * 30 * DAY for months in range(12, 0, -1)))
        assert longest_usual_silence(signs) is None
        assert silent_since(signs, NOW + 300 * DAY) is None

    @pytest.mark.parametrize(("days", "expected"), [(14, None), (15, 36 * HOUR)])
    def test_two_weeks_must_be_known(self, days: int, expected: timedelta | None) -> None:
        """Two weekends at least; many days within one week do not do."""
        assert expected == longest_usual_silence(daily(days, 12))

    @pytest.mark.parametrize(("count", "expected"), [(LEARNT_DAYS - 1, None), (LEARNT_DAYS, 4.5 * DAY)])
    def test_ten_days_must_be_known(self, count: int, expected: timedelta | None) -> None:
        """A few deliveries far apart do not do."""
        signs = heard(*(NOW - number * 3 * DAY for number in range(count, 0, -1)))
        assert expected == longest_usual_silence(signs)

    def test_a_weekend_is_learnt(self) -> None:
        """Where nobody books at weekends, a Monday morning is not unusual."""
        weekdays = [NOW - day * DAY for day in range(40, 0, -1) if (NOW - day * DAY).weekday() < 5]
        assert 1.5 * 3 * DAY == longest_usual_silence(heard(*weekdays))

    def test_gaps_are_forgotten_after_eight_weeks(self) -> None:
        """A holiday long ago does not make the source deaf for good."""
        before, after = NOW - REMEMBERED - 20 * DAY, NOW - REMEMBERED - DAY
        recent = [NOW - day * DAY for day in range(56, 0, -1)]
        assert 1.5 * DAY == longest_usual_silence(heard(before, after, *recent))
        assert 56 >= len(heard(before, after, *recent).gaps)

    def test_a_silence_that_ended_is_usual_from_then_on(self) -> None:
        """A season that grows quieter is told of once, not every night."""
        signs = daily(20, 8, 14, 22)
        again = NOW + 2 * DAY
        signs = with_deliveries(judged(replace(signs, looked=again), None, again), [again], [])
        assert signs.silent is not None
        signs = judged(signs, None, again + MINUTE)
        assert (None, 1.5 * (2 * DAY + 2 * HOUR)) == (signs.silent, longest_usual_silence(signs))

    def test_it_is_told_until_something_is_heard(self) -> None:
        """Neither time nor a restart takes the alarm back, a proven delivery does."""
        signs = judged(replace(daily(20, 8, 14, 22), looked=NOW + DAY), None, NOW + DAY)
        for later in (2 * DAY, 3 * DAY, 90 * DAY):
            signs = judged(signs, None, NOW + later)
            assert NOW - 2 * HOUR == signs.silent
        signs = with_deliveries(signs, [NOW + 91 * DAY], [])
        assert judged(signs, None, NOW + 91 * DAY).silent is None

    def test_innkey_was_away_itself(self) -> None:
        """Silence counts from when Innkey listens again, and its own absence is no gap of the source's."""
        signs, back = daily(20, 8, 14, 22), NOW + 3 * DAY
        signs = judged(signs, None, back)
        assert (None, back) == (signs.silent, signs.awake)
        assert silent_since(signs, back + 15 * HOUR) is None
        assert NOW - 2 * HOUR == silent_since(signs, back + 16 * HOUR)
        signs = with_deliveries(replace(signs, looked=back + HOUR), [back + HOUR], [])
        assert 15 * HOUR == longest_usual_silence(signs)

    def test_innkey_is_away_every_night(self) -> None:
        """What it heard nothing of since it was back counts: a night is no shorter for a restart in it."""
        signs = SourceSigns()
        for day in range(20, 0, -1):
            back, first = NOW - day * DAY, NOW - day * DAY + 9 * HOUR
            signs = with_deliveries(replace(signs, awake=back, looked=first), [first, first + HOUR], [])
        assert 1.5 * 9 * HOUR == longest_usual_silence(signs)

    def test_heard_before_anybody_looked_again(self) -> None:
        """The web may hear of a source before a worker is back: no gap either."""
        signs = with_deliveries(daily(20, 8, 14, 22), [NOW + 3 * DAY], [])
        assert 15 * HOUR == longest_usual_silence(signs)

    def test_a_look_that_is_late_is_no_absence(self) -> None:
        """Some minutes between two looks are nothing."""
        signs = SourceSigns(awake=NOW - DAY, looked=NOW - AWAY_AFTER)
        assert NOW - DAY == judged(signs, None, NOW).awake

    def test_the_property_file_decides(self) -> None:
        """`silence` needs no history, and zero is never."""
        signs = heard(NOW)
        assert silent_since(signs, NOW + 12 * HOUR, 12 * HOUR) is None
        assert silent_since(signs, NOW + 13 * HOUR, 12 * HOUR) == NOW
        assert silent_since(daily(20, 8, 14, 22), NOW + 90 * DAY, NEVER) is None
        told = replace(signs, silent=NOW)
        assert silent_since(told, NOW + 13 * HOUR, 24 * HOUR) is None
        assert silent_since(told, NOW + 13 * HOUR, NEVER) is None

    def test_never_heard_of(self) -> None:
        """With a `silence` of its own a source that never wrote is missed too; without one it is not."""
        fresh = judged(SourceSigns(), 12 * HOUR, NOW)
        assert NOW == silent_since(fresh, NOW + 13 * HOUR, 12 * HOUR)
        assert silent_since(fresh, NOW + 900 * DAY) is None

    def test_reports_in_any_order(self) -> None:
        """Processes report when they can: what comes late, or twice, makes no gap longer than it was."""
        times = [NOW - 3 * HOUR, NOW - 2 * HOUR, NOW - 2 * HOUR, NOW]
        for order in permutations(times):
            signs = SourceSigns(awake=NOW - DAY, looked=NOW)
            for at in order:
                signs = with_deliveries(signs, [at], [])
            assert NOW == signs.heard
            assert all(gap <= 3 * HOUR for gap in signs.gaps.values())


class TestProof:
    """A source keeps failing its proof of origin."""

    @staticmethod
    def refused(*minutes: float, signs: SourceSigns | None = None) -> SourceSigns:
        """The signs after refusals so many minutes after NOW."""
        times = [NOW + minute * MINUTE for minute in minutes]
        return judged(with_deliveries(signs or SourceSigns(), [], times), None, NOW + DAY)

    def test_told_since_the_first(self) -> None:
        """Five minutes with refusals, over a quarter of an hour."""
        assert UNPROVEN_MINUTES == 5
        assert NOW == self.refused(0, 1, 2, 3, 15).unproven

    @pytest.mark.parametrize(
        "minutes",
        [(0, 1, 2, 15), (0, 1, 2, 3, 14), (*(n / 100 for n in range(100)), 15, 16), (0,), ()],
        ids=["too few", "too short", "a scan in one minute, and two more", "one", "none"],
    )
    def test_not_told(self, minutes: tuple[float, ...]) -> None:
        """Few refusals, or many in one go, are a stranger who tries addresses."""
        assert self.refused(*minutes).unproven is None

    def test_a_stranger_beside_proven_deliveries(self) -> None:
        """Whoever knocks for hours raises nothing for a source that goes on delivering proven ones."""
        signs = SourceSigns()
        for minute in range(600):
            proven = [NOW + minute * MINUTE] if minute % 10 == 0 else []
            signs = with_deliveries(signs, proven, [NOW + (minute + 0.5) * MINUTE])
            assert judged(signs, None, NOW + minute * MINUTE).unproven is None

    def test_lone_knocks_do_not_add_up(self) -> None:
        """One refusal every other day is no secret that was changed."""
        assert self.refused(*(number * 2 * 24 * 60 for number in range(9))).unproven is None

    def test_what_was_told_outlasts_a_quiet_day(self) -> None:
        """A source that writes seldom goes on failing its proof until one is proven."""
        signs = self.refused(*range(20))
        assert NOW == self.refused(3 * 24 * 60, signs=signs).unproven

    def test_settled_by_a_proven_one(self) -> None:
        """The next proven delivery takes it back."""
        signs = self.refused(*range(20))
        assert NOW == signs.unproven
        assert judged(with_deliveries(signs, [NOW + UNPROVEN_FOR * 2], []), None, NOW + DAY).unproven is None

    def test_refusals_before_a_proven_one_that_are_told_late(self) -> None:
        """A process that reports late brings nothing back."""
        signs = with_deliveries(SourceSigns(), [NOW + HOUR], [])
        assert self.refused(*range(20), signs=signs).unproven is None


def test_a_source_out_of_use() -> None:
    """Where a source is disabled nothing is told, and it counts as unwatched."""
    signs = replace(daily(20, 8, 14, 22), silent=NOW, unproven=NOW)
    found = judged(signs, None, NOW + 5 * DAY, is_enabled=False)
    assert (None, None, signs.looked) == (found.silent, found.unproven, found.looked)

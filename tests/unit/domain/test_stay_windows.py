"""From what a booking says to instants, and on to the texts that the lock is given."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain.kit import MINUTE, NOW, an_event
from worker.domain.booking import Booking, first
from worker.domain.house import Policy, Unit
from worker.domain.stay import Span, bounds, instant, span, started, window

SYDNEY, ADELAIDE, LORD_HOWE, BRISBANE = (
    ZoneInfo(f"Australia/{name}") for name in ("Sydney", "Adelaide", "Lord_Howe", "Brisbane")
)
ZONES = [SYDNEY, ADELAIDE, LORD_HOWE, BRISBANE]


def a_booking(check_in: str, check_out: str) -> Booking:
    """A booking with just these times."""
    return first(an_event("created", 1, unit="u", check_in=check_in, check_out=check_out))


def a_unit(zone: ZoneInfo) -> Unit:
    """A unit with the usual times."""
    return Unit(name="u", zone=zone, locks=("L",), check_in=time(15), check_out=time(10))


def reading(at: datetime, zone: ZoneInfo) -> str:
    """What a lock's clock that follows wall time shows."""
    return at.astimezone(zone).strftime("%y%m%d%H%M")


def opens(at: datetime, starts: str, ends: str, zone: ZoneInfo) -> bool:
    """Whether the lock lets the PIN in at this instant."""
    return starts <= reading(at, zone) < ends


def test_dates_take_the_default_times() -> None:
    """D17: all-day dates become date-times at the unit's default times."""
    found = span(a_booking("2026-12-01", "2026-12-05"), a_unit(BRISBANE))
    assert (datetime(2026, 12, 1, 5, tzinfo=UTC), datetime(2026, 12, 5, 0, tzinfo=UTC)) == (
        found.check_in,
        found.check_out,
    )


def test_given_times_override_the_defaults_and_are_local() -> None:
    """D10, D18: a planned arrival counts, and a naive time is the unit's own."""
    found = span(a_booking("2026-12-01T20:30", "2026-12-05T07:15"), a_unit(ADELAIDE))
    assert datetime(2026, 12, 1, 10, 0, tzinfo=UTC) == found.check_in
    assert datetime(2026, 12, 4, 20, 45, tzinfo=UTC) == found.check_out


@pytest.mark.parametrize("written", ["2026-12-01T05:00Z", "2026-12-01T15:00+10:00", "2026-12-01T00:00-05:00"])
def test_an_offset_names_the_instant(written: str) -> None:
    """D06: the same instant in another zone is the same stay."""
    assert datetime(2026, 12, 1, 5, tzinfo=UTC) == instant(written, time(15), SYDNEY, earliest=True)


def test_missing_times_are_an_error() -> None:
    """A span needs both times."""
    with pytest.raises(ValueError, match="no check-in"):
        span(first(an_event("created", 1, check_in="2026-12-01")), a_unit(BRISBANE))


@pytest.mark.parametrize(
    ("before", "after", "starts", "ends"),
    [(0, 0, "2612011500", "2612051000"), (30, 0, "2612011430", "2612051000"),
     (0, 45, "2612011500", "2612051045"), (30, 45, "2612011430", "2612051045")],
)  # fmt: skip
def test_graces_widen_their_own_side_only(before: int, after: int, starts: str, ends: str) -> None:
    """I01, I02: before shifts the start, after the end; the stay itself is as it was."""
    policy = Policy(grace_before=timedelta(minutes=before), grace_after=timedelta(minutes=after))
    stay = span(a_booking("2026-12-01", "2026-12-05"), a_unit(BRISBANE))
    found = window(*bounds(stay, policy), BRISBANE)
    assert (starts, ends) == (found.starts_text, found.ends_text)
    assert datetime(2026, 12, 1, 5, tzinfo=UTC) == stay.check_in


def test_seconds_are_given_to_the_guest() -> None:
    """The start is floored and the end ceiled to the minute; whole minutes stay."""
    check_in, check_out = (
        datetime(2026, 12, 1, 5, 0, 59, tzinfo=UTC),
        datetime(2026, 12, 5, 0, 0, 1, tzinfo=UTC),
    )
    expected = (check_in.replace(second=0), check_out.replace(minute=1, second=0))
    assert expected == bounds(Span(check_in, check_out), Policy())
    assert expected == bounds(Span(*expected), Policy())


def test_a_start_already_past_is_now_once_and_then_kept() -> None:
    """A start in the past becomes this minute; what was pushed stays; one to come is taken as it is."""
    now = NOW + timedelta(seconds=42)
    assert started(NOW - MINUTE, None, now) == NOW
    assert started(NOW - MINUTE, NOW - timedelta(hours=3), now) == NOW - timedelta(hours=3)
    assert started(NOW - MINUTE, NOW + MINUTE, now) == NOW
    assert started(NOW + MINUTE, NOW - MINUTE, now) == NOW + MINUTE


@pytest.mark.parametrize(
    ("zone", "wall", "earliest", "expected"),
    [
        # Sydney skips 02:00-03:00 on 4 October 2026 and repeats 02:00-03:00 on 5 April 2026.
        (SYDNEY, "2026-10-04T02:30", True, datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
        (SYDNEY, "2026-10-04T02:30", False, datetime(2026, 10, 3, 16, 30, tzinfo=UTC)),
        (SYDNEY, "2026-04-05T02:30", True, datetime(2026, 4, 4, 15, 30, tzinfo=UTC)),
        (SYDNEY, "2026-04-05T02:30", False, datetime(2026, 4, 4, 16, 30, tzinfo=UTC)),
        (ADELAIDE, "2026-04-05T02:30", True, datetime(2026, 4, 4, 16, 0, tzinfo=UTC)),
        (ADELAIDE, "2026-04-05T02:30", False, datetime(2026, 4, 4, 17, 0, tzinfo=UTC)),
        # Lord Howe moves by half an hour: 02:00-02:30 skipped, 01:30-02:00 repeated.
        (LORD_HOWE, "2026-10-04T02:15", True, datetime(2026, 10, 3, 15, 15, tzinfo=UTC)),
        (LORD_HOWE, "2026-10-04T02:15", False, datetime(2026, 10, 3, 15, 45, tzinfo=UTC)),
        (LORD_HOWE, "2026-04-05T01:45", True, datetime(2026, 4, 4, 14, 45, tzinfo=UTC)),
        (LORD_HOWE, "2026-04-05T01:45", False, datetime(2026, 4, 4, 15, 15, tzinfo=UTC)),
        (BRISBANE, "2026-10-04T02:30", True, datetime(2026, 10, 3, 16, 30, tzinfo=UTC)),
        (BRISBANE, "2026-10-04T02:30", False, datetime(2026, 10, 3, 16, 30, tzinfo=UTC)),
    ],
)
def test_a_skipped_or_repeated_hour_is_read_in_the_guests_favour(
    zone: ZoneInfo, wall: str, expected: datetime, *, earliest: bool
) -> None:
    """D19: check-in takes the earlier reading, check-out the later one."""
    assert expected == instant(wall, time(15), zone, earliest=earliest)


CHANGES = [
    (SYDNEY, datetime(2026, 4, 4, 16, tzinfo=UTC)),
    (SYDNEY, datetime(2026, 10, 3, 16, tzinfo=UTC)),
    (ADELAIDE, datetime(2026, 4, 4, 16, 30, tzinfo=UTC)),
    (ADELAIDE, datetime(2026, 10, 3, 16, 30, tzinfo=UTC)),
    (LORD_HOWE, datetime(2026, 4, 4, 15, tzinfo=UTC)),
    (LORD_HOWE, datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    (BRISBANE, datetime(2026, 4, 4, 16, tzinfo=UTC)),
]


@settings(max_examples=400, deadline=None)
@given(
    change=st.sampled_from(CHANGES),
    edge=st.integers(-70, 70),
    length=st.integers(1, 240) | st.just(24 * 60),
    ends_there=st.booleans(),
)
def test_the_locks_clock_lets_the_guest_in_for_the_whole_window(
    change: tuple[ZoneInfo, datetime], edge: int, length: int, *, ends_there: bool
) -> None:
    """D19: a lock whose clock follows wall time opens at every minute of the window."""
    zone, at = change
    begin = at + timedelta(minutes=edge - (length if ends_there else 0))
    found = window(begin, begin + timedelta(minutes=length), zone)
    moments = [begin + timedelta(minutes=n) for n in range(length)]
    assert [] == [m for m in moments if not opens(m, found.starts_text, found.ends_text, zone)]


@pytest.mark.parametrize(
    ("zone", "ends", "expected"),
    [
        (SYDNEY, datetime(2026, 4, 4, 16, 30, tzinfo=UTC), "2604050300"),
        (ADELAIDE, datetime(2026, 4, 4, 17, 0, tzinfo=UTC), "2604050300"),
        (LORD_HOWE, datetime(2026, 4, 4, 15, 15, tzinfo=UTC), "2604050200"),
    ],
)
def test_a_check_out_in_the_second_pass_closes_with_the_repeated_hour(
    zone: ZoneInfo, ends: datetime, expected: str
) -> None:
    """D19: the first pass of the lock's clock must not shut the guest out an hour early."""
    assert expected == window(ends - timedelta(days=1), ends, zone).ends_text


@pytest.mark.parametrize(
    ("zone", "wall_in", "wall_out"),
    [(z, i, o) for z in ZONES for i in ("2026-04-05T02:15", "2026-10-04T02:15", "2026-04-05T01:45")
     for o in ("2026-04-05T02:45", "2026-10-04T02:20", "2026-10-05T10:00") if i < o],
)  # fmt: skip
def test_from_the_earliest_reading_of_check_in_to_the_latest_of_check_out(
    zone: ZoneInfo, wall_in: str, wall_out: str
) -> None:
    """D19: booked by wall time, in the hour that is skipped or repeated: in at once, out at the very last."""
    stay = span(a_booking(wall_in, wall_out), a_unit(zone))
    found = window(*bounds(stay, Policy()), zone)
    assert opens(stay.check_in, found.starts_text, found.ends_text, zone)
    assert opens(stay.check_out - MINUTE, found.starts_text, found.ends_text, zone)


def test_a_window_away_from_any_change_is_exact() -> None:
    """The hour that is given away is given only in a repeated hour."""
    starts, ends = datetime(2026, 7, 1, 5, tzinfo=UTC), datetime(2026, 7, 5, 0, tzinfo=UTC)
    found = window(starts, ends, SYDNEY)
    assert ("2607011500", "2607051000") == (found.starts_text, found.ends_text)


def test_fractions_of_a_second_do_not_matter() -> None:
    """The record keeps whole seconds: what is planned before a write is planned after it."""
    booking = a_booking("2026-12-01T15:00:00.900+10:00", "2026-12-05T10:00:00.400+10:00")
    expected = Span(datetime(2026, 12, 1, 5, tzinfo=UTC), datetime(2026, 12, 5, 0, tzinfo=UTC))
    assert expected == span(booking, a_unit(BRISBANE))

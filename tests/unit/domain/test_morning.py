"""Every morning at eight the codes that are needed within a day are looked at, one read for a lock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.unit.domain.kit import DAY, HOUR, MINUTE, NOW, Bench, a_view, an_entry
from worker.domain.access_code import Phase, Written
from worker.domain.outcomes import Kind
from worker.domain.reasons import Reason
from worker.domain.stay import next_morning
from worker.domain.steps import Delete, GiveUp, Push, Read, Wait

EIGHT = NOW + 22 * HOUR  # 08:00 in Brisbane on the day after


def test_a_code_that_is_still_there_is_read_once_a_morning() -> None:
    """A20: the check costs one read and no command; the next one is a day later."""
    bench = Bench().book()
    entry = bench.put_on()
    assert EIGHT == bench.code.due
    bench.now = EIGHT
    assert Read() == bench.look_blind()
    assert Read() == bench.look(entry, read_at=EIGHT - MINUTE), "an older list says nothing of this morning"
    assert Wait(EIGHT + DAY) == bench.look(entry)
    assert Phase.SET is bench.code.phase


def test_a_code_that_is_gone_is_pushed_again() -> None:
    """F14: deleted on the lock by somebody, found in the morning, pushed into the same slot."""
    bench = Bench().book()
    entry = bench.put_on()
    bench.now = EIGHT
    step = bench.look()
    assert isinstance(step, Push)
    assert (entry.slot, entry.pin) == (step.slot, step.written.pin)


def test_a_code_that_was_changed_is_put_before_a_person() -> None:
    """F15, promise 2: somebody else's code in our slot is not written over."""
    bench = Bench().book()
    entry = bench.put_on()
    bench.now = EIGHT
    foreign = an_entry(entry.slot, Written("7406", entry.starts, entry.ends), "Cleaner")
    assert isinstance(bench.look(foreign), GiveUp)
    assert bench.letter is not None
    assert Reason.OVERWRITTEN_ELSEWHERE is bench.letter.reason


def test_a_read_that_fails_is_tried_again_and_becomes_a_letter() -> None:
    """A08: nothing is concluded from it; the code counts as set, and a person hears of it."""
    bench = Bench().book()
    bench.put_on()
    bench.now = EIGHT
    bench.misread(Kind.DOUBT)
    bench.misread(Kind.DOUBT)
    assert Wait(EIGHT + timedelta(seconds=30)) == bench.look_blind()
    bench.misread(Kind.DOUBT)
    bench.misread(Kind.DOUBT)
    assert bench.letter is not None
    assert Reason.UNCONFIRMED is bench.letter.reason
    assert Phase.SET is bench.code.phase


def test_a_code_by_hand_is_not_checked() -> None:
    """What a person settled by hand is not looked at again before check-out."""
    bench = Bench().book()
    entry = bench.put_on()
    bench.change(by_hand=True)
    bench.now = EIGHT
    assert Wait(NOW + 4 * DAY) == bench.look(entry)


def test_the_check_gives_way_to_who_arrives_before_it_is_done() -> None:
    """Promise 10: a guest who is in the house already is no nearer than one who arrives within the hour."""
    bench = Bench().book(check_in="2026-11-30T15:00")
    bench.put_on()
    assert EIGHT == bench.code.due
    assert EIGHT + 2 * HOUR == bench.code.deadline


def test_a_stay_far_ahead_is_checked_on_the_day_before() -> None:
    """Needed within 24 hours: not before."""
    bench = Bench().book(check_in="2026-12-11T15:00", check_out="2026-12-14T10:00")
    bench.put_on()
    assert datetime(2026, 12, 10, 22, tzinfo=UTC) == bench.code.due


def test_a_code_that_ended_unchecked_is_removed() -> None:
    """Workers that were away over the last morning take the code off all the same (promise 8)."""
    bench = Bench().book()
    entry = bench.put_on()
    bench.now = NOW + 5 * DAY
    assert isinstance(bench.look(entry), Delete)


@pytest.mark.parametrize(
    ("zone", "seen", "eight"),
    [
        (
            "Australia/Sydney",
            "2026-10-03T20:00+00:00",
            "2026-10-03T21:00+00:00",
        ),  # the clock went forward at 16:00
        (
            "Australia/Lord_Howe",
            "2026-04-04T20:00+00:00",
            "2026-04-04T21:30+00:00",
        ),  # and back by half an hour
        ("Australia/Adelaide", "2026-07-01T22:30+00:00", "2026-07-02T22:30+00:00"),  # seen at eight sharp
        ("Pacific/Honolulu", "2026-07-01T17:59+00:00", "2026-07-01T18:00+00:00"),
    ],
)
def test_eight_is_the_lock_s_own(zone: str, seen: str, eight: str) -> None:
    """D19: in the lock's zone, also on the days when its clock changes."""
    at, far = datetime.fromisoformat(seen), datetime(2027, 1, 1, tzinfo=UTC)
    assert datetime.fromisoformat(eight) == next_morning(at, at - DAY, far, ZoneInfo(zone))


def test_no_morning_before_the_end() -> None:
    """A stay that is over before eight is not checked."""
    at = datetime(2026, 7, 1, 21, tzinfo=UTC)
    assert next_morning(at, at - DAY, at + HOUR, ZoneInfo("Australia/Brisbane")) is None


def test_a_list_of_another_code_s_visit_counts() -> None:
    """One read serves every code of the lock: a list read after eight for another one is this one's check."""
    bench = Bench().book()
    entry = bench.put_on()
    bench.now = EIGHT + MINUTE
    assert Wait(EIGHT + DAY) == bench.look(view=a_view(EIGHT + timedelta(seconds=1), entry))

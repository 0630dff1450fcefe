"""What a lock shows of itself: its battery and when it was heard of, and when a person is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations

import pytest

from tests.unit.domain.kit import DAY, HOUR, MINUTE, NOW
from worker.domain.house import BatteryRules
from worker.domain.lock_events import LockEvent
from worker.domain.signs import Signs, judged, wants_probe, with_contact, with_events

RULES = BatteryRules()
HEARD = NOW - RULES.unseen - MINUTE
SILENT = Signs(heard=HEARD)


def an_event(at: datetime, battery: int | None) -> LockEvent:
    """An opening that tells a level."""
    return LockEvent(f"{at:%d%H%M}", at, battery=battery)


def told(signs: Signs, *arrivals: datetime | None, probed: bool = True, now: datetime = NOW) -> Signs:
    """The signs as they are judged then."""
    return judged(signs, arrivals, RULES, now, is_probed=probed)


def test_the_newest_level_counts() -> None:
    """Events come in any order, and some tell no level: the newest that tells one counts."""
    events = [an_event(NOW - 3 * HOUR, 70), an_event(NOW - 2 * HOUR, 69), an_event(NOW - HOUR, None)]
    for order in permutations(events):
        found = with_events(Signs(), order, NOW)
        assert (69, NOW - 2 * HOUR, NOW - HOUR) == (found.battery, found.battery_at, found.heard)


def test_an_event_from_the_future_is_of_now() -> None:
    """A clock that is ahead must not hold up what comes later."""
    found = with_events(Signs(), [an_event(NOW + HOUR, 70)], NOW)
    assert (NOW, NOW) == (found.battery_at, found.heard)


@pytest.mark.parametrize(
    ("level", "days", "expected"),
    [
        (21, None, None),
        (20, None, 20),
        (30, 4, None),
        (30, 3, 30),
        (31, 1, None),
        (30, -1, None),
    ],
)
def test_a_low_battery_is_told_earlier_before_an_arrival(
    level: int, days: int | None, expected: int | None
) -> None:
    """Promise 8: at `low`, and at `low_before_arrival` where somebody arrives within three days."""
    arrivals = [] if days is None else [None, NOW + days * DAY]
    assert expected == told(Signs(battery=level), *arrivals).low


def test_a_low_battery_is_told_once_and_cleared_above_its_limits() -> None:
    """A guest who comes or goes, or a level that wavers, neither clears nor repeats it."""
    signs = told(Signs(battery=30), NOW + DAY)
    for level, expected in [(30, 30), (12, 30), (35, 30), (36, None), (31, None), (20, 20)]:
        signs = told(replace(signs, battery=level))
        assert expected == signs.low, level


def test_a_lock_without_a_level_is_not_low() -> None:
    """What no event told is not known, and is no reason to clear either."""
    assert told(Signs()).low is None
    assert 12 == told(Signs(low=12)).low


def test_a_lock_that_was_never_reached_is_not_missed() -> None:
    """F32: no alarm for a lock that was not reached yet, however long ago it was set up."""
    assert told(Signs(), now=NOW + 100 * DAY).unseen is None
    assert not wants_probe(Signs(), RULES, None, NOW)


def test_a_lock_that_is_lost_is_told_until_it_is_heard_of() -> None:
    """F32: reached then lost is told once; whatever is heard of it again clears that."""
    lost = told(SILENT)
    assert HEARD == lost.unseen
    assert lost == told(lost, now=NOW + DAY)
    assert told(with_contact(lost, NOW), now=NOW).unseen is None
    assert told(with_events(lost, [an_event(NOW, None)], NOW), probed=False).unseen is None


def test_silence_counts_only_after_a_probe() -> None:
    """F32: where nobody is no door is opened; only a command tells whether the lock is there."""
    assert told(SILENT, probed=False).unseen is None
    assert HEARD == told(replace(SILENT, unseen=HEARD), probed=False).unseen


@pytest.mark.parametrize(
    ("heard", "tried", "expected"),
    [
        (HEARD, None, True),
        (HEARD, NOW - DAY, True),
        (HEARD, NOW - DAY + MINUTE, False),
        (NOW - RULES.unseen, None, False),
    ],
)
def test_a_silent_lock_is_probed_once_a_day(heard: datetime, tried: datetime | None, expected: bool) -> None:  # noqa: FBT001
    """No clock is set more than once a day for this."""
    assert expected is wants_probe(Signs(heard=heard), RULES, tried, NOW)


def test_an_older_contact_changes_nothing() -> None:
    """Events come late: a lock that was heard of since is not silent."""
    signs = Signs(heard=NOW)
    assert signs == with_contact(signs, NOW - timedelta(days=30))
    assert signs == with_contact(signs, None)

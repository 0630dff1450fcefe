"""The clock that workers go by between two answers of Redis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from worker.service.clock import Clock

NOW = datetime(2026, 12, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def mono(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The process' monotonic clock, to be set."""
    at = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: at[0])
    return at


def test_it_goes_on_from_what_was_heard(mono: list[float]) -> None:
    """Whatever the host's own clock says."""
    clock = Clock()
    clock.heard(NOW)
    mono[0] += 5
    assert NOW + 5 * SECOND == clock.now()


def test_an_answer_that_is_taken_up_late_does_not_put_it_back(mono: list[float]) -> None:
    """Promise 6: else a list read before a command would seem to be read after it, and refute it."""
    clock = Clock()
    clock.heard(NOW)
    mono[0] += 5
    read_at = clock.now()
    clock.heard(NOW + 2 * SECOND)
    assert read_at <= clock.now()


def test_it_follows_redis_back_soon(mono: list[float]) -> None:
    """Where Redis' host sets its clock back, what was heard before is forgotten."""
    clock = Clock()
    clock.heard(NOW)
    back = NOW - timedelta(hours=1)
    for number in range(1, 4):
        mono[0] += 31
        clock.heard(back + number * 31 * SECOND)
    assert back + 93 * SECOND == clock.now()


def test_it_follows_redis_ahead_at_once(mono: list[float]) -> None:
    """A clock set ahead is never a late answer."""
    clock = Clock()
    clock.heard(NOW)
    clock.heard(NOW + timedelta(hours=1))
    assert NOW + timedelta(hours=1) == clock.now()


def test_it_is_fresh_for_a_minute(mono: list[float]) -> None:
    """Not before Redis was heard, nor when it was heard too long ago."""
    clock = Clock()
    assert not clock.is_fresh
    clock.heard(NOW)
    mono[0] += 59
    assert clock.is_fresh
    mono[0] += 2
    assert not clock.is_fresh

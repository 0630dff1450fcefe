"""Which reservations are asked for because a list did not show them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from worker.domain.booking import Booking, Status, StayKey, Version
from worker.domain.reconcile import unlisted
from worker.domain.record import Stay

NOW = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=3)


def a_stay(name: str, leaves: datetime | None = LATER, **booking: Any) -> Stay:
    """A confirmed stay."""
    told = Booking(key=StayKey("pms", name), version=Version(stamp=NOW), **booking)
    return Stay(booking=told, check_out=leaves)


def test_what_is_on_and_not_listed() -> None:
    """The others are listed."""
    assert ["B"] == unlisted([a_stay("A"), a_stay("B"), a_stay("C")], {"A", "C"}, NOW)


@pytest.mark.parametrize(
    ("stay", "expected"),
    [
        (a_stay("A", status=Status.CANCELLED), []),
        (a_stay("A", status=Status.TENTATIVE), ["A"]),
        (a_stay("A", status=Status.BLOCKED), ["A"]),
        (a_stay("A", NOW), []),
        (a_stay("A", NOW + timedelta(seconds=1)), ["A"]),
        (a_stay("A", None), []),
        (a_stay("A", None, check_out="2026-11-22"), []),
        (a_stay("A", None, check_out="2026-11-23"), ["A"]),
        (a_stay("A", None, check_out="2026-12-05T10:00"), ["A"]),
    ],
)
def test_what_matters(stay: Stay, expected: list[str]) -> None:
    """A stay that is over or cancelled does not; one whose unit is not known goes by its dates as written."""
    assert expected == unlisted([stay], set(), NOW)


@pytest.mark.parametrize("order", [1, -1])
def test_siblings_stand_for_the_first(order: int) -> None:
    """They have no reservation of their own, whichever is read first."""
    stays = [a_stay("A", NOW, siblings=("A.2", "A.3")), a_stay("A.2"), a_stay("A.3")]
    assert ["A"] == unlisted(stays[::order], set(), NOW)
    assert [] == unlisted(stays[::order], {"A"}, NOW)

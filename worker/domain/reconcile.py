"""Which reservations a booking system's list should have shown and did not. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from worker.domain.booking import Status
from worker.domain.record import Stay


def unlisted(stays: Iterable[Stay], listed: Collection[str], now: datetime) -> list[str]:
    """The ids of reservations with a stay that is on and not over, and that `listed` does not name.

    A stay beside the first of a reservation over several units has no reservation of its own: it stands for
    the first one's. Being unlisted proves nothing: each is to be asked for by itself.
    """
    first_of: dict[str, str] = {}
    on: set[str] = set()
    for stay in stays:
        first_of |= dict.fromkeys(stay.booking.siblings, stay.key.id)
        if stay.booking.status is not Status.CANCELLED and not _is_over(stay, now):
            on.add(stay.key.id)
    return sorted({first_of.get(one, one) for one in on} - set(listed))


def _is_over(stay: Stay, now: datetime) -> bool:
    """By the dates as they were written, where the unit is not known and there are no instants."""
    if stay.check_out is not None:
        return now >= stay.check_out
    last = stay.booking.check_out
    return last is None or last[:10] < f"{now - timedelta(days=1):%Y-%m-%d}"

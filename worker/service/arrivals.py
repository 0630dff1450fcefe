"""Who arrives next behind a door: a guest who moved out of the room must not have its PIN by then."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.booking import Status
from worker.domain.house import House
from worker.domain.media import door_of
from worker.domain.record import Stay
from worker.domain.wanted import held_back, unit_of
from worker.store import keys
from worker.store.codec import to_millis
from worker.store.locks import FENCE
from worker.store.store import Store

MOST_PLANNED = 100
_SLACK = timedelta(
    hours=26
)  # a code that is set stands on the timetable by its next check, not by its arrival


def with_next_arrivals(stay: Stay, store: Store, house: House, now: datetime) -> Stay:
    """The stay with the next arrival noted at each door that it has left and still holds."""
    for lock, until in held_back(stay, house, now).items():
        code = stay.code(lock)
        if code is not None:
            arrival = _next_arrival(stay, lock, until, store, house, now)
            stay = stay.with_code(replace(code, next_arrival=arrival))
    return stay


def _next_arrival(
    stay: Stay, lock: str, until: datetime, store: Store, house: House, now: datetime
) -> datetime | None:
    holders = {ref for ref in store.locks.slots(lock).values() if not ref.startswith(FENCE)}
    planned = store.client.zrange(
        keys.lock_deadline(lock),
        to_millis(now),
        to_millis(until + _SLACK),
        byscore=True,
        offset=0,
        num=MOST_PLANNED,
    )
    others = store.stays.readable(sorted({*holders, *map(str, planned)} - {str(stay.key)}))
    arrivals = [other.check_in for other in others if _has_own_door(other, lock, house)]
    return min((at for at in arrivals if at is not None and now < at <= until), default=None)


def _has_own_door(stay: Stay, lock: str, house: House) -> bool:
    unit = unit_of(stay, house)
    return stay.booking.status is Status.CONFIRMED and unit is not None and unit.locks[-1] == door_of(lock)

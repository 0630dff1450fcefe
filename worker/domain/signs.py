"""What a lock shows of itself: its battery, and when it was last heard of. What a person is told of it. Pure.

A list is no sign of life: it is the cloud's own copy. An event is one, and an ack 1 through the gateway.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from worker.domain.house import BatteryRules
from worker.domain.lock_events import LockEvent
from worker.domain.trail import SOON

HYSTERESIS = 5  # percent: a battery that wavers round its limit is told once
PROBE_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signs:
    """The signs of life of one lock.

    `battery` in percent, as of `battery_at`; `heard`: when it was last heard of, `read`: when its trail was
    last read. `low`: the level at which a low battery was told, `unseen`: the last contact that was told;
    None while there is nothing to tell.
    """

    battery: int | None = None
    battery_at: datetime | None = None
    heard: datetime | None = None
    read: datetime | None = None
    low: int | None = None
    unseen: datetime | None = None


def with_events(signs: Signs, events: Iterable[LockEvent], now: datetime) -> Signs:
    """The signs after some events, in whatever order they came."""
    for event in events:
        at = _kept(min(event.at, now))
        signs = with_contact(signs, at)
        if event.battery is not None and (signs.battery_at is None or at >= signs.battery_at):
            signs = replace(signs, battery=event.battery, battery_at=at)
    return signs


def with_contact(signs: Signs, at: datetime | None) -> Signs:
    """The signs of a lock that was heard of at `at` too."""
    if at is None or (signs.heard is not None and at <= signs.heard):
        return signs
    return replace(signs, heard=_kept(at))


def _kept(at: datetime) -> datetime:
    """To the millisecond, as it is stored and as the vendor tells it."""
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def wants_probe(signs: Signs, rules: BatteryRules, clock_tried: datetime | None, now: datetime) -> bool:
    """Whether only a command can tell if the lock is still there: where nobody is, no door is opened.

    `clock_tried`: when its clock was last set, or tried to be.
    """
    return _is_silent(signs, rules, now) and (clock_tried is None or now - clock_tried >= PROBE_EVERY)


def judged(
    signs: Signs, arrivals: Iterable[datetime | None], rules: BatteryRules, now: datetime, *, is_probed: bool
) -> Signs:
    """The signs with what is to be told of them.

    `arrivals`: check-ins of stays that hold a slot there. `is_probed`: silence counts, a command was tried.
    """
    is_soon = any(at is not None and now <= at <= now + SOON for at in arrivals)
    return replace(
        signs, low=_low(signs, rules, is_soon=is_soon), unseen=_unseen(signs, rules, now, is_probed)
    )


def _low(signs: Signs, rules: BatteryRules, *, is_soon: bool) -> int | None:
    if signs.battery is None:
        return signs.low
    if signs.low is not None:
        # Above both limits: else it would be told again for every guest who arrives.
        is_well = signs.battery > max(rules.low, rules.low_before_arrival) + HYSTERESIS
        return None if is_well else signs.low
    limit = rules.low_before_arrival if is_soon else rules.low
    return signs.battery if signs.battery <= limit else None


def _unseen(signs: Signs, rules: BatteryRules, now: datetime, is_probed: bool) -> datetime | None:  # noqa: FBT001
    if not _is_silent(signs, rules, now):
        return None
    return signs.unseen or (signs.heard if is_probed else None)


def _is_silent(signs: Signs, rules: BatteryRules, now: datetime) -> bool:
    """A lock that was never reached yet has nothing to be silent about."""
    return signs.heard is not None and now - signs.heard > rules.unseen

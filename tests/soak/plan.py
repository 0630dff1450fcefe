"""From a seed to everything that a campaign does, and when. Pure: the same seed, the same schedule.

What the processes make of it is not the same twice: when a thread runs, which worker takes a message and
where a kill strikes is the machine's choice. A replay repeats the schedule, and mostly the trouble.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tests.soak.layout import LEASE, Layout
from tests.soak.stories import Canary, Event, canary, story

BOOKINGS_A_SECOND = 2.8  # half an hour: 5,000 bookings, 20,000 events
BOOKINGS_A_BUILDING = 42
MOST_BUILDINGS = 20  # a hundred locks
WEBS = ("web1", "web2")
WORKERS = ("worker1", "worker2", "worker3")
ROUND_SECONDS = 60.0
SHORT_SECONDS = 300.0
# The share of rounds in which the API key is revoked, and for how long.
REVOKED, REVOKED_LONG = (0.4, 10.0), (0.1, 60.0)
LONGEST_DELAY = 600.0  # the vendor is late by ten minutes at most


class What(StrEnum):
    """What is done to the vendor, to our side, and by operators."""

    RATES = "vendor: rates of faults"
    ACKS = "vendor: a spell of one ack"
    LAG = "vendor: a list lags"
    OFFLINE = "vendor: a gateway offline"
    KEY = "vendor: key revoked"
    HAND = "vendor: code typed by hand"
    WIPE = "vendor: code lost"
    KILL = "kill -9"
    TERM = "SIGTERM"
    FREEZE = "SIGSTOP"
    REDIS_KILL = "kill -9 of Redis"
    REDIS_SLOW = "Redis slow"
    DISK_FULL = "disk full"
    BROKER = "broker messages deleted"
    SMTP = "mail server away"
    CLOCK = "clock jumps"
    TWIN = "a second Innkey"
    DICE = "kill -9 between commands"
    ROTATE = "operator: new PIN"
    RESEND = "operator: e-mail again"
    RETRY = "operator: letters retried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One fault: when it begins, how long it lasts, whom it befalls."""

    at: float
    what: What
    lasts: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Schedule:
    """All that a campaign does, in order of time."""

    seed: int
    seconds: float
    layout: Layout
    events: tuple[Event, ...]
    deeds: tuple[Deed, ...]

    @property
    def bookings(self) -> int:
        """How many bookings are sent."""
        return len({event.booking for event in self.events})

    def canaries(self) -> list[Canary]:
        """What is looked for at the end."""
        return [canary(self.seed, number) for number in range(self.bookings)]


def schedule(seed: int, seconds: float) -> Schedule:
    """The campaign of a seed: bookings with all their changes, and the faults of `seconds` seconds."""
    bookings = max(40, round(seconds * BOOKINGS_A_SECOND))
    layout = Layout(min(MOST_BUILDINGS, max(3, round(bookings / BOOKINGS_A_BUILDING))))
    units = tuple(layout.units)
    events = [event for number in range(bookings) for event in story(seed, number, units, seconds)]
    deeds = sorted(_deeds(seed, seconds, layout), key=lambda deed: deed.at)
    return Schedule(seed, seconds, layout, tuple(sorted(events, key=lambda event: event.at)), tuple(deeds))


def _deeds(seed: int, seconds: float, layout: Layout) -> Iterator[Deed]:
    dice = random.Random(f"{seed}/deeds")
    yield from _spells(dice, seconds)
    begins = 0.0
    while begins < seconds:
        length = min(ROUND_SECONDS, seconds - begins)
        yield from _round(dice, begins, length, is_short=seconds < SHORT_SECONDS)
        begins += ROUND_SECONDS
    for what, every in ((What.KILL, 6), (What.HAND, 2), (What.WIPE, 12), (What.LAG, 10), (What.OFFLINE, 12)):
        yield from _now_and_then(dice, what, every, seconds, layout)
    for what, every in ((What.ACKS, 9), (What.ROTATE, 5), (What.RESEND, 6), (What.RETRY, 15)):
        yield from _now_and_then(dice, what, every, seconds, layout)


# Spells of the vendor: faults by rate, each for some seconds.
_SPELLS: tuple[Mapping[str, float], ...] = (
    {},
    {
        "504_executed": 0.12,
        "504_lost": 0.12,
        "cut_executed": 0.06,
        "cut_lost": 0.06,
        "500": 0.03,
        "502": 0.03,
    },
    {"504_late": 0.08, "cut_late": 0.03, "hang_late": 0.01, "pending_done": 0.1, "pending_never": 0.04},
    {"ack2": 0.15, "ack2_executed": 0.06, "ack8": 0.12},
    {"html": 0.06, "garbage": 0.05, "other_lock": 0.1, "no_list": 0.1, "throttle": 0.05},
    {"hang": 0.02, "hang_executed": 0.02, "504_lost": 0.1},
    {"lose": 0.05, "504_executed": 0.05, "ack2": 0.05},
)


def _spells(dice: random.Random, seconds: float) -> Iterator[Deed]:
    at = 0.0
    while at < seconds:
        lasts = dice.uniform(4, 9)
        latest = min(LONGEST_DELAY, seconds - at + 15)  # all that is late arrives before the verdict
        late = (1.0, dice.choice((4.0, 12.0, latest)))
        rates = dice.choice(_SPELLS)
        details = {"rates": rates, "late": (min(late), max(late)), "seed": dice.randrange(10**6)}
        yield Deed(at=at, what=What.RATES, lasts=lasts, details=details)
        at += lasts


def _round(dice: random.Random, begins: float, length: float, *, is_short: bool) -> Iterator[Deed]:
    """The great faults, each once a round."""
    lease = LEASE.total_seconds()
    great: list[tuple[What, float, dict[str, Any]]] = [
        (What.FREEZE, lease + 3, {"who": dice.choice(WORKERS)}),
        (What.FREEZE, dice.uniform(1, 6), {"who": dice.choice(WORKERS)}),
        (What.REDIS_SLOW, 8.0, {}),
        (What.REDIS_KILL, dice.uniform(0.2, 2), {}),
        (What.REDIS_KILL, dice.uniform(0.2, 2), {}),
        (What.DISK_FULL, dice.uniform(1, 3), {"kilobytes": dice.choice((1, 8, 32))}),
        (What.BROKER, 0.0, {}),
        (What.BROKER, 0.0, {}),
        (What.SMTP, dice.uniform(4, 12), {}),
        (What.CLOCK, dice.uniform(6, 12), {"who": dice.choice(WORKERS), "hours": 1}),
        (What.CLOCK, dice.uniform(6, 12), {"who": dice.choice(WORKERS), "hours": -1}),
        (What.TWIN, dice.uniform(8, 15), {}),
        (What.TERM, 0.0, {"who": dice.choice(WEBS + WORKERS)}),
        (What.DICE, dice.uniform(8, 20), {"rate": dice.choice((0.0002, 0.0004, 0.0008))}),
    ]
    for what, lasts, details in great:
        if lasts + 2 < length:
            at = begins + dice.uniform(0, length - lasts - 1)
            yield Deed(at=at, what=what, lasts=lasts, details=details)
    chance, revoked = REVOKED if is_short else REVOKED_LONG
    if dice.random() < chance:
        # An account that is paused does nothing for half a minute: late in the round, and not in each.
        at = begins + length * dice.uniform(0.6, 0.8)
        yield Deed(at=at, what=What.KEY, lasts=revoked)


def _now_and_then(
    dice: random.Random, what: What, every: float, seconds: float, layout: Layout
) -> Iterator[Deed]:
    at = dice.expovariate(1 / every)
    while at < seconds:
        lock = dice.choice(layout.locks)
        lasts, details = _small(dice, what, lock)
        yield Deed(at=at, what=what, lasts=min(lasts, seconds - at), details=details)
        at += dice.expovariate(1 / every)


def _small(dice: random.Random, what: What, lock: str) -> tuple[float, dict[str, Any]]:
    """How long one of the lesser faults lasts, and whom it befalls."""
    details: dict[str, Any] = {"lock": lock, "dice": dice.randrange(10**6)}
    match what:
        case What.KILL:
            return 0.0, {"who": dice.choice(WEBS + WORKERS)}
        case What.HAND:
            return dice.uniform(5, 60), details
        case What.LAG:
            return dice.uniform(5, 12), {**details, "seconds": dice.uniform(1, 5)}
        case What.OFFLINE:
            return dice.uniform(3, 25) if dice.random() < 0.8 else dice.uniform(60, 180), details
        case What.ACKS:
            ack = dice.choice((2, 4, 6, 8, 3, 7, 10))
            return dice.uniform(3, 8), {**details, "ack": ack, "op": dice.choice(("add", "delete"))}
    return 0.0, details

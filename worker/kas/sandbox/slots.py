"""One lock of the fake cloud: its codes, its clock, its gateway, and the list the cloud shows of it.

Pure: every function takes `now` (epoch seconds) and never waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from worker.kas.sandbox.openings import Opening
from worker.kas.sandbox.tags import Tag

FIRST_SLOT = 101
LAST_SLOT = 200
DEFAULT_ZONE = "Australia/Brisbane"
FULL = 100.0
DRAIN = 0.02  # percent per opening: some five thousand to a set of batteries


class Auth(StrEnum):
    """What the account may do with a lock: everything, only read, or nothing."""

    ADMIN = "admin"
    MANAGER = "manager"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Latency:
    """How long the cloud takes, in seconds: through a gateway base plus up to jitter, for lists their own."""

    base_seconds: float = 0.0
    jitter_seconds: float = 0.0
    list_seconds: float = 0.0


# By name; the document gives 15 seconds as the most (section "Remote Unlock", notice 1).
PROFILES: Mapping[str, Latency] = {
    "fast": Latency(0.1, 0.2, 0.05),
    "usual": Latency(1.0, 2.0, 0.3),
    "slow": Latency(8.0, 7.0, 1.0),
}


@dataclass(frozen=True, slots=True)
class Code:
    """One PIN in a lock's memory; `starts` and `ends` are YYMMDDHHmm in the lock's zone.

    A code typed by hand may lack any field: an empty one is left out of the lists.
    """

    slot: int
    pin: str = field(repr=False)
    name: str = field(default="", repr=False)
    starts: str = ""
    ends: str = ""
    email: str = field(default="", repr=False)
    message: str = field(default="", repr=False)
    ident: str = ""
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """What a slot held before one change: the list is wound back with it where it lags."""

    at: float
    slot: int
    before: Code | None


@dataclass(slots=True)
class Lock:
    """A lock bound to an account.

    Its own clock runs `clock_error` seconds ahead (negative: behind) until it is set. `battery` is a
    percentage, and each opening takes `drain` of it; an empty one is out of every gateway's range. A
    `reader` (access control reader) has more ids for tags.
    """

    name: str
    account: str = "default"
    title: str = ""
    zone: str = DEFAULT_ZONE
    clock_set: bool = True
    clock_set_at: float | None = None
    gateway_online: bool = True
    auth: Auth = Auth.ADMIN
    latency: Latency | None = None
    list_lag: float = 0.0
    codes: dict[int, Code] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    reader: bool = False
    clock_error: float = 0.0
    battery: float = FULL
    drain: float = DRAIN
    tags: dict[int, Tag] = field(default_factory=dict)
    openings: list[Opening] = field(default_factory=list)

    @property
    def reachable(self) -> bool:
        """Whether a gateway can reach it."""
        return self.gateway_online and self.battery > 0

    def put(self, slot: int, code: Code | None, now: float) -> None:
        """Write a code into a slot, or empty the slot with `None`."""
        before = self.codes.get(slot)
        self._forget(now)
        if self.list_lag:
            self.changes.append(Change(now, slot, before))
        if code is None:
            self.codes.pop(slot, None)
        else:
            self.codes[slot] = code

    def listed(self, now: float) -> list[Code]:
        """The codes as the cloud's list shows them: the state of `list_lag` seconds ago, by slot."""
        self._forget(now)
        seen: dict[int, Code | None] = dict(self.codes)
        for change in reversed(self.changes):
            seen[change.slot] = change.before
        return in_order(code for code in seen.values() if code is not None)

    def holder_of(self, pin: str) -> Code | None:
        """The code with this PIN in the lowest slot."""
        return next((code for code in in_order(self.codes.values()) if code.pin == pin), None)

    def _forget(self, now: float) -> None:
        """Drop the changes that even the lagging list shows by now."""
        self.changes = [change for change in self.changes if change.at > now - self.list_lag]

    def instant(self, digits: str) -> float:
        """Epoch seconds of YYMMDDHHmm in this lock's zone; `ValueError` for what is no calendar moment."""
        year, month, day, hour, minute = (int(digits[at : at + 2]) for at in range(0, 10, 2))
        return datetime(2000 + year, month, day, hour, minute, tzinfo=ZoneInfo(self.zone)).timestamp()


def in_order(codes: Iterable[Code]) -> list[Code]:
    """The codes by slot."""
    return sorted(codes, key=lambda code: code.slot)

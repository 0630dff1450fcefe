"""What the property file says, as plain data: accounts, locks, units and the policy of each unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from worker.domain.media import door_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How stays of a unit are served; the property file's `[policy]`, where each field is explained."""

    push_ahead: timedelta = timedelta(days=14)
    grace_before: timedelta = timedelta(0)
    grace_after: timedelta = timedelta(0)
    pin_length: int = 6
    pin_source: str = "random"
    email_guest: bool = True
    email_wait: timedelta = timedelta(minutes=10)
    first_slot: int = 120
    last_slot: int = 200
    retry_delays: tuple[timedelta, ...] = (
        timedelta(0),
        timedelta(seconds=30),
        timedelta(minutes=2),
    )
    offline_delays: tuple[timedelta, ...] = (
        timedelta(minutes=2),
        timedelta(minutes=5),
        timedelta(minutes=10),
        timedelta(minutes=20),
    )
    pending_for: timedelta = timedelta(minutes=5)
    pending_poll: timedelta = timedelta(seconds=20)
    at_risk: timedelta = timedelta(hours=24)
    alert_gather: timedelta = timedelta(minutes=1)
    set_clock_every: timedelta = timedelta(hours=24)
    retain: timedelta = timedelta(days=90)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrailRules:
    """How often the audit trail of a lock is read: the property file's `[trail]`."""

    every: timedelta = timedelta(hours=6)
    on_arrival: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatteryRules:
    """When a lock's battery is low, in percent, and when its silence is told: the file's `[battery]`."""

    low: int = 20
    low_before_arrival: int = 30
    unseen: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """One account in the vendor's cloud: its share of the vendor's queue and its patience."""

    name: str
    max_in_flight: int = 26
    call_timeout: timedelta = timedelta(seconds=30)
    vendor_hold: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """One lock by its factory name, with the zone in which its clock runs."""

    name: str
    zone: ZoneInfo
    account: str = "default"
    title: str = ""
    reader: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One bookable unit; `locks` in the order of the property file: common doors first, the own door last."""

    name: str
    zone: ZoneInfo
    locks: tuple[str, ...]
    check_in: time = time(15)
    check_out: time = time(10)
    policy: Policy = field(default_factory=Policy)
    aliases: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Everything the rules need to know of the property file.

    `write_back`: the sources into whose booking system the PIN is written.
    """

    accounts: Mapping[str, Account]
    locks: Mapping[str, Lock]
    units: Mapping[str, Unit]
    policy: Policy = field(default_factory=Policy)
    trail: TrailRules = field(default_factory=TrailRules)
    battery: BatteryRules = field(default_factory=BatteryRules)
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    sources: frozenset[str] = frozenset()
    write_back: frozenset[str] = frozenset()
    former: Mapping[str, Lock] = field(default_factory=lambda: MappingProxyType({}))

    def lock(self, name: str) -> Lock | None:
        """A lock of the file, or of a former one: that is served until its last code is off."""
        door = door_of(name)
        found = self.locks.get(door) or self.former.get(door)
        return found if found is None or found.name == name else replace(found, name=name)

    def account_of(self, lock: str) -> str:
        """The account that serves a lock; the first where no file named the lock, or its account is gone."""
        found = self.lock(lock)
        if found is not None and found.account in self.accounts:
            return found.account
        return next(iter(self.accounts), "default")

    def zone_of(self, lock: str) -> ZoneInfo:
        """The zone of a lock's clock; the general one where no file ever named the lock."""
        found = self.lock(lock)
        return found.zone if found is not None else self.zone

    def unit_for(self, source: str, called: str) -> Unit | None:
        """The unit that `source` calls `called`: by its alias for that source, else by its own name.

        Sources that tell the room of a listing call it `listing/room`; the listing's alias means all of its
        rooms that have none of their own.
        """
        listing, slash, _ = called.rpartition("/")
        for name in (called, listing) if slash else (called,):
            for unit in self.units.values():
                if unit.aliases.get(source) == name:
                    return unit
        return self.units.get(called)

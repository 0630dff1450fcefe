"""What happens at a door: a PIN typed, a tag presented, an unlock from afar, a battery that runs down.

Pure: every function takes `now` (epoch seconds) and never waits.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from worker.kas.sandbox.openings import THREE_MONTHS_SECONDS, How, Opening
from worker.kas.sandbox.slots import Code, Lock, in_order
from worker.kas.sandbox.tags import Tag, tags_in_order

Reason = Literal["opened", "unknown", "too_early", "too_late", "no_clock", "no_battery"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """Whether the door opened, why, and by which slot."""

    reason: Reason
    slot: int | None = None

    @property
    def opened(self) -> bool:
        """Whether it opened."""
        return self.reason == "opened"


def type_pin(lock: Lock, pin: str, now: float) -> Attempt:
    """A guest types a PIN; of several codes with it any that is inside its window opens."""
    found = [code for code in in_order(lock.codes.values()) if pin and code.pin == pin]
    return _try(lock, found, How.PIN, pin, now)


def present_tag(lock: Lock, uid: str, now: float) -> Attempt:
    """A guest presents a tag, named by its uid or by its KAS number."""
    found = [tag for tag in tags_in_order(lock.tags.values()) if tag.number == uid.upper()]
    return _try(lock, found, How.TAG, uid, now)


def open_remotely(lock: Lock, address: str, name: str, now: float) -> None:
    """The lock obeys a remote unlock, whatever its clock says."""
    _note(lock, How.REMOTE, None, address, name, now)


def captured(lock: Lock, now: float) -> list[Opening]:
    """What the audit trail shows: the last three months that a gateway heard of, newest last."""
    return [one for one in lock.openings if one.captured and one.at > now - THREE_MONTHS_SECONDS]


def _try(lock: Lock, found: Iterable[Code | Tag], how: How, value: str, now: float) -> Attempt:
    if not lock.battery:
        return Attempt("no_battery")
    first: Attempt | None = None
    for holder in found:
        attempt = Attempt(_judge(lock, holder, now), holder.slot)
        if attempt.opened:
            _note(lock, how, holder.slot, value, holder.name, now)
            return attempt
        first = first or attempt
    return first or Attempt("unknown")


def _judge(lock: Lock, holder: Code | Tag, now: float) -> Reason:
    """The window by the lock's own clock: the start belongs to it, the end does not.

    One typed by hand may lack a window, and then always opens.
    """
    if not lock.clock_set and (holder.starts or holder.ends):
        return "no_clock"
    shown = now + lock.clock_error
    if holder.starts and shown < lock.instant(holder.starts):
        return "too_early"
    if holder.ends and shown >= lock.instant(holder.ends):
        return "too_late"
    return "opened"


def _note(lock: Lock, how: How, slot: int | None, value: str, name: str, now: float) -> None:
    lock.battery = max(0.0, lock.battery - lock.drain)
    lock.openings = [one for one in lock.openings if one.at > now - THREE_MONTHS_SECONDS]
    lock.openings.append(
        Opening(
            at=now,
            how=how,
            slot=slot,
            value=value,
            name=name,
            battery=math.ceil(lock.battery),
            ident=secrets.token_hex(12),
            captured=lock.gateway_online,
        )
    )

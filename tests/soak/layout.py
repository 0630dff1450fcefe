"""The house of a campaign: its locks and units, and the property file that names them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

ZONE = "Australia/Brisbane"
SOURCE = "direct"
FIRST_SLOT, LAST_SLOT, TIGHT_FIRST = 120, 200, 198
DOORS = 4
BUSY_LOCKS, BUSY_PLACES, PLACES = 5, 2, 8
CALL_TIMEOUT, VENDOR_HOLD = timedelta(seconds=5), timedelta(seconds=8)
PUSH_AHEAD = timedelta(hours=1)
PENDING_FOR = timedelta(seconds=6)
# Lease of a visit: the longer of hold and time-out, five seconds to leave, ten of margin (worker.service).
LEASE = max(CALL_TIMEOUT, VENDOR_HOLD) + timedelta(seconds=15)

_HEAD = f"""
timezone  = "{ZONE}"

[policy]
push_ahead     = "{PUSH_AHEAD.total_seconds():.0f}s"
retry_delays   = ["0s", "1s", "2s", "4s"]
offline_delays = ["2s", "4s", "6s"]
pending_for    = "{PENDING_FOR.total_seconds():.0f}s"
pending_poll   = "1s"
email_wait     = "5s"
alert_gather   = "2s"
at_risk        = "10m"

[accounts.default]
max_in_flight = {PLACES}
call_timeout  = "{CALL_TIMEOUT.total_seconds():.0f}s"
vendor_hold   = "{VENDOR_HOLD.total_seconds():.0f}s"

[accounts.busy]
api_key       = {{ env = "KAS_API_KEY_BUSY" }}
max_in_flight = {BUSY_PLACES}
call_timeout  = "{CALL_TIMEOUT.total_seconds():.0f}s"
vendor_hold   = "{VENDOR_HOLD.total_seconds():.0f}s"

[sources.{SOURCE}]
adapter = "innkey"
secret  = {{ env = "DIRECT_WEBHOOK_SECRET" }}
"""


@dataclass(frozen=True, slots=True)
class Layout:
    """`buildings` houses of four doors behind one gate; the last door of each has three slots only.

    Beside them stand a few locks of an account with two places, on which the order of work is measured.
    """

    buildings: int

    @property
    def units(self) -> Mapping[str, tuple[str, ...]]:
        """The units that guests book, with their locks: the gate first, the own door last."""
        return {
            f"b{b:02}-{d}": (f"GATE{b:02}", f"DOOR{b:02}{d}")
            for b in range(1, self.buildings + 1)
            for d in range(1, DOORS + 1)
        }

    @property
    def busy_units(self) -> Mapping[str, tuple[str, ...]]:
        """The units of the account with two places: one lock each."""
        return {f"busy-{n}": (f"BUSY{n}",) for n in range(1, BUSY_LOCKS + 1)}

    @property
    def all_units(self) -> Mapping[str, tuple[str, ...]]:
        """Both kinds."""
        return {**self.units, **self.busy_units}

    @property
    def locks(self) -> tuple[str, ...]:
        """The locks behind which the faults happen."""
        return tuple(sorted({lock for locks in self.units.values() for lock in locks}))

    @property
    def busy_locks(self) -> tuple[str, ...]:
        """The locks on which only the order of work is measured."""
        return tuple(lock for locks in self.busy_units.values() for lock in locks)

    def slots_of(self, unit: str) -> range:
        """The slots that stays of a unit may take."""
        is_tight = unit in self.units and unit.endswith(f"-{DOORS}")
        return range(TIGHT_FIRST if is_tight else FIRST_SLOT, LAST_SLOT + 1)

    def properties(self) -> str:
        """The property file."""
        lines = [_HEAD]
        lines += [f"[locks.{name}]" for name in self.locks]
        lines += [f'[locks.{name}]\naccount = "busy"' for name in self.busy_locks]
        for unit, locks in self.all_units.items():
            lines.append(
                f"[units.{unit}]\nlocks = [{', '.join(repr(lock) for lock in locks)}]".replace("'", '"')
            )
            first = self.slots_of(unit).start
            if first != FIRST_SLOT:
                lines.append(f"[units.{unit}.policy]\nfirst_slot = {first}")
        return "\n".join(lines) + "\n"

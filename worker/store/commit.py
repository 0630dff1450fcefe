"""One write of several keys: all of it, or nothing where a guard does not hold."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from worker.domain.house import House
from worker.store.agenda import places
from worker.store.codec import from_millis, to_millis
from worker.store.scripts import Scripts


class ConflictError(Exception):
    """Somebody else changed the record first: read it again and decide anew."""


class FencedError(Exception):
    """The lease is gone: whoever holds it now goes on from the record."""


class TakenError(Exception):
    """Another stay holds that PIN on one of the locks."""


@dataclass(slots=True)
class Commit:
    """What shall change. Guards are (key, value it must hold; "" for none)."""

    already: tuple[str, str] | None = None
    guards: list[tuple[str, str]] = field(default_factory=list)
    fence: tuple[str, str] | None = None
    vacant: list[tuple[str, str, str]] = field(default_factory=list)
    commands: list[list[str | int]] = field(default_factory=list)
    freed: list[tuple[str, str, str]] = field(default_factory=list)
    agenda: list[tuple[str, str, str, int, int]] = field(default_factory=list)
    called_in: list[tuple[str, str]] = field(default_factory=list)
    lease: tuple[str, str, int] | None = None

    def schedule(
        self, lock: str, account: str, ref: str, due: datetime | None, deadline: datetime | None
    ) -> None:
        """Put the stay's code on the lock's timetable, or take it off (None)."""
        when = -1 if due is None else to_millis(due)
        urgent = when if deadline is None else to_millis(deadline)
        self.agenda.append((lock, account, ref, when, urgent))

    def call_in(self, lock: str, account: str) -> None:
        """Make those due that wait for a slot of this lock: one has become free."""
        self.called_in.append((lock, account))

    def renew(self, lock: str, account: str, lease: timedelta) -> None:
        """Prolong the lease and its place from now on."""
        self.lease = (lock, account, round(lease.total_seconds() * 1000))

    def run(self, scripts: Scripts, house: House | None = None) -> tuple[datetime, list[str]]:
        """Write. Returns Redis' time and the locks to wake. Raises FencedError, ConflictError, TakenError.

        Without `house` the write touches no timetable.
        """
        guards = [self.fence, *self.guards] if self.fence is not None else self.guards
        plan = {
            "already": self.already,
            "guards": guards,
            "vacant": self.vacant,
            "commands": self.commands,
            "freed": self.freed,
            "agenda": self.agenda,
            "called_in": self.called_in,
            "lease": self.lease,
            "places": places(house) if house is not None else {},
        }
        given = {name: value for name, value in plan.items() if value is not None}
        now, failed, woken = scripts.run("commit", [json.dumps(given, ensure_ascii=False)])
        if failed == -1:
            raise TakenError
        if failed == 1 and self.fence is not None:
            raise FencedError
        if failed:
            raise ConflictError
        return from_millis(now), [str(lock) for lock in woken]

"""The audit trail's turn in a visit to its lock: read it, take it in, say when to read it again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from worker.domain.house import House, Lock
from worker.domain.outcomes import Kind
from worker.domain.signs import Signs, wants_probe
from worker.domain.trail import GIVES_WAY, TRAIL, Guest, after_failure, next_reading
from worker.service.clock import Clock
from worker.service.lock_calls import LockCalls
from worker.service.lock_facts import LockFacts
from worker.service.trail import Change, TrailKeeper
from worker.store.agenda import Claim, lease_key
from worker.store.commit import Commit

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class TrailVisit:
    """Reads the trail once.

    `change` writes a stay under the visit's lease; `reached` is called when the lock's gateway answered.
    """

    keeper: TrailKeeper
    calls: LockCalls
    claim: Claim
    lock: Lock
    house: House
    clock: Clock
    facts: LockFacts
    change: Change
    reached: Callable[[], None]

    def serve(self, holders: list[str]) -> None:
        """Read it, if somebody who holds a slot (`holders`) is near; else it is not looked at again."""
        now = self.clock.now()
        guests = self.keeper.guests(self.lock, holders)
        is_near = any(_has_begun(guest, now) for guest in guests)
        if not is_near and next_reading(guests, self.house.trail, now) is None:
            self._again(None)
            return
        _, answer = self.calls.list_events()
        if answer.events is None:
            log.warning("trail.not_read", lock=self.lock.name, outcome=answer.outcome.kind.value)
            self._again(after_failure(answer.outcome, self.house.trail, self.clock.now()))
            return
        guests = self.keeper.take_in(
            self.lock,
            answer.events,
            guests,
            change=self.change,
            fence=lease_key(self.claim),
            probe=self._probe,
        )
        log.info("trail.read", lock=self.lock.name, events=len(answer.events))
        self._again(next_reading(guests, self.house.trail, self.clock.now()))

    def _probe(self, signs: Signs) -> datetime | None:
        """Ask a lock from which nothing was heard for long to set its clock: when it did, or None."""
        now = self.clock.now()
        if not wants_probe(signs, self.house.battery, self.facts.clock_last_tried(), now):
            return None
        if self.calls.is_over or self.calls.quiet_at(now) is not None:
            return None
        since, answer = self.calls.set_clock()
        is_set = answer.outcome.kind is Kind.DONE
        self.facts.clock_answered(since, is_set=is_set)
        if is_set:
            self.reached()
        return since if is_set else None

    def _again(self, at: datetime | None) -> None:
        commit = Commit(fence=lease_key(self.claim))
        deadline = at + GIVES_WAY if at is not None else None
        commit.schedule(self.lock.name, self.claim.account, TRAIL, at, deadline)
        commit.run(self.keeper.store.scripts, self.house)


def _has_begun(guest: Guest, now: datetime) -> bool:
    """Whether the PIN opens, or has just ended: its last openings are read before it is taken off."""
    return bool(guest.windows) and guest.windows[-1][0] <= now

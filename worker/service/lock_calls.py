"""The vendor calls of one visit: each under a fresh lease, each leaving on time or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.answer_table import NO_ANSWER, TABLE, Then
from worker.domain.house import Account, House, Lock
from worker.domain.media import is_tags
from worker.domain.outcomes import Answer, Kind
from worker.domain.record import Stay
from worker.domain.steps import Delete, Overwrite, Push
from worker.service.accounts import Accounts
from worker.service.clock import Clock
from worker.service.keys import Renewal
from worker.service.vendor import Vendor, new_tag
from worker.store.agenda import SEND_WITHIN, Claim, lease_key
from worker.store.commit import Commit
from worker.store.store import Store

MOST_REFUSALS = 3  # of keys, in one visit
_NO_PROOF = (Kind.DOUBT, Kind.THROTTLED)  # perhaps said by something in front of the vendor's cloud


@dataclass(slots=True, kw_only=True)
class LockCalls:
    """Makes the calls, and remembers what they mean for the visit.

    `ghost_until`: a call was never answered and keeps its place until then. `quiet_until`: no command to this
    lock before then (promise 5). `is_over`: nothing more may be sent in this visit.
    """

    store: Store
    vendor: Vendor
    accounts: Accounts
    clock: Clock
    house: House
    account: Account
    claim: Claim
    lease: timedelta
    leased_at: float
    quiet_until: datetime | None = None
    ghost_until: datetime | None = None
    is_over: bool = False
    refusals: int = 0

    def list_pins(self) -> tuple[datetime, Answer]:
        """Read the lock's list, of PINs or of tags: when the call began, and the answer."""
        read = self.vendor.list_tags if is_tags(self.claim.lock) else self.vendor.list_pins
        return self._call(
            lambda not_after: read(self.account.name, self.claim.door, not_after),
            is_command=False,
        )

    def list_events(self) -> tuple[datetime, Answer]:
        """Read the lock's audit trail: when the call began, and the answer."""
        return self._call(
            lambda not_after: self.vendor.list_events(self.account.name, self.claim.lock, not_after),
            is_command=False,
        )

    def set_clock(self) -> tuple[datetime, Answer]:
        """Set the lock's clock: when the call began, and the answer."""
        return self._call(
            lambda not_after: self.vendor.set_clock(self.account.name, self.claim.door, not_after),
            is_command=True,
        )

    def command(self, stay: Stay, step: Push | Overwrite | Delete, since: datetime) -> Answer:
        """Send a command whose intent was recorded at `since`, in a write that renewed the lease."""
        answer = self._command(stay, step, self.leased_at + SEND_WITHIN.total_seconds())
        self._heed(answer, since, is_command=True)
        return answer

    def _command(self, stay: Stay, step: Push | Overwrite | Delete, not_after: float) -> Answer:
        account, door = self.account.name, self.claim.door
        if is_tags(self.claim.lock):
            lock = self.house.lock(door) or Lock(name=door, zone=self.house.zone)
            if isinstance(step, Delete):
                return self.vendor.delete_tag(account, lock, step.slot, not_after)
            return self.vendor.add_tag(account, lock, new_tag(_as_push(step)), not_after)
        if isinstance(step, Delete):
            return self.vendor.delete(account, door, step.slot, not_after)
        return self.vendor.push(account, door, stay, _as_push(step), not_after)

    def quiet_at(self, now: datetime) -> datetime | None:
        """Until when no command may go to the lock, if that is still to come."""
        return self.quiet_until if self.quiet_until is not None and now < self.quiet_until else None

    def _call(self, call: Callable[[float], Answer], *, is_command: bool) -> tuple[datetime, Answer]:
        """Call, and call again with the newer key where this one was refused."""
        while True:
            not_after = self._renewed()
            since = self.clock.now()
            answer = call(not_after)
            self._heed(answer, since, is_command=is_command)
            if answer.outcome.kind is not Kind.INVALID_TOKEN or self.is_over:
                return since, answer

    def _renewed(self) -> float:
        """Renew the lease unless that was just done; the moment after which nothing may leave."""
        if time.monotonic() - self.leased_at > SEND_WITHIN.total_seconds() / 2:
            asked = time.monotonic()
            commit = Commit(fence=lease_key(self.claim))
            commit.renew(self.claim.lock, self.account.name, self.lease)
            commit.run(self.store.scripts, self.house)
            self.leased_at = asked
        return self.leased_at + SEND_WITHIN.total_seconds()

    def _heed(self, answer: Answer, since: datetime, *, is_command: bool) -> None:
        outcome = answer.outcome
        if outcome.kind is Kind.INVALID_TOKEN:
            self._heed_refused_key(answer)
        elif outcome.http_status is not None:
            if outcome.kind not in _NO_PROOF:
                self.accounts.key_proven(self.account.name, answer.key_generation)
            if self.claim.is_paused:
                self.accounts.key_accepted(self.account.name)
        if outcome.kind in NO_ANSWER:
            # On a busy machine a call may leave a while after its intent; one that ran out of time says when.
            left = max(since, self.clock.now() - self.account.call_timeout)
            self.ghost_until = left + self.account.vendor_hold
            self.is_over = True
            if is_command and TABLE[outcome.kind].then is Then.HOLD:
                self.quiet_until = self.ghost_until

    def _heed_refused_key(self, answer: Answer) -> None:
        """Go on with a newer key, else end the visit. A fetch uses the place that this visit holds."""
        self._renewed()
        self.refusals += 1
        is_probe = self.claim.is_paused and self.refusals == 1
        renewal = self.accounts.key_refused(
            self.account.name, answer.outcome, answer.key_generation, is_probe=is_probe
        )
        has_newer = renewal in (Renewal.RENEWED, Renewal.FETCHED)
        self.is_over = not has_newer or self.refusals >= MOST_REFUSALS
        if renewal is Renewal.UNREACHABLE:
            self.ghost_until = self.clock.now() + self.account.vendor_hold


def _as_push(step: Push | Overwrite) -> Push:
    return step if isinstance(step, Push) else Push(step.slot, step.written, step.name)

"""The vendor calls of one visit: each under a fresh lease, each leaving on time or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.answer_table import TABLE, Then
from worker.domain.house import Account, House
from worker.domain.outcomes import Answer, Kind
from worker.domain.record import Stay
from worker.domain.steps import Delete, Push
from worker.service.accounts import Accounts
from worker.service.clock import Clock
from worker.service.vendor import Vendor
from worker.store.agenda import SEND_WITHIN, Claim, lease_key
from worker.store.commit import Commit
from worker.store.store import Store


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

    def list_pins(self) -> tuple[datetime, Answer]:
        """Read the lock's list: when the call began, and the answer."""
        return self._call(
            lambda not_after: self.vendor.list_pins(self.account.name, self.claim.lock, not_after),
            is_command=False,
        )

    def set_clock(self) -> tuple[datetime, Answer]:
        """Set the lock's clock: when the call began, and the answer."""
        return self._call(
            lambda not_after: self.vendor.set_clock(self.account.name, self.claim.lock, not_after),
            is_command=True,
        )

    def command(self, stay: Stay, step: Push | Delete, since: datetime) -> Answer:
        """Send a command whose intent was recorded at `since`, in a write that renewed the lease."""
        account, lock = self.account.name, self.claim.lock
        not_after = self.leased_at + SEND_WITHIN.total_seconds()
        if isinstance(step, Push):
            answer = self.vendor.push(account, lock, stay, step, not_after)
        else:
            answer = self.vendor.delete(account, lock, step.slot, not_after)
        self._heed(answer, since, is_command=True)
        return answer

    def quiet_at(self, now: datetime) -> datetime | None:
        """Until when no command may go to the lock, if that is still to come."""
        return self.quiet_until if self.quiet_until is not None and now < self.quiet_until else None

    def _call(self, call: Callable[[float], Answer], *, is_command: bool) -> tuple[datetime, Answer]:
        not_after = self._renewed()
        since = self.clock.now()
        answer = call(not_after)
        self._heed(answer, since, is_command=is_command)
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
            self.accounts.key_refused(self.account.name, outcome)
            self.is_over = True
        elif self.claim.is_paused and outcome.http_status is not None:
            self.accounts.key_accepted(self.account.name)
        if TABLE[outcome.kind].then is Then.HOLD:
            self.ghost_until = since + self.account.vendor_hold
            self.quiet_until = self.ghost_until if is_command else self.quiet_until
            self.is_over = True

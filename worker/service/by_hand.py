"""Vendor calls that a person makes: each in a place of the window, a command only under the lock's lease.

So promises 4 and 5 hold for them as for a worker's visit.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from worker.domain.answer_table import NO_ANSWER
from worker.domain.house import Account, House, Lock
from worker.domain.outcomes import Answer
from worker.service.clock import Clock
from worker.store.agenda import SEND_WITHIN
from worker.store.loans import InTheWay, Loan, Loans
from worker.store.store import Store

MARGIN = timedelta(seconds=10)
ASK_AGAIN = 0.2  # seconds
_SLICE = timedelta(seconds=5)

Sleep = Callable[[float], None]


class OccupiedError(Exception):
    """No place, or not this lock, for as long as one was ready to wait; the text says why."""


class LostLoanError(Exception):
    """The loan ran out, and somebody else has the lock now."""


@dataclass(slots=True)
class ByHand:
    """Borrows places and locks. `wake` is called with the locks whose turn it is afterwards."""

    store: Store
    house: House
    clock: Clock
    wake: Callable[[list[str]], None]
    patience: timedelta = timedelta(seconds=30)
    sleep: Sleep = time.sleep

    @contextmanager
    def borrowed(self, lock: Lock, *, with_lease: bool = False) -> Iterator[Borrowed]:
        """A place for reads; `with_lease` the lock as well, for commands. Raises OccupiedError."""
        account = self.house.accounts[lock.account]
        lasts = max(account.vendor_hold, account.call_timeout) + SEND_WITHIN + MARGIN
        loans = Loans(self.store.client, self.store.scripts)
        asked, loan = self._taken(loans, account, lasts, lock.name if with_lease else "")
        borrowed = Borrowed(loans, loan, lasts, self.clock, self.sleep, asked)
        try:
            yield borrowed
        finally:
            self.wake(borrowed.give_back())

    def _taken(self, loans: Loans, account: Account, lasts: timedelta, lock: str) -> tuple[float, Loan]:
        ends = time.monotonic() + self.patience.total_seconds()
        while True:
            asked = time.monotonic()
            found = loans.take(account, lasts, lock=lock)
            if isinstance(found, Loan):
                self.clock.heard(found.now)
                return asked, found
            if asked >= ends:
                break
            self.sleep(ASK_AGAIN)
        if found is InTheWay.BUSY:
            raise OccupiedError("a worker is busy with the lock")
        raise OccupiedError(f"all {account.max_in_flight} places for calls of the account are taken")


@dataclass(slots=True)
class Borrowed:
    """A place, and perhaps a lock, for one call after the other.

    A call that was never answered may still be at work at the vendor's: until `vendor_hold` after its start
    no other one goes out in its place.
    """

    loans: Loans
    loan: Loan
    lasts: timedelta
    clock: Clock
    sleep: Sleep
    asked: float
    ghost_until: datetime | None = None
    quiet_until: datetime | None = None
    waits: Callable[[str], None] = field(default=lambda _why: None)

    def call(self, send: Callable[[float], Answer], *, is_command: bool = False) -> Answer:
        """Send one call: `send` gets the moment (monotonic) after which nothing may leave.

        Raises LostLoanError.
        """
        self._wait_out()
        self._renew()
        if is_command and not self.loan.lock:
            raise ValueError("a command needs the lock's lease")
        # Until the answer is there (Ctrl-C may come first) the call counts as one that was never answered.
        self.ghost_until = self.clock.now() + self.loan.account.vendor_hold
        self.quiet_until = self.ghost_until if is_command else None
        answer = send(self.asked + SEND_WITHIN.total_seconds())
        if answer.outcome.kind not in NO_ANSWER:
            self.ghost_until = self.quiet_until = None
        return answer

    def wait(self, span: timedelta) -> None:
        """Wait, and keep the loan meanwhile."""
        ends = self.clock.now() + span
        while (left := ends - self.clock.now()) > timedelta(0):
            self.sleep(min(left, _SLICE).total_seconds())
            self._renew()

    def never_answered(self) -> None:
        """A call that others made in this place may still be at work."""
        self.ghost_until = self.clock.now() + self.loan.account.vendor_hold

    def give_back(self) -> list[str]:
        """End the loan; the locks to wake."""
        return self.loans.give_back(self.loan, ghost_until=self.ghost_until, quiet_until=self.quiet_until)

    def _wait_out(self) -> None:
        """Wait for the vendor to let go of a call that was never answered, ours or another one's."""
        now = self.clock.now()
        until = max(self.ghost_until or now, now + self.loan.quiet)
        if until > now:
            seconds = round((until - now).total_seconds())
            self.waits(f"a call was never answered: waiting {seconds} s, until the vendor has let go of it")
            self.wait(until - now)
        self.ghost_until = self.quiet_until = None

    def _renew(self) -> None:
        asked = time.monotonic()
        found = self.loans.take(self.loan.account, self.lasts, lock=self.loan.lock, token=self.loan.token)
        if not isinstance(found, Loan):
            raise LostLoanError
        self.asked, self.loan = asked, found

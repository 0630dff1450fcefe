"""Vendor calls that a person makes: each in a place of the window, a command only under the lock's lease.

So promises 4 and 5 hold for them as for a worker's visit.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Thread
from typing import Any

from worker.domain.answer_table import NO_ANSWER
from worker.domain.house import Account, House, Lock
from worker.domain.outcomes import Answer
from worker.kas import answered_by
from worker.service.clock import Clock
from worker.store.agenda import SEND_WITHIN
from worker.store.loans import InTheWay, Loan, Loans, new_token
from worker.store.redis_client import RedisError
from worker.store.store import Store

MARGIN = timedelta(seconds=10)
ASK_AGAIN = 0.2  # seconds
WAITS = timedelta(milliseconds=1500)  # so long after it was last asked for, a place is kept
CALL_NEEDS = timedelta(seconds=15)  # the KAS API document, section "Remote Unlock", notice 1
_SLICE = timedelta(seconds=5)
LONGEST_THOUGHT = timedelta(minutes=10)

Sleep = Callable[[float], None]


class OccupiedError(Exception):
    """No place, or not this lock, for as long as one was ready to wait; the text says why."""


class QuietError(Exception):
    """A call was never answered, and the vendor may be at work on it for longer than one is ready to wait."""

    def __init__(self, lock: str, left: timedelta) -> None:
        self.seconds = max(round(left.total_seconds()), 1)
        what = f"a command to lock {lock}" if lock else "a call"
        super().__init__(f"{what} was never answered; the next one may go out in {self.seconds} s")


class LostLoanError(Exception):
    """The loan ran out, and somebody else has the lock now."""


def needs(account: Account) -> float:
    """How many seconds a call may take before it is slow."""
    return min(CALL_NEEDS, account.call_timeout).total_seconds()


@dataclass(slots=True)
class ByHand:
    """Borrows places and locks. `wake` is called with the locks whose turn it is afterwards.

    `goes_first`: the next free place is kept for it, and a visit to the lock ends after the call in flight.
    """

    store: Store
    house: House
    clock: Clock
    wake: Callable[[list[str]], None]
    patience: timedelta = timedelta(seconds=30)
    sleep: Sleep = time.sleep
    goes_first: bool = True

    @contextmanager
    def borrowed(self, lock: Lock, *, with_lease: bool = False, ends: float = math.inf) -> Iterator[Borrowed]:
        """A place for reads; `with_lease` the lock as well, for commands. Raises OccupiedError.

        `ends`: nothing is waited for after this moment (`time.monotonic()`), not even an answer.
        """
        account = self.house.accounts[lock.account]
        lasts = max(account.vendor_hold, account.call_timeout) + SEND_WITHIN + MARGIN
        loans = Loans(self.store.client, self.store.scripts)
        until = min(time.monotonic() + self.patience.total_seconds(), ends - needs(account))
        asked, loan = self._taken(loans, account, lasts, lock.name if with_lease else "", until)
        borrowed = Borrowed(loans, loan, lasts, self.clock, self.sleep, asked, ends)
        try:
            yield borrowed
        finally:
            with suppress(RedisError):  # it ends by itself, and what was answered is to be told all the same
                self.wake(borrowed.give_back())

    def _taken(
        self, loans: Loans, account: Account, lasts: timedelta, lock: str, until: float
    ) -> tuple[float, Loan]:
        token, waits = new_token(), WAITS if self.goes_first else timedelta(0)
        while True:
            asked = time.monotonic()
            found = loans.take(account, lasts, lock=lock, token=token, waits=waits)
            if isinstance(found, Loan):
                self.clock.heard(found.now)
                return asked, found
            if asked >= until:
                break
            self.sleep(ASK_AGAIN)
        if found is InTheWay.BUSY:
            raise OccupiedError("a worker is busy with the lock")
        raise OccupiedError(f"all {account.max_in_flight} places for calls of the account are taken")


@dataclass(slots=True)
class Borrowed:
    """A place, and perhaps a lock, for one call after the other.

    A call that was never answered may still be at work at the vendor's: until `vendor_hold` after its start
    no other one goes out in its place. `facts`: what is known of the lock in the end.
    """

    loans: Loans
    loan: Loan
    lasts: timedelta
    clock: Clock
    sleep: Sleep
    asked: float
    ends: float = math.inf
    facts: Mapping[str, Any] | None = None
    ghost_until: datetime | None = None
    quiet_until: datetime | None = None
    waits: Callable[[str], None] = field(default=lambda _why: None)

    def call(self, send: Callable[[float], Answer], *, is_command: bool = False) -> Answer:
        """Send one call: `send` gets the moment (monotonic) after which nothing may leave.

        Raises LostLoanError, and QuietError where one may not go out before `ends`.
        """
        self._wait_out()
        self._renew()
        if is_command and not self.loan.lock:
            raise ValueError("a command needs the lock's lease")
        # Until the answer is there (Ctrl-C may come first) the call counts as one that was never answered.
        self.ghost_until = self.clock.now() + self.loan.account.vendor_hold
        self.quiet_until = self.ghost_until if is_command else None
        with answered_by(self.ends):
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

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the loan while a person thinks, ten minutes at most."""
        is_over = Event()

        def keep() -> None:
            ends = time.monotonic() + LONGEST_THOUGHT.total_seconds()
            while not is_over.wait(_SLICE.total_seconds()) and time.monotonic() < ends:
                try:
                    self._renew()
                except (LostLoanError, RedisError):
                    return  # the next call tells

        thread = Thread(target=keep, name="kept-loan", daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    def left(self) -> float:
        """How many seconds there are until it is too late to begin a call."""
        return self.ends - needs(self.loan.account) - time.monotonic()

    def never_answered(self) -> None:
        """A call that others made in this place may still be at work."""
        self.ghost_until = self.clock.now() + self.loan.account.vendor_hold

    def give_back(self) -> list[str]:
        """End the loan; the locks to wake."""
        return self.loans.give_back(
            self.loan, ghost_until=self.ghost_until, quiet_until=self.quiet_until, facts=self.facts
        )

    def _wait_out(self) -> None:
        """Wait for the vendor to let go of a call that was never answered, ours or another one's."""
        now = self.clock.now()
        until = max(self.ghost_until or now, now + self.loan.quiet)
        if until > now:
            if (until - now).total_seconds() > self.left():
                raise QuietError(self.loan.lock, until - now)
            seconds = round((until - now).total_seconds())
            self.waits(f"a call was never answered: waiting {seconds} s, until the vendor has let go of it")
            self.wait(until - now)
        self.ghost_until = self.quiet_until = None

    def _renew(self) -> None:
        asked = time.monotonic()
        if asked - self.asked > self.lasts.total_seconds():
            raise LostLoanError  # whoever had it in between may have changed what was read
        found = self.loans.take(self.loan.account, self.lasts, lock=self.loan.lock, token=self.loan.token)
        if not isinstance(found, Loan):
            raise LostLoanError
        self.asked, self.loan = asked, found

"""Whether the vendor's cloud answers and takes each account's key: one list of one lock tells."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from worker.domain.house import Lock
from worker.domain.outcomes import Answer, Kind
from worker.service.by_hand import ByHand, LostLoanError, OccupiedError
from worker.service.checks import Check, fail, ok, said, warn
from worker.service.hand_calls import HandCalls
from worker.service.vendor import Vendor

_CURES = {
    Kind.INVALID_TOKEN: "give the account a valid key: KAS_API_KEY, or KAS_EMAIL and KAS_PASSWORD",
    Kind.NOT_ADMIN: "make the account the lock's admin in the vendor's app, or name the lock's right account",
    Kind.LOCK_NOT_FOUND: "give the name that is printed on the lock, or name its right account",
    Kind.THROTTLED: "try again later, and see who else uses the account",
    Kind.UNANSWERED: "try again; see whether call_timeout is too short, and whether the vendor has trouble",
}
_CURE = "see whether the account's address is right, and whether this host reaches it"


@dataclass(slots=True)
class AccountChecks:
    """Asks the vendor.

    What it finds pauses no account: the shell that it runs in may have another key than the workers.
    """

    by_hand: ByHand
    vendor: Vendor

    def run(self, *, all_locks: bool = False) -> Iterator[Check]:
        """One check for each account, or for each lock."""
        house = self.by_hand.house
        for account in house.accounts:
            locks = [lock for lock in house.locks.values() if lock.account == account]
            if not locks:
                cure = "name one in the property file to have it checked"
                yield warn(f"account {account}", "has no lock, so the vendor was not asked", cure)
            for lock in locks if all_locks else locks[:1]:
                yield self._check(lock)

    def _check(self, lock: Lock) -> Check:
        thing = f"account {lock.account}"
        started = time.monotonic()
        try:
            answer = self._list(lock)
        except OccupiedError as error:
            return warn(thing, f"the vendor was not asked: {error}", "try again when less is going on")
        except LostLoanError:
            return warn(thing, "its place for calls ran out before the vendor had answered", "try again")
        outcome, seconds = answer.outcome, time.monotonic() - started
        if outcome.kind is Kind.DONE:
            codes = len(answer.entries or ())
            found = f"its key is good; lock {lock.name} lists {codes} PINs, answered in {seconds:.1f} s"
            return ok(thing, found)
        cause = f"the list of lock {lock.name}: {said(outcome)}"
        return fail(thing, cause, _CURES.get(outcome.kind, _CURE))

    def _list(self, lock: Lock) -> Answer:
        """Read the list; where a fetched key is refused or there is none yet, once more with a new one."""
        with self.by_hand.borrowed(lock) as borrowed:
            return HandCalls(borrowed, self.vendor, lock).list_pins()

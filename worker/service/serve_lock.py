"""`serve_lock`: takes a lock whose turn it is, and visits it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event

from worker.domain.house import House, Lock
from worker.service.accounts import Accounts
from worker.service.clock import Clock
from worker.service.ledger import Ledger
from worker.service.lock_calls import LockCalls
from worker.service.vendor import Vendor
from worker.service.visit import Visit
from worker.store.agenda import SEND_WITHIN
from worker.store.store import Store

MARGIN = timedelta(seconds=10)


@dataclass(slots=True)
class LockServer:
    """Serves locks. `stopping` ends visits after the call in flight."""

    store: Store
    ledger: Ledger
    vendor: Vendor
    accounts: Accounts
    house: Callable[[], House]
    clock: Clock
    stopping: Event

    def serve(self, name: str) -> None:
        """Serve one lock whose turn it is. Ends at once where it is not, or somebody else has it."""
        if self.stopping.is_set():
            return
        house = self.house()
        account = house.accounts[house.account_of(name)]
        lock = replace(house.lock(name) or Lock(name=name, zone=house.zone), account=account.name)
        # Lease and place outlast `vendor_hold` from the start of any call made under them.
        lease = max(account.vendor_hold, account.call_timeout) + SEND_WITHIN + MARGIN
        asked = time.monotonic()
        claim = self.store.agenda.claim(lock, lease)
        if claim is None:
            return
        self.clock.heard(claim.now)
        calls = LockCalls(
            store=self.store,
            vendor=self.vendor,
            accounts=self.accounts,
            clock=self.clock,
            house=house,
            account=account,
            claim=claim,
            lease=lease,
            leased_at=asked,
            quiet_until=claim.quiet_until,
        )
        Visit(
            store=self.store,
            ledger=self.ledger,
            clock=self.clock,
            stopping=self.stopping,
            house=house,
            lock=lock,
            claim=claim,
            calls=calls,
        ).run()

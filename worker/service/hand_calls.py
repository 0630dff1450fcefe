"""One lock's vendor calls as a person makes them, each with the newer key where this one was refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from worker.domain.house import Lock
from worker.domain.outcomes import Answer, Kind
from worker.kas import NewPin, answered_by
from worker.service.by_hand import Borrowed
from worker.service.keys import Renewal
from worker.service.vendor import Vendor

Call = Callable[[str, str, float], Answer]


@dataclass(slots=True)
class HandCalls:
    """Makes the calls in a borrowed place; commands need the lock's lease with it.

    Each raises LostLoanError and QuietError. A key that is refused pauses no account: whoever asks may have
    another one than the workers.
    """

    borrowed: Borrowed
    vendor: Vendor
    lock: Lock

    def list_pins(self) -> Answer:
        """Read the list."""
        return self._ask(self.vendor.list_pins)

    def list_events(self) -> Answer:
        """Read the audit trail."""
        return self._ask(self.vendor.list_events)

    def list_tags(self) -> Answer:
        """Read the RFID tags, as entries."""
        return self._ask(self.vendor.list_tags, is_command=True)

    def delete_tag(self, rfid_id: int) -> Answer:
        """Take off what a place for tags holds."""
        return self._ask(
            lambda account, _, by: self.vendor.delete_tag(account, self.lock, rfid_id, by), is_command=True
        )

    def unlock(self) -> Answer:
        """Unlock the door."""
        return self._ask(self.vendor.unlock, is_command=True)

    def set_clock(self) -> Answer:
        """Set the lock's clock."""
        return self._ask(self.vendor.set_clock, is_command=True)

    def add(self, pin: NewPin) -> Answer:
        """Write a PIN into its slot, whatever that holds."""
        return self._ask(lambda account, lock, by: self.vendor.add(account, lock, pin, by), is_command=True)

    def delete(self, slot: int) -> Answer:
        """Take off what a slot holds."""
        return self._ask(
            lambda account, lock, by: self.vendor.delete(account, lock, slot, by), is_command=True
        )

    def _ask(self, call: Call, *, is_command: bool = False) -> Answer:
        account, lock = self.lock.account, self.lock.name

        def send(not_after: float) -> Answer:
            return call(account, lock, not_after)

        answer = self.borrowed.call(send, is_command=is_command)
        if answer.outcome.kind is not Kind.INVALID_TOKEN:
            return answer
        with answered_by(self.borrowed.ends):
            renewal, _ = self.vendor.keys.renew(account, answer.key_generation, is_probe=True)
        if renewal is Renewal.UNREACHABLE:
            self.borrowed.never_answered()
        if renewal not in (Renewal.RENEWED, Renewal.FETCHED):
            return answer
        return self.borrowed.call(send, is_command=is_command)

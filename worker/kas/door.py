"""One lock, for programs that use the client by itself: results where it is done, errors where it is not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from worker.domain.lock_events import LockEvent, RfidTag
from worker.domain.outcomes import Answer, Entry, Kind
from worker.kas.errors import error_of
from worker.kas.requests import NewPin, NewRfid

if TYPE_CHECKING:
    from worker.kas.client import KasClient

__all__ = ["Done", "KasLock"]


@dataclass(frozen=True, slots=True)
class Done:
    """A command that is done: the vendor's ack and words.

    After an add, `pins` or `tags` is the lock's list, if the answer brought one that can be read.
    """

    ack: int | None
    message: str
    pins: tuple[Entry, ...] | None = None
    tags: tuple[RfidTag, ...] | None = None


@dataclass(frozen=True, slots=True)
class KasLock:
    """The calls of `KasClient` for one lock. What is not done raises an error of `worker.kas.errors`."""

    client: KasClient = field(repr=False)
    name: str
    reader: bool = field(default=False, kw_only=True)

    def unlock(self) -> Done:
        """Unlock the door. After `UnconfirmedError` it may be open."""
        return self._done("unlock", self.client.unlock(self.name))

    def set_clock(self) -> Done:
        """Set the lock's clock by the time zone in the vendor's console."""
        return self._done("set the clock of", self.client.set_clock(self.name))

    def pins(self) -> tuple[Entry, ...]:
        """The PINs that the cloud knows of the lock."""
        return self._good("list the PINs of", self.client.list_pins(self.name)).entries or ()

    def add_pin(self, pin: NewPin) -> Done:
        """Add a PIN, overwriting whatever holds its slot."""
        return self._done("add a PIN to", self.client.add_pin(self.name, pin))

    def delete_pin(self, slot: int) -> Done:
        """Delete what a slot holds."""
        return self._done("delete a PIN from", self.client.delete_pin(self.name, slot))

    def delete_pin_by_value(self, pin: str) -> Done:
        """Delete a PIN by itself. The document advises to delete by id: a PIN may be there twice."""
        return self._done("delete a PIN from", self.client.delete_pin_by_value(self.name, pin))

    def events(self) -> tuple[LockEvent, ...]:
        """The audit trail of the last three months, the oldest event first."""
        return self._good("read the events of", self.client.list_events(self.name)).events or ()

    def rfids(self) -> tuple[RfidTag, ...]:
        """The RFID tags on the lock."""
        return self._good("list the tags of", self.client.list_rfids(self.name)).tags or ()

    def add_rfid(self, tag: NewRfid) -> Done:
        """Add an RFID tag, overwriting whatever holds its id."""
        return self._done("add a tag to", self.client.add_rfid(self.name, tag, reader=self.reader))

    def delete_rfid(self, rfid_id: int) -> Done:
        """Delete an RFID tag, by id."""
        return self._done(
            "delete a tag from", self.client.delete_rfid(self.name, rfid_id, reader=self.reader)
        )

    def _done(self, what: str, answer: Answer) -> Done:
        good = self._good(what, answer)
        return Done(good.outcome.ack, good.outcome.message, good.entries, good.tags)

    def _good(self, what: str, answer: Answer) -> Answer:
        if answer.outcome.kind is not Kind.DONE:
            raise error_of(f"{what} {self.name}", answer.outcome)
        return answer

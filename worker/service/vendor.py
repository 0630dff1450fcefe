"""The vendor's cloud as the services see it.

One client per account, the key at hand, every answer an `Answer`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from worker.domain.house import House, Lock
from worker.domain.media import CARD, door_of
from worker.domain.outcomes import Answer, Entry, Kind, Outcome
from worker.domain.record import Stay
from worker.domain.steps import Push
from worker.kas import BadRequest, KasClient, NewPin, NewRfid
from worker.service.counts import Counts
from worker.service.keys import KeyRing


@dataclass(slots=True)
class Vendor:
    """Makes calls for an account, with its key as the ring has it; each answer tells that key's generation.

    An account without a key is refused unsent.
    """

    clients: Mapping[str, KasClient]
    keys: KeyRing
    counts: Counts

    def list_pins(self, account: str, lock: str, not_after: float) -> Answer:
        """Read the lock's list."""
        return self._call(
            "list", account, lambda client, key: client.list_pins(lock, key=key, not_after=not_after)
        )

    def push(self, account: str, lock: str, stay: Stay, step: Push, not_after: float) -> Answer:
        """Write a code into its slot, with the guest's e-mail if the step asks for it."""
        booking = stay.booking
        with_email = step.with_email and booking.guest_email is not None
        pin = NewPin(
            slot=step.slot,
            pin=step.written.pin,
            name=step.name,
            starts=step.written.starts,
            ends=step.written.ends,
            email=booking.guest_email if with_email else None,
            message=booking.email_message if with_email else None,
        )
        return self.add(account, lock, pin, not_after)

    def add(self, account: str, lock: str, pin: NewPin, not_after: float) -> Answer:
        """Write a PIN into its slot, whatever that holds."""
        return self._call(
            "add", account, lambda client, key: client.add_pin(lock, pin, key=key, not_after=not_after)
        )

    def delete(self, account: str, lock: str, slot: int, not_after: float) -> Answer:
        """Take off what a slot holds."""
        return self._call(
            "delete", account, lambda client, key: client.delete_pin(lock, slot, key=key, not_after=not_after)
        )

    def unlock(self, account: str, lock: str, not_after: float) -> Answer:
        """Unlock the door."""
        return self._call(
            "unlock", account, lambda client, key: client.unlock(lock, key=key, not_after=not_after)
        )

    def list_events(self, account: str, lock: str, not_after: float) -> Answer:
        """Read the lock's audit trail."""
        return self._call(
            "events", account, lambda client, key: client.list_events(lock, key=key, not_after=not_after)
        )

    def list_tags(self, account: str, lock: str, not_after: float) -> Answer:
        """Read the lock's RFID tags, as entries like those of PINs."""
        answer = self._call(
            "rfid_list", account, lambda client, key: client.list_rfids(lock, key=key, not_after=not_after)
        )
        return _as_entries(answer)

    def add_tag(self, account: str, lock: Lock, tag: NewRfid, not_after: float) -> Answer:
        """Write a tag into its place, whatever that holds."""

        def call(client: KasClient, key: str) -> Answer:
            return client.add_rfid(door_of(lock.name), tag, reader=lock.reader, key=key, not_after=not_after)

        return _as_entries(self._call("rfid_add", account, call))

    def delete_tag(self, account: str, lock: Lock, rfid_id: int, not_after: float) -> Answer:
        """Take off the tag in a place."""

        def call(client: KasClient, key: str) -> Answer:
            door = door_of(lock.name)
            return client.delete_rfid(door, rfid_id, reader=lock.reader, key=key, not_after=not_after)

        return self._call("rfid_delete", account, call)

    def set_clock(self, account: str, lock: str, not_after: float) -> Answer:
        """Set the lock's clock."""
        return self._call(
            "clock", account, lambda client, key: client.set_clock(lock, key=key, not_after=not_after)
        )

    def _call(self, op: str, account: str, call: Callable[[KasClient, str], Answer]) -> Answer:
        key, client = self.keys.current(account), self.clients.get(account)
        if key is None or client is None:
            answer = Answer(Outcome(Kind.INVALID_TOKEN, message=f"Account {account!r} has no API key."))
        else:
            try:
                answer = replace(call(client, key.text), key_generation=key.generation)
            except BadRequest as error:
                answer = Answer(Outcome(Kind.REFUSED, message=f"Not sent: {error}"))
        self.counts.add(f"calls:{op}:{answer.outcome.kind.value}")
        return answer


def new_tag(step: Push) -> NewRfid:
    """The tag of a step: a card's ten printed digits, or a tag's own number."""
    written = step.written
    is_card = CARD.fullmatch(written.pin) is not None
    return NewRfid(
        rfid_id=step.slot,
        name=step.name,
        starts=written.starts,
        ends=written.ends,
        uid=None if is_card else written.pin,
        kas_uid=written.pin if is_card else None,
    )


def _as_entries(answer: Answer) -> Answer:
    if answer.tags is None:
        return answer
    rows = (Entry(t.rfid_id, t.uid.upper(), t.name, t.starts, t.ends) for t in answer.tags)
    return replace(answer, entries=tuple(rows))


def clients_for(
    house: House, base_urls: Mapping[str, str], max_connections: int = 60
) -> dict[str, KasClient]:
    """A client for each account of the property file."""
    return {
        name: KasClient(base_urls[name], call_timeout=account.call_timeout, max_connections=max_connections)
        for name, account in house.accounts.items()
    }

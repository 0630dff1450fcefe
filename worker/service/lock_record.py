"""The records of one lock's stays during a visit, written under its lease, and who holds which slot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from worker.domain import turn
from worker.domain.access_code import AccessCode, Phase
from worker.domain.booking import StayKey
from worker.domain.house import House, Lock
from worker.domain.media import is_tags
from worker.domain.record import Stay
from worker.domain.slots import View
from worker.service.ledger import Extras, Known, Ledger
from worker.service.lock_facts import LockFacts
from worker.service.notice_writes import unmanaged_commands
from worker.store import keys
from worker.store.agenda import Claim, lease_key
from worker.store.commit import Commit
from worker.store.locks import FENCE
from worker.store.store import Store


@dataclass(slots=True, kw_only=True)
class LockRecord:
    """What is on record of the lock: `known` stays as read or written last, and who holds its `slots`."""

    store: Store
    ledger: Ledger
    house: House
    lock: Lock
    claim: Claim
    slots: dict[int, str]
    known: dict[str, Known] = field(default_factory=dict)

    def stays(self) -> list[Stay]:
        """The stays that the visit has seen."""
        return [known.stay for known in self.known.values() if known.stay is not None]

    def code(self, ref: str) -> AccessCode | None:
        """A stay's code on this lock."""
        known = self.known.get(ref)
        return known.stay.code(self.lock.name) if known is not None and known.stay is not None else None

    def is_leaving(self, ref: str) -> bool:
        """Whether the stay's code is about to be taken off."""
        code = self.code(ref)
        return code is not None and code.phase is Phase.REMOVING and code.letter is None

    def change(
        self, ref: str, change: Callable[[Stay, datetime], Stay | None], extras: Extras | None = None
    ) -> None:
        """Change the stay under this visit's lease, and keep the slots' holders in step."""

        def wanted(stay: Stay | None, now: datetime) -> Stay | None:
            return change(stay, now) if stay is not None else None

        given = extras if extras is not None else Extras(claim=self.claim)
        self.known[ref] = self.ledger.change(
            StayKey.parse(ref), wanted, extras=given, known=self.known.get(ref)
        )
        self.slots = {slot: owner for slot, owner in self.slots.items() if owner != ref}
        code = self.code(ref)
        if code is not None and code.slot is not None:
            self.slots[code.slot] = ref

    def tell_of_unmanaged(self, view: View, facts: LockFacts, now: datetime) -> None:
        """A code under the mark of a booking that is not on record is left alone, listed, and told once."""
        found = {}
        for key, entry in turn.strays(view, tuple(self.slots.items())):
            is_unknown = str(key) in self.known and self.known[str(key)].stay is None
            if is_unknown and key.source in self.house.sources:
                found[str(entry.slot)] = str(key)
        new, gone = facts.holds_unmanaged(found, of_tags=is_tags(self.lock.name))
        if new or gone:
            commit = Commit(fence=lease_key(self.claim))
            commit.commands = unmanaged_commands(self.lock.name, new, gone, now)
            commit.run(self.store.scripts, self.house)

    def unfence(self, view: View) -> None:
        """A fenced slot that a clean list shows empty is free again."""
        fenced = {slot: owner for slot, owner in self.slots.items() if owner.startswith(FENCE)}
        empty = {slot: owner for slot, owner in fenced.items() if slot not in view.entries}
        if empty:
            commit = Commit(fence=lease_key(self.claim))
            commit.freed += [(keys.lock_slots(self.lock.name), str(n), owner) for n, owner in empty.items()]
            commit.call_in(self.lock.name, self.claim.account)
            commit.run(self.store.scripts, self.house)
            self.slots = {slot: owner for slot, owner in self.slots.items() if slot not in empty}

"""PINs that a person puts on a lock or takes off, with a visit's care: a list first, a list after doubt."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.access_code import Written
from worker.domain.answer_table import SURELY_NOT
from worker.domain.house import House, Lock, Policy
from worker.domain.marks import marked
from worker.domain.outcomes import Entry, Kind, Outcome
from worker.domain.pins import choose
from worker.kas import NewPin
from worker.service.hand_calls import HandCalls
from worker.service.lock_desk import LockDesk
from worker.store.locks import FENCE
from worker.store.store import Store

FIRST_SLOT = 101
READS = 3  # of the list after a command, `pending_poll` apart
REMOVALS = 3

Progress = Callable[[str], None]


class RefusedHereError(Exception):
    """Nothing was sent that changes the lock; the text says why."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A PIN to add. `slot` None: one is found; `pin` None: one is made. `starts` and `ends` are aware."""

    name: str = field(repr=False)
    starts: datetime
    ends: datetime
    pin: str | None = field(default=None, repr=False)
    slot: int | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What came of it. `on_lock`: whether the list shows the PIN now; None where no list tells."""

    slot: int
    outcome: Outcome
    on_lock: bool | None
    written: Written | None = field(default=None, repr=False)


@dataclass(slots=True)
class HandPins:
    """Adds and deletes under the lock's lease. Raises RefusedHereError, and what LockDesk raises."""

    desk: LockDesk
    progress: Progress = field(default=lambda _line: None)

    def add(self, lock: Lock, wanted: Wanted) -> Change:
        """Add a PIN to a slot that the list shows empty and nothing of ours claims."""
        if marked(wanted.name) is not None:
            cause = "the name ends like the mark of a booking, and Innkey would take the PIN for its own"
            raise RefusedHereError(f"{cause}; give another --name")
        with self.desk.borrowed(lock, is_bounded=False) as calls:
            calls.borrowed.waits = self.progress
            pin = self._new_pin(lock, wanted, _view(calls, self.progress))
            self.progress(f"adding a PIN to slot {pin.slot}")
            answer = calls.add(pin)
            written = Written(pin.pin, pin.starts, pin.ends)
            shown = {entry.slot: entry for entry in answer.entries or ()}
            if answer.outcome.kind in SURELY_NOT:
                return Change(pin.slot, answer.outcome, on_lock=False, written=written)
            if not _is_shown(written, shown.get(pin.slot)):
                return Change(pin.slot, answer.outcome, self._read_back(calls, pin.slot, written), written)
        return Change(pin.slot, answer.outcome, on_lock=True, written=written)

    def look(self, lock: Lock, slot: int) -> tuple[Entry | None, str | None]:
        """What a slot holds now, and the booking of ours that claims it."""
        with self.desk.borrowed(lock, with_lease=False) as calls:
            entry = _view(calls, self.progress).get(slot)
        return entry, self._holder(lock, slot)

    def delete(self, lock: Lock, slot: int, expected: Entry, *, is_forced: bool = False) -> Change:
        """Take off what a slot holds, as long as that is `expected`; what a booking claims only if forced."""
        with self.desk.borrowed(lock, is_bounded=False) as calls:
            calls.borrowed.waits = self.progress
            holder = self._holder(lock, slot)
            if holder is not None and not is_forced:
                raise RefusedHereError(f"booking {holder} holds slot {slot}")
            if _view(calls, self.progress).get(slot) != expected:
                raise RefusedHereError(f"slot {slot} has changed meanwhile; look again")
            return self._removed(calls, slot, expected)

    def _removed(self, calls: HandCalls, slot: int, expected: Entry) -> Change:
        outcome, on_lock = Outcome(Kind.NOT_SENT), True
        for attempt in range(REMOVALS):
            if attempt:
                self._pause(calls)
            self.progress(f"deleting slot {slot}")
            outcome = calls.delete(slot).outcome
            try:
                entry = _view(calls, self.progress).get(slot)
            except RefusedHereError:
                return Change(slot, outcome, None)
            on_lock, is_empty = entry == expected, entry is None
            # A delete in doubt is sent once more even where the list no longer shows the PIN; what somebody
            # else has put there meanwhile is left alone.
            if not on_lock and (outcome.kind is Kind.DONE or attempt or not is_empty):
                break
        return Change(slot, outcome, on_lock)

    def _holder(self, lock: Lock, slot: int) -> str | None:
        found = self.desk.store.locks.slots(lock.name).get(slot)
        return found.removeprefix(FENCE) if found is not None else None

    def _new_pin(self, lock: Lock, wanted: Wanted, view: Mapping[int, Entry]) -> NewPin:
        house, store = self.desk.house(), self.desk.store
        claimed = store.locks.slots(lock.name)
        slot = _free_slot(house, lock, wanted.slot, view, claimed)
        shown = {entry.pin: entry.slot for entry in view.values()}

        def taken(pin: str) -> bool:
            return pin in shown or _is_ours(store, lock, pin)

        if wanted.pin is not None and taken(wanted.pin):
            raise RefusedHereError("this lock has that PIN already, or a booking has it planned here")
        pin = wanted.pin or choose(policies_of(house, lock)[0].pin_length, taken)
        starts, ends = (
            f"{moment.astimezone(lock.zone):%y%m%d%H%M}" for moment in (wanted.starts, wanted.ends)
        )
        return NewPin(slot, pin, wanted.name, starts, ends)

    def _read_back(self, calls: HandCalls, slot: int, written: Written) -> bool | None:
        """Whether the list comes to show it; None where it holds another PIN, or cannot be read."""
        for read in range(READS):
            if read:
                self._pause(calls)
            try:
                entry = _view(calls, self.progress).get(slot)
            except RefusedHereError:
                return None
            if entry is not None:
                return True if _is_shown(written, entry) else None
        return False

    def _pause(self, calls: HandCalls) -> None:
        poll = policies_of(self.desk.house(), calls.lock)[0].pending_poll
        self.progress(f"waiting {poll.total_seconds():.0f} s")
        calls.borrowed.wait(poll)


def policies_of(house: House, lock: Lock) -> list[Policy]:
    """The policies of the units that have this lock, or the general one."""
    found = [unit.policy for unit in house.units.values() if lock.name in unit.locks]
    return found or [house.policy]


def _view(calls: HandCalls, progress: Progress) -> dict[int, Entry]:
    progress("reading the list")
    answer = calls.list_pins()
    if answer.entries is None:
        words = answer.outcome.message or answer.outcome.kind.value
        raise RefusedHereError(f"the list cannot be read ({words}), and what is not read is not empty")
    return {entry.slot: entry for entry in answer.entries}


def _is_shown(written: Written, entry: Entry | None) -> bool:
    return entry is not None and written.is_shown_by(entry)


def _is_ours(store: Store, lock: Lock, pin: str) -> bool:
    return store.locks.pin_is_taken(store.vault.tag(pin), [lock.name], "")


def _free_slot(
    house: House, lock: Lock, asked: int | None, view: Mapping[int, Entry], claimed: Mapping[int, str]
) -> int:
    """The slot asked for, or else one that Innkey would be the last to use itself."""
    slots = [asked] if asked is not None else list(_slots_for_people(house, lock))
    for slot in slots:
        if slot not in view and slot not in claimed:
            return slot
    if asked is None:
        raise RefusedHereError("no slot is free; take a PIN off that nobody needs")
    holder = claimed.get(asked, "").removeprefix(FENCE)
    what = f"booking {holder} holds it" if holder else "the list shows a PIN there"
    raise RefusedHereError(f"slot {asked} is not free: {what}")


def _slots_for_people(house: House, lock: Lock) -> Iterator[int]:
    policies = policies_of(house, lock)
    first, last = min(p.first_slot for p in policies), max(p.last_slot for p in policies)
    yield from range(FIRST_SLOT, first)
    yield from range(last, first - 1, -1)

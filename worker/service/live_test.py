"""A test on a real lock: set its clock, put a PIN on it that opens nothing for a year, and take it off again.

It keeps the rules of a worker's visit: the lock's lease, a place of the window, and only a slot that the list
showed empty and nothing of ours claims.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from worker.domain.access_code import Written
from worker.domain.answer_table import TABLE, Then
from worker.domain.house import Lock, Policy
from worker.domain.outcomes import Entry, Kind
from worker.domain.pins import choose
from worker.kas import NewPin
from worker.service.by_hand import Borrowed, ByHand, LostLoanError, OccupiedError
from worker.service.checks import Check, fail, ok, said, warn
from worker.service.vendor import Vendor
from worker.store.vault import UnreadableError

NAME = "Innkey doctor test"  # bears no mark of a booking: nobody adopts or removes it
AHEAD, LASTS = timedelta(days=365), timedelta(hours=1)
READS = 3  # of the list after a command, `pending_poll` apart
REMOVALS = 3
_SURELY_NOT = (Then.GIVE_UP, Then.NOT_COUNTED, Then.LATER)


class Left(StrEnum):
    """What the test has left on the lock, as far as is known."""

    NOTHING = "nothing"
    PERHAPS = "perhaps"
    SURELY = "surely"


class _Stopped(Exception):
    """The test cannot go on; `check` says why."""

    def __init__(self, check: Check) -> None:
        super().__init__()
        self.check = check


@dataclass(slots=True)
class LiveTest:
    """Tests one lock. `progress` gets a line before each step, `may` is asked before each that writes."""

    by_hand: ByHand
    vendor: Vendor
    lock: Lock
    progress: Callable[[str], None]
    may: Callable[[str], bool] = lambda _question: True
    left: Left = Left.NOTHING
    slot: int | None = None
    _written: Written | None = field(default=None, repr=False)

    def run(self) -> Iterator[Check]:
        """The test's checks as they are done. Raises redis' errors; `leftovers` is true even then."""
        self.progress(f"waiting for lock {self.lock.name} and a place for calls")
        try:
            with self.by_hand.borrowed(self.lock, with_lease=True) as borrowed:
                borrowed.waits = self.progress
                yield from self._steps(borrowed)
        except _Stopped as stopped:
            yield stopped.check
        except OccupiedError as error:
            yield fail(self._thing("lease"), str(error), "try again when less is going on")
        except UnreadableError:
            cause = "the record cannot be decrypted, so it is not known which PINs are taken"
            yield fail(self._thing("PIN"), cause, "add the key that wrote it to INNKEY_SECRET_KEY")
        except LostLoanError:
            cause = "it took so long that a worker took the lock over"
            yield fail(self._thing("lease"), cause, "try again")

    def leftovers(self) -> Check:
        """What is left on the lock, whatever has happened."""
        thing = self._thing("what is left")
        if self.left is Left.NOTHING or self._written is None:
            return ok(thing, "nothing of this test")
        surely = "holds" if self.left is Left.SURELY else "may hold"
        cause = f"slot {self.slot} {surely} a test PIN named {NAME!r}, which opens the door only from "
        cause += f"{self._written.starts} to {self._written.ends} (YYMMDDHHmm)"
        return fail(thing, cause, f"look at slot {self.slot} in the vendor's app, and delete it there")

    def _steps(self, borrowed: Borrowed) -> Iterator[Check]:
        view = self._list(borrowed, "list")
        yield ok(self._thing("list"), f"shows {len(view)} PINs")
        self._ask(borrowed, "clock", "Set the clock?")
        yield self._set_clock(borrowed)
        pin = self._new_pin(view)
        self._ask(borrowed, "add", f"Add a test PIN to slot {pin.slot}, which the list shows empty?")
        yield self._add(borrowed, pin)
        self._ask(borrowed, "read back", "Read the list again?")
        yield self._seen(borrowed, pin)
        self._ask(borrowed, "delete", f"Delete the test PIN from slot {pin.slot}?")
        yield self._remove(borrowed, pin)

    def _ask(self, borrowed: Borrowed, step: str, question: str) -> None:
        with borrowed.kept():
            is_agreed = self.may(question)
        if not is_agreed:
            raise _Stopped(warn(self._thing(step), "not done, as you wished", "the test ended there"))

    def _list(self, borrowed: Borrowed, step: str) -> dict[int, Entry]:
        self.progress("reading the list")
        account, lock = self.lock.account, self.lock.name
        answer = borrowed.call(lambda until: self.vendor.list_pins(account, lock, until))
        if answer.entries is None:
            cause = f"the list cannot be read: {said(answer.outcome)}"
            raise _Stopped(fail(self._thing(step), cause, "mend that first"))
        return {entry.slot: entry for entry in answer.entries}

    def _set_clock(self, borrowed: Borrowed) -> Check:
        self.progress("setting the clock")
        account, lock = self.lock.account, self.lock.name
        started = time.monotonic()
        answer = borrowed.call(lambda until: self.vendor.set_clock(account, lock, until), is_command=True)
        thing = self._thing("clock")
        if answer.outcome.kind is Kind.DONE:
            return ok(thing, f"set in {time.monotonic() - started:.1f} s")
        cure = "see whether the lock's gateway is on, and whether the lock has a zone in the vendor's app"
        return warn(thing, said(answer.outcome), cure)

    def _new_pin(self, view: dict[int, Entry]) -> NewPin:
        """A PIN that nobody has on this lock, for a free slot, from the last one down."""
        first, last, policy = self._slots()
        store, name = self.by_hand.store, self.lock.name
        claimed = store.locks.slots(name)
        self.slot = next((n for n in range(last, first - 1, -1) if n not in view and n not in claimed), None)
        if self.slot is None:
            cure = "take PINs off in the vendor's app that nobody needs, or raise last_slot"
            raise _Stopped(fail(self._thing("slot"), f"none is free from {first} to {last}", cure))
        shown = {entry.pin for entry in view.values()}

        def taken(pin: str) -> bool:
            return pin in shown or store.locks.pin_is_taken(store.vault.tag(pin), [name], "")

        starts = (self.by_hand.clock.now() + AHEAD).astimezone(self.lock.zone)
        times = [f"{moment:%y%m%d%H%M}" for moment in (starts, starts + LASTS)]
        self._written = Written(choose(policy.pin_length, taken), *times)
        return NewPin(self.slot, self._written.pin, NAME, *times)

    def _slots(self) -> tuple[int, int, Policy]:
        """First and last slot that any unit of this lock may use, and a policy of theirs."""
        house = self.by_hand.house
        policies = [u.policy for u in house.units.values() if self.lock.name in u.locks] or [house.policy]
        return min(p.first_slot for p in policies), max(p.last_slot for p in policies), policies[0]

    def _add(self, borrowed: Borrowed, pin: NewPin) -> Check:
        self.progress(f"adding a PIN to slot {pin.slot}")
        account, lock = self.lock.account, self.lock.name
        self.left = Left.PERHAPS
        started = time.monotonic()
        answer = borrowed.call(lambda until: self.vendor.add(account, lock, pin, until), is_command=True)
        thing, kind = self._thing("add"), answer.outcome.kind
        if TABLE[kind].then in _SURELY_NOT:
            self.left = Left.NOTHING
            raise _Stopped(fail(thing, said(answer.outcome), "see the reasons in docs/reference/reasons.md"))
        if kind is Kind.DONE:
            return ok(thing, f"slot {pin.slot}, answered in {time.monotonic() - started:.1f} s")
        return warn(thing, said(answer.outcome), "the list tells whether it is there")

    def _seen(self, borrowed: Borrowed, pin: NewPin) -> Check:
        """Whether the list comes to show the PIN."""
        thing = self._thing("read back")
        for read in range(READS):
            if read:
                self._pause(borrowed)
            entry = self._ours(borrowed, pin)
            if entry is not None:
                self.left = Left.SURELY
                if self._written is not None and self._written.is_shown_by(entry):
                    return ok(thing, "the list shows the PIN and its window")
                return fail(thing, "the list shows another PIN or window than was sent", "tell the vendor")
        return fail(thing, f"the list does not show it after {READS} reads", "see the answer to the add")

    def _remove(self, borrowed: Borrowed, pin: NewPin) -> Check:
        """Delete it, more than once where that is in doubt, until the list is clean."""
        thing, account, lock = self._thing("delete"), self.lock.account, self.lock.name
        for attempt in range(REMOVALS):
            if attempt:
                self._pause(borrowed)
                self._ours(borrowed, pin)  # never what somebody else has put there meanwhile
            self.progress(f"deleting slot {pin.slot}")
            answer = borrowed.call(
                lambda until: self.vendor.delete(account, lock, pin.slot, until), is_command=True
            )
            is_there = self._ours(borrowed, pin) is not None
            self.left = Left.SURELY if is_there else Left.PERHAPS
            if not is_there and (answer.outcome.kind is Kind.DONE or attempt):
                self.left = Left.NOTHING
                return ok(thing, "the list no longer shows the PIN")
        return fail(thing, said(answer.outcome), "the lock does not confirm it")

    def _pause(self, borrowed: Borrowed) -> None:
        poll = self._slots()[2].pending_poll
        self.progress(f"waiting {poll.total_seconds():.0f} s")
        borrowed.wait(poll)

    def _ours(self, borrowed: Borrowed, pin: NewPin) -> Entry | None:
        """Our PIN in its slot; None where the slot is empty. A foreign one there ends the test."""
        entry = self._list(borrowed, "read back").get(pin.slot)
        if entry is None or entry.name == NAME or entry.pin == pin.pin:
            return entry
        self.left = Left.NOTHING
        cause = f"slot {pin.slot} now holds a PIN that is not of this test"
        raise _Stopped(fail(self._thing("read back"), cause, "somebody else writes on this lock; ask who"))

    def _thing(self, step: str) -> str:
        return f"lock {self.lock.name}, {step}"

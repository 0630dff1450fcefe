"""The fake cloud's whole memory: accounts with keys, locks, e-mails sent, and commands that arrive late.

Pure: it takes `now` (epoch seconds) and never waits; who calls it holds the sandbox's one lock.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.kas.sandbox.commands import (
    Add,
    AddTag,
    Command,
    Delete,
    DeleteTag,
    Read,
    ReadTags,
    SetClock,
    Unlock,
)
from worker.kas.sandbox.door import open_remotely
from worker.kas.sandbox.slots import Auth, Latency, Lock
from worker.kas.sandbox.tags import LAST_TAG, Tag

ACK_DONE = 1
ACK_FAILED = 2
ACK_OFFLINE = 8


class Refused(Exception):
    """The cloud refuses a call before any gateway hears of it: a status and plain words."""

    def __init__(self, words: str, status: int = 400) -> None:
        super().__init__(words)
        self.words = words
        self.status = status


@dataclass(slots=True)
class Account:
    """An account and its API keys; revoked keys are remembered, so that a restart does not revive them.

    `issued` maps each dynamic key to the moment at which it ends.
    """

    name: str
    keys: list[str] = field(default_factory=list, repr=False)
    revoked: list[str] = field(default_factory=list, repr=False)
    email: str = ""
    password: str = field(default="", repr=False)
    issued: dict[str, float] = field(default_factory=dict, repr=False)

    def issue(self, key: str, until: float, *, only: bool) -> None:
        """A new dynamic key; `only`: the older ones end."""
        self.issued = {key: until} if only else {**self.issued, key: until}

    def opens(self, key: str, now: float) -> bool:
        """Whether the key is valid."""
        return key in self.keys or now < self.issued.get(key, now)


@dataclass(frozen=True, slots=True)
class Email:
    """One e-mail the cloud sent to a guest."""

    at: float
    lock: str
    slot: int
    to: str = field(repr=False)
    pin: str = field(repr=False)
    starts: str
    ends: str
    message: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Late:
    """A command that reaches its lock only at `due`; `call` is the number of the call that brought it."""

    due: float
    lock: str
    command: Command
    call: int


@dataclass(slots=True)
class State:
    """Everything a restart keeps. `revision` grows with each change worth saving."""

    accounts: dict[str, Account] = field(default_factory=dict)
    locks: dict[str, Lock] = field(default_factory=dict)
    emails: list[Email] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)
    latency: Latency = field(default_factory=Latency)
    revision: int = 0

    def account_of(self, key: str, now: float) -> str | None:
        """The name of the account that this key opens."""
        return next((name for name, account in self.accounts.items() if account.opens(key, now)), None)

    def find(self, account: str, lock: str, *, reading: bool) -> Lock:
        """The lock, or the refusal that the document's section of this call lists."""
        found = self.locks.get(lock)
        if found is None:
            raise Refused("Lock is not found.")
        if found.account != account:
            raise Refused("You are not the admin.")
        if found.auth is Auth.NONE and reading:
            raise Refused("You are not the manager.")
        if found.auth is not Auth.ADMIN and not reading:
            raise Refused("You are not the admin.")
        return found

    def check(self, lock: Lock, command: Command, now: float) -> None:
        """Refuse what the cloud can see is wrong (sections "Add Online Password" and "Add Remote RFID")."""
        if isinstance(command, AddTag | DeleteTag):
            slot = command.slot if isinstance(command, DeleteTag) else command.tag.slot
            if slot > LAST_TAG and not lock.reader:
                raise Refused("Invalid rfid_id.")
        if isinstance(command, Add):
            code = command.code
            _check_times(lock, code.starts, code.ends, now)
            taken = any(one.pin == code.pin for one in lock.codes.values() if one.slot != code.slot)
        elif isinstance(command, AddTag):
            tag = command.tag
            _check_times(lock, tag.starts, tag.ends, now)
            taken = any(one.number == tag.number for one in lock.tags.values() if one.slot != tag.slot)
        else:
            return
        if taken:
            raise Refused("Password is already existing.")

    def execute(self, lock: Lock, command: Command, now: float) -> int:
        """Carry a command to the lock through its gateway and return the ack.

        The lists of PINs and of events are the cloud's own and need no gateway.
        """
        if isinstance(command, Read) and not isinstance(command, ReadTags):
            return ACK_DONE
        if not lock.reachable:
            return ACK_OFFLINE
        if isinstance(command, ReadTags):
            return ACK_DONE
        if isinstance(command, Add | AddTag) and not lock.clock_set:
            return ACK_FAILED
        self.revision += 1
        self._obey(lock, command, now)
        return ACK_DONE

    def later(self, late: Late) -> None:
        """Keep a command for its hour."""
        self.late.append(late)
        self.revision += 1

    def advance(self, now: float) -> list[Late]:
        """Carry out the late commands that are due, in order of time, and return those that worked."""
        due = sorted((late for late in self.late if late.due <= now), key=lambda late: late.due)
        if not due:
            return []
        self.late = [late for late in self.late if late.due > now]
        self.revision += 1
        return [late for late in due if self._arrive(late)]

    def _arrive(self, late: Late) -> bool:
        """A late command meets the lock as it is by then; what no longer fits is lost without a word."""
        lock = self.locks.get(late.lock)
        if lock is None:
            return False
        try:
            self.check(lock, late.command, late.due)
        except Refused:
            return False
        return self.execute(lock, late.command, late.due) == ACK_DONE

    def _obey(self, lock: Lock, command: Command, now: float) -> None:
        match command:
            case Add():
                self._add(lock, command, now)
            case Delete():
                self._delete(lock, command, now)
            case AddTag(tag=Tag() as tag):
                lock.tags[tag.slot] = tag
            case DeleteTag(slot=slot):
                lock.tags.pop(slot, None)
            case Unlock():
                account = self.accounts[lock.account]
                open_remotely(lock, account.email or f"{account.name}@example.com", account.name, now)
            case SetClock():
                lock.clock_set, lock.clock_set_at, lock.clock_error = True, now, 0.0

    def _add(self, lock: Lock, command: Add, now: float) -> None:
        code = command.code
        lock.put(code.slot, code, now)
        if command.send_email:
            sent = Email(
                now, lock.name, code.slot, code.email, code.pin, code.starts, code.ends, code.message
            )
            self.emails.append(sent)

    def _delete(self, lock: Lock, command: Delete, now: float) -> None:
        # Of several codes with this PIN only the lowest goes. The document warns of such duplicates and
        # advises the id: a caller who relies on the value is to find that another code still opens.
        slot = command.slot
        if slot is None and command.pin is not None:
            holder = lock.holder_of(command.pin)
            slot = holder.slot if holder else None
        if slot is not None and slot in lock.codes:
            lock.put(slot, None, now)


def _check_times(lock: Lock, starts: str, ends: str, now: float) -> None:
    try:
        first, last = lock.instant(starts), lock.instant(ends)
    except ValueError:
        raise Refused("Error with Start and End times") from None
    if not first < last or last <= now:
        raise Refused("Error with Start and End times")

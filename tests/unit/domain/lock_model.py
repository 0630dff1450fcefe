"""A model of locks behind a slow, unsure cloud: commands that come late, lists that lag."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from worker.domain.marks import marked
from worker.domain.outcomes import Answer, Entry, Kind, Outcome
from worker.domain.slots import View
from worker.domain.steps import Delete, Overwrite, Push

Command = Push | Overwrite | Delete


@dataclass(frozen=True)
class Late:
    """A command that may still be carried out, until `until`; `is_held`: no other one before that."""

    slot: int
    command: Command
    at: datetime
    until: datetime
    is_held: bool


@dataclass
class LockModel:
    """One lock: what it holds, what it held a moment ago, and what may still happen to it."""

    holds: dict[int, Entry] = field(default_factory=dict)
    past: list[tuple[datetime, dict[int, Entry]]] = field(default_factory=list)
    late: list[Late] = field(default_factory=list)

    def note(self, now: datetime) -> None:
        """Keep what the lock held until now: a list may still show it."""
        self.past.append((now, dict(self.holds)))

    def pin_is_elsewhere(self, step: Push | Overwrite) -> bool:
        """Whether the vendor would say "Password is already existing."."""
        return any(e.pin == step.written.pin and n != step.slot for n, e in self.holds.items())

    def do(self, command: Command, now: datetime) -> None:
        """Carry a command out; one lock does what it was told in the order in which it was told."""
        self.note(now)
        if isinstance(command, Delete):
            self.holds.pop(command.slot, None)
        elif not self.pin_is_elsewhere(command):
            written = command.written
            self.holds[command.slot] = Entry(
                command.slot, written.pin, command.name, written.starts, written.ends
            )

    def pass_time(self, now: datetime, *, happen: bool) -> None:
        """What was to come late has happened by now, or never will."""
        due = [one for one in self.late if one.at <= now]
        for one in sorted(due, key=lambda late: late.at):
            if happen:
                self.do(one.command, one.at)
        self.late = [one for one in self.late if one.at > now]

    def flush(self, now: datetime, *, happen: bool) -> None:
        """Another command comes through: what waited before it goes first, or is dropped."""
        for one in self.late:
            if happen:
                self.do(one.command, now)
        self.late = []

    def shown(self, now: datetime, lag: timedelta) -> View:
        """The list as the cloud shows it: as the lock was up to `lag` ago."""
        seen = dict(self.holds)
        for until, held in reversed(self.past):
            if until <= now - lag:
                break
            seen = held
        return View(now, seen)


def answer_of(kind: Kind, lock: LockModel, *, with_list: bool) -> Answer:
    """The answer to a command, with the list where a good one carries it."""
    entries = tuple(lock.holds.values()) if kind is Kind.DONE and with_list else None
    retry_after = 20.0 if kind is Kind.THROTTLED else None
    return Answer(Outcome(kind, retry_after=retry_after), entries)


def bears_mark_of(entry: Entry, ref: str) -> bool:
    """Whether an entry is a code of this stay."""
    return str(marked(entry.name)) == ref

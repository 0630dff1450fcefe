"""The cells of the answer table, each on its own lock of one engine: what goes wrong, and how it must end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.integration.engine_kit import DOOR, GATE, Engine

Spoil = dict[str, Any]
ENDS = ("ready", "review", "partial", "cancelled")
SLACK = 0.1  # the clocks of Redis and the sandbox, read in turn


def spoil(op: str, kind: str, times: int | None = 1, **details: Any) -> Spoil:
    """A fault by rule for the cell's lock; `times=None`: to the last."""
    return {"op": op, "kind": kind, "times": times, **details}


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One cell: the faults, in this order, and the end.

    `sent`: the commands of this job that reach the vendor (None: more than one way is right).
    `attempts`: as the code shows them (None: as `sent`). `holds`: whether our code is on the lock at the
    end (None: not looked at). `lists`: the reads. `gap`: least seconds between two commands. `prepare` is
    called with the engine and the lock's name just before. `words`: what the letter quotes.
    """

    id: str
    faults: Sequence[Spoil] = ()
    state: str = "ready"
    letter: tuple[str, str] | None = None
    sent: int | None = 1
    attempts: int | None = None
    holds: bool | None = True
    lists: int | None = None
    gap: float = 0.0
    words: str = ""
    account: str = "default"
    booking: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[Engine, str], object] | None = None


def good(op: str, name: str, faults: Sequence[Spoil] = (), **more: Any) -> Cell:
    """A cell that ends well: the code is on the lock, or off it."""
    is_set = op == "add"
    usual = {"state": "ready" if is_set else "cancelled", "holds": is_set}
    return Cell(id=f"{op}-{name}", faults=faults, **{**usual, **more})


def bad(op: str, name: str, faults: Sequence[Spoil], reason: str, **more: Any) -> Cell:
    """A cell that ends with a letter, and the lock as it was."""
    is_set = op == "add"
    usual = {"state": "review", "holds": not is_set, "letter": (reason, "set" if is_set else "remove")}
    return Cell(id=f"{op}-{name}", faults=faults, **{**usual, **more})


@dataclass(frozen=True)
class Plan:
    """Which cell runs on which lock, as a set or as a removal."""

    sets: Sequence[Cell]
    removals: Sequence[Cell]

    def __post_init__(self) -> None:
        """Each cell has a name of its own: it is the booking's id too."""
        names = [cell.id for cell in (*self.sets, *self.removals)]
        if len(names) != len(set(names)):
            msg = f"named twice: {sorted(name for name in names if names.count(name) > 1)}"
            raise ValueError(msg)

    @property
    def cells(self) -> list[Cell]:
        """All of them."""
        return [*self.sets, *self.removals]

    def lock(self, cell: Cell) -> str:
        """The lock of a cell."""
        return f"LOCK{self.cells.index(cell):04}"

    @property
    def locks(self) -> tuple[str, ...]:
        """The locks for `engine(...)` that belong to its first account."""
        return (GATE, DOOR, *(self.lock(c) for c in self.cells if c.account == "default"))

    @property
    def accounts(self) -> list[str]:
        """The accounts beside the first."""
        return sorted({cell.account for cell in self.cells} - {"default"})

    @property
    def units(self) -> str:
        """The rest of the property file: a unit for each lock, the other accounts and their locks."""
        rows = [f'[units.{self.lock(c)}]\nlocks = ["{self.lock(c)}"]' for c in self.cells]
        others = [c for c in self.cells if c.account != "default"]
        rows += [f'[locks.{self.lock(c)}]\ntitle = "{c.id}"\naccount = "{c.account}"' for c in others]
        rows += [f'[accounts.{name}]\napi_key = {{ env = "KEY_{name.upper()}" }}' for name in self.accounts]
        return "\n".join(rows)

    @property
    def environ(self) -> dict[str, str]:
        """The keys of the other accounts."""
        return {f"KEY_{name.upper()}": f"key-of-{name}" for name in self.accounts}


@dataclass(repr=False)
class World:
    """One engine in which all cells were run. `first`: the last call before things went wrong."""

    inn: Engine
    plan: Plan
    first: int = 0

    def run(self, seconds: float, workers: int) -> None:
        """Put the codes of the removals on their locks; then let everything go wrong until all has ended."""
        vendor, cells = self.inn.vendor, self.plan.cells
        for name in self.plan.accounts:
            vendor.set_keys(name, add=[f"key-of-{name}"])
        for cell in cells:
            vendor.set_lock(self.plan.lock(cell), account=cell.account)
        for cell in self.plan.removals:
            self._book(cell)
        self.inn.settle(lambda: self._are("ready", self.plan.removals), seconds, workers)
        self.first = len(vendor.calls())
        for cell in cells:
            self._spoil(cell)
        for cell in self.plan.sets:
            self._book(cell)
        for cell in self.plan.removals:
            self.inn.send(cell.id, kind="booking.cancelled")
        self.inn.settle(self._have_ended, seconds, workers)

    def _book(self, cell: Cell) -> None:
        self.inn.book(cell.id, unit=self.plan.lock(cell), **cell.booking)

    def _spoil(self, cell: Cell) -> None:
        for fault in cell.faults:
            self.inn.vendor.add_fault(**{"lock": self.plan.lock(cell), **fault})
        if cell.prepare is not None:
            cell.prepare(self.inn, self.plan.lock(cell))

    def _are(self, state: str, cells: Sequence[Cell]) -> bool:
        return all(self._state(cell) == state for cell in cells)

    def _state(self, cell: Cell) -> str:
        try:
            return self.inn.state(cell.id)
        except AssertionError:  # its event is not applied yet
            return ""

    def _have_ended(self) -> bool:
        sets = all(self._state(cell) in ENDS for cell in self.plan.sets)
        return sets and all(self._state(cell) in ("cancelled", "review") for cell in self.plan.removals)

    def calls(self, cell: Cell, *ops: str) -> list[Any]:
        """The calls to the cell's lock since things went wrong."""
        calls = self.inn.vendor.calls(lock=self.plan.lock(cell))
        return [call for call in calls if call["number"] > self.first and call["op"] in ops]

    def letters(self, booking: str) -> list[Any]:
        """The open letters of a booking."""
        found = self.inn.innkey.store.letters.page(is_open=True, limit=500, cursor=None).items
        return [letter for letter in found if letter.booking == booking]

    def check(self, cell: Cell) -> None:
        """State, letter, commands, attempts, and what the lock holds."""
        job = "add" if cell in self.plan.sets else "delete"
        commands = self.calls(cell, job)
        view = self.inn.view(cell.id)
        expected = cell.state, [cell.letter] if cell.letter else []
        letters = self.letters(cell.id)
        assert expected == (view["state"], [(one.reason.value, one.step.value) for one in letters])
        sent = len(commands) if cell.sent is None else cell.sent
        assert sent == len(commands)
        (code,) = view["codes"]
        assert (sent if cell.attempts is None else cell.attempts) == code["attempts"]
        if cell.holds is not None:
            assert cell.holds == self.holds(cell)
        if cell.lists is not None:
            assert cell.lists == len(self.calls(cell, "list"))
        starts = [call["at_epoch"] for call in commands]
        gaps = [after - before for before, after in pairwise(starts)]
        assert [] == [gap for gap in gaps if gap < cell.gap - SLACK]
        assert [] == [letter for letter in letters if cell.words not in letter.tries[-1].outcome.message]
        assert 1 >= len({call["slot"] for call in commands})

    def holds(self, cell: Cell) -> bool:
        """Whether the cell's lock holds its code: our mark, PIN and window, in our slot and no other."""
        stay, codes = self.inn.stay(cell.id), self.inn.vendor.codes(self.plan.lock(cell))
        ours = [one for one in codes.values() if one["name"].endswith(f"direct/{cell.id}")]
        if not ours:
            return False
        (entry,) = ours
        latest = stay.codes[0].latest
        assert latest is not None
        assert (stay.codes[0].slot, stay.pin) == (entry["slot"], entry["pin"])
        assert (latest.starts, latest.ends) == (entry["starts"], entry["ends"])
        return True

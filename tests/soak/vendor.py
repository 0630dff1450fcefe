"""The sandbox as a process of the campaign, with a journal of everything that changes on its locks.

The journal says what the vendor's own call log cannot: when a late command arrived, and what it replaced.
`python -m tests.soak.vendor PORT JOURNAL SETTINGS` (a JSON file) serves until SIGTERM.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from worker.kas.sandbox import LockSpec, Setup, faults, running_sandbox
from worker.kas.sandbox.control import Control
from worker.kas.sandbox.slots import Code, Latency, Lock
from worker.kas.sandbox.state import State

__all__ = ["Holder", "PhysicalChange", "read_changes"]

_SOURCE = threading.local()


@dataclass(frozen=True, slots=True)
class Holder:
    """What a slot held: the last word of its name (our mark), a PIN, a window."""

    mark: str
    pin: str
    starts: str
    ends: str
    by_hand: bool

    def __repr__(self) -> str:
        """Leave out the PIN."""
        return f"{'hand' if self.by_hand else self.mark} {self.starts}-{self.ends}"


@dataclass(frozen=True, slots=True)
class PhysicalChange:
    """One slot of one lock changed. `source`: a `call` of Innkey, one that arrived `late`, or the `hand`."""

    at: float
    lock: str
    slot: int
    source: str
    before: Holder | None
    after: Holder | None


def read_changes(path: Path) -> list[PhysicalChange]:
    """The journal so far, in the order in which things happened."""
    text = path.read_text() if path.exists() else ""
    # The vendor's process may be in the midst of its last line.
    rows = [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]
    return [
        PhysicalChange(row["at"], row["lock"], row["slot"], row["source"], *map(_holder, row["held"]))
        for row in rows
    ]


def _holder(row: list[Any] | None) -> Holder | None:
    return None if row is None else Holder(*row)


def _shown(code: Code | None) -> list[Any] | None:
    if code is None:
        return None
    mark = code.name.rsplit(" ", 1)[-1]
    return [mark, code.pin, code.starts, code.ends, code.by_hand]


def _journalled(out: TextIO) -> None:
    """Write each change of a slot down; every change is made under the sandbox's one lock."""
    put, arrive = Lock.put, State._arrive

    def noted_put(self: Lock, slot: int, code: Code | None, now: float) -> None:
        before = self.codes.get(slot)
        put(self, slot, code, now)
        source = getattr(_SOURCE, "name", "call")
        row = {"at": now, "lock": self.name, "slot": slot, "source": source}
        out.write(json.dumps({**row, "held": [_shown(before), _shown(code)]}) + "\n")
        out.flush()

    Lock.put = noted_put  # type: ignore[method-assign]
    State._arrive = _named("late", arrive)  # type: ignore[method-assign]
    Control._hand = _named("hand", Control._hand)  # type: ignore[method-assign]
    Control._wipe = _named("hand", Control._wipe)  # type: ignore[method-assign]


def _named(source: str, method: Callable[..., Any]) -> Callable[..., Any]:
    def named(*args: Any) -> Any:
        _SOURCE.name = source
        try:
            return method(*args)
        finally:
            _SOURCE.name = "call"

    return named


def _cut_calls_are_over() -> None:
    """A call whose connection is cut while it is answered keeps no place; one that is never answered does."""
    for name, fault in faults.RATES.items():
        if fault.kind is faults.Kind.CUT:
            faults.RATES[name] = replace(fault, hold_seconds=0.0)  # type: ignore[index]


def main(port: int, journal: Path, settings: dict[str, Any]) -> None:
    """Serve until SIGTERM."""
    over = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: over.set())
    latency, busy = Latency(*settings["latency"]), Latency(*settings["busy_latency"])
    locks = [LockSpec(name) for name in settings["locks"]]
    locks += [LockSpec(name, account="busy", latency=busy) for name in settings["busy_locks"]]
    accounts = {name: (key,) for name, key in settings["keys"].items()}
    setup = Setup(
        locks=locks, accounts=accounts, latency=latency, seed=settings["seed"], hold_seconds=settings["hold"]
    )
    with journal.open("a") as out:
        _journalled(out)
        _cut_calls_are_over()
        with running_sandbox(setup, port=port):
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            over.wait()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()))

"""The sandbox's shared heart: the state behind one lock, the clock, chance, and the word to stop."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from worker.kas.sandbox.call_queue import CallQueue
from worker.kas.sandbox.calls import CallLog
from worker.kas.sandbox.faults import Dice, FaultBook
from worker.kas.sandbox.settings import LockSpec, Setup
from worker.kas.sandbox.slots import Lock
from worker.kas.sandbox.state import Account, State
from worker.kas.sandbox.store import StateFile, dump

Clock = Callable[[], datetime]


class Stopping(Exception):
    """The sandbox stops: this call is never carried out nor answered."""


def utc_now() -> datetime:
    """The real time."""
    return datetime.now(UTC)


class Core:
    """What all routes share. All but `pause` and `now` is used inside `locked()` only."""

    def __init__(self, setup: Setup, clock: Clock = utc_now) -> None:
        self.setup = setup
        self.queue = CallQueue(setup.queue_limit)
        self.log = CallLog()
        self.faults = FaultBook()
        self.stopping = threading.Event()
        self._clock = clock
        self._dice = Dice(setup.seed)
        self._lock = threading.Lock()
        self._file = StateFile(setup.data_dir) if setup.data_dir else None
        self.state = with_setup(self._file.read() if self._file else None, setup)
        self._saved = -1

    def now(self) -> float:
        """Epoch seconds."""
        return self._clock().timestamp()

    @contextmanager
    def locked(self) -> Iterator[State]:
        """The state, due late commands carried out, nobody else in it; changes are saved at the end."""
        text = None
        with self._lock:
            self._advance()
            yield self.state
            revision = self.state.revision
            if self._file and revision != self._saved:
                text, self._saved = dump(self.state), revision
        if self._file and text is not None:
            self._file.write(revision, text)

    def pause(self, seconds: float) -> None:
        """Wait, unless the sandbox stops meanwhile: then `Stopping`. Never call it inside `locked()`."""
        if self.stopping.wait(seconds) if seconds > 0 else self.stopping.is_set():
            raise Stopping

    def chance(self, op: str, lock: str) -> random.Random:
        """The dice of the next call of this kind to this lock."""
        return self._dice.roll(op, lock, self.faults.rates.seed)

    def lock_for(self, account: str, name: str, *, reading: bool) -> Lock:
        """The lock a call names, made on the spot if the set-up says so; `Refused` as the document says."""
        if self.setup.auto_create and name not in self.state.locks:
            self.state.locks[name] = LockSpec(name, account, clock_set=self.setup.clock_set).build()
            self.state.revision += 1
        return self.state.find(account, name, reading=reading)

    def delay(self, lock: Lock, dice: random.Random, *, reading: bool) -> float:
        """How many seconds this call takes."""
        latency = lock.latency or self.state.latency
        jitter = dice.random()
        return latency.list_seconds if reading else latency.base_seconds + jitter * latency.jitter_seconds

    def reset(self) -> None:
        """Back to the set-up: no codes, e-mails, calls, rules or rates; calls under way keep their places."""
        revision = self.state.revision
        self.state = with_setup(None, self.setup)
        self.state.revision += revision
        self.faults = FaultBook()
        self._dice = Dice(self.setup.seed)
        self.log.clear()
        self.queue.forget()

    def _advance(self) -> None:
        for late in self.state.advance(self.now()):
            self.log.late_done(late.call)


def with_setup(state: State | None, setup: Setup) -> State:
    """The saved state and what it lacks of the set-up; saved locks and revoked keys stay as they were."""
    state = state or State()
    state.latency = setup.latency or state.latency
    for name, keys in setup.accounts.items():
        account = state.accounts.setdefault(name, Account(name))
        account.keys += [key for key in keys if key not in account.keys and key not in account.revoked]
    for name, (email, password) in setup.logins.items():
        account = state.accounts.setdefault(name, Account(name))
        if not account.email:
            account.email, account.password = email, password
    for spec in setup.lock_specs():
        state.accounts.setdefault(spec.account, Account(spec.account))
        state.locks.setdefault(spec.name, spec.build())
    state.revision += 1
    return state

"""Runs the processes of one machine: starts them, restarts what dies, stops all in order.

Honcho and its like cannot serve here: they stop everything when one process dies, restart nothing, and signal
whole process groups, while Dramatiq drains only if its master alone gets the signal.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Generic, Protocol, TextIO, TypeVar

from worker.processes import StartError
from worker.processes.printer import Printer

__all__ = ["Backoff", "Base", "Command", "Supervisor", "end_with_parent"]

GRACE_S = 35.0
POLL_S = 0.1
PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Command:
    """A process to keep running. `reloads`: it reads its configuration anew on SIGHUP, which ends others."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    reloads: bool = False


class _Startable(Protocol):
    @property
    def name(self) -> str:
        """What the user knows it by."""

    def launch(self) -> None:
        """Start it, without waiting for it. Raises OSError or StartError."""

    def poll(self) -> int | None:
        """Its exit code, or None while it runs."""


class Base(_Startable, Protocol):
    """What all others stand on (the embedded Redis): kept running like them, stopped after them."""

    def stop(self) -> None:
        """End it in order."""


P_co = TypeVar("P_co", bound=_Startable, covariant=True)


def end_with_parent() -> Callable[[], None] | None:
    """A `preexec_fn`: the child gets SIGTERM when the thread that started it is gone, even by `kill -9`.

    Linux only; elsewhere None.
    """
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl
    parent = os.getpid()

    def in_child() -> None:
        prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != parent:  # it died before prctl was reached
            os._exit(1)

    return in_child


@dataclass(slots=True)
class Backoff:
    """The wait before the next start: doubling from `first_s` to `limit_s`, anew after `steady_s` alive."""

    first_s: float = 0.5
    limit_s: float = 10.0
    steady_s: float = 30.0
    _next_s: float = field(default=0.0, init=False)

    def after(self, lived_s: float) -> float:
        """Seconds to wait after a life of `lived_s`."""
        if lived_s >= self.steady_s:
            self._next_s = 0.0
        wait = self._next_s or self.first_s
        self._next_s = min(wait * 2, self.limit_s)
        return wait


class _Process:
    """The lives of a command, each in its own session, so that Ctrl-C reaches only the supervisor."""

    def __init__(self, command: Command, on_output: Callable[[int, str], None]) -> None:
        self.command = command
        self.name = command.name
        self._on_output = on_output
        self._popen: subprocess.Popen[bytes] | None = None

    def launch(self) -> None:
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        try:
            self._popen = subprocess.Popen(
                list(self.command.argv),
                env=self.command.env,
                cwd=self.command.cwd,
                stdin=subprocess.DEVNULL,
                stdout=write_end,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent(),  # noqa: PLW1509
            )
        except OSError:
            os.close(read_end)
            raise
        finally:
            os.close(write_end)
        self._on_output(read_end, self.name)

    @property
    def pid(self) -> int | None:
        return self._popen.pid if self._popen is not None else None

    def poll(self) -> int | None:
        return self._popen.poll() if self._popen is not None else 0

    def signal_master(self, number: signal.Signals) -> None:
        if self._popen is not None:
            self._popen.send_signal(number)

    def kill_group(self) -> None:
        """End the master and whatever it left behind."""
        if self._popen is not None:
            _signal_group(self._popen.pid, signal.SIGKILL)
            self._popen.wait()


def _signal_group(group: int, number: int) -> bool:
    """False if nobody is left in the group."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says "not permitted" of a group of zombies
        return False
    return True


class _Ward(Generic[P_co]):
    """A process under watch: when it was started, and when it is to be started again if it is down."""

    def __init__(self, process: P_co) -> None:
        self.process = process
        self.born = time.monotonic()
        self.due: float | None = None
        self.backoff = Backoff()


class Supervisor:
    """Keeps `commands` running (started in this order, stopped in the reverse one), and `base` below them.

    `base` is already running; it is stopped last. `why_not_reload` says what is wrong with the
    configuration that a SIGHUP would have them read; "" if it may be passed on. Each process has `grace_s` to
    end after SIGTERM, then its whole group is killed. `run` blocks and must be called in the main thread.
    """

    def __init__(
        self,
        commands: Sequence[Command],
        *,
        base: Base | None = None,
        out: TextIO | None = None,
        grace_s: float = GRACE_S,
        why_not_reload: Callable[[], str] = str,
    ) -> None:
        self._printer = Printer(out or sys.stdout, [*(c.name for c in commands), "innkey"])
        self._wards = [_Ward(_Process(command, self._printer.follow)) for command in commands]
        self._base = None if base is None else _Ward(base)
        self._grace_s, self._why_not_reload = grace_s, why_not_reload
        self._leftovers: dict[int, float] = {}
        self._stopping = self._hurry = self._hangup = False

    def run(self) -> None:
        """Run until SIGTERM, SIGINT or the terminal's end; SIGHUP is passed on. A second SIGINT hurries."""
        with self._signals():
            try:
                for ward in self._wards:
                    self._launch(ward)
                while not self._stopping:
                    self._printer.pump(POLL_S)
                    self._tend([*([self._base] if self._base else []), *self._wards])
                    self._pass_hangup_on()
            finally:
                self._stop_all()

    def say(self, text: str) -> None:
        """Print a line of the supervisor's own."""
        self._printer.line("innkey", text)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[None]:
        had_terminal = _has_terminal() and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN

        def on_signal(number: int, _frame: FrameType | None) -> None:
            if number == signal.SIGHUP and not (had_terminal and not _has_terminal()):
                self._hangup = True
                return
            self._hurry = self._hurry or (self._stopping and number == signal.SIGINT)
            self._stopping = True

        before = {n: signal.signal(n, on_signal) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _launch(self, ward: _Ward[_Startable]) -> None:
        ward.born, ward.due = time.monotonic(), None
        try:
            ward.process.launch()
        except (OSError, StartError) as error:
            self._plan_restart(ward, f"could not be started ({error})")

    def _tend(self, wards: Sequence[_Ward[_Startable]]) -> None:
        now = time.monotonic()
        for ward in wards:
            if ward.due is not None:
                if now >= ward.due:
                    self._launch(ward)
                continue
            code = ward.process.poll()
            if code is not None:
                self._bury(ward.process)
                self._plan_restart(ward, _how_it_ended(code))
        self._end_leftovers(now)

    def _plan_restart(self, ward: _Ward[_Startable], what: str) -> None:
        now = time.monotonic()
        wait = ward.backoff.after(now - ward.born)
        ward.due = now + wait
        self.say(f"{ward.process.name} {what}; it is started again in {wait:g} s")

    def _bury(self, process: _Startable) -> None:
        """Ask what a dead master left behind to end: Dramatiq's workers would go on beside the new ones."""
        if (
            isinstance(process, _Process)
            and process.pid is not None
            and _signal_group(process.pid, signal.SIGTERM)
        ):
            self._leftovers[process.pid] = time.monotonic() + self._grace_s

    def _end_leftovers(self, now: float) -> None:
        for group, deadline in list(self._leftovers.items()):
            if now >= deadline:
                _signal_group(group, signal.SIGKILL)
            if now >= deadline or not _signal_group(group, 0):
                del self._leftovers[group]

    def _pass_hangup_on(self) -> None:
        if not self._hangup:
            return
        self._hangup = False
        problems = self._why_not_reload()
        if problems:
            # A process that reads a faulty file ends; as it is, it serves on with what it read before.
            for line in problems.splitlines():
                self.say(line)
            self.say("the configuration was not read again; everything goes on as before")
            return
        for ward in self._wards:
            if ward.process.command.reloads and ward.due is None:
                ward.process.signal_master(signal.SIGHUP)

    def _stop_all(self) -> None:
        for ward in reversed(self._wards):
            # One that waits for its restart is down already, and its group has been told to end.
            if ward.due is None:
                self._stop(ward.process)
        for group in self._leftovers:
            _signal_group(group, signal.SIGKILL)
        if self._base is not None:
            self.say(f"stopping {self._base.process.name}")
            self._base.process.stop()
        self._printer.close()

    def _stop(self, process: _Process) -> None:
        """SIGTERM to the master alone, after the grace the group's end. The base is kept up meanwhile."""
        if process.poll() is None:
            self.say(f"stopping {process.name}")
            process.signal_master(signal.SIGTERM)
        deadline = time.monotonic() + self._grace_s
        while process.poll() is None and time.monotonic() < deadline and not self._hurry:
            self._printer.pump(POLL_S)
            if self._base is not None:
                self._tend([self._base])
        if process.poll() is None:
            self.say(f"{process.name} did not end in time and is killed")
        process.kill_group()
        self._printer.pump(0)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True


def _how_it_ended(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"

"""What a campaign prints: a live line, and the record of what was done when."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from tests.soak.campaign import Campaign

EVERY_SECONDS = (1.0, 10.0)  # on a terminal, and in a log


class Live:
    """Prints to `out`; deeds go to a file with the seconds at which they were done."""

    def __init__(self, record: Path, out: TextIO | None = None) -> None:
        self._out, self._record = out or sys.stdout, record.open("a")
        self._is_terminal = self._out.isatty()
        self._shown = self._began = time.monotonic()
        self._lasts = 0.0
        self.left = 0

    def say(self, text: str) -> None:
        """A line that stays."""
        self._out.write(f"{self._start()}{text}\n")
        self._out.flush()

    def begin(self, seconds: float) -> None:
        """The faults begin now."""
        self._began, self._lasts = time.monotonic(), seconds

    def event(self, text: str) -> None:
        """Something was done: for the record."""
        self._record.write(f"{time.time():.3f} {time.monotonic() - self._began:+8.2f} s  {text}\n")
        self._record.flush()

    def show(self, phase: str, campaign: Campaign) -> None:
        """The live line, every second on a terminal."""
        every = EVERY_SECONDS[0 if self._is_terminal else 1]
        if time.monotonic() - self._shown < every:
            return
        self._shown = time.monotonic()
        line = self._line(phase, campaign)
        self._out.write(f"\r\x1b[K{line[:150]}" if self._is_terminal else f"{line}\n")
        self._out.flush()

    def _line(self, phase: str, campaign: Campaign) -> str:
        accepted, calls = len(campaign.sender.accepted), len(campaign.watch.calls)
        deaths, faults = sum(campaign.world.deaths.values()), sum(campaign.faults.done.values())
        past = time.monotonic() - self._began
        states = " ".join(f"{state} {n}" for state, n in sorted(dict(campaign.watch.states).items()))
        left = f", {self.left} left" if self.left and phase != "faults" else ""
        return (
            f"{past:5.0f} s {phase}{left} | events {accepted}/{campaign.sender.sent} calls {calls} "
            f"faults {faults} restarts {deaths} | {states}"
        )

    def _start(self) -> str:
        return "\r\x1b[K" if self._is_terminal else ""

    def close(self) -> None:
        """Close the record."""
        self._record.close()

"""Tests with real servers and real processes on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

DEADLINE_S = 60.0


def until(condition: Callable[[], object], what: str) -> None:
    """Wait until `condition()` is true; after a minute the test fails, saying what never came."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {DEADLINE_S:.0f} s: {what}"
        time.sleep(0.02)


def is_gone(pid: int) -> bool:
    """Whether the process ended; a zombie that nobody collected counts as ended."""
    stat = Path("/proc") / str(pid) / "stat"
    if Path("/proc/self").exists():
        try:
            # A process whose other threads still run holds its files, though its first thread has ended.
            is_zombie = stat.read_text().rpartition(")")[2].split()[0] == "Z"
            return is_zombie and len(list(stat.with_name("task").iterdir())) <= 1
        except (FileNotFoundError, ProcessLookupError):
            return True
    return _ps("stat=", pid)[:1] in ("", "Z")


def command_line(pid: int) -> str:
    """What every user of the machine can see of how the process was started."""
    path = Path("/proc") / str(pid) / "cmdline"
    return os.fsdecode(path.read_bytes()) if path.exists() else _ps("args=", pid)


def _ps(what: str, pid: int) -> str:
    argv = [shutil.which("ps") or "/bin/ps", "-ww", "-o", what, "-p", str(pid)]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()

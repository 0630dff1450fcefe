"""Prints the output of several processes line by line, each line with its process's name in front."""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from collections.abc import Sequence
from typing import TextIO

__all__ = ["Printer"]

LINE_LIMIT_BYTES = 65_536
CLOSE_S = 1.0
COLOURS = (36, 33, 35, 32, 34)


class Printer:
    """Reads what the processes write and prints it line by line, each with its process's name in front."""

    def __init__(self, out: TextIO, names: Sequence[str]) -> None:
        self._out = out
        self._width = max(map(len, names))
        self._colours = dict(zip(names, COLOURS * len(names), strict=False)) if _wants_colour(out) else {}
        self._selector = selectors.DefaultSelector()
        self._partial: dict[int, bytes] = {}

    def follow(self, read_end: int, name: str) -> None:
        """Print what comes out of the pipe `read_end` until its end."""
        self._selector.register(read_end, selectors.EVENT_READ, name)
        self._partial[read_end] = b""

    def pump(self, wait_s: float) -> None:
        """Wait at most `wait_s` for output and print what is there."""
        for key, _events in self._selector.select(wait_s):
            data = os.read(key.fd, LINE_LIMIT_BYTES)
            *lines, rest = (self._partial[key.fd] + data).split(b"\n")
            if rest and (not data or len(rest) >= LINE_LIMIT_BYTES):
                lines, rest = [*lines, rest], b""
            self._partial[key.fd] = rest
            for line in lines:
                self.line(key.data, line.decode(errors="replace"))
            if not data:
                self._forget(key.fd)

    def line(self, name: str, text: str) -> None:
        """Print a line under `name`. Dropped if the reader went away, which must not end the processes."""
        front = f"{name:<{self._width}} |"
        if name in self._colours:
            front = f"\x1b[{self._colours[name]}m{front}\x1b[0m"
        with contextlib.suppress(OSError):
            self._out.write(f"{front} {text}\n")
            self._out.flush()

    def _forget(self, read_end: int) -> None:
        self._selector.unregister(read_end)
        del self._partial[read_end]
        os.close(read_end)

    def close(self) -> None:
        """Print what is left and close the pipes, even if a stranger still holds one and writes."""
        deadline = time.monotonic() + CLOSE_S
        while self._selector.select(0) and time.monotonic() < deadline:
            self.pump(0)
        for key in list(self._selector.get_map().values()):
            self._forget(key.fd)
        self._selector.close()


def _wants_colour(out: TextIO) -> bool:
    return out.isatty() and not os.environ.get("NO_COLOR")

"""The property file as this process read it, and its place among the files that other processes read."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog

from worker.domain.house import House
from worker.store.generations import Announced, Role
from worker.store.store import Store

AGAIN_SECONDS = 5.0

log = structlog.get_logger(__name__)


class OlderFileError(Exception):
    """A newer property file than this process has planned the stay: this one must leave it alone."""


@dataclass(slots=True)
class Generation:
    """One state of the property file, as a process of this `role` read it."""

    store: Store
    file: House
    fingerprint: str
    modified: datetime
    role: Role = Role.WORKER
    _known: Announced | None = None
    _asked: float = 0.0
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def house(self) -> House:
        """What the file says, and the locks that only former files named: they are served to their last code.

        Raises redis' errors.
        """
        return replace(self.file, former=self._now().former)

    def number(self) -> int:
        """The generation of this process' file. Raises redis' errors."""
        return self._now().number

    def is_newest(self) -> bool:
        """Whether stays are planned by this process' file. Raises redis' errors."""
        return self._now().is_newest

    def report(self) -> None:
        """Ask again, and be seen. Raises redis' errors."""
        known = self.store.generations.announce(self.fingerprint, self.modified, self.file, self.role)
        before, self._known, self._asked = self._known, known, time.monotonic()
        if self.role is Role.READER or (before is not None and before.is_newest == known.is_newest):
            return
        if known.is_newest:
            log.info("property_file.in_use", generation=known.number)
        else:
            log.error("property_file.older", generation=known.number, newest=known.newest)

    def _now(self) -> Announced:
        with self._guard:
            is_stale = self._known is not None and not self._known.is_newest
            if self._known is None or (is_stale and time.monotonic() - self._asked > AGAIN_SECONDS):
                self.report()
            assert self._known is not None  # noqa: S101 - just reported
            return self._known

"""Redis' time between two answers of Redis, so that all hosts agree on what is due."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from threading import Lock

_REMEMBERED_SECONDS = 5.0
_TRUSTED_SECONDS = 60.0


class Clock:
    """Redis' clock as last heard, carried on by this process' monotonic one.

    An answer that is taken up late tells an old time. So of what was heard lately the latest counts: else the
    clock would go back, and a list that was read before a command would seem to be read after it.
    """

    def __init__(self) -> None:
        """Until Redis was heard, the host's own clock serves."""
        self._guard = Lock()
        self._zero = datetime.now(UTC) - timedelta(seconds=time.monotonic())
        self._latest: datetime | None = None
        self._before: datetime | None = None
        self._since = float("-inf")
        self._heard = float("-inf")

    def heard(self, now: datetime) -> datetime:
        """Take over the time that Redis just told."""
        at = time.monotonic()
        zero = now - timedelta(seconds=at)
        with self._guard:
            self._heard = at
            if self._latest is None or at - self._since > _REMEMBERED_SECONDS:
                self._since, self._before, self._latest = at, self._latest, zero
            else:
                self._latest = max(self._latest, zero)
            self._zero = self._latest if self._before is None else max(self._latest, self._before)
        return now

    @property
    def is_fresh(self) -> bool:
        """Whether Redis was heard within the last minute: hosts' clocks drift, and a suspended one stands."""
        return time.monotonic() - self._heard < _TRUSTED_SECONDS

    def now(self) -> datetime:
        """Redis' time, as near as this process knows it."""
        return self._zero + timedelta(seconds=time.monotonic())

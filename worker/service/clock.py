"""Redis' time between two answers of Redis, so that all hosts agree on what is due."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class Clock:
    """Redis' clock as last heard, carried on by this process' monotonic one."""

    def __init__(self) -> None:
        """Until Redis was heard, the host's own clock serves."""
        # One value, so that a thread never reads half of a change.
        self._heard = (datetime.now(UTC), time.monotonic())

    def heard(self, now: datetime) -> datetime:
        """Take over the time that Redis just told."""
        self._heard = (now, time.monotonic())
        return now

    def now(self) -> datetime:
        """Redis' time, as near as this process knows it."""
        heard, at = self._heard
        return heard + timedelta(seconds=time.monotonic() - at)

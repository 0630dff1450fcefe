"""What was last seen of a lock and is kept between visits: when its list was read, and its clock set."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from worker.store.codec import from_millis, to_millis

CLOCK_RETRY = timedelta(hours=1)
UNMANAGED, UNMANAGED_TAGS = "unmanaged", "unmanaged_tags"


class LockFacts:
    """The facts of one lock, and whether they changed."""

    def __init__(self, facts: dict[str, Any], zone: ZoneInfo) -> None:
        """`facts` as stored; `zone` is the lock's."""
        self._facts, self._zone, self._has_changed = facts, zone, False

    def note(self, fact: str, at: datetime) -> None:
        """Keep when something was last done."""
        self._facts[fact] = to_millis(at)
        self._has_changed = True

    def holds_unmanaged(
        self, found: dict[str, str], *, of_tags: bool = False
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Keep which slots hold a code under a mark that no booking has: (what is new, what is gone)."""
        fact = UNMANAGED_TAGS if of_tags else UNMANAGED
        known: dict[str, str] = self._facts.get(fact, {})
        new = {slot: mark for slot, mark in found.items() if known.get(slot) != mark}
        gone = {slot: mark for slot, mark in known.items() if found.get(slot) != mark}
        if new or gone:
            self._facts[fact] = found
            self._has_changed = True
        return new, gone

    def changed(self) -> dict[str, Any] | None:
        """The facts to store, if there is news since the last time."""
        news, self._has_changed = self._has_changed, False
        return dict(self._facts) if news else None

    def clock_answered(self, at: datetime, *, is_set: bool) -> None:
        """Keep what came of setting the clock: a failure is not repeated within the hour."""
        self.note("clock" if is_set else "clock_tried", at)
        if is_set:
            self._facts["clock_offset"] = self._offset(at)
            self._facts.pop("clock_tried", None)

    def clock_set_at(self, now: datetime) -> datetime | None:
        """When the clock was set; None if never, or if the zone's offset has changed since."""
        is_other_offset = self._facts.get("clock_offset") != self._offset(now)
        return None if is_other_offset else self._moment("clock")

    def clock_was_tried(self, now: datetime) -> bool:
        """Whether setting it failed a short while ago."""
        tried = self._moment("clock_tried")
        return tried is not None and now - tried < CLOCK_RETRY

    def clock_last_tried(self) -> datetime | None:
        """When the clock was last set, or tried to be."""
        tried = [at for at in (self._moment("clock"), self._moment("clock_tried")) if at is not None]
        return max(tried, default=None)

    def _moment(self, fact: str) -> datetime | None:
        millis = self._facts.get(fact)
        return None if millis is None else from_millis(int(millis))

    def _offset(self, at: datetime) -> int:
        offset = at.astimezone(self._zone).utcoffset()
        return 0 if offset is None else round(offset.total_seconds())

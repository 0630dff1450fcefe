"""Has a PIN written into its booking system: it is put on the timetable in the write that makes it due."""

from __future__ import annotations

from datetime import datetime

from worker.domain.house import House
from worker.domain.record import Stay
from worker.domain.write_back import has_to_be_written
from worker.store.commit import Commit
from worker.store.errands import pin_errand, wanted_commands


def write_back_changes(commit: Commit, before: Stay | None, after: Stay, house: House, now: datetime) -> None:
    """Add to `commit` the errand that follows from `before` and `after`, if one does."""
    if has_to_be_written(before, after, house):
        commit.commands += wanted_commands(after.key.source, pin_errand(after.key.id), now)

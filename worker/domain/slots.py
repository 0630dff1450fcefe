"""What a lock's list shows, and which slot is free.

Only one that a successful read showed empty and nobody claims.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from worker.domain.access_code import AccessCode, Written
from worker.domain.booking import StayKey
from worker.domain.marks import bears
from worker.domain.outcomes import Entry


@dataclass(frozen=True, slots=True)
class View:
    """A successful read of one lock: when its call began, and what it showed by slot."""

    read_at: datetime
    entries: Mapping[int, Entry]

    def without(self, slot: int) -> View:
        """After a confirmed removal of ours."""
        return replace(self, entries={n: e for n, e in self.entries.items() if n != slot})


class Sight(StrEnum):
    """What a list shows at a code's slot."""

    ABSENT = "absent"
    OURS = "ours"  # our mark, and a PIN and window that we wrote
    CHANGED = "changed"  # our mark, but somebody changed PIN or window
    FOREIGN = "foreign"


def look(code: AccessCode, key: StayKey, view: View) -> Sight:
    """What `view` shows where the code should be. The code must have a slot."""
    entry = view.entries.get(code.slot) if code.slot is not None else None
    if entry is None:
        return Sight.ABSENT
    if not bears(entry.name, key):
        return Sight.FOREIGN
    return Sight.OURS if any(w.is_shown_by(entry) for w in code.writes) else Sight.CHANGED


def shows(code: AccessCode, key: StayKey, wanted: Written, view: View) -> bool:
    """Whether the list shows just `wanted`, under our mark, in the code's slot."""
    entry = view.entries.get(code.slot) if code.slot is not None else None
    return entry is not None and bears(entry.name, key) and wanted.is_shown_by(entry)


def unclaimed(key: StayKey, view: View, claimed: Collection[int | None]) -> Entry | None:
    """A code under this stay's mark in a slot that nothing of ours claims.

    To adopt it, or to take it off. The lowest slot if there are more.
    """
    mine = [e for n, e in sorted(view.entries.items()) if n not in claimed and bears(e.name, key)]
    return mine[0] if mine else None


def free_slot(view: View, claimed: Collection[int], first: int, last: int) -> int | None:
    """The lowest slot in `first`..`last` that the list shows empty and nothing of ours claims."""
    for slot in range(first, last + 1):
        if slot not in view.entries and slot not in claimed:
            return slot
    return None

"""The account's queue of thirty calls: whoever comes when it is full is dropped without a word.

The KAS API document, section "Preface / Workflow", notice 3. Not thread-safe: the sandbox's lock guards it.
"""

from __future__ import annotations

from collections import Counter

LIMIT = 30


class CallQueue:
    """Counts the calls outstanding per account, and commands that overlap on one lock."""

    def __init__(self, limit: int = LIMIT) -> None:
        self.limit = limit
        self.outstanding: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.overlaps: Counter[str] = Counter()
        self._busy: Counter[str] = Counter()

    def enter(self, account: str) -> bool:
        """Take a place; false, and one more dropped, when the queue is full."""
        if self.outstanding[account] >= self.limit:
            self.dropped[account] += 1
            return False
        self.outstanding[account] += 1
        self.most[account] = max(self.most[account], self.outstanding[account])
        return True

    def leave(self, account: str) -> None:
        """Give the place back."""
        self.outstanding[account] -= 1

    def command_begins(self, lock: str) -> None:
        """A command sets out to a lock; one that finds another under way is an overlap."""
        if self._busy[lock]:
            self.overlaps[lock] += 1
        self._busy[lock] += 1

    def command_ends(self, lock: str) -> None:
        """That command is over."""
        self._busy[lock] -= 1

    def forget(self) -> None:
        """Clear the records; the calls under way keep their places."""
        for counts in (self.most, self.dropped, self.overlaps):
            counts.clear()

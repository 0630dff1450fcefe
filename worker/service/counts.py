"""What this process has counted since it last reported; `/metrics` shows the sums of all processes."""

from __future__ import annotations

import threading
from collections import Counter


class Counts:
    """Counters by name, safe over threads."""

    def __init__(self) -> None:
        """All at zero."""
        self._guard = threading.Lock()
        self._counted: Counter[str] = Counter()

    def add(self, name: str) -> None:
        """Count one."""
        with self._guard:
            self._counted[name] += 1

    def take(self) -> Counter[str]:
        """What was counted since the last time."""
        with self._guard:
            taken, self._counted = self._counted, Counter()
        return taken

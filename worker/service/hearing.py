"""When this process heard of which source, since it last told the record."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.source_signs import SourceSigns, with_deliveries
from worker.store.commit import ConflictError
from worker.store.source_signs import SignsOfSources

__all__ = ["Heard", "Hearing"]

_Minutes = dict[int, datetime]


@dataclass(slots=True)
class Heard:
    """Moments of deliveries, one a minute: proven ones, and refused ones."""

    proven: _Minutes = field(default_factory=dict)
    refused: _Minutes = field(default_factory=dict)


class Hearing:
    """Deliveries by source, safe over threads."""

    def __init__(self) -> None:
        """Nothing was heard."""
        self._guard = threading.Lock()
        self._heard: dict[str, Heard] = {}
        self._latest: dict[tuple[str, bool], int] = {}
        self._has_news = False

    def note(self, source: str, at: datetime, *, is_proven: bool) -> None:
        """A delivery came."""
        minute = int(at.timestamp() // 60)
        with self._guard:
            heard = self._heard.setdefault(source, Heard())
            (heard.proven if is_proven else heard.refused)[minute] = at
            if self._latest.get((source, is_proven)) != minute:
                self._latest[source, is_proven] = minute
                self._has_news = True

    def has_news(self) -> bool:
        """Whether something is worth a report at once: a first delivery of its kind within a minute."""
        with self._guard:
            return self._has_news

    def report(self, signs: SignsOfSources) -> None:
        """Add to the signs of the sources what was heard since the last time.

        Raises redis' errors; what could not be told is told the next time. Telling it twice does no harm.
        """
        taken = self._take()
        try:
            for source in list(taken):
                heard = taken[source]

                def decide(before: SourceSigns, heard: Heard = heard) -> SourceSigns:
                    return with_deliveries(before, heard.proven.values(), heard.refused.values())

                try:
                    signs.change(source, decide)
                except ConflictError:
                    continue
                del taken[source]
        finally:
            self._put_back(taken)

    def _take(self) -> dict[str, Heard]:
        with self._guard:
            taken, self._heard, self._has_news = self._heard, {}, False
        return taken

    def _put_back(self, taken: Mapping[str, Heard]) -> None:
        with self._guard:
            for source, old in taken.items():
                heard = self._heard.setdefault(source, Heard())
                heard.proven = old.proven | heard.proven
                heard.refused = old.refused | heard.refused

"""Tells a person of a source that is silent for longer than it ever is, or keeps failing its proof."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from worker.domain.source_signs import SourceSigns, judged
from worker.property_access import SourceConfig
from worker.service.clock import Clock
from worker.service.notice_writes import source_signs_commands
from worker.store.store import Store

__all__ = ["SourceWatch"]

JUDGE_EVERY = timedelta(minutes=2)

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class SourceWatch:
    """Judges the sources of the property file; one worker at a time, every few minutes."""

    store: Store
    clock: Clock
    sources: Mapping[str, SourceConfig]

    def judge_if_due(self) -> None:
        """Judge them, unless a worker just did. Raises redis' errors."""
        if self.store.source_signs.may_judge(JUDGE_EVERY):
            self.judge()

    def judge(self) -> None:
        """Judge all sources, and forget those that left the file. Raises redis' errors."""
        now = self.clock.now()
        for source, config in self.sources.items():
            self._judge(source, config.silence, now, is_enabled=config.enabled)
        for source in self.store.source_signs.known() - set(self.sources):
            self._judge(source, None, now, is_enabled=False)
            self.store.source_signs.forget(source)

    def _judge(self, source: str, silence: timedelta | None, now: datetime, *, is_enabled: bool) -> None:
        def decide(signs: SourceSigns) -> SourceSigns:
            return judged(signs, silence, now, is_enabled=is_enabled)

        def told(before: SourceSigns, after: SourceSigns) -> list[list[str | int]]:
            return source_signs_commands(source, before, after, now)

        before, after = self.store.source_signs.change(source, decide, told)
        if before.silent != after.silent:
            log.warning("source.silent", source=source, is_over=after.silent is None)
        if before.unproven != after.unproven:
            log.warning("source.unproven", source=source, is_over=after.unproven is None)

"""How sources look from outside: the JSON of API and command line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from worker.domain.notices import About
from worker.domain.source_signs import SourceSigns
from worker.property_access import SourceConfig
from worker.service.views import utc
from worker.store.store import Store

__all__ = ["POLLED", "source_views"]

POLLED = "polled"  # the note of when a source's own API was last asked for what has changed
_DELIVERIES = "webhooks"


def source_views(store: Store, sources: Sequence[SourceConfig]) -> list[dict[str, Any]]:
    """Each source with what is known of it; all times are UTC. Raises redis' errors."""
    signs = store.source_signs.get_many(config.name for config in sources)
    counters = store.health.counters()
    return [_view(store, config, signs[config.name], counters) for config in sources]


def _view(store: Store, config: SourceConfig, signs: SourceSigns, counters: dict[str, int]) -> dict[str, Any]:
    notes = store.errands.notes(config.name)
    mine = f"{_DELIVERIES}:{config.name}:"
    return {
        "source": config.name,
        "adapter": config.adapter,
        "enabled": config.enabled,
        "last_heard": _maybe(signs.heard),
        "deliveries": {
            name.removeprefix(mine): n for name, n in sorted(counters.items()) if name.startswith(mine)
        },
        "last_polled": _maybe(datetime.fromisoformat(notes[POLLED]) if POLLED in notes else None),
        "errands_waiting": store.errands.waiting(config.name),
        "silent_since": _maybe(signs.silent),
        "unproven_since": _maybe(signs.unproven),
        "away": About.SOURCE_AWAY.value in notes,
        "refuses": About.SOURCE_REFUSES.value in notes,
    }


def _maybe(moment: datetime | None) -> str | None:
    return None if moment is None else utc(moment)

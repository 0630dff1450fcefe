"""Looks at stays whose own time has come, whatever their doors do: at risk, or to be forgotten."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from worker.domain.booking import StayKey
from worker.domain.house import House
from worker.domain.record import Stay
from worker.domain.watch import erased
from worker.service.generation import OlderFileError
from worker.service.ledger import Ledger
from worker.store import keys
from worker.store.store import Store
from worker.store.vault import UnreadableError

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class StayWatch:
    """Working on a stay twice comes to the same: what follows from the hour is decided at the write."""

    store: Store
    ledger: Ledger
    house: Callable[[], House]

    def look(self, ref: str) -> None:
        """Write the stay as it is now, and as of now: its warnings, its erasure, and its next look."""
        try:
            known = self.ledger.change(StayKey.parse(ref), self._as_of_now)
        except UnreadableError:
            log.exception("watch.unreadable", stay=ref)
            return
        except OlderFileError:
            return
        if known.stay is None:
            self.store.client.zrem(keys.WATCH, ref)

    def _as_of_now(self, stay: Stay | None, now: datetime) -> Stay | None:
        return erased(stay, self.house(), now) if stay is not None else None

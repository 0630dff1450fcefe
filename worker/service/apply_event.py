"""Applies one accepted event to its stay, and takes it out of the inbox in the same write."""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from worker.domain.plan import applied
from worker.service.ledger import Extras, Ledger, event_letter_id
from worker.store.events import applied_commands
from worker.store.redis_client import RedisError
from worker.store.store import Store

MOST_FAILURES = 5

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class EventApplier:
    """Applies events. Working on one twice, or in any order, comes to the same."""

    store: Store
    ledger: Ledger

    def apply(self, event_key: str) -> None:
        """Apply the event; nothing is done where it was applied already."""
        event = self.store.events.get(event_key)
        if event is None:
            return
        has_failed = self.store.events.has_failed(event_key)
        try:
            self.ledger.change(
                event.key,
                lambda stay, now: applied(stay, event, now),
                extras=Extras(commands=tuple(applied_commands(event_key))),
            )
            if has_failed:
                self._settle(event_key)
        except RedisError:
            raise
        except Exception as error:
            # It stays in the inbox and is tried again; after a few times a person has to look.
            failures = self.store.events.failed(event_key)
            log.exception("event.failed", key=event_key, failures=failures, error=type(error).__name__)
            if failures == MOST_FAILURES:
                self.ledger.open_event_letter(event_key, event.key)

    def _settle(self, event_key: str) -> None:
        letter = self.store.letters.get(event_letter_id(event_key))
        if letter is not None:
            self.ledger.settle_letter(letter, "The event was applied.")

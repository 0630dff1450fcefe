"""Applies one accepted event to its stay, and takes it out of the inbox in the same write."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from worker.domain.booking import BookingEvent, Status, StayKey, by_unit, sibling_events
from worker.domain.plan import applied
from worker.domain.record import Stay
from worker.service.generation import OlderFileError
from worker.service.ledger import Extras, Ledger, event_letter_id
from worker.store.events import applied_commands
from worker.store.redis_client import RedisError
from worker.store.store import Store

MOST_FAILURES = 5

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class EventApplier:
    """Applies events. Working on one twice comes to the same."""

    store: Store
    ledger: Ledger

    def apply(self, event_key: str) -> None:
        """Apply the event, and all others of its stay that wait, in the order of their versions.

        Events of one stay that came in order must not overtake one another among the workers: an update that
        names few fields counts only on top of those before it. Nothing is done where it was applied already.
        """
        event = self.store.events.get(event_key)
        if event is None:
            return
        has_failed = self.store.events.has_failed(event_key)
        commands: list[list[str | int]] = []
        siblings: list[str] = []

        def fold(stay: Stay | None, now: datetime) -> Stay | None:
            waiting = self._waiting(event_key, event.key)
            commands[:] = [row for key in waiting for row in applied_commands(key, event.key)]
            for told in waiting.values():
                one = by_unit(told, self._units(stay, told))
                before, stay = stay, applied(stay, one, now)
                siblings.extend(self._siblings(before, stay, one))
            return stay if waiting else None

        try:
            self.ledger.change(event.key, fold, extras=Extras(commands=commands))
            if has_failed:
                self._settle(event_key)
            for key in siblings:
                self.apply(key)
        except RedisError:
            raise
        except OlderFileError:
            log.warning("event.left", key=event_key, reason="a newer property file is in use")
        except Exception as error:
            # It stays in the inbox and is tried again; after a few times a person has to look.
            failures = self.store.events.failed(event_key)
            log.exception("event.failed", key=event_key, failures=failures, error=type(error).__name__)
            if failures == MOST_FAILURES:
                self.ledger.open_event_letter(event_key, event.key)

    def _waiting(self, event_key: str, stay: StayKey) -> dict[str, BookingEvent]:
        """What is to be applied; an event that has failed before holds up no other."""
        found = self.store.events.pending(stay)
        return {
            key: event
            for key, event in found.items()
            if key == event_key or not self.store.events.has_failed(key)
        }

    def _units(self, first: Stay | None, event: BookingEvent) -> dict[str, str | None]:
        """The units of the reservation's stays that are on, by id."""
        if first is None or event.siblings is None:
            return {}
        names = sorted({*first.booking.siblings, *event.siblings})
        others = [self.store.stays.get(StayKey(event.key.source, name)) for name in names]
        stays = [first, *(stay for stay in others if stay is not None)]
        on = (stay for stay in stays if stay.booking.status is not Status.CANCELLED)
        return {stay.key.id: stay.booking.unit for stay in on}

    def _siblings(self, before: Stay | None, after: Stay, event: BookingEvent) -> list[str]:
        """Accept what it means for the reservation's other stays, before it leaves the inbox itself."""
        was = before.booking if before is not None else None
        return [self.store.events.accept(one)[0] for one in sibling_events(was, after.booking, event)]

    def _settle(self, event_key: str) -> None:
        letter = self.store.letters.get(event_letter_id(event_key))
        if letter is not None:
            self.ledger.settle_letter(letter, "The event was applied.")

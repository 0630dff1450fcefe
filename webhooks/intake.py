"""Puts what a source has answered on record: as events, or kept for a person where it is not understood."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

import structlog

from webhooks.sources.adapter import Acknowledges, Answers, NotUnderstoodError, Parsed
from webhooks.sources.asking import Asking, RefusedError
from worker.bootstrap import Innkey
from worker.property_access import SourceConfig
from worker.service.notice_writes import bad_event_commands
from worker.store.events import RejectedEvent, rejected_id

__all__ = ["Intake"]

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Intake:
    """One source's. Taking the same in twice comes to the same."""

    innkey: Innkey
    config: SourceConfig
    adapter: Answers
    api: Asking

    def take_in(self, reservation: str, document: Any, asked: datetime) -> None:
        """Put what a document says on record. Raises redis' errors."""
        parsed = self._read(reservation, document, asked)
        if parsed is None:
            return
        for event in parsed.events:
            key, is_new = self.innkey.store.events.accept(event, by_content=parsed.by_content)
            self.innkey.counts.add(f"fetched:{self.config.name}:{'news' if is_new else 'known'}")
            if is_new:
                self.innkey.hints.event(key)

    def _read(self, reservation: str, document: Any, asked: datetime) -> Parsed | None:
        """None for what is kept for a person: one document must not hold up those beside it."""
        try:
            return self.adapter.read(reservation, document, self.config, asked)
        except NotUnderstoodError as error:
            errors = error.errors
        except Exception as error:
            log.exception("source.not_read", source=self.config.name, error=type(error).__name__)
            errors = {"reservation": ["could not be read: a fault of Innkey's own"]}
        self.keep(reservation, document, errors, asked)
        return None

    def acknowledge(self, reservation: str) -> None:
        """What is on record, understood or kept for a person, the source need not tell again."""
        if hasattr(self.adapter, "acknowledge"):
            try:
                cast("Acknowledges", self.adapter).acknowledge(self.api, reservation)
            except RefusedError as error:
                # What could be read is not forbidden: the key may not acknowledge.
                raise RefusedError(error.status, is_key=error.is_key) from None

    def keep(self, reservation: str, document: Any, errors: dict[str, list[str]], now: datetime) -> None:
        """Keep what was not understood; its replay asks anew."""
        body = json.dumps(document, sort_keys=True).encode()
        rejected = RejectedEvent(
            id=rejected_id(self.config.name, reservation.encode() + b"\n" + body),
            source=self.config.name,
            received=now,
            content_type="application/json",
            errors=errors,
            body=body,
            asked=reservation,
        )
        told = bad_event_commands(self.config.name, rejected.id, now)
        if self.innkey.store.events.keep_rejected(rejected, told):
            self.innkey.counts.add(f"fetched:{self.config.name}:not_understood")
            log.warning(
                "source.not_understood",
                source=self.config.name,
                rejected=rejected.id,
                fields=sorted(errors),
            )

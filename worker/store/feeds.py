"""What is known of each calendar's stays, written together with the events that it stands for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import Any

import redis

from worker.domain.booking import BookingEvent, Status
from worker.domain.feeds import Known, Remembered
from worker.store import keys
from worker.store.codec import from_millis, to_millis
from worker.store.commit import Commit
from worker.store.errands import Round
from worker.store.events import Events
from worker.store.scripts import Scripts
from worker.store.vault import Vault

KEPT = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class FeedRecord:
    """A calendar on record. `etag` and `modified`: of its last good read, asked for as `asked_as` says."""

    remembered: Remembered = field(default_factory=Remembered)
    etag: str = ""
    modified: str = ""
    asked_as: str = ""
    raw: str = ""  # as it stands in Redis; "" where there is none


class Feeds:
    """Keeps what is known of calendars."""

    def __init__(self, client: redis.Redis, scripts: Scripts, vault: Vault, events: Events) -> None:
        """Nothing is sent yet."""
        self._client, self._scripts, self._vault, self._events = client, scripts, vault, events

    def get(self, feed: str) -> FeedRecord:
        """What is known of a calendar; an empty record where nothing is."""
        raw = self._client.get(keys.feed(feed))
        if raw is None:
            return FeedRecord()
        row = self._vault.open(str(raw))
        read_at = row["read_at"]
        remembered = Remembered(
            tuple(_load(one) for one in row["known"]),
            from_millis(read_at) if read_at is not None else None,
        )
        return FeedRecord(remembered, row["etag"], row["modified"], row["asked_as"], str(raw))

    def put(
        self, taken: Round, before: FeedRecord, after: FeedRecord, events: Sequence[BookingEvent]
    ) -> list[str]:
        """Keep what came of a read, and accept its events, in one write; the events' keys.

        Raises FencedError where the lease is gone, ConflictError where another read came first.
        """
        name = keys.feed(taken.source)
        sealed = self._vault.seal(_dump(after))
        accepted = [self._events.accepted_commands(one) for one in events]
        commit = Commit(
            already=(name, sealed),
            fence=(keys.errand_lease(taken.source), taken.token),
            guards=[(name, before.raw)],
            commands=[
                ["SET", name, sealed, "EX", round(KEPT.total_seconds())],
                *(command for _, commands in accepted for command in commands),
            ],
        )
        commit.run(self._scripts)
        return [key for key, _ in accepted]


def _dump(record: FeedRecord) -> dict[str, Any]:
    read_at = record.remembered.read_at
    return {
        "known": [_row(one) for one in record.remembered.known],
        "read_at": to_millis(read_at) if read_at is not None else None,
        "etag": record.etag,
        "modified": record.modified,
        "asked_as": record.asked_as,
    }


def _row(one: Known) -> dict[str, Any]:
    row = {each.name: getattr(one, each.name) for each in fields(one)}
    since = one.missed_since
    return {
        **row,
        "status": one.status.value,
        "missed_since": to_millis(since) if since is not None else None,
    }


def _load(row: dict[str, Any]) -> Known:
    since = row["missed_since"]
    return Known(
        **{
            **row,
            "status": Status(row["status"]),
            "missed_since": from_millis(since) if since is not None else None,
        }
    )

"""Notices in Redis: rows of an alert mail that are no dead letters. No PIN, no guest."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import redis

from worker.domain.notices import TOLD_ONCE, About, Notice
from worker.store import keys
from worker.store.alerts import cleared_commands, raised_commands
from worker.store.codec import from_millis, to_millis

# A notice that is told once is not taken back by anything; a mail server may be away for that long.
KEPT = timedelta(days=30)


class Notices:
    """Reads notices; they are written together with what they are about."""

    def __init__(self, client: redis.Redis) -> None:
        """Nothing is sent yet."""
        self._client = client

    def get_many(self, ids: list[str]) -> list[Notice]:
        """Those of the notices that exist, in the order of `ids`."""
        found = self._client.mget([keys.notice(one) for one in ids]) if ids else []
        return [_load(str(raw)) for raw in found if raw is not None]


def told_commands(notice: Notice) -> list[list[str | int]]:
    """The Redis commands by which a notice asks for a mail."""
    kept: list[str | int] = ["SET", keys.notice(notice.id), _dump(notice)]
    if notice.about in TOLD_ONCE:
        kept += ["EX", round(KEPT.total_seconds())]
    return [kept, *raised_commands(notice.problem, notice.id, notice.opened)]


def settled_commands(notice: Notice) -> list[list[str | int]]:
    """The Redis commands by which a notice that is no longer true asks for the mail that says so."""
    expiry: list[str | int] = ["EXPIRE", keys.notice(notice.id), round(KEPT.total_seconds())]
    return [expiry, *cleared_commands(notice.problem, notice.id, notice.opened)]


def _dump(notice: Notice) -> str:
    row: dict[str, Any] = {
        "about": notice.about.value,
        "where": notice.where,
        "opened": to_millis(notice.opened),
        "source": notice.source,
        "booking": notice.booking,
        "lock": notice.lock,
        "slot": notice.slot,
        "detail": notice.detail,
    }
    return json.dumps(row, separators=(",", ":"))


def _load(text: str) -> Notice:
    row = json.loads(text)
    return Notice(**{**row, "about": About(row["about"]), "opened": from_millis(row["opened"])})

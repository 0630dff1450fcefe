"""What people have done, in the order in which they did it. No PIN, no guest: ids and the vendor's words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis

from worker.store import keys
from worker.store.codec import from_millis
from worker.store.pages import BadCursorError, Page

ASKED = "asked"
MOST_KEPT = 100_000
MOST_TEXT = 300
_ID = re.compile(r"[0-9]{1,15}-[0-9]{1,15}", re.ASCII)
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: `who` did `what` on which lock, booking, letter or delivery.

    Each act has two: one with the result `asked`, written before it, and one that names the first in `act`,
    with what came of it. An act without a second line was cut off: what came of it is not known.
    """

    id: str
    act: str
    at: datetime
    who: str
    what: str
    on: str
    result: str


class OperatorLog:
    """Writes and reads. The latest 100 000 lines are kept."""

    def __init__(self, client: redis.Redis) -> None:
        """Nothing is sent yet."""
        self._client = client

    def asked(self, who: str, what: str, on: str) -> str:
        """Write that something is about to be done; the act's id."""
        return self._add({"who": who, "what": what, "on": on, "result": ASKED})

    def ended(self, act: str, who: str, what: str, on: str, result: str) -> None:
        """Write what came of it."""
        self._add({"who": who, "what": what, "on": on, "result": result, "act": act})

    def page(self, *, limit: int, cursor: str | None) -> Page[Entry]:
        """The lines, the latest first. Raises BadCursorError."""
        if cursor is not None and not _ID.fullmatch(cursor):
            raise BadCursorError("the cursor is not one that this list gave")
        newest = f"({cursor}" if cursor is not None else "+"
        found: Any = self._client.xrevrange(keys.OPERATORS, max=newest, min="-", count=limit + 1)
        rows = [_entry(str(name), fields) for name, fields in found]
        return Page(rows[:limit], rows[limit - 1].id if len(rows) > limit else None)

    def _add(self, texts: Mapping[str, str]) -> str:
        fields: dict[Any, Any] = {name: _UNSAFE.sub(" ", text)[:MOST_TEXT] for name, text in texts.items()}
        return str(self._client.xadd(keys.OPERATORS, fields, maxlen=MOST_KEPT, approximate=True))


def _entry(name: str, fields: Mapping[str, str]) -> Entry:
    return Entry(
        id=name,
        act=fields.get("act", name),
        at=from_millis(int(name.partition("-")[0])),
        who=fields["who"],
        what=fields["what"],
        on=fields["on"],
        result=fields["result"],
    )

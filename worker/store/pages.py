"""Pages of a sorted index: a cursor names the last row seen, so that new rows shift nothing."""

from __future__ import annotations

import base64
import binascii
import json
import math
from dataclasses import dataclass
from typing import Generic, TypeVar

import redis

T = TypeVar("T")
_BAD = "the cursor is not one that this list gave"


class BadCursorError(ValueError):
    """The cursor was not made by this list."""


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some rows and the cursor of the next ones; None at the end."""

    items: list[T]
    next: str | None


def page_of(
    client: redis.Redis,
    index: str,
    *,
    limit: int,
    cursor: str | None,
    newest_first: bool = False,
    low: float = float("-inf"),
    high: float = float("inf"),
) -> tuple[list[str], str | None]:
    """Members of the ZSET `index` with scores from `low` to `high`, and the next cursor.

    Raises BadCursorError.
    """
    score, member = _read(cursor) if cursor else (None, None)
    if score is not None:
        low, high = (low, score) if newest_first else (score, high)
    skip = 0
    rows: list[tuple[str, float]] = []
    while len(rows) <= limit:
        batch = _batch(client, index, low, high, skip, limit + 50, newest_first=newest_first)
        if not batch:
            break
        skip += len(batch)
        rows += [row for row in batch if _is_after(row, score, member, newest_first=newest_first)]
    page = rows[:limit]
    following = _write(page[-1]) if len(rows) > limit and page else None
    return [name for name, _ in page], following


def _batch(
    client: redis.Redis, index: str, low: float, high: float, skip: int, count: int, *, newest_first: bool
) -> list[tuple[str, float]]:
    bounds = (_bound(high), _bound(low)) if newest_first else (_bound(low), _bound(high))
    found = client.zrange(
        index, *bounds, desc=newest_first, byscore=True, withscores=True, offset=skip, num=count
    )
    return [(str(row[0]), float(row[1])) for row in found]


def _bound(value: float) -> str:
    if value in (float("inf"), float("-inf")):
        return "+inf" if value > 0 else "-inf"
    return repr(value)


def _is_after(row: tuple[str, float], score: float | None, member: str | None, *, newest_first: bool) -> bool:
    if score is None or member is None or row[1] != score:
        return True
    return row[0] < member if newest_first else row[0] > member


def _write(row: tuple[str, float]) -> str:
    return base64.urlsafe_b64encode(json.dumps([row[1], row[0]]).encode()).decode().rstrip("=")


def _read(cursor: str) -> tuple[float, str]:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        score, member = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
        found = float(score), str(member)
    except (ValueError, TypeError, OverflowError, RecursionError, binascii.Error) as error:
        raise BadCursorError(_BAD) from error
    if not math.isfinite(found[0]):
        raise BadCursorError(_BAD)
    return found

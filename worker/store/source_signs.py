"""The signs of sources in Redis. No guest, no key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import redis

from worker.domain.source_signs import SourceSigns
from worker.store import keys
from worker.store.codec import from_millis, to_millis
from worker.store.commit import Commit, ConflictError
from worker.store.scripts import Scripts

__all__ = ["SignsOfSources"]

# Each try that fails is one that another process has won: in the end everybody has.
MOST_TRIES = 20

Commands = list[list[str | int]]
_SECOND = timedelta(seconds=1)


class SignsOfSources:
    """Reads the signs of sources, and changes them as one write with what is told of it."""

    def __init__(self, client: redis.Redis, scripts: Scripts) -> None:
        """Nothing is sent yet."""
        self._client, self._scripts = client, scripts

    def get_many(self, sources: Iterable[str]) -> dict[str, SourceSigns]:
        """The signs by source; empty ones of a source that was never heard of."""
        names = list(sources)
        found = self._client.mget([keys.source_signs(name) for name in names]) if names else []
        return {name: _load(str(text or "")) for name, text in zip(names, found, strict=True)}

    def change(
        self,
        source: str,
        decide: Callable[[SourceSigns], SourceSigns],
        told: Callable[[SourceSigns, SourceSigns], Commands] = lambda _before, _after: [],
    ) -> tuple[SourceSigns, SourceSigns]:
        """Make of the signs what `decide` says, in one write with the commands of `told`; before and after.

        Raises redis' errors, or ConflictError where others change them all the time.
        """
        key = keys.source_signs(source)
        for _ in range(MOST_TRIES):
            old = str(self._client.get(key) or "")
            before = _load(old)
            after = decide(before)
            new = _dump(after)
            if new == (old or _dump(SourceSigns())):
                return before, after
            commands: Commands = [["SET", key, new], ["SADD", keys.SOURCES, source], *told(before, after)]
            try:
                Commit(already=(key, new), guards=[(key, old)], commands=commands).run(self._scripts)
            except ConflictError:
                continue
            return before, after
        raise ConflictError

    def known(self) -> set[str]:
        """The sources that have signs, those that left the property file included."""
        return {str(name) for name in self._client.smembers(keys.SOURCES)}

    def forget(self, source: str) -> None:
        """Forget a source that left the property file."""
        pipe = self._client.pipeline()
        pipe.delete(keys.source_signs(source))
        pipe.srem(keys.SOURCES, source)
        pipe.execute()

    def may_judge(self, every: timedelta) -> bool:
        """Whether nobody judged the sources for so long; True to one worker."""
        return bool(self._client.set(keys.WATCHED, "1", px=every // timedelta(milliseconds=1), nx=True))


_MOMENTS = {
    "h": "heard",
    "rf": "refused_from",
    "ra": "refused_at",
    "l": "looked",
    "a": "awake",
    "s": "silent",
    "u": "unproven",
}


def _dump(signs: SourceSigns) -> str:
    row: dict[str, Any] = {short: getattr(signs, name) for short, name in _MOMENTS.items()}
    row = {short: to_millis(at) for short, at in row.items() if at is not None}
    row |= {"n": signs.refusals} if signs.refusals else {}
    row |= {"g": {day.isoformat(): gap // _SECOND for day, gap in signs.gaps.items()}} if signs.gaps else {}
    return json.dumps(row, separators=(",", ":"))


def _load(text: str) -> SourceSigns:
    row: Mapping[str, Any] = json.loads(text) if text else {}
    found: dict[str, Any] = {
        name: from_millis(row[short]) for short, name in _MOMENTS.items() if short in row
    }
    gaps = {date.fromisoformat(day): seconds * _SECOND for day, seconds in row.get("g", {}).items()}
    return SourceSigns(**found, refusals=row.get("n", 0), gaps=gaps)

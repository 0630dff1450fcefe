"""What is to be asked of each source's own API, and when: one timetable and one lease per source.

An errand is a text: what kind, and of what. The same errand twice is one. So that one source is asked by one
worker at a time, and never for the same thing twice at once.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import redis

from worker.store import keys
from worker.store.codec import to_millis
from worker.store.commit import Commit
from worker.store.scripts import Scripts

MOST_SOURCES = 50
HINT_AGAIN_MS = 5_000
MOST_IN_A_WRITE = 500
LEASE = timedelta(minutes=2)  # longer than any one request, with all its pages, may take

PIN = "pin"
# Beside the errands in their hash of failures; no errand is called so.
_SOURCE, _FIRST, _SPLIT = "#source", "#first", "#split:"
_REFUSED, _FIRST_REFUSED = "#refused", "#first-refused"
Commands = list[list[str | int]]


@dataclass(frozen=True, slots=True)
class Errand:
    """One thing to do at a source. `news` counts what came in while it waited."""

    what: str
    news: str

    @property
    def kind(self) -> str:
        """The word before the colon."""
        return self.what.partition(":")[0]

    @property
    def of(self) -> str:
        """What stands behind it: the id of a reservation."""
        return self.what.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Round:
    """The lease of one source."""

    source: str
    token: str


class Errands:
    """The timetables of all sources."""

    def __init__(self, client: redis.Redis, scripts: Scripts) -> None:
        """Nothing is sent yet."""
        self._client, self._scripts = client, scripts

    def add(self, source: str, what: str, at: datetime) -> None:
        """Do this at a source from `at` on. Raises redis' errors; then nothing is kept."""
        self.add_all(source, [what], at)

    def add_all(self, source: str, whats: Sequence[str], at: datetime) -> datetime | None:
        """The same for many in few writes: their sender waits. Raises redis' errors; some may be kept.

        Redis' time; None where there is nothing to do.
        """
        now = None
        for first in range(0, len(whats), MOST_IN_A_WRITE):
            some = whats[first : first + MOST_IN_A_WRITE]
            rows = [row for what in some for row in wanted_commands(source, what, at)]
            now, _ = Commit(commands=rows).run(self._scripts)
        return now

    def begin(self, source: str, what: str, at: datetime) -> None:
        """As `add`, but what is on the timetable keeps its time: for what comes again and again."""
        pipe = self._client.pipeline()
        pipe.zadd(keys.errands_of(source), {what: to_millis(at)}, nx=True)
        pipe.zadd(keys.ERRANDS, {source: to_millis(at)}, nx=True)
        pipe.execute()

    def drop(self, source: str, what: str) -> None:
        """Never do this again."""
        self._client.zrem(keys.errands_of(source), what)

    def due(self) -> list[str]:
        """Sources with errands due; each is handed out again in five seconds."""
        found = self._scripts.run("errand_due", [MOST_SOURCES, HINT_AGAIN_MS])
        return [str(source) for source in found]

    def take(self, source: str) -> Round | None:
        """The lease of a source; None where another worker has it, or the source is paused."""
        token = secrets.token_hex(8)
        args = [source, token, round(LEASE.total_seconds() * 1000)]
        names = [keys.errand_lease(source), keys.errand_pause(source)]
        return Round(source, token) if self._scripts.run("errand_take", args, names) else None

    def next(self, taken: Round, most: int) -> list[Errand] | None:
        """Renew the lease: up to `most` errands that are due, oldest first; None where it is gone."""
        names = [
            keys.errand_lease(taken.source),
            keys.errands_of(taken.source),
            keys.errand_news(taken.source),
        ]
        args = [taken.source, taken.token, round(LEASE.total_seconds() * 1000), most]
        found = self._scripts.run("errand_next", args, names)
        if found is None:
            return None
        return [Errand(str(what), str(news)) for what, news in zip(found[::2], found[1::2], strict=True)]

    def done(self, taken: Round, errand: Errand, *, again: datetime | None = None) -> bool:
        """It is done: off the timetable, or on it for `again`; False where the lease is gone.

        Where there was news of it meanwhile it stays due.
        """
        names = [
            keys.errand_lease(taken.source),
            keys.errands_of(taken.source),
            keys.errand_news(taken.source),
            keys.errand_fails(taken.source),
        ]
        args = [taken.token, errand.what, errand.news, -1 if again is None else to_millis(again)]
        return bool(self._scripts.run("errand_done", args, names))

    def failed(self, taken: Round, errand: Errand) -> int:
        """Count a failure; how often in a row."""
        return int(self._client.hincrby(keys.errand_fails(taken.source), errand.what, 1))

    def source_failed(self, taken: Round, what: str) -> tuple[int, bool]:
        """Count a failure of the source; how often in a row, and whether with different errands."""
        return self._in_a_row(taken, what, _SOURCE, _FIRST)

    def source_refused(self, taken: Round, what: str) -> tuple[int, bool]:
        """The same for a request that it refuses."""
        return self._in_a_row(taken, what, _REFUSED, _FIRST_REFUSED)

    def _in_a_row(self, taken: Round, what: str, count: str, earliest: str) -> tuple[int, bool]:
        name = keys.errand_fails(taken.source)
        pipe = self._client.pipeline()
        pipe.hincrby(name, count, 1)
        pipe.hsetnx(name, earliest, what)
        pipe.hget(name, earliest)
        fails, _, first = pipe.execute()
        if first != what:
            self._client.hset(name, earliest, "")
        return int(fails), first != what

    def source_answered(self, taken: Round) -> None:
        """Nothing fails in a row any more."""
        self._client.hdel(keys.errand_fails(taken.source), _SOURCE, _FIRST, _REFUSED, _FIRST_REFUSED)

    def split(self, taken: Round, errands: Sequence[Errand]) -> None:
        """Count a failure of several errands together."""
        pipe = self._client.pipeline()
        for one in errands:
            pipe.hincrby(keys.errand_fails(taken.source), _SPLIT + one.what, 1)
        pipe.execute()

    def splits(self, taken: Round, errand: Errand) -> int:
        """How often an errand has failed together with others."""
        return self.failures(taken.source, _SPLIT + errand.what)

    def put_off(self, taken: Round, errand: Errand, until: datetime) -> None:
        """Try an errand again then."""
        self._client.zadd(keys.errands_of(taken.source), {errand.what: to_millis(until)}, xx=True)

    def put_off_all(self, source: str, span: timedelta) -> None:
        """Hint at a source again after `span`: nobody here can ask it."""
        seconds, _ = self._client.time()
        at = (int(seconds) + round(span.total_seconds())) * 1000
        self._client.zadd(keys.ERRANDS, {source: at}, xx=True)

    def pause(self, source: str, span: timedelta) -> None:
        """Ask this source nothing for so long."""
        self._client.set(keys.errand_pause(source), "1", px=max(round(span.total_seconds() * 1000), 1))

    def leave(self, taken: Round) -> None:
        """Give the lease back."""
        names = [
            keys.errand_lease(taken.source),
            keys.errand_pause(taken.source),
            keys.errands_of(taken.source),
        ]
        self._scripts.run("errand_leave", [taken.source, taken.token], names)

    def notes(self, source: str) -> dict[str, str]:
        """What was noted of a source: when it was last polled, what people were told of it."""
        found = self._client.hgetall(keys.source_notes(source))
        return {str(name): str(text) for name, text in found.items()}

    def note(self, source: str, name: str, text: str) -> None:
        """Note something of a source. No secret, no guest."""
        self._client.hset(keys.source_notes(source), name, text)

    def failures(self, source: str, what: str) -> int:
        """How often an errand has failed in a row."""
        return int(self._client.hget(keys.errand_fails(source), what) or 0)

    def waiting(self, source: str) -> int:
        """How many errands the source's timetable has."""
        return int(self._client.zcard(keys.errands_of(source)))


def pin_errand(stay: str) -> str:
    """The errand to write a stay's PIN into the booking system."""
    return f"{PIN}:{stay}"


def wanted_commands(source: str, what: str, at: datetime) -> Commands:
    """The Redis commands that put an errand on the timetable, for a write that it goes along with."""
    return [
        ["ZADD", keys.errands_of(source), "LT", to_millis(at), what],
        ["HINCRBY", keys.errand_news(source), what, 1],
        ["ZADD", keys.ERRANDS, "LT", to_millis(at), source],
    ]


def note_command(source: str, name: str, text: str) -> list[str | int]:
    """The Redis command that notes something of a source. No secret, no guest."""
    return ["HSET", keys.source_notes(source), name, text]


def forget_command(source: str, name: str) -> list[str | int]:
    """The Redis command that takes a note back."""
    return ["HDEL", keys.source_notes(source), name]

"""Which problems still owe the operations inbox a mail. One HASH a problem.

Letter id -> `new`, `mailed` or `cleared`.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import redis

from worker.store import keys
from worker.store.codec import from_millis, to_millis

_LAST = "#mailed-at"
_FAILS = "#fails"
_CLAIM = timedelta(seconds=90)


class Alerts:
    """The outbox of alert mails."""

    def __init__(self, client: redis.Redis) -> None:
        """Nothing is sent yet."""
        self._client = client

    def due(self, now: datetime, limit: int = 20) -> list[str]:
        """Problems whose mail is due."""
        found = self._client.zrange(keys.ALERTS, "-inf", to_millis(now), byscore=True, offset=0, num=limit)
        return [str(problem) for problem in found]

    def claim(self, problem: str, now: datetime) -> bool:
        """Take a due problem for a minute and a half.

        Exactly one worker mails it, another if that one dies.
        """
        due = self._client.zscore(keys.ALERTS, problem)
        if due is None or due > to_millis(now):
            return False
        later = to_millis(now + _CLAIM)
        return bool(self._client.zadd(keys.ALERTS, {problem: later}, xx=True, gt=True, ch=True))

    def rows(self, problem: str) -> dict[str, str]:
        """Letter id -> `new`, `mailed` or `cleared`."""
        found = self._client.hgetall(keys.alert(problem))
        return {str(k): str(v) for k, v in found.items() if not str(k).startswith("#")}

    def last_mailed(self, problem: str) -> datetime | None:
        """When the last mail of this problem went out."""
        found = self._client.hget(keys.alert(problem), _LAST)
        return None if found is None else from_millis(int(found))

    def postpone(self, problem: str, until: datetime) -> None:
        """Gather until then."""
        self._client.zadd(keys.ALERTS, {problem: to_millis(until)}, xx=True)

    def failed(self, problem: str, now: datetime) -> None:
        """The mail server did not take it.

        Again after 10 s, doubling up to 5 minutes, for as long as it takes.
        """
        fails = int(self._client.hincrby(keys.alert(problem), _FAILS, 1))
        self.postpone(problem, now + timedelta(seconds=min(10 * 2 ** min(fails - 1, 8), 300)))

    def mailed(self, problem: str, told: list[str], cleared: list[str], now: datetime) -> None:
        """A mail went out that told of `told`, and that `cleared` are settled."""
        rows = self.rows(problem)
        pipe = self._client.pipeline()
        for letter in told:
            if rows.get(letter) == "new":
                pipe.hset(keys.alert(problem), letter, "mailed")
        if cleared:
            pipe.hdel(keys.alert(problem), *cleared)
        pipe.hset(keys.alert(problem), _LAST, str(to_millis(now)))
        pipe.hdel(keys.alert(problem), _FAILS)
        pipe.execute()
        self.settle(problem, now)

    def settle(self, problem: str, now: datetime) -> None:
        """Take the problem off the timetable, unless something came meanwhile."""
        left = self.rows(problem)
        if any(state in ("new", "cleared") for state in left.values()):
            self.postpone(problem, now)
        elif left:
            self._client.zrem(keys.ALERTS, problem)
        else:
            self._client.zrem(keys.ALERTS, problem)
            self._client.delete(keys.alert(problem))


def raised_commands(problem: str, letter: str, now: datetime) -> list[list[str | int]]:
    """The Redis commands by which a new letter asks for a mail, in the same write as the letter."""
    return [
        ["HSET", keys.alert(problem), letter, "new"],
        ["ZADD", keys.ALERTS, "LT", to_millis(now), problem],
    ]


def cleared_commands(problem: str, letter: str, now: datetime) -> list[list[str | int]]:
    """The Redis commands by which a resolved letter asks for the mail that says so."""
    return [
        ["HSET", keys.alert(problem), letter, "cleared"],
        ["ZADD", keys.ALERTS, "LT", to_millis(now), problem],
    ]

"""Which problems still owe the operations inbox a mail. One HASH a problem.

Id of a letter or a notice -> `new`, `mailed` or `cleared`.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import redis

from worker.store import keys
from worker.store.codec import from_millis, to_millis
from worker.store.scripts import Scripts

_LAST = "#mailed-at"
_FAILS = "#fails"
_CLAIM = timedelta(seconds=90)


class Alerts:
    """The outbox of alert mails."""

    def __init__(self, client: redis.Redis) -> None:
        """Nothing is sent yet."""
        self._client, self._scripts = client, Scripts(client)

    def due(self, now: datetime, limit: int = 20) -> list[str]:
        """Problems whose mail is due."""
        found = self._client.zrange(keys.ALERTS, "-inf", to_millis(now), byscore=True, offset=0, num=limit)
        return [str(problem) for problem in found]

    def claim(self, problem: str, now: datetime) -> bool:
        """Take a due problem for a minute and a half: one worker mails it, another if that one dies."""
        args = [problem, to_millis(now), to_millis(now + _CLAIM)]
        return bool(self._scripts.run("alert_claim", args))

    def rows(self, problem: str) -> dict[str, str]:
        """Letter or notice -> `new`, `mailed`, `cleared`, or `settled` while others are open."""
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
        """The mail server did not take it: again after 10 s, doubling up to 5 minutes, without an end."""
        fails = int(self._client.hincrby(keys.alert(problem), _FAILS, 1))
        self.postpone(problem, now + timedelta(seconds=min(10 * 2 ** min(fails - 1, 8), 300)))

    def mailed(self, problem: str, told: list[str], once: list[str], now: datetime) -> None:
        """A mail told of `told`, which may clear one day, and of `once`, which never do."""
        moves = [(row, "new", "mailed") for row in told] + [(row, "new", "") for row in once]
        self.move(problem, moves, now, is_mailed=True)

    def move(
        self, problem: str, moves: list[tuple[str, str, str]], now: datetime, *, is_mailed: bool = False
    ) -> None:
        """Move rows (id, state as seen, next state or "" for gone); what came meanwhile stays owed."""
        done = {"problem": problem, "now": to_millis(now), "moves": moves, "mailed": is_mailed}
        self._scripts.run("alert_done", [json.dumps(done)])


def raised_commands(problem: str, row: str, now: datetime) -> list[list[str | int]]:
    """The Redis commands by which a new letter or notice asks for a mail, in the same write as the letter."""
    return [
        ["HSET", keys.alert(problem), row, "new"],
        ["ZADD", keys.ALERTS, "LT", to_millis(now), problem],
    ]


def cleared_commands(problem: str, row: str, now: datetime) -> list[list[str | int]]:
    """The Redis commands by which one that is settled asks for the mail that says so."""
    return [
        ["HSET", keys.alert(problem), row, "cleared"],
        ["ZADD", keys.ALERTS, "LT", to_millis(now), problem],
    ]

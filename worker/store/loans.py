"""What a person's own call needs of the window and the leases, so that it counts like any other call.

Like a worker's visit, a loan ends by itself when its holder is gone.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import redis

from worker.domain.house import Account
from worker.store import keys
from worker.store.codec import from_millis, to_millis
from worker.store.scripts import Scripts


class InTheWay(StrEnum):
    """Why nothing was lent."""

    BUSY = "busy"  # somebody works on the lock
    FULL = "full"  # all places of the account are taken


@dataclass(frozen=True, slots=True)
class Loan:
    """A place in the window of `account`, and with a `lock` its lease.

    `quiet`: so long no command may go to the lock, because one was never answered.
    """

    account: Account
    lock: str
    token: str
    now: datetime
    quiet: timedelta


def new_token() -> str:
    """What tells one loan from all others."""
    return secrets.token_hex(8)


class Loans:
    """Lends and takes back."""

    def __init__(self, client: redis.Redis, scripts: Scripts) -> None:
        """Nothing is sent yet."""
        self._client, self._scripts = client, scripts

    def take(
        self,
        account: Account,
        lasts: timedelta,
        *,
        lock: str = "",
        token: str | None = None,
        waits: timedelta = timedelta(0),
    ) -> Loan | InTheWay:
        """A place for a read; with `lock` the lock too. With the `token` of a loan that one is prolonged.

        `waits`: so long, or until asked again with this `token`, others make way for one who got nothing.
        """
        token = token or new_token()
        lasts_ms, waits_ms = (round(span.total_seconds() * 1000) for span in (lasts, waits))
        args = [account.name, token, account.max_in_flight, lasts_ms, lock, waits_ms]
        now, what, quiet_ms = self._scripts.run("borrow", args)
        if what != "ours":
            return InTheWay(what)
        return Loan(account, lock, token, from_millis(now), timedelta(milliseconds=max(int(quiet_ms), 0)))

    def give_back(
        self,
        loan: Loan,
        *,
        ghost_until: datetime | None = None,
        quiet_until: datetime | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> list[str]:
        """End a loan; the locks to wake.

        `ghost_until`: a call was never answered, and keeps its place until then. `quiet_until`: no command to
        this lock before then. `facts`: what is known of the lock from now on.
        """
        ghost, quiet = (to_millis(at) if at else 0 for at in (ghost_until, quiet_until))
        window, account = keys.window(loan.account.name), loan.account
        if loan.lock:
            known = json.dumps(facts, separators=(",", ":")) if facts is not None else ""
            args = [loan.lock, account.name, loan.token, account.max_in_flight, ghost, quiet, 0, known]
            _, woken, _ = self._scripts.run("release", args)
            return [str(lock) for lock in woken]
        if ghost:
            self._client.zadd(window, {f"hand#{loan.token}": ghost}, xx=True)
        else:
            self._client.zrem(window, f"hand#{loan.token}")  # the tick gives it to the next one
        return []

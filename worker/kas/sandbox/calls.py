"""The log of every vendor call: what was asked, what became of it, how full the queue was."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

KEEP = 200_000


@dataclass(slots=True)
class Call:
    """One call. Times are epoch seconds; `ended` is when its place in the queue became free again."""

    number: int
    at: float
    account: str | None
    lock: str
    op: str
    slot: int | None
    body: dict[str, Any] = field(repr=False)
    key_hash: str
    outstanding: int
    ended: float | None = None
    outcome: str = "running"
    status: int | None = None
    executed: str = "no"


class CallLog:
    """The calls in the order they came, the oldest forgotten beyond a large number."""

    def __init__(self) -> None:
        self._calls: dict[int, Call] = {}
        self._last = 0
        self.by_op: Counter[str] = Counter()

    def open(
        self,
        *,
        at: float,
        account: str | None,
        lock: str,
        op: str,
        body: dict[str, Any],
        key: str,
        outstanding: int,
    ) -> Call:
        """Write a call down as it comes in."""
        self._last += 1
        self.by_op[op] += 1
        slot = body.get("password_id", body.get("rfid_id"))
        call = Call(
            number=self._last,
            at=at,
            account=account,
            lock=lock,
            op=op,
            slot=slot if isinstance(slot, int) else None,
            body=body,
            key_hash=hashlib.sha256(key.encode()).hexdigest()[:12],
            outstanding=outstanding,
        )
        self._calls[call.number] = call
        self._calls.pop(call.number - KEEP, None)
        return call

    def since(self, number: int = 0) -> Iterator[Call]:
        """The calls after the one with this number."""
        return (call for call in self._calls.values() if call.number > number)

    def latest(self, count: int) -> list[Call]:
        """The last calls, newest first."""
        return list(islice(reversed(self._calls.values()), count))

    def late_done(self, number: int) -> None:
        """Note that this call's command reached its lock after all."""
        call = self._calls.get(number)
        if call is not None:
            call.executed = "late_done"

    def clear(self) -> None:
        """Forget all calls; numbers go on."""
        self._calls.clear()
        self.by_op.clear()

"""What a person asks of one lock, here and now: open the door, set the clock, read the list or the trail.

Tried for 30 s at most, and never put in a queue: nobody is at the door any more when it would come.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain import turn
from worker.domain.answer_table import SURELY_NOT
from worker.domain.booking import StayKey
from worker.domain.house import House, Lock
from worker.domain.media import tags_of
from worker.domain.outcomes import Answer, Kind, Outcome
from worker.domain.record import Stay
from worker.service.by_hand import ByHand, LostLoanError, QuietError
from worker.service.clock import Clock
from worker.service.generation import OlderFileError
from worker.service.hand_calls import HandCalls
from worker.service.ledger import Ledger
from worker.service.lock_facts import LockFacts
from worker.service.trail import TrailKeeper
from worker.service.vendor import Vendor
from worker.store import keys
from worker.store.commit import ConflictError
from worker.store.redis_client import RedisError
from worker.store.store import Store
from worker.store.vault import UnreadableError

WITHIN = timedelta(seconds=30)
# The next visit finds out by itself, and the answer to a person matters more.
_NOT_NOW = (RedisError, OlderFileError, ConflictError, UnreadableError)
_PERHAPS = frozenset(Kind) - SURELY_NOT - {Kind.DONE, Kind.FAILED}


@dataclass(frozen=True, slots=True)
class Reply:
    """The vendor's last answer to a command. `is_perhaps`: not confirmed, and perhaps done all the same."""

    lock: str
    outcome: Outcome
    at: datetime
    is_perhaps: bool = False

    @property
    def is_done(self) -> bool:
        """Whether the lock did it."""
        return self.outcome.kind is Kind.DONE


@dataclass(slots=True)
class LockDesk:
    """Makes calls for a person. All raise OccupiedError, QuietError, LostLoanError and redis' errors."""

    store: Store
    ledger: Ledger
    vendor: Vendor
    house: Callable[[], House]
    clock: Clock
    wake: Callable[[list[str]], None]
    within: timedelta = WITHIN

    def unlock(self, lock: Lock) -> Reply:
        """Open the door; once more after a 504, as the vendor advises and where time is left.

        The KAS API document, section "Remote Unlock". Opening twice is harmless.
        """
        with self.borrowed(lock) as calls:
            answer = calls.unlock()
            replies = [answer]
            if answer.outcome.kind is Kind.DOUBT and calls.borrowed.left() > 0:
                replies += _once_more(calls.unlock)
            self._went_through(lock, replies[-1])
        return self._reply(lock, replies)

    def set_clock(self, lock: Lock) -> Reply:
        """Set the lock's clock."""
        with self.borrowed(lock) as calls:
            facts, since = LockFacts(self.store.locks.facts(lock.name), lock.zone), self.clock.now()
            answer = calls.set_clock()
            facts.clock_answered(since, is_set=answer.outcome.kind is Kind.DONE)
            calls.borrowed.facts = facts.changed()
            self._went_through(lock, answer)
        return self._reply(lock, [answer])

    def list_pins(self, lock: Lock) -> Answer:
        """The vendor's list, read now."""
        with self.borrowed(lock, with_lease=False) as calls:
            return calls.list_pins()

    def list_tags(self, lock: Lock) -> Answer:
        """The lock's RFID tags, read now. That goes through the gateway, so the lock is held meanwhile."""
        with self.borrowed(lock) as calls:
            return calls.list_tags()

    def delete_tag(self, lock: Lock, rfid_id: int) -> Reply:
        """Take off a tag that belongs to nothing of ours; one that is not there counts as taken off."""
        with self.borrowed(lock) as calls:
            answer = calls.list_tags()
            if answer.entries is not None and rfid_id in {entry.slot for entry in answer.entries}:
                answer = calls.delete_tag(rfid_id)
        return self._reply(lock, [answer])

    def list_events(self, lock: Lock) -> Answer:
        """The audit trail, read now; what is new in it is taken in as by a worker's visit."""
        with self.borrowed(lock, with_lease=False) as calls:
            answer = calls.list_events()
        if answer.events is not None:
            with contextlib.suppress(*_NOT_NOW):
                self._trail().take_in_by_hand(lock, answer.events)
        return answer

    @contextmanager
    def borrowed(
        self, lock: Lock, *, with_lease: bool = True, is_bounded: bool = True
    ) -> Iterator[HandCalls]:
        """The calls to one lock under one loan; `is_bounded`: all of them within 30 s."""
        by_hand = ByHand(self.store, self.house(), self.clock, self.wake, self.within)
        ends = time.monotonic() + self.within.total_seconds() if is_bounded else float("inf")
        with by_hand.borrowed(lock, with_lease=with_lease, ends=ends) as borrowed:
            yield HandCalls(borrowed, self.vendor, lock)

    def _reply(self, lock: Lock, answers: list[Answer]) -> Reply:
        outcome = answers[-1].outcome
        is_done = outcome.kind is Kind.DONE
        is_perhaps = not is_done and any(one.outcome.kind in _PERHAPS for one in answers)
        return Reply(lock.name, outcome, self.clock.now(), is_perhaps)

    def _went_through(self, lock: Lock, answer: Answer) -> None:
        """A gateway that carried this out is there again: what failed only for it is tried again."""
        if answer.outcome.kind is not Kind.DONE:
            return
        with contextlib.suppress(*_NOT_NOW):
            for memory in (lock.name, tags_of(lock.name)):
                for ref in self.store.client.smembers(keys.lock_offline(memory)):
                    self._reach(StayKey.parse(str(ref)), memory)
        with contextlib.suppress(*_NOT_NOW):
            self._trail().heard_from(lock, ())

    def _trail(self) -> TrailKeeper:
        return TrailKeeper(self.store, self.ledger, self.house)

    def _reach(self, key: StayKey, memory: str) -> None:
        def reached(stay: Stay | None, _now: datetime) -> Stay | None:
            return turn.reachable(stay, memory) if stay is not None else None

        self.ledger.change(key, reached)


def _once_more(call: Callable[[], Answer]) -> list[Answer]:
    """The answer to a repeat; none where it can no longer go out: then the first one counts."""
    try:
        return [call()]
    except (LostLoanError, QuietError, RedisError):
        return []

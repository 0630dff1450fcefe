"""One visit to one lock: read its list once, do what is due, the most urgent first, one call at a time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from secrets import token_hex
from threading import Event

import structlog

from worker.domain import turn
from worker.domain.booking import StayKey
from worker.domain.house import House, Lock
from worker.domain.media import door_of, is_tags
from worker.domain.outcomes import Answer, Entry, Kind, Outcome
from worker.domain.pins import NoPinLeftError, choose
from worker.domain.record import Stay
from worker.domain.slots import View
from worker.domain.steps import ChoosePin, Clear, Delete, Overwrite, Push, Read, SetClock, Step
from worker.domain.trail import GIVES_WAY, TRAIL, guest_of, next_reading
from worker.service.clock import Clock
from worker.service.generation import OlderFileError
from worker.service.ledger import Extras, Known, Ledger
from worker.service.lock_calls import LockCalls
from worker.service.lock_facts import LockFacts
from worker.service.lock_record import LockRecord
from worker.service.new_pin import with_new_pin
from worker.service.trail import TrailKeeper
from worker.service.trail_visit import TrailVisit
from worker.store.agenda import Claim, lease_key
from worker.store.commit import FencedError, TakenError
from worker.store.redis_client import RedisError
from worker.store.store import Store
from worker.store.vault import UnreadableError

LONGEST = timedelta(minutes=1)
UNREADABLE_AGAIN = timedelta(minutes=10)
NEWER_FILE_AGAIN = timedelta(seconds=10)
SPARE_LENGTH = 6
_MOST_TURNS = 40
_ACTS = (Read, SetClock, ChoosePin, Push, Overwrite, Delete)

log = structlog.get_logger(__name__)


@dataclass(slots=True, kw_only=True)
class Visit:
    """What is known during the visit: the list as read, the records of its stays, and who is to be served."""

    store: Store
    ledger: Ledger
    clock: Clock
    stopping: Event
    house: House
    lock: Lock
    claim: Claim
    calls: LockCalls
    view: View | None = None
    queue: list[str] = field(default_factory=list)
    record: LockRecord = field(init=False)
    facts: LockFacts = field(init=False)
    trail: TrailKeeper = field(init=False)
    started: float = field(default_factory=time.monotonic)
    offline: list[str] = field(default_factory=list)
    is_heard: bool = False
    cleared: set[int] = field(default_factory=set)
    spare_pin: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Take over what the claim read."""
        has_tags = is_tags(self.lock.name)
        self.spare_pin = token_hex(4).upper() if has_tags else choose(SPARE_LENGTH, lambda _: False)
        self.facts = LockFacts(dict(self.claim.facts), self.lock.zone)
        self.trail = TrailKeeper(self.store, self.ledger, lambda: self.house)
        self.record = LockRecord(
            store=self.store,
            ledger=self.ledger,
            house=self.house,
            lock=self.lock,
            claim=self.claim,
            slots=dict(self.claim.slots),
        )
        self.queue = list(self.claim.refs)
        self.offline = list(self.claim.offline)

    def run(self) -> None:
        """Until nothing is due, a minute is over, a call was never answered, or a person wants the lock."""
        try:
            for ref, raw in self.claim.records.items():
                self._take_over(ref, raw)
            going_on = True
            while going_on:
                self._serve_queue()
                going_on = self._goes_on()
        except FencedError:
            log.warning("visit.fenced", lock=self.lock.name)
        except OlderFileError:
            log.warning("visit.left", lock=self.lock.name, reason="a newer property file is in use")
            self._give_back()
        except RedisError:
            # Whatever was not recorded stands in the record as in doubt; the next visit reads it back.
            self._give_back()
            raise

    def _take_over(self, ref: str, raw: str) -> None:
        try:
            self.record.known[ref] = Known(raw, self.store.stays.load(raw))
        except UnreadableError:
            log.exception("visit.unreadable", lock=self.lock.name, stay=ref)
            self.queue.remove(ref)
            self.store.agenda.put_off(self.lock.name, ref, UNREADABLE_AGAIN)

    def _serve_queue(self) -> None:
        self.queue.sort(key=self._urgency)
        while self.queue and not self._must_end():
            ref = self.queue.pop(0)
            try:
                if ref == TRAIL:
                    self._read_trail()
                else:
                    self._serve(ref)
            except (FencedError, RedisError):
                raise
            except OlderFileError:
                self.store.agenda.put_off(self.lock.name, ref, NEWER_FILE_AGAIN)
            except Exception as error:  # one failing entry never stops the others of its lock
                log.exception("visit.failed", lock=self.lock.name, stay=ref, error=type(error).__name__)
                if ref == TRAIL:
                    self.store.agenda.put_off(self.lock.name, ref, UNREADABLE_AGAIN)
                else:
                    self.record.change(ref, lambda stay, now: turn.crashed(stay, self.lock.name, now))

    def _goes_on(self) -> bool:
        """Go on with what has become due meanwhile, or give the lock back."""
        guests = [g for stay in self.record.stays() if (g := guest_of(stay, self.lock.name, self.lock.zone))]
        trail_at = next_reading(guests, self.house.trail, self.clock.now())
        if self.is_heard:
            self.is_heard = False
            arrivals = [guest.check_in for guest in guests if guest.is_staying]
            door = replace(self.lock, name=door_of(self.lock.name))
            self.trail.heard_from(door, arrivals, lease_key(self.claim))
        woken, self.queue = self.store.agenda.release(
            self.claim,
            self.house,
            facts=self.facts.changed(),
            ghost_until=self.calls.ghost_until,
            quiet_until=self.calls.quiet_until,
            may_go_on=not self._must_end(),
            trail_at=None if is_tags(self.lock.name) else trail_at,
        )
        self.ledger.wake(woken)
        return bool(self.queue)

    def _give_back(self) -> None:
        with contextlib.suppress(RedisError):
            self.store.agenda.release(self.claim, self.house, ghost_until=self.calls.ghost_until)

    def _must_end(self) -> bool:
        is_long = time.monotonic() - self.started > LONGEST.total_seconds()
        if self.calls.is_over or self.stopping.is_set() or is_long:
            return True
        # Asked before each call: a person at the door waits for the call in flight, and for no other one.
        self.calls.is_over = self.store.agenda.is_wanted(self.lock.name)
        return self.calls.is_over

    def _urgency(self, ref: str) -> datetime:
        if ref == TRAIL:
            return self.claim.now + GIVES_WAY
        code = self.record.code(ref)
        return code.deadline if code is not None and code.deadline is not None else self.claim.now

    def _serve(self, ref: str) -> None:
        """Bring one code on as far as it goes now."""
        for _ in range(_MOST_TURNS):
            if self._must_end():
                return
            step = self._look(ref)
            if self.record.known[ref].stay is None:
                self.store.agenda.forget(self.lock.name, ref)
                return
            if not self._act(ref, step):
                return
            # Whoever waits for a slot was brought along to be looked at, though not due by its record.
            if not isinstance(step, Read) and self._rests(ref):
                return
        # Whatever goes round in circles must not flood the vendor: it counts as a failed job.
        log.error("visit.no_end", lock=self.lock.name, stay=ref)
        self.record.change(ref, lambda stay, now: turn.crashed(stay, self.lock.name, now))

    def _look(self, ref: str) -> Step | None:
        """Fold what was seen of the code into its record, and say what comes next."""
        found: list[Step] = []

        def change(stay: Stay, now: datetime) -> Stay | None:
            looked, step = turn.look_at(stay, self._seen(now), self.house, now)
            found[:] = [step]
            return None if looked == stay and isinstance(step, _ACTS) else looked

        self.record.change(ref, change, Extras(claim=self.claim, reschedule=self.lock.name))
        return found[0] if found else None

    def _act(self, ref: str, step: Step | None) -> bool:
        """Do the step; False where nothing more is to be done for this code now."""
        if isinstance(step, Read):
            self._read(ref)
        elif isinstance(step, SetClock):
            self._set_clock(ref)
        elif isinstance(step, ChoosePin):
            self._choose_pin(ref)
        elif isinstance(step, Push | Overwrite | Delete):
            self._command(ref, step)
        else:
            return False
        return True

    def _set_clock(self, ref: str) -> None:
        """Set the lock's clock; a failure blocks nothing. It also probes a gateway that was away."""
        since, answer = self.calls.set_clock()
        is_set = answer.outcome.kind is Kind.DONE
        self.facts.clock_answered(since, is_set=is_set)
        self.record.change(ref, lambda stay, now: turn.probed(stay, self.lock.name, self.house, now))
        if is_set:
            self._gateway_answered()

    def _read_trail(self) -> None:
        """Read the audit trail; what is due beside it on this lock is not held up by what comes of that."""
        TrailVisit(
            keeper=self.trail,
            calls=self.calls,
            claim=self.claim,
            lock=self.lock,
            house=self.house,
            clock=self.clock,
            facts=self.facts,
            change=self.record.change,
            reached=self._gateway_answered,
        ).serve(list(self.record.slots.values()))

    def _gateway_answered(self) -> None:
        """What failed only because the gateway was away is tried again."""
        self.is_heard = True
        offline, self.offline = self.offline, []
        for ref in offline:
            self.record.change(ref, lambda stay, _: turn.reachable(stay, self.lock.name))
            if ref not in self.queue:
                self.queue.append(ref)

    def _choose_pin(self, ref: str) -> None:
        try:
            key = StayKey.parse(ref)
            self.record.known[ref] = with_new_pin(self.ledger, key, self.house, self.claim, self.view)
        except (NoPinLeftError, TakenError):
            self.record.change(ref, lambda stay, _: turn.without_pin(stay, self.lock.name))

    def _rests(self, ref: str) -> bool:
        """Whether the record as just written wants nothing before some later time."""
        code = self.record.code(ref)
        return code is None or code.due is None or code.due > self.clock.now()

    def _seen(self, now: datetime) -> turn.Visit:
        return turn.Visit(
            lock=self.lock.name,
            hold=self.calls.account.vendor_hold,
            view=self.view,
            claimed=tuple(self.record.slots.items()),
            quiet_until=self.calls.quiet_at(now),
            clock_set_at=self.facts.clock_set_at(now),
            clock_tried=self.facts.clock_was_tried(now),
            spare_pin=self.spare_pin,
            cleared=tuple(self.cleared),
            leaving=tuple(slot for slot, ref in self.record.slots.items() if self.record.is_leaving(ref)),
        )

    def _read(self, ref: str) -> None:
        """Read the lock's list, once for all codes served in this visit."""
        since, answer = self.calls.list_pins()
        if answer.entries is not None:
            self.view = View(since, {entry.slot: entry for entry in answer.entries})
            self.facts.note("tags" if is_tags(self.lock.name) else "list", since)
            self._take_in_strays(self.view)
            self.record.tell_of_unmanaged(self.view, self.facts, self.clock.now())
            self.record.unfence(self.view)
            return
        self.calls.is_over = True
        for one in [ref, *(other for other in self.queue if other != TRAIL)]:
            self.record.change(one, self._misread(answer.outcome))

    def _misread(self, outcome: Outcome) -> Callable[[Stay, datetime], Stay | None]:
        hold = self.calls.account.vendor_hold
        return lambda stay, now: turn.unread(stay, self.lock.name, outcome, hold, self.house, now)

    def _take_in_strays(self, view: View) -> None:
        """Codes under the mark of a stay that no longer wants them: a late add after a cancel, say."""
        for key, entry in turn.strays(view, tuple(self.record.slots.items())):
            ref = str(key)
            self.record.change(ref, self._reclaim(entry))
            if self.record.code(ref) is not None and ref not in self.queue:
                self.queue.append(ref)

    def _reclaim(self, entry: Entry) -> Callable[[Stay, datetime], Stay | None]:
        return lambda stay, now: turn.reclaimed(stay, self.lock.name, entry, self.house, now)

    def _command(self, ref: str, step: Push | Overwrite | Delete) -> None:
        """Record the intent, call, record the answer."""
        begun: list[datetime] = []

        def begin(stay: Stay, now: datetime) -> Stay | None:
            looked, again = turn.look_at(stay, self._seen(now), self.house, now)
            begun[:] = [now] if again == step else []
            return turn.begun(looked, step, self._seen(now), self.house, now) if begun else None

        asked = time.monotonic()
        self.record.change(ref, begin, Extras(claim=self.claim, renew=self.calls.lease))
        stay = self.record.known[ref].stay
        if not begun or stay is None:
            return
        self.cleared |= {step.slot} if isinstance(step, Clear) else set()
        self.calls.leased_at = asked
        answer = self.calls.command(stay, step, begun[0])

        def take_in(found: Stay, now: datetime) -> Stay:
            return turn.answered(found, answer, self._seen(now), self.house, now, step)

        self.record.change(ref, take_in)
        self._learn(step, answer)
        if answer.outcome.kind is Kind.DONE:
            self._gateway_answered()

    def _learn(self, step: Push | Overwrite | Delete, answer: Answer) -> None:
        """What an answer shows of the lock serves the other codes of this visit too."""
        if self.view is None:
            return
        if not isinstance(step, Delete) and answer.entries is not None:
            self.view = View(self.clock.now(), {entry.slot: entry for entry in answer.entries})
        elif isinstance(step, Delete) and answer.outcome.kind is Kind.DONE:
            self.view = self.view.without(step.slot)
            self._take_in_strays(self.view)  # a second code of the stay, now that nothing hides it
            self._call_in_waiting()

    def _call_in_waiting(self) -> None:
        """A slot has become free: whoever waits for one is served next."""
        refs = [ref for ref in self.record.known if ref not in self.queue]
        waiting = [ref for ref in refs if (code := self.record.code(ref)) is not None and code.waiting]
        self.queue = sorted(waiting, key=self._urgency) + self.queue

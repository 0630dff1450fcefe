"""One visit to one lock: read its list once, do what is due, the most urgent first, one call at a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event
from typing import Any

import structlog

from worker.domain import turn
from worker.domain.absorb import misread
from worker.domain.access_code import Phase
from worker.domain.answer_table import TABLE, Then
from worker.domain.booking import StayKey
from worker.domain.house import Account, House, Lock
from worker.domain.outcomes import Answer, Kind, Outcome
from worker.domain.plan import policy_of
from worker.domain.record import Stay
from worker.domain.slots import View
from worker.domain.steps import ChoosePin, Delete, Push, Read, SetClock, Step, Terms
from worker.service.accounts import Accounts
from worker.service.clock import Clock
from worker.service.ledger import Extras, Known, Ledger
from worker.service.new_pin import with_new_pin
from worker.service.vendor import Vendor
from worker.store.agenda import SEND_WITHIN, Claim, lease_key
from worker.store.codec import from_millis
from worker.store.commit import Commit, FencedError
from worker.store.redis_client import RedisError
from worker.store.store import Store

LONGEST_VISIT = timedelta(minutes=1)
MARGIN = timedelta(seconds=10)
CLOCK_RETRY = timedelta(hours=1)
_MOST_TURNS = 12

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class LockServer:
    """Serves locks. `stopping` ends visits after the call in flight."""

    store: Store
    ledger: Ledger
    vendor: Vendor
    accounts: Accounts
    house: Callable[[], House]
    clock: Clock
    stopping: Event

    def serve(self, name: str) -> None:
        """Serve one lock whose turn it is. Ends at once where it is not, or somebody else has it."""
        if self.stopping.is_set():
            return
        house = self.house()
        account = house.accounts[_account_name(name, house)]
        lock = house.locks.get(name) or Lock(name=name, zone=house.zone, account=account.name)
        lease = max(account.vendor_hold, account.call_timeout) + SEND_WITHIN + MARGIN
        asked = time.monotonic()
        claim = self.store.agenda.claim(lock, lease)
        if claim is None:
            return
        self.clock.heard(claim.now)
        _Visit(self, house, lock, account, claim, lease, asked).run()


def _account_name(lock: str, house: House) -> str:
    found = house.locks.get(lock)
    return found.account if found is not None else next(iter(house.accounts))


@dataclass(slots=True)
class _Visit:
    server: LockServer
    house: House
    lock: Lock
    account: Account
    claim: Claim
    lease: timedelta
    leased_at: float
    view: View | None = None
    queue: list[str] = field(default_factory=list)
    known: dict[str, Known] = field(default_factory=dict)
    slots: dict[int, str] = field(default_factory=dict)
    facts: dict[str, Any] = field(default_factory=dict)
    facts_changed: bool = False
    quiet_until: datetime | None = None
    ghost_until: datetime | None = None
    is_over: bool = False
    clock_tried: bool = False

    def run(self) -> None:
        """Until nothing is due, a minute has passed, or a call was never answered."""
        started = time.monotonic()
        self.slots, self.facts = dict(self.claim.slots), dict(self.claim.facts)
        self.quiet_until, self.queue = self.claim.quiet_until, list(self.claim.refs)
        for ref, raw in self.claim.records.items():
            self.known[ref] = Known(raw, self.server.store.stays.load(raw))
        try:
            while True:
                self._serve_queue(started)
                if not self._goes_on(started):
                    return
        except FencedError:
            log.warning("visit.fenced", lock=self.lock.name)

    def _serve_queue(self, started: float) -> None:
        self.queue.sort(key=self._urgency)
        while self.queue and not self._must_end(started):
            ref = self.queue.pop(0)
            try:
                self._serve(ref)
            except (FencedError, RedisError):
                raise
            except Exception as error:  # one failing entry never stops the others of its lock
                log.exception("visit.failed", lock=self.lock.name, stay=ref, error=type(error).__name__)
                self._change(ref, lambda stay, now: turn.crashed(stay, self.lock.name, now))

    def _urgency(self, ref: str) -> datetime:
        known = self.known.get(ref)
        code = known.stay.code(self.lock.name) if known is not None and known.stay is not None else None
        return code.deadline if code is not None and code.deadline is not None else self.claim.now

    def _must_end(self, started: float) -> bool:
        lasted = time.monotonic() - started
        return self.is_over or self.server.stopping.is_set() or lasted > LONGEST_VISIT.total_seconds()

    def _goes_on(self, started: float) -> bool:
        woken, refs = self.server.store.agenda.release(
            self.claim,
            self.house,
            facts=self.facts if self.facts_changed else None,
            ghost_until=self.ghost_until,
            quiet_until=self.quiet_until if self.ghost_until is not None else None,
            may_go_on=not self._must_end(started),
        )
        self.server.ledger.wake(woken)
        self.facts_changed = False
        self.queue = refs
        return bool(refs)

    def _serve(self, ref: str) -> None:
        for _ in range(_MOST_TURNS):
            if self.is_over or self.server.stopping.is_set():
                return
            step = self._look(ref)
            if self.known[ref].stay is None:
                self.server.store.agenda.forget(self.lock.name, ref)
                return
            if not self._act(ref, step) or self._rests(ref):
                return

    def _look(self, ref: str) -> Step | None:
        """Fold what was seen of the code into its record, and say what comes next."""
        found: list[Step] = []

        def change(stay: Stay, now: datetime) -> Stay | None:
            looked, step = turn.look_at(stay, self._seen(now), self.house, now)
            found[:] = [step]
            return None if looked == stay and isinstance(step, _ACTS) else looked

        self._change(ref, change, Extras(claim=self.claim, reschedule=self.lock.name))
        return found[0] if found else None

    def _rests(self, ref: str) -> bool:
        """Whether the record as just written wants nothing before some later time."""
        stay = self.known[ref].stay
        code = stay.code(self.lock.name) if stay is not None else None
        return code is None or code.due is None or code.due > self.server.clock.now()

    def _act(self, ref: str, step: Step | None) -> bool:
        """Do the step; False where nothing more is to be done for this code now."""
        if isinstance(step, Read):
            self._read(ref)
        elif isinstance(step, SetClock):
            self._set_clock()
        elif isinstance(step, ChoosePin):
            key = StayKey.parse(ref)
            self.known[ref] = with_new_pin(self.server.ledger, key, self.house, self.claim, self.view)
        elif isinstance(step, Push | Delete):
            self._command(ref, step)
        else:
            return False
        return True

    def _seen(self, now: datetime) -> turn.Visit:
        return turn.Visit(
            lock=self.lock.name,
            hold=self.account.vendor_hold,
            view=self.view,
            claimed=tuple(self.slots.items()),
            quiet_until=self.quiet_until if self.quiet_until is not None and now < self.quiet_until else None,
            clock_set_at=self._clock_set_at(),
            clock_tried=self._clock_was_tried(now),
        )

    def _clock_set_at(self) -> datetime | None:
        """When the clock was set, unless the zone's offset has changed since."""
        if self.facts.get("clock_offset") != self._offset(self.server.clock.now()):
            return None
        return self._fact("clock")

    def _clock_was_tried(self, now: datetime) -> bool:
        tried = self._fact("clock_tried")
        return tried is not None and now - tried < CLOCK_RETRY

    def _offset(self, now: datetime) -> int:
        offset = now.astimezone(self.lock.zone).utcoffset()
        return 0 if offset is None else round(offset.total_seconds())

    def _fact(self, name: str) -> datetime | None:
        millis = self.facts.get(name)
        return None if millis is None else from_millis(int(millis))

    def _change(
        self, ref: str, change: Callable[[Stay, datetime], Stay | None], extras: Extras | None = None
    ) -> None:
        """Change the stay under this visit's lease, and keep the slots' holders in step."""
        key = StayKey.parse(ref)
        before = self.known.get(ref)

        def wanted(stay: Stay | None, now: datetime) -> Stay | None:
            return change(stay, now) if stay is not None else None

        given = extras if extras is not None else Extras(claim=self.claim)
        after = self.server.ledger.change(key, wanted, extras=given, known=before)
        self.known[ref] = after
        code = after.stay.code(self.lock.name) if after.stay is not None else None
        self.slots = {n: owner for n, owner in self.slots.items() if owner != ref}
        if code is not None and code.slot is not None:
            self.slots[code.slot] = ref

    def _read(self, ref: str) -> None:
        """Read the lock's list, once for all codes served in this visit."""
        not_after = self._renewed()
        since = self.server.clock.now()
        answer = self.server.vendor.list_pins(self.account.name, self.lock.name, not_after)
        self._heed_key(answer.outcome)
        if answer.entries is not None and answer.outcome.kind is Kind.DONE:
            self.view = View(since, {entry.slot: entry for entry in answer.entries})
            self._note("list", since)
            self._take_in_strays()
            self._unfence()
            return
        self._after_unanswered(answer, since, is_command=False)
        self.is_over = True
        for one in [ref, *self.queue]:
            self._change(one, self._misread(answer.outcome))

    def _misread(self, outcome: Outcome) -> Callable[[Stay, datetime], Stay | None]:
        def change(stay: Stay, now: datetime) -> Stay | None:
            code = stay.code(self.lock.name)
            if code is None:
                return None
            terms = Terms(policy=policy_of(stay, self.house), hold=self.account.vendor_hold)
            return stay.with_code(misread(code, outcome, now, terms))

        return change

    def _take_in_strays(self) -> None:
        """Codes under the mark of a stay that no longer wants them: a late add after a cancel, say."""
        if self.view is None:
            return
        for key, entry in turn.strays(self.view, tuple(self.slots.items())):
            ref = str(key)

            def change(stay: Stay, now: datetime, entry: Any = entry) -> Stay | None:  # noqa: ANN401
                return turn.reclaimed(stay, self.lock.name, entry, self.house, now)

            self._change(ref, change)
            if self.slots.get(entry.slot) == ref and ref not in self.queue:
                self.queue.append(ref)

    def _unfence(self) -> None:
        """A fenced slot that a clean list shows empty is free again."""
        if self.view is None:
            return
        empty = [n for n, o in self.slots.items() if o.startswith("!") and n not in self.view.entries]
        if empty:
            self.server.store.locks.unfence(self.lock.name, empty)
            self.slots = {n: owner for n, owner in self.slots.items() if n not in empty}

    def _set_clock(self) -> None:
        """Set the lock's clock; whatever comes of it, the push that follows is not blocked."""
        not_after = self._renewed()
        since = self.server.clock.now()
        answer = self.server.vendor.set_clock(self.account.name, self.lock.name, not_after)
        self._heed_key(answer.outcome)
        self._note("clock_tried", since)
        if answer.outcome.kind is Kind.DONE:
            self._note("clock", since)
            self.facts["clock_offset"] = self._offset(since)
            del self.facts["clock_tried"]
        self._after_unanswered(answer, since, is_command=True)

    def _command(self, ref: str, step: Push | Delete) -> None:
        """Record the intent, call, record the answer."""
        begun: list[datetime] = []

        def begin(stay: Stay, now: datetime) -> Stay | None:
            looked, again = turn.look_at(stay, self._seen(now), self.house, now)
            begun[:] = [now] if again == step else []
            return turn.begun(looked, step, self._seen(now), self.house, now) if begun else None

        asked = time.monotonic()
        self._change(ref, begin, Extras(claim=self.claim, renew=self.lease))
        stay = self.known[ref].stay
        if not begun or stay is None:
            return
        self.leased_at = asked
        answer = self._send(stay, step, asked + SEND_WITHIN.total_seconds())
        self._heed_key(answer.outcome)
        self._change(ref, lambda stay, now: turn.answered(stay, answer, self._seen(now), self.house, now))
        self._after_command(ref, step, answer)
        self._after_unanswered(answer, begun[0], is_command=True)

    def _send(self, stay: Stay, step: Push | Delete, not_after: float) -> Answer:
        account, lock, vendor = self.account.name, self.lock.name, self.server.vendor
        if isinstance(step, Push):
            return vendor.push(account, lock, stay, step, not_after)
        return vendor.delete(account, lock, step.slot, not_after)

    def _after_command(self, ref: str, step: Push | Delete, answer: Answer) -> None:
        """What the answer shows of the lock serves the other codes of this visit too."""
        stay = self.known[ref].stay
        code = stay.code(self.lock.name) if stay is not None else None
        if code is None or self.view is None:
            return
        if isinstance(step, Push) and code.phase is Phase.SET and answer.entries is not None:
            self.view = View(self.server.clock.now(), {e.slot: e for e in answer.entries})
        elif isinstance(step, Delete) and answer.outcome.kind is Kind.DONE:
            self.view = self.view.without(step.slot)
            self._call_in_waiting()

    def _call_in_waiting(self) -> None:
        """A slot has become free: whoever waits for one is served next."""
        waiting = [
            ref
            for ref, known in self.known.items()
            if known.stay is not None
            and (code := known.stay.code(self.lock.name)) is not None
            and code.waiting
            and ref not in self.queue
        ]
        self.queue = sorted(waiting, key=self._urgency) + self.queue

    def _after_unanswered(self, answer: Answer, since: datetime, *, is_command: bool) -> None:
        if TABLE[answer.outcome.kind].then is not Then.HOLD:
            return
        self.ghost_until = since + self.account.vendor_hold
        if is_command:
            self.quiet_until = self.ghost_until
        self.is_over = True

    def _heed_key(self, outcome: Outcome) -> None:
        if outcome.kind is Kind.INVALID_TOKEN:
            self.server.accounts.key_refused(self.account.name, outcome)
            self.is_over = True
        elif self.claim.is_paused and outcome.http_status is not None:
            self.server.accounts.key_accepted(self.account.name)

    def _renewed(self) -> float:
        """Prolong the lease before a read where the last renewal is not fresh; the moment after which nothing may leave."""
        if time.monotonic() - self.leased_at > SEND_WITHIN.total_seconds() / 2:
            asked = time.monotonic()
            commit = Commit(fence=lease_key(self.claim))
            commit.renew(self.lock.name, self.account.name, self.lease)
            commit.run(self.server.store.scripts, self.house)
            self.leased_at = asked
        return self.leased_at + SEND_WITHIN.total_seconds()

    def _note(self, fact: str, at: datetime) -> None:
        self.facts = {**self.facts, fact: round(at.timestamp() * 1000)}
        self.facts_changed = True


_ACTS = (Read, SetClock, ChoosePin, Push, Delete)

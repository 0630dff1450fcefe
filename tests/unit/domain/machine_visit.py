"""One visit to one lock of the state machine, and the checks that every command must pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tests.unit.domain.kit import HOLD, HOUR, SECOND
from tests.unit.domain.lock_model import Command, Late, answer_of, bears_mark_of
from tests.unit.domain.machine_world import ACTS, CALL_TIMEOUT, HOUSE, LEASE, SPARE_PIN, Weather, World
from worker.domain import turn
from worker.domain.absorb import misread
from worker.domain.answer_table import SURELY_NOT
from worker.domain.outcomes import Answer, Kind, Outcome
from worker.domain.pins import choose
from worker.domain.slots import View
from worker.domain.steps import ChoosePin, Clear, Delete, Overwrite, Push, Read, SetClock, Step, Terms
from worker.domain.wanted import policy_of, unit_of


class VisitModel:
    """One visit to one lock, step by step as `worker.service.visit` does it."""

    def __init__(self, world: World, lock: str, weather: Weather) -> None:
        """Nothing is done yet."""
        self.world, self.lock, self.weather = world, lock, weather
        self.view: View | None = None
        self.queue = world.due(lock)
        self.answers = list(weather.answers)
        self.cleared: set[int] = set()
        self.has_interrupted = self.is_over = False

    def run(self, *, sweep: bool = False) -> None:
        """Serve what is due; `sweep`: read the list and look at every code, as the morning's check does."""
        if sweep:
            self.queue = [ref for ref, stay in self.world.stays.items() if stay.code(self.lock) is not None]
            self._read(None)
        while self.queue and not self.is_over:
            ref = self.queue.pop(0)
            for _ in range(12):
                if not self._turn(ref):
                    break

    def _visit(self) -> turn.Visit:
        world = self.world
        quiet, tried = world.quiet.get(self.lock), world.clocks_tried.get(self.lock)
        return turn.Visit(
            lock=self.lock,
            hold=HOLD,
            view=self.view,
            claimed=world.claimed(self.lock),
            quiet_until=quiet if quiet is not None and world.now < quiet else None,
            clock_set_at=world.clocks.get(self.lock),
            clock_tried=tried is not None and world.now - tried < HOUR,
            spare_pin=SPARE_PIN,
            leaving=world.leaving(self.lock),
            cleared=tuple(self.cleared),
        )

    def _turn(self, ref: str) -> bool:
        if self.is_over:
            return False
        step = self._look(ref)
        if isinstance(step, Read):
            self._read(ref)
        elif isinstance(step, SetClock):
            self._set_clock(ref)
        elif isinstance(step, ChoosePin):
            self._choose(ref)
        elif isinstance(step, Push | Overwrite | Delete):
            self._command(ref, step)
        else:
            return False
        code = self.world.stays[ref].code(self.lock)
        return code is not None and code.due is not None and code.due <= self.world.now

    def _look(self, ref: str) -> Step:
        stay = self.world.stays[ref]
        if self.view is not None:
            self.world.post.seen(ref, self.lock, self.view)
        looked, step = turn.look_at(stay, self._visit(), HOUSE, self.world.now)
        if looked != stay or not isinstance(step, ACTS):
            self.world.write(looked)
        return step

    def _read(self, ref: str | None) -> None:
        world, since = self.world, self.world.now
        world.pass_time(SECOND)
        if self.weather.read_fails:
            self.is_over = True
            for one in [r for r in [ref, *self.queue] if r is not None]:
                self._misread(one)
            return
        self.view = View(since, world.locks[self.lock].shown(since, self.weather.lag).entries)
        world.sees(self.lock, self.view)
        self._take_in_strays(self.view)

    def _take_in_strays(self, view: View) -> None:
        world = self.world
        for key, entry in turn.strays(view, world.claimed(self.lock)):
            if str(key) in world.stays:
                found = turn.reclaimed(world.stays[str(key)], self.lock, entry, HOUSE, world.now)
                if found is not None:
                    world.write(found)
                if world.stays[str(key)].code(self.lock) is not None and str(key) not in self.queue:
                    self.queue.append(str(key))

    def _misread(self, ref: str) -> None:
        stay = self.world.stays[ref]
        code = stay.code(self.lock)
        if code is not None:
            terms = Terms(policy=policy_of(stay, HOUSE), hold=HOLD)
            self.world.write(stay.with_code(misread(code, Outcome(Kind.DOUBT), self.world.now, terms)))

    def _choose(self, ref: str) -> None:
        """As `worker.service.new_pin` does."""
        stay = self.world.stays[ref]
        unit = unit_of(stay, HOUSE)
        assert unit is not None
        codes = [stay.code(lock) for lock in unit.locks]
        is_refused = any(c is not None and c.is_pin_refused(stay.pin) for c in codes)
        if stay.pin is not None and not is_refused:
            return
        taken = self.world.pins() | {SPARE_PIN}
        taken |= {entry.pin for entry in (self.view.entries.values() if self.view is not None else ())}
        self.world.write(replace(stay, pin=choose(4, lambda pin: pin in taken)))

    def _set_clock(self, ref: str) -> None:
        """Set the lock's clock: before a push, or to see whether its gateway is back."""
        world, since = self.world, self.world.now
        self._check_peace()
        kind = self._next_answer()
        self._spend_time(kind, since)
        if kind is Kind.DONE:
            world.clocks[self.lock] = since
            world.clocks_tried.pop(self.lock, None)
        else:
            world.clocks_tried[self.lock] = since
        world.write(turn.probed(world.stays[ref], self.lock, HOUSE, world.now))
        if kind is Kind.DONE:
            self._gateway_answered()

    def _gateway_answered(self) -> None:
        for ref, stay in list(self.world.stays.items()):
            code = stay.code(self.lock)
            if code is not None and code.awaits_gateway:
                self.world.write(turn.reachable(stay, self.lock))
                if ref not in self.queue:
                    self.queue.append(ref)

    def _next_answer(self) -> Kind:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    def _command(self, ref: str, step: Command) -> None:
        world = self.world
        looked, again = turn.look_at(world.stays[ref], self._visit(), HOUSE, world.now)
        if again != step:
            return
        begun = turn.begun(looked, step, self._visit(), HOUSE, world.now)
        self._check_command(ref, step)
        world.write(begun)
        self.cleared |= {step.slot} if isinstance(step, Clear) else set()
        since = world.now
        self._interrupt(ref)
        if self.weather.dies:
            self._die(ref, step, since)
            return
        kind = self._fitting(step, self._next_answer())
        answer = self._carry_out(step, kind, since)
        if isinstance(step, Push) and step.with_email:
            world.post.answered(ref, kind, since, world.now, HOUSE.policy)
        if answer.entries is not None:
            shown = View(world.now, {entry.slot: entry for entry in answer.entries})
            world.sees(self.lock, shown)
            world.post.seen(ref, self.lock, shown)
        if kind is Kind.DONE and isinstance(step, Delete):
            world.seen.get(self.lock, {}).pop(step.slot, None)
        world.write(turn.answered(world.stays[ref], answer, self._visit(), HOUSE, world.now, step))
        self._learn(ref, step, answer)
        if kind is Kind.DONE:
            self._gateway_answered()

    def _fitting(self, step: Command, kind: Kind) -> Kind:
        """What the vendor can answer to this command."""
        if isinstance(step, Delete):
            return kind if kind not in (Kind.PIN_EXISTS, Kind.BAD_WINDOW) else Kind.FAILED
        is_elsewhere = self.world.locks[self.lock].pin_is_elsewhere(step)
        if kind in (Kind.DONE, Kind.FAILED, Kind.UNCLEAR, Kind.PIN_EXISTS):
            return Kind.PIN_EXISTS if is_elsewhere else (Kind.DONE if kind is Kind.PIN_EXISTS else kind)
        return kind

    def _die(self, ref: str, step: Command, since: datetime) -> None:
        """The worker dies in the call: nobody hears the answer."""
        if isinstance(step, Push) and step.with_email:
            self.world.post.died(ref)
        self._send_late(step, since, HOLD, is_held=True)
        self.world.leased[self.lock] = since + LEASE
        self.world.quiet[self.lock] = since + HOLD
        self.is_over = True

    def _interrupt(self, ref: str) -> None:
        """Something about this very stay arrives while the call is under way."""
        kind, world = self.weather.meanwhile, self.world
        if kind is None or self.has_interrupted:
            return
        self.has_interrupted = True
        if kind == "cancel":
            world.event(ref, "cancelled")
        elif kind == "confirm":
            world.event(ref, "updated", status="confirmed")
        elif kind == "move":
            world.event(ref, "updated", unit="shed")
        elif kind == "resend":
            world.resend(ref)
        else:
            world.event(ref, "updated", check_out=(world.now + 50 * HOUR).isoformat())

    def _carry_out(self, step: Command, kind: Kind, since: datetime) -> Answer:
        model, happens = self.world.locks[self.lock], self.weather.happens
        if kind is Kind.UNANSWERED:
            self._send_late(step, since, HOLD, is_held=True)
        elif kind is Kind.PENDING:
            model.flush(self.world.now, happen=happens)
            self._send_late(step, since, HOUSE.policy.pending_for, is_held=False)
        elif kind not in SURELY_NOT:
            model.flush(self.world.now, happen=happens)
            if kind is Kind.DONE or happens:
                model.do(step, self.world.now)
        self._spend_time(kind, since)
        return answer_of(kind, model, with_list=self.weather.with_list and not isinstance(step, Delete))

    def _spend_time(self, kind: Kind, since: datetime) -> None:
        """How long the answer takes; without one, or with a refused key, the visit ends."""
        if kind is Kind.UNANSWERED:
            self.world.quiet[self.lock] = since + HOLD
        self.is_over |= kind in (Kind.UNANSWERED, Kind.INVALID_TOKEN)
        self.world.pass_time(CALL_TIMEOUT if kind is Kind.UNANSWERED else SECOND)

    def _send_late(self, step: Command, since: datetime, within: timedelta, *, is_held: bool) -> None:
        if self.weather.happens:
            late = Late(step.slot, step, since + min(self.weather.late_by, within), since + within, is_held)
            self.world.locks[self.lock].late.append(late)

    def _learn(self, ref: str, step: Command, answer: Answer) -> None:
        code = self.world.stays[ref].code(self.lock)
        if code is None or self.view is None:
            return
        if not isinstance(step, Delete) and answer.entries is not None:
            self.view = View(self.world.now, {entry.slot: entry for entry in answer.entries})
        elif isinstance(step, Delete) and answer.outcome.kind is Kind.DONE:
            self.view = self.view.without(step.slot)
            self._take_in_strays(self.view)
            waiting = [r for r in self.world.due(self.lock) if r != ref and r not in self.queue]
            self.queue = waiting + self.queue

    def _check_peace(self) -> None:
        world = self.world
        quiet = world.quiet.get(self.lock, world.now)
        assert quiet <= world.now, "promise 5: a command before the unanswered one was past"
        held = [one for one in world.locks[self.lock].late if one.is_held and one.until > world.now]
        assert [] == held, "promise 5: two commands at a time"

    def _check_command(self, ref: str, step: Command) -> None:
        world = self.world
        assert self.view is not None, "promise 2: a command without a read"
        entry = self.view.entries.get(step.slot)
        assert entry is None or bears_mark_of(entry, ref), "promise 2: a foreign code overwritten or deleted"
        holders = [owner for slot, owner in world.claimed(self.lock) if slot == step.slot]
        assert set(holders) <= {ref}, "promise 2: a slot that another stay claims, or that is fenced"
        assert 120 <= step.slot <= 122, "promise 2: a slot outside the range"
        self._check_peace()
        if isinstance(step, Push) and step.with_email:
            unit = unit_of(world.stays[ref], HOUSE)
            is_own = unit is not None and unit.locks[-1] == self.lock
            assert is_own, "promise 7: an e-mail from a common door"
            world.post.asks(ref, self.lock, step, world.now)

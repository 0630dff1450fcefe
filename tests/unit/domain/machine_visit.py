"""One visit to one lock of the state machine, and the checks that every command must pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from tests.unit.domain.kit import HOLD, HOUR, SECOND
from tests.unit.domain.lock_model import Late, answer_of, bears_mark_of
from tests.unit.domain.machine_world import ACTS, CALL_TIMEOUT, HOUSE, LEASE, SURELY_NOT, Mail, Weather, World
from worker.domain import turn
from worker.domain.absorb import misread
from worker.domain.outcomes import Answer, Kind, Outcome
from worker.domain.pins import choose
from worker.domain.plan import policy_of, unit_of
from worker.domain.slots import View
from worker.domain.steps import ChoosePin, Delete, Push, Read, Step, Terms


class VisitModel:
    """One visit to one lock, step by step as `worker.service.visit` does it."""

    def __init__(self, world: World, lock: str, weather: Weather) -> None:
        """Nothing is done yet."""
        self.world, self.lock, self.weather = world, lock, weather
        self.view: View | None = None
        self.queue = world.due(lock)
        self.answers = list(weather.answers)
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
        quiet = self.world.quiet.get(self.lock)
        return turn.Visit(
            lock=self.lock,
            hold=HOLD,
            view=self.view,
            claimed=tuple(self.world.slots(self.lock).items()),
            quiet_until=quiet if quiet is not None and self.world.now < quiet else None,
            clock_set_at=self.world.now,
        )

    def _turn(self, ref: str) -> bool:
        if self.is_over:
            return False
        step = self._look(ref)
        if isinstance(step, Read):
            self._read(ref)
        elif isinstance(step, ChoosePin):
            self._choose(ref)
        elif isinstance(step, Push | Delete):
            self._command(ref, step)
        else:
            return False
        code = self.world.stays[ref].code(self.lock)
        return code is not None and code.due is not None and code.due <= self.world.now

    def _look(self, ref: str) -> Step:
        stay = self.world.stays[ref]
        self._note_mail(ref)
        looked, step = turn.look_at(stay, self._visit(), HOUSE, self.world.now)
        if looked != stay or not isinstance(step, ACTS):
            self.world.write(looked)
        return step

    def _note_mail(self, ref: str) -> None:
        """What the list says about the last e-mail of the stay."""
        mail, code = self.world.mails.get(ref), self.world.stays[ref].code(self.lock)
        is_own = code is not None and code.slot is not None and mail is not None and mail.lock == self.lock
        if mail is None or code is None or self.view is None or not is_own or self.view.read_at < mail.since:
            return
        entry = self.view.entries.get(code.slot or 0)
        is_shown = entry is not None and bears_mark_of(entry, ref) and mail.written.is_shown_by(entry)
        mail.confirmed, mail.refuted = mail.confirmed or is_shown, mail.refuted or not is_shown

    def _is_own(self, ref: str) -> bool:
        unit = unit_of(self.world.stays[ref], HOUSE)
        return unit is not None and unit.locks[-1] == self.lock

    def _read(self, ref: str | None) -> None:
        world, since = self.world, self.world.now
        world.pass_time(SECOND)
        if self.weather.read_fails:
            self.is_over = True
            for one in [r for r in [ref, *self.queue] if r is not None]:
                self._misread(one)
            return
        shown = world.locks[self.lock].shown(since, self.weather.lag)
        self.view = View(since, shown.entries)
        world.seen[self.lock] = dict(shown.entries)
        for key, entry in turn.strays(self.view, tuple(world.slots(self.lock).items())):
            if str(key) in world.stays:
                found = turn.reclaimed(world.stays[str(key)], self.lock, entry, HOUSE, world.now)
                if found is not None:
                    world.write(found)
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
        taken = {stay.pin} | {other.pin for other in self.world.stays.values()}
        taken |= {entry.pin for entry in (self.view.entries.values() if self.view is not None else ())}
        self.world.write(replace(stay, pin=choose(4, lambda pin: pin in taken)))

    def _command(self, ref: str, step: Push | Delete) -> None:
        world = self.world
        looked, again = turn.look_at(world.stays[ref], self._visit(), HOUSE, world.now)
        if again != step:
            return
        begun = turn.begun(looked, step, self._visit(), HOUSE, world.now)
        self._check_command(ref, step)
        world.write(begun)
        since = world.now
        self._interrupt(ref)
        kind = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        model = world.locks[self.lock]
        if (
            isinstance(step, Push)
            and kind in (Kind.DONE, Kind.FAILED, Kind.UNCLEAR)
            and model.pin_is_elsewhere(step)
        ):
            kind = Kind.PIN_EXISTS
        if self.weather.dies:
            self._send_late(step, since, HOLD, is_held=True)
            world.leased[self.lock] = since + LEASE
            world.quiet[self.lock] = since + HOLD
            self.is_over = True
            return
        answer = self._carry_out(step, kind, since)
        if kind in SURELY_NOT and isinstance(step, Push) and step.with_email:
            world.mails.pop(ref, None)
        if answer.entries is not None:
            world.seen[self.lock] = {entry.slot: entry for entry in answer.entries}
        if kind is Kind.DONE and isinstance(step, Delete):
            world.seen.get(self.lock, {}).pop(step.slot, None)
        world.write(turn.answered(world.stays[ref], answer, self._visit(), HOUSE, world.now))
        self._learn(ref, step, answer)

    def _interrupt(self, ref: str) -> None:
        """An event of this very stay arrives while the call is under way."""
        kind = self.weather.meanwhile
        if kind is None or self.has_interrupted:
            return
        self.has_interrupted = True
        if kind == "cancel":
            self.world.event(ref, "cancelled")
        elif kind == "confirm":
            self.world.event(ref, "updated", status="confirmed")
        else:
            self.world.event(ref, "updated", check_out=(self.world.now + 50 * HOUR).isoformat())

    def _carry_out(self, step: Push | Delete, kind: Kind, since: datetime) -> Answer:
        world, model, happens = self.world, self.world.locks[self.lock], self.weather.happens
        if kind is Kind.UNANSWERED:
            world.quiet[self.lock] = since + HOLD
            self._send_late(step, since, HOLD, is_held=True)
            world.pass_time(CALL_TIMEOUT)
            self.is_over = True
        elif kind is Kind.PENDING:
            model.flush(world.now, happen=happens)
            self._send_late(step, since, HOUSE.policy.pending_for, is_held=False)
            world.pass_time(SECOND)
        elif kind not in SURELY_NOT:
            model.flush(world.now, happen=happens)
            if kind is Kind.DONE or happens:
                model.do(step, world.now)
            world.pass_time(SECOND)
        else:
            world.pass_time(SECOND)
        return answer_of(kind, model, with_list=self.weather.with_list and isinstance(step, Push))

    def _send_late(self, step: Push | Delete, since: datetime, within: timedelta, *, is_held: bool) -> None:
        if self.weather.happens:
            late = Late(step.slot, step, since + min(self.weather.late_by, within), since + within, is_held)
            self.world.locks[self.lock].late.append(late)

    def _learn(self, ref: str, step: Push | Delete, answer: Answer) -> None:
        code = self.world.stays[ref].code(self.lock)
        if code is None or self.view is None:
            return
        if isinstance(step, Push) and answer.entries is not None:
            self.view = View(self.world.now, {entry.slot: entry for entry in answer.entries})
        elif isinstance(step, Delete) and answer.outcome.kind is Kind.DONE:
            self.view = self.view.without(step.slot)

    def _check_command(self, ref: str, step: Push | Delete) -> None:
        world = self.world
        assert self.view is not None, "promise 2: a command without a read"
        entry = self.view.entries.get(step.slot)
        assert entry is None or bears_mark_of(entry, ref), "promise 2: a foreign code overwritten or deleted"
        assert world.slots(self.lock).get(step.slot, ref) == ref, "promise 2: a slot that another stay claims"
        assert 120 <= step.slot <= 122, "promise 2: a slot outside the range"
        quiet = world.quiet.get(self.lock, world.now)
        assert quiet <= world.now, "promise 5: a command before the unanswered one was past"
        held = [one for one in world.locks[self.lock].late if one.is_held and one.until > world.now]
        assert [] == held, "promise 5: two commands at a time"
        if isinstance(step, Push) and step.with_email:
            self._check_mail(ref, step)

    def _check_mail(self, ref: str, step: Push) -> None:
        assert self._is_own(ref), "promise 7: an e-mail from a common door"
        last = self.world.mails.get(ref)
        if last is not None and last.written == step.written:
            assert not last.confirmed, "promise 7: a second e-mail for the same PIN and window"
            # On another door (a room move within the minute) no list of this one can refute the first.
            assert last.refuted or last.lock != self.lock, (
                "promise 7: the e-mail again before any list refuted the first"
            )
        self.world.mails[ref] = Mail(self.lock, step.written, self.world.now)

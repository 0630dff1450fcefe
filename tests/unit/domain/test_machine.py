"""Random stays on random locks behind a cloud that lags, loses answers and acts late.

The machine drives the pure core as the visit to a lock and the ledger do, one call at a time; promises are
checked at every command, at every write, and once all has settled.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.unit.domain.kit import DOOR, GATE, HOLD, HOUR, MINUTE, NOW, SECOND, SHED, a_house
from tests.unit.domain.lock_model import Late, LockModel, answer_of, bears_mark_of
from worker.domain import turn
from worker.domain.absorb import misread
from worker.domain.access_code import AccessCode, Phase, Written
from worker.domain.booking import BookingEvent, EventType, StayKey, Version
from worker.domain.escalation import escalated, open_letters
from worker.domain.goals import Goal, Wish
from worker.domain.outcomes import Answer, Entry, Kind, Outcome
from worker.domain.pins import choose
from worker.domain.plan import applied, goals, policy_of, replan, unit_of
from worker.domain.record import Stay
from worker.domain.slots import View
from worker.domain.states import told_when_ready
from worker.domain.steps import ChoosePin, Delete, Push, Read, SetClock, Step, Terms

REFS = [f"direct/BK-{n}" for n in range(3)]
LOCKS = [GATE, DOOR, SHED]
ACTS = (Read, SetClock, ChoosePin, Push, Delete)
LEASE = timedelta(seconds=75)
CALL_TIMEOUT = timedelta(seconds=30)
LAG = timedelta(seconds=20)
HOUSE = a_house(
    push_ahead=timedelta(hours=30),
    first_slot=120,
    last_slot=122,
    pin_length=4,
    retry_delays=(timedelta(0), 30 * SECOND),
    offline_delays=(2 * MINUTE,),
    pending_for=2 * MINUTE,
)
SURELY_NOT = {
    Kind.OFFLINE,
    Kind.NOT_SENT,
    Kind.THROTTLED,
    Kind.NOT_ADMIN,
    Kind.BAD_WINDOW,
    Kind.INVALID_TOKEN,
    Kind.PIN_EXISTS,
}
ANSWERS = [
    *[Kind.DONE] * 6, Kind.FAILED, Kind.PENDING, Kind.PENDING, Kind.OFFLINE, Kind.DOUBT, Kind.DOUBT,
    Kind.UNANSWERED, Kind.UNANSWERED, Kind.UNCLEAR, Kind.NOT_SENT, Kind.THROTTLED, Kind.NOT_ADMIN,
]  # fmt: skip


@dataclass(frozen=True)
class Weather:
    """How the cloud behaves during one visit."""

    answers: tuple[Kind, ...]
    happens: bool
    late_by: timedelta
    lag: timedelta
    with_list: bool
    read_fails: bool
    dies: bool
    meanwhile: str | None


WEATHER = st.builds(
    Weather,
    answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4).map(tuple),
    happens=st.booleans(),
    late_by=st.integers(1, 59).map(lambda s: s * SECOND),
    lag=st.sampled_from([timedelta(0), timedelta(0), LAG]),
    with_list=st.booleans(),
    read_fails=st.integers(0, 9).map(lambda n: n == 0),
    dies=st.integers(0, 7).map(lambda n: n == 0),
    meanwhile=st.sampled_from([None, None, None, "cancel", "confirm", "extend"]),
)
FAIR = Weather(
    answers=(Kind.DONE,),
    happens=True,
    late_by=SECOND,
    lag=timedelta(0),
    with_list=True,
    read_fails=False,
    dies=False,
    meanwhile=None,
)


@dataclass
class Mail:
    """The last push of a stay that asked for the e-mail."""

    lock: str
    written: Written
    since: datetime
    confirmed: bool = False
    refuted: bool = False


@dataclass
class World:
    """The records, the locks, and what the promises need to know of the past."""

    now: datetime = NOW
    stays: dict[str, Stay] = field(default_factory=dict)
    locks: dict[str, LockModel] = field(default_factory=lambda: {name: LockModel() for name in LOCKS})
    quiet: dict[str, datetime] = field(default_factory=dict)
    leased: dict[str, datetime] = field(default_factory=dict)
    seen: dict[str, dict[int, Entry]] = field(default_factory=dict)
    mails: dict[str, Mail] = field(default_factory=dict)
    versions: Any = field(default_factory=lambda: count(1))
    ids: Any = field(default_factory=lambda: count(1))

    def slots(self, lock: str) -> dict[int, str]:
        """Who holds which slot, by the records."""
        found: dict[int, str] = {}
        for ref, stay in self.stays.items():
            code = stay.code(lock)
            if code is not None and code.slot is not None:
                assert code.slot not in found, "promise 3: two stays hold one slot"
                found[code.slot] = ref
        return found

    def goal(self, ref: str, lock: str) -> Goal | None:
        """What is wanted now."""
        return goals(self.stays[ref], HOUSE, self.now).get(lock)

    def write(self, stay: Stay) -> None:
        """As the ledger writes, with the checks that every write must pass."""
        ref = str(stay.key)
        before = self.stays.get(ref)
        planned = replan(stay, HOUSE, self.now)
        planned = replan(escalated(planned, HOUSE, self._new_id), HOUSE, self.now)
        after = told_when_ready(planned, HOUSE, self.now)
        self.stays[ref] = after
        if before is not None:
            self._check_write(ref, before, after)
        for lock in LOCKS:
            self.slots(lock)

    def _new_id(self) -> str:
        return f"letter-{next(self.ids)}"

    def _check_write(self, ref: str, before: Stay, after: Stay) -> None:
        if before.told and before.pin is not None:
            assert before.pin == after.pin, "promise 3: a told PIN changed"
        for lock in LOCKS:
            old, new = before.code(lock), after.code(lock)
            if old is None or new is None:
                continue
            entry = self.seen.get(lock, {}).get(old.slot) if old.slot is not None else None
            if new.slot != old.slot and entry is not None:
                assert not bears_mark_of(entry, ref), "promise 3: renumbered while it was on"
            self._check_proof(ref, lock, old, new)

    def _check_proof(self, ref: str, lock: str, old: AccessCode, new: AccessCode) -> None:
        is_new = new.phase is Phase.SET and (old.phase is not Phase.SET or old.latest != new.latest)
        if not is_new:
            return
        assert new.latest is not None
        entry = self.seen.get(lock, {}).get(new.slot or 0)
        assert entry is not None, "promise 6: set without proof"
        assert new.latest.is_shown_by(entry), "promise 6: set without proof"
        assert bears_mark_of(entry, ref), "promise 6: set without proof"
        late = [
            one
            for one in self.locks[lock].late
            if one.slot == new.slot and isinstance(one.command, Delete) and one.until > self.now
        ]
        assert [] == late, "promise 6: set while a removal of it may still happen"

    def pass_time(self, span: timedelta, *, happen: bool = True) -> None:
        """Let time pass; late commands happen or are lost."""
        self.now += span
        for lock in self.locks.values():
            lock.pass_time(self.now, happen=happen)

    def event(self, ref: str, kind: str, **changes: object) -> None:
        """An event that is newer than all before."""
        number = next(self.versions)
        event = BookingEvent(
            id=f"evt-{number}",
            key=StayKey.parse(ref),
            type=EventType(f"booking.{kind}"),
            version=Version(number=number, text=str(number), stamp=NOW),
            changes=changes,
        )
        self.write(applied(self.stays.get(ref), event, self.now))

    def due(self, lock: str) -> list[str]:
        """Whose turn it is on a lock, and who waits there for a slot."""
        found = []
        for ref, stay in self.stays.items():
            code = stay.code(lock)
            if code is not None and (code.waiting or (code.due is not None and code.due <= self.now)):
                found.append((code.deadline or self.now, ref))
        return [ref for _, ref in sorted(found)]


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


class InnkeyMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order."""

    def __init__(self) -> None:
        """An empty house."""
        super().__init__()
        self.world = World()

    @initialize(has_mail=st.booleans())
    def one_stay(self, *, has_mail: bool) -> None:
        """There is always one booking."""
        self._book(REFS[0], "house", 3, 20, has_mail=has_mail)

    def _book(self, ref: str, unit: str, begins: int, hours: int, *, has_mail: bool) -> None:
        begin = self.world.now + begins * HOUR
        self.world.event(
            ref,
            "created",
            unit=unit,
            check_in=begin.isoformat(),
            check_out=(begin + hours * HOUR).isoformat(),
            guest_email="ann@example.com" if has_mail else None,
        )

    @rule(
        ref=st.sampled_from(REFS),
        unit=st.sampled_from(["house", "cabin", "shed"]),
        begins=st.integers(-5, 40),
        hours=st.integers(1, 40),
        has_mail=st.booleans(),
    )
    def book(self, ref: str, unit: str, begins: int, hours: int, *, has_mail: bool) -> None:
        """A booking comes, comes again, moves, or is confirmed again."""
        self._book(ref, unit, begins, hours, has_mail=has_mail)

    @rule(ref=st.sampled_from(REFS))
    def cancel(self, ref: str) -> None:
        """A cancel, perhaps before its booking."""
        self.world.event(ref, "cancelled")

    @rule(ref=st.sampled_from(REFS), hours=st.integers(-3, 30))
    def extend(self, ref: str, hours: int) -> None:
        """The end moves, perhaps into the past."""
        if ref in self.world.stays:
            self.world.event(ref, "updated", check_out=(self.world.now + hours * HOUR).isoformat())

    @rule(ref=st.sampled_from(REFS), unit=st.sampled_from(["house", "cabin", "shed"]))
    def move(self, ref: str, unit: str) -> None:
        """Another room."""
        if ref in self.world.stays:
            self.world.event(ref, "updated", unit=unit)

    @rule(lock=st.sampled_from(LOCKS), slot=st.integers(120, 122), takes=st.sampled_from([None, *REFS]))
    def type_by_hand(self, lock: str, slot: int, takes: str | None) -> None:
        """Somebody types a code into a slot, perhaps with a PIN of ours."""
        stay = self.world.stays.get(takes) if takes is not None else None
        pin = stay.pin if stay is not None and stay.pin is not None else "7406"
        self.world.locks[lock].note(self.world.now)
        self.world.locks[lock].holds[slot] = Entry(slot, pin, "Cleaner", "2601010000", "2712312359")

    @rule(lock=st.sampled_from(LOCKS), slot=st.integers(120, 122))
    def delete_by_hand(self, lock: str, slot: int) -> None:
        """Somebody deletes a code, ours perhaps."""
        self.world.locks[lock].note(self.world.now)
        self.world.locks[lock].holds.pop(slot, None)

    @rule(
        span=st.sampled_from([5 * SECOND, 20 * SECOND, MINUTE, 3 * MINUTE, HOUR, 9 * HOUR]),
        happen=st.booleans(),
    )
    def wait(self, span: timedelta, *, happen: bool) -> None:
        """Time passes; what was late happens or is lost."""
        self.world.pass_time(span, happen=happen)

    @rule(lock=st.sampled_from(LOCKS), weather=WEATHER)
    def visit(self, lock: str, weather: Weather) -> None:
        """A worker serves a lock."""
        if self.world.leased.get(lock, self.world.now) <= self.world.now and self.world.due(lock):
            VisitModel(self.world, lock, weather).run()

    @rule(weather=WEATHER)
    def visit_all(self, weather: Weather) -> None:
        """The workers serve whatever is due."""
        for lock in LOCKS:
            self.visit(lock, weather)

    @rule(ref=st.sampled_from(REFS))
    def retry(self, ref: str) -> None:
        """A person presses retry on the first open letter."""
        stay = self.world.stays.get(ref)
        code = next((c for c in stay.codes if c.letter is not None), None) if stay is not None else None
        if stay is not None and code is not None and code.letter is not None:
            again = replace(code.fresh(code.phase), letter=replace(code.letter, retrying=True))
            self.world.write(stay.with_code(again))

    def teardown(self) -> None:
        """Promise 8: in the end all is well or lies before a person; and so it is after check-out."""
        self._settle()
        self._check_settled()
        self.world.pass_time(timedelta(days=6))
        self._settle()
        self._check_settled()
        for ref, stay in self.world.stays.items():
            letters = open_letters(stay)
            left = [lock for lock in LOCKS if self._on(lock, ref)]
            assert not left or letters, "promise 8: a code outlived its stay and nobody knows"

    def _settle(self) -> None:
        """Fair weather until nothing is due any more."""
        self.world.pass_time(10 * MINUTE)
        for lock in LOCKS:
            VisitModel(self.world, lock, FAIR).run(sweep=True)
        for _ in range(60):
            soon = self.world.now + 2 * HOUR
            dues = [
                c.due
                for s in self.world.stays.values()
                for c in s.codes
                if c.due is not None and not c.waiting
            ]
            near = [due for due in dues if due <= soon]
            if not near:
                break
            self.world.pass_time(max(min(near) - self.world.now, timedelta(0)))
            for lock in LOCKS:
                VisitModel(self.world, lock, FAIR).run()
        else:
            msg = "promise 8: it never comes to rest"
            raise AssertionError(msg)
        for lock in LOCKS:
            VisitModel(self.world, lock, FAIR).run()

    def _on(self, lock: str, ref: str) -> list[Entry]:
        return [e for e in self.world.locks[lock].holds.values() if bears_mark_of(e, ref)]

    def _check_settled(self) -> None:
        for ref, stay in self.world.stays.items():
            for code in stay.codes:
                goal = self.world.goal(ref, code.lock)
                if code.letter is not None or stay.letter is not None:
                    continue
                if isinstance(goal, Wish):
                    self._check_wish(ref, code, goal)
                elif goal is not None and goal.at <= self.world.now:
                    assert [] == self._on(code.lock, ref), "promise 8: still on, and no letter"

    def _check_wish(self, ref: str, code: AccessCode, goal: Wish) -> None:
        if code.waiting or goal.push_at > self.world.now:
            return
        shown = self._on(code.lock, ref)
        assert 1 == len(shown), "promises 3 and 8: not on the lock once, and no letter"
        assert goal.written is not None
        assert goal.written.is_shown_by(shown[0]), "promise 8: on the lock, but not as wanted"
        assert code.is_on(goal.written), "promise 6: on the lock, but the record does not know"


InnkeyMachine.TestCase.settings = settings(
    max_examples=250,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestInnkeyMachine = InnkeyMachine.TestCase
TestInnkeyMachine.__doc__ = "Promises 2, 3, 5, 6, 7, 8; A17, B06, D01-D03, D09, F14, F15, G01."

"""Random stays on random locks behind a cloud that lags, loses answers and acts late.

The machine drives the pure core as the visit to a lock and the ledger do, one call at a time; promises are
checked at every command, at every write, and once all has settled.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.unit.domain.kit import HOUR, MINUTE, SECOND
from tests.unit.domain.lock_model import bears_mark_of
from tests.unit.domain.machine_visit import VisitModel
from tests.unit.domain.machine_world import (
    FAIR,
    FENCE,
    HOUSE,
    LOCKS,
    REFS,
    SPARE_PIN,
    WEATHER,
    Weather,
    World,
)
from worker.domain.access_code import AccessCode
from worker.domain.escalation import open_letters
from worker.domain.goals import Wish
from worker.domain.marks import name_for
from worker.domain.outcomes import Entry
from worker.domain.pins import choose
from worker.domain.plan import applied, turned_for_new_pin
from worker.domain.record import Stay
from worker.domain.turn import crashed
from worker.domain.wanted import goals, takes_email
from worker.service.review import _resolved as resolved

KINDS = ["created", "updated", "cancelled"]
UNITS = st.sampled_from(["house", "cabin", "shed"])


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
        unit=UNITS,
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

    @rule(ref=st.sampled_from(REFS), unit=UNITS)
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

    @rule(lock=st.sampled_from(LOCKS), slot=st.integers(120, 122), ref=st.sampled_from(REFS))
    def copy_by_hand(self, lock: str, slot: int, ref: str) -> None:
        """A code turns up under the mark of a stay, in whatever slot."""
        stay = self.world.stays.get(ref)
        if stay is not None and stay.pin is not None:
            self.world.locks[lock].note(self.world.now)
            name = name_for(stay.key, "Ann")
            self.world.locks[lock].holds[slot] = Entry(slot, "7407", name, "2601010000", "2712312359")

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

    @rule(ref=st.sampled_from(REFS), back=st.integers(0, 3), kind=st.sampled_from(KINDS), unit=UNITS)
    def late_event(self, ref: str, back: int, kind: str, unit: str) -> None:
        """An event is overtaken by newer ones, or two have one version."""
        known = self.world.events.get(ref, [])
        if known:
            number = known[max(len(known) - 1 - back, 0)].version.number
            self.world.late_event(ref, kind, number or 1, unit=unit)

    @rule(ref=st.sampled_from(REFS))
    def same_event_again(self, ref: str) -> None:
        """The newest event is applied twice: nothing of the work changes."""
        stay, events = self.world.stays.get(ref), self.world.events.get(ref, [])
        if stay is None or events[-1].version != stay.booking.version:
            return
        self.world.write(stay)
        stay = self.world.stays[ref]
        self.world.write(applied(stay, events[-1], self.world.now))
        again = self.world.stays[ref]
        assert (stay.booking, stay.pin, stay.emailed) == (again.booking, again.pin, again.emailed), "B01"
        states = [[(c.slot, c.phase, c.doubt, c.letter) for c in s.codes] for s in (stay, again)]
        assert states[0] == states[1] or stay.waived is not None, "B01: an event that came twice did work"

    @rule(ref=st.sampled_from(REFS))
    def retry(self, ref: str) -> None:
        """A person presses retry on the first open letter."""
        code = self._with_letter(ref)
        if code is not None:
            self.world.write(self.world.stays[ref].with_code(code.retried()))

    @rule(ref=st.sampled_from(REFS))
    def resolve(self, ref: str) -> None:
        """A person settles the first open letter by hand."""
        code, stay = self._with_letter(ref), self.world.stays.get(ref)
        if code is None or stay is None or code.letter is None:
            return
        if code.slot is not None and not isinstance(self.world.goal(ref, code.lock), Wish):
            self.world.fences[code.lock][code.slot] = FENCE + ref
        after = resolved(stay, code.letter.id, HOUSE, self.world.now)
        assert after is not None
        self.world.write(after, by_hand=True)

    def _with_letter(self, ref: str) -> AccessCode | None:
        stay = self.world.stays.get(ref)
        return next((c for c in stay.codes if c.letter is not None), None) if stay is not None else None

    @rule(ref=st.sampled_from(REFS))
    def rotate(self, ref: str) -> None:
        """A person asks for another PIN."""
        stay = self.world.stays.get(ref)
        if stay is not None and self._is_wanted(stay):
            taken = self.world.pins() | {SPARE_PIN}
            rotated = replace(stay, pin=choose(4, lambda pin: pin in taken))
            self.world.write(turned_for_new_pin(rotated, HOUSE, self.world.now), by_hand=True)

    @rule(ref=st.sampled_from(REFS))
    def resend(self, ref: str) -> None:
        """A person asks for the guest's e-mail once more."""
        stay = self.world.stays.get(ref)
        if stay is not None and self._is_wanted(stay) and takes_email(stay.booking, HOUSE.policy):
            self.world.resend(ref)

    def _is_wanted(self, stay: Stay) -> bool:
        return any(isinstance(goal, Wish) for goal in goals(stay, HOUSE, self.world.now).values())

    @rule(is_so=st.integers(0, 5).map(lambda n: n == 0), again=st.sets(st.sampled_from(REFS)))
    def lose_the_record(self, again: set[str], *, is_so: bool) -> None:
        """Redis is lost, and some bookings are sent again."""
        if is_so:
            self.world.lose_the_record(again)

    @rule(ref=st.sampled_from(REFS), lock=st.sampled_from(LOCKS))
    def job_raises(self, ref: str, lock: str) -> None:
        """The job of one code fails for a reason of our own."""
        if ref in self.world.stays:
            self.world.write(crashed(self.world.stays[ref], lock, self.world.now))

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
        for _ in range(3):  # what one morning's list cannot decide, the next one can
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
        for lock in LOCKS:  # what stood in a slot that another stay has let go since
            VisitModel(self.world, lock, FAIR).run(sweep=True)

    def _on(self, lock: str, ref: str) -> list[Entry]:
        """What a lock holds of a stay, but for what stands in a slot that is fenced or another's."""
        theirs = {slot for slot, owner in self.world.claimed(lock) if owner != ref}
        holds = self.world.locks[lock].holds
        return [e for n, e in holds.items() if bears_mark_of(e, ref) and n not in theirs]

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
        if code.waiting or code.by_hand or goal.push_at > self.world.now:
            return
        shown = self._on(code.lock, ref)
        assert 1 == len(shown), "promises 3 and 8: not on the lock once, and no letter"
        assert goal.written is not None
        assert goal.written.is_shown_by(shown[0]), "promise 8: on the lock, but not as wanted"
        assert code.is_on(goal.written), "promise 6: on the lock, but the record does not know"


InnkeyMachine.TestCase.settings = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
TestInnkeyMachine = InnkeyMachine.TestCase
TestInnkeyMachine.__doc__ = "Promises 2, 3, 5, 6, 7, 8; A17, B06, D01-D03, D09, F14, F15, G01."

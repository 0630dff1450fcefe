"""Builders for the tests of the pure core, and a bench that treats one stay as a visit to a lock does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Self
from zoneinfo import ZoneInfo

from worker.domain import turn
from worker.domain.absorb import misread
from worker.domain.access_code import AccessCode, LetterRef, Written
from worker.domain.booking import BookingEvent, EventType, StayKey, Version
from worker.domain.escalation import Settled
from worker.domain.follow import followed_up
from worker.domain.goals import Goal
from worker.domain.house import Account, House, Lock, Policy, Unit
from worker.domain.marks import name_for
from worker.domain.outcomes import Answer, Entry, Kind, Outcome
from worker.domain.plan import applied
from worker.domain.record import Stay
from worker.domain.slots import View
from worker.domain.steps import ChoosePin, Delete, Push, Read, SetClock, Step, Terms
from worker.domain.wanted import goals, policy_of

GATE, DOOR, SHED = "SS000001", "SS000002", "SS000003"
KEY = StayKey("direct", "BK-1")
PIN, OTHER_PIN = "482913", "730518"
BRISBANE = ZoneInfo("Australia/Brisbane")
NOW = datetime(2026, 12, 1, 0, 0, tzinfo=UTC)  # 10:00 in Brisbane
CHECK_IN, CHECK_OUT = "2026-12-01T15:00", "2026-12-05T10:00"
HOLD = timedelta(seconds=60)
SECOND, MINUTE, HOUR, DAY = (timedelta(**{n: 1}) for n in ("seconds", "minutes", "hours", "days"))
ACTS = (Read, SetClock, ChoosePin, Push, Delete)


def a_house(zone: ZoneInfo = BRISBANE, **policy: object) -> House:
    """Unit `house` behind a gate and its own door, `cabin` behind the door alone, `shed` behind another."""
    rules = Policy(**policy)  # type: ignore[arg-type]
    doors = {"house": (GATE, DOOR), "cabin": (DOOR,), "shed": (SHED,)}
    return House(
        accounts={"default": Account(name="default")},
        locks={name: Lock(name=name, zone=zone) for name in (GATE, DOOR, SHED)},
        units={n: Unit(name=n, zone=zone, locks=locks, policy=rules) for n, locks in doors.items()},
        policy=rules,
        zone=zone,
    )


def an_event(
    kind: str = "created", number: int | None = 1, *, key: StayKey = KEY, **changes: object
) -> BookingEvent:
    """An event of a stay; what it does not name is not in it."""
    version = Version(number=number, text=str(number), stamp=NOW + timedelta(seconds=number or 0))
    return BookingEvent(
        id=f"evt-{kind}-{number}",
        key=key,
        type=EventType(f"booking.{kind}"),
        version=version,
        changes=changes,
    )


def an_answer(kind: Kind, entries: Iterable[Entry] | None = None, **more: object) -> Answer:
    """An answer of the vendor's cloud."""
    shown = tuple(entries) if entries is not None else None
    return Answer(Outcome(kind, **more), shown)  # type: ignore[arg-type]


def an_entry(slot: int, written: Written | None = None, name: str | None = None) -> Entry:
    """What the list shows in a slot; under the mark of `KEY` unless told."""
    shown = written if written is not None else Written(OTHER_PIN, "2601010000", "2701010000")
    return Entry(slot, shown.pin, name_for(KEY, None) if name is None else name, shown.starts, shown.ends)


def a_view(at: datetime, *entries: Entry) -> View:
    """A successful read whose call began at `at`."""
    return View(at, {entry.slot: entry for entry in entries})


def of(step: Push) -> Entry:
    """What a push puts on the lock."""
    return an_entry(step.slot, step.written, step.name)


@dataclass
class Bench:
    """One stay and one of its locks, worked on as `serve_lock` does; every write goes through `write`."""

    house: House = field(default_factory=a_house)
    now: datetime = NOW
    lock: str = DOOR
    key: StayKey = KEY
    stay: Stay = field(init=False)
    quiet_until: datetime | None = None
    claimed: tuple[tuple[int, str], ...] = ()
    settled: list[Settled] = field(default_factory=list)
    _number: int = 0
    _ids: Iterable[int] = field(default_factory=lambda: count(1))

    def event(self, kind: str = "created", **changes: object) -> Self:
        """Apply an event that is newer than all before."""
        self._number += 1
        known = self.stay if self._number > 1 else None
        event = an_event(kind, self._number, key=self.key, **changes)
        self.write(applied(known, event, self.now), before=known)
        return self

    def book(self, **changes: object) -> Self:
        """A stay in the cabin from this afternoon on, with its PIN."""
        told: dict[str, object] = {"unit": "cabin", "check_in": CHECK_IN, "check_out": CHECK_OUT, "pin": PIN}
        return self.event("created", **(told | changes))

    def write(self, stay: Stay, before: Stay | None = None) -> None:
        """Write the stay, with all that follows from it."""
        known = before if before is not None else getattr(self, "stay", None)
        self.stay, settled = followed_up(known, stay, self.house, self.now, self._new_id)
        self.settled += settled

    def _new_id(self) -> str:
        return f"letter-{next(iter(self._ids))}"

    def wait(self, span: timedelta) -> Self:
        """Let time pass."""
        self.now += span
        return self

    def wait_until_due(self) -> Self:
        """Let time pass until the code is due."""
        due = self.code.due
        assert due is not None
        self.now = max(self.now, due)
        return self

    @property
    def code(self) -> AccessCode:
        """The code on the bench's lock."""
        found = self.stay.code(self.lock)
        assert found is not None
        return found

    @property
    def goal(self) -> Goal:
        """What is wanted of it."""
        return goals(self.stay, self.house, self.now)[self.lock]

    @property
    def letter(self) -> LetterRef | None:
        """The code's open letter."""
        return self.code.letter

    def visit(self, view: View | None) -> turn.Visit:
        """What the visit knows."""
        mine = (
            ()
            if self.stay.code(self.lock) is None or self.code.slot is None
            else ((self.code.slot, str(self.key)),)
        )
        quiet = self.quiet_until if self.quiet_until is not None and self.now < self.quiet_until else None
        return turn.Visit(
            lock=self.lock,
            hold=HOLD,
            view=view,
            claimed=(*self.claimed, *mine),
            quiet_until=quiet,
            clock_set_at=self.now,
        )

    def look(self, *entries: Entry, read_at: datetime | None = None, view: View | None = None) -> Step:
        """Read the list just now (unless told) and say what comes next."""
        seen = view if view is not None else a_view(read_at or self.now, *entries)
        looked, step = turn.look_at(self.stay, self.visit(seen), self.house, self.now)
        if looked != self.stay or not isinstance(step, ACTS):
            self.write(looked)
        return step

    def look_blind(self) -> Step:
        """What comes next before the list was read."""
        looked, step = turn.look_at(self.stay, self.visit(None), self.house, self.now)
        if looked != self.stay or not isinstance(step, ACTS):
            self.write(looked)
        return step

    def begin(self, step: Step, *entries: Entry) -> Push | Delete:
        """Record the intent of a command."""
        assert isinstance(step, Push | Delete)
        visit = self.visit(a_view(self.now - SECOND, *entries))
        self.write(turn.begun(self.stay, step, visit, self.house, self.now))
        return step

    def answer(self, kind: Kind, entries: Iterable[Entry] | None = None, **more: object) -> Self:
        """Take in the answer to the command that was begun."""
        got = an_answer(kind, entries, **more)
        self.write(turn.answered(self.stay, got, self.visit(None), self.house, self.now))
        return self

    def send(
        self, step: Step, kind: Kind, entries: Iterable[Entry] | None = None, **more: object
    ) -> Push | Delete:
        """Record a command, and a second later its answer."""
        sent = self.begin(step)
        self.wait(SECOND)
        self.answer(kind, entries, **more)
        return sent

    def misread(self, kind: Kind = Kind.DOUBT) -> Self:
        """A read of the lock that failed."""
        terms = Terms(policy=policy_of(self.stay, self.house), hold=HOLD)
        self.write(self.stay.with_code(misread(self.code, Outcome(kind), self.now, terms)))
        return self

    def put_on(self) -> Entry:
        """Push the code and see it confirmed; what the lock shows now."""
        step = self.look()
        assert isinstance(step, Push), step
        self.send(step, Kind.DONE, [of(step)])
        return of(step)

    def change(self, **changes: object) -> Self:
        """Change the code's record itself."""
        self.write(self.stay.with_code(replace(self.code, **changes)))  # type: ignore[arg-type]
        return self

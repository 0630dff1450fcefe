"""The records and the locks of the state machine, and the checks that every write must pass."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import strategies as st

from tests.unit.domain.kit import DOOR, GATE, MINUTE, NOW, SECOND, SHED, a_house
from tests.unit.domain.lock_model import LockModel, bears_mark_of
from tests.unit.domain.machine_mail import Post
from worker.domain.access_code import AccessCode, Phase
from worker.domain.booking import BookingEvent, EventType, StayKey, Version
from worker.domain.follow import followed_up
from worker.domain.goals import Goal
from worker.domain.outcomes import Entry, Kind
from worker.domain.plan import applied
from worker.domain.record import Stay
from worker.domain.slots import View
from worker.domain.steps import ChoosePin, Delete, Overwrite, Push, Read, SetClock
from worker.domain.wanted import goals

REFS = [f"direct/BK-{n}" for n in range(3)]
LOCKS = [GATE, DOOR, SHED]
ACTS = (Read, SetClock, ChoosePin, Push, Overwrite, Delete)
FENCE = "!"  # before the stay's name, as in `worker.store.locks`
SPARE_PIN = "9051"
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
ANSWERS = [
    *[Kind.DONE] * 7, Kind.FAILED, Kind.FAILED, Kind.PENDING, Kind.PENDING, Kind.OFFLINE, Kind.OFFLINE,
    Kind.DOUBT, Kind.DOUBT, Kind.UNANSWERED, Kind.UNANSWERED, Kind.UNCLEAR, Kind.NOT_SENT, Kind.THROTTLED,
    Kind.INVALID_TOKEN, Kind.NOT_ADMIN, Kind.BAD_WINDOW, Kind.PIN_EXISTS,
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
    # Late by no more than `vendor_hold` less the lag: beyond that nothing is promised.
    late_by=st.integers(1, 39).map(lambda s: s * SECOND),
    lag=st.sampled_from([timedelta(0), timedelta(0), LAG]),
    with_list=st.booleans(),
    read_fails=st.integers(0, 9).map(lambda n: n == 0),
    dies=st.integers(0, 7).map(lambda n: n == 0),
    meanwhile=st.sampled_from([None, None, None, None, "cancel", "confirm", "extend", "move", "resend"]),
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
class World:
    """The records, the locks, and what the promises need to know of the past."""

    now: datetime = NOW
    stays: dict[str, Stay] = field(default_factory=dict)
    locks: dict[str, LockModel] = field(default_factory=lambda: {name: LockModel() for name in LOCKS})
    quiet: dict[str, datetime] = field(default_factory=dict)
    leased: dict[str, datetime] = field(default_factory=dict)
    seen: dict[str, dict[int, Entry]] = field(default_factory=dict)
    post: Post = field(default_factory=Post)
    clocks: dict[str, datetime] = field(default_factory=dict)
    clocks_tried: dict[str, datetime] = field(default_factory=dict)
    fences: dict[str, dict[int, str]] = field(default_factory=lambda: {name: {} for name in LOCKS})
    events: dict[str, list[BookingEvent]] = field(default_factory=dict)
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

    def claimed(self, lock: str) -> tuple[tuple[int, str], ...]:
        """The slots that are taken, those included that a person's word left fenced."""
        return (*self.fences[lock].items(), *self.slots(lock).items())

    def goal(self, ref: str, lock: str) -> Goal | None:
        """What is wanted now."""
        return goals(self.stays[ref], HOUSE, self.now).get(lock)

    def write(self, stay: Stay, *, by_hand: bool = False) -> None:
        """As the ledger writes, with the checks that every write must pass; a person may do more."""
        ref = str(stay.key)
        before = self.stays.get(ref)
        after, _ = followed_up(before, stay, HOUSE, self.now, self._new_id)
        self.stays[ref] = after
        self.post.check(before, after)
        if before is not None and not by_hand:
            self._check_write(ref, before, after)
        for lock in LOCKS:
            self.slots(lock)

    def sees(self, lock: str, view: View) -> None:
        """A list was read: what it proves, and which fences it opens."""
        self.seen[lock] = dict(view.entries)
        self.fences[lock] = {n: owner for n, owner in self.fences[lock].items() if n in view.entries}

    def pins(self) -> set[str]:
        """The PINs that the records know of."""
        written = {w.pin for stay in self.stays.values() for code in stay.codes for w in code.writes}
        return written | {stay.pin for stay in self.stays.values() if stay.pin is not None}

    def leaving(self, lock: str) -> tuple[int, ...]:
        """The slots of codes that are about to be taken off."""
        codes = [code for stay in self.stays.values() if (code := stay.code(lock)) is not None]
        is_leaving = [c for c in codes if c.phase is Phase.REMOVING and c.letter is None]
        return tuple(c.slot for c in is_leaving if c.slot is not None)

    def resend(self, ref: str) -> None:
        """A person asks for the guest's e-mail once more."""
        self.post.once_more(ref)
        self.write(replace(self.stays[ref], emailed=None))

    def lose_the_record(self, again: AbstractSet[str]) -> None:
        """Everything is lost but what the locks hold; of some stays the newest booking is sent again."""
        known, self.stays, self.post = self.stays, {}, Post()
        self.seen, self.clocks, self.clocks_tried = {}, {}, {}
        self.fences = {name: {} for name in LOCKS}
        for ref in sorted(again & known.keys()):
            booking = known[ref].booking
            names = ("unit", "check_in", "check_out", "guest_email")
            told = {name: getattr(booking, name) for name in names}
            self.event(ref, "created", status=booking.status.value, **told)

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
        self.late_event(ref, kind, next(self.versions), **changes)

    def late_event(self, ref: str, kind: str, number: int, **changes: object) -> None:
        """An event of any version."""
        event = BookingEvent(
            id=f"evt-{ref}-{kind}-{number}",
            key=StayKey.parse(ref),
            type=EventType(f"booking.{kind}"),
            version=Version(number=number, text=str(number), stamp=NOW),
            changes=changes,
        )
        self.events.setdefault(ref, []).append(event)
        self.write(applied(self.stays.get(ref), event, self.now))

    def due(self, lock: str) -> list[str]:
        """Whose turn it is on a lock, and who waits there for a slot."""
        found = []
        for ref, stay in self.stays.items():
            code = stay.code(lock)
            if code is not None and (code.waiting or (code.due is not None and code.due <= self.now)):
                found.append((code.deadline or self.now, ref))
        return [ref for _, ref in sorted(found)]

"""Takes a lock's audit trail in: who arrived, what the doors did, how the battery is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from worker.domain.booking import StayKey
from worker.domain.house import House, Lock
from worker.domain.lock_events import LockEvent
from worker.domain.record import Stay
from worker.domain.signs import Signs, judged, with_contact, with_events
from worker.domain.trail import Guest, arrived, guest_of, is_kept, opened_by
from worker.service.generation import OlderFileError
from worker.service.ledger import Ledger
from worker.service.notice_writes import signs_commands
from worker.store import keys
from worker.store.commit import Commit, ConflictError
from worker.store.locks import FENCE
from worker.store.store import Store
from worker.store.trail import Commands, battery_commands, dump_signs, kept_commands, load_signs

CHUNK = 200
_TRIES = 50
_HEARD_EVERY = timedelta(hours=1)

Change = Callable[[str, Callable[[Stay, datetime], Stay | None]], None]
Fence = tuple[str, str]
Probe = Callable[[Signs], datetime | None]


@dataclass(slots=True)
class TrailKeeper:
    """Keeps the trails and the signs of life. Taking the same events in twice comes to the same."""

    store: Store
    ledger: Ledger
    house: Callable[[], House]

    def guests(self, lock: Lock, slots: Collection[str]) -> list[Guest]:
        """The stays that hold a slot of the lock; `slots`: its holders, as `store.locks.slots` tells."""
        refs = sorted({ref for ref in slots if not ref.startswith(FENCE)})
        found = (guest_of(stay, lock.name, lock.zone) for stay in self.store.stays.readable(refs))
        return [guest for guest in found if guest is not None]

    def take_in(
        self,
        lock: Lock,
        events: Sequence[LockEvent],
        guests: Sequence[Guest],
        *,
        change: Change | None = None,
        fence: Fence | None = None,
        probe: Probe | None = None,
    ) -> list[Guest]:
        """Take in what is new of a trail that was just read; the guests as they are then.

        `change` writes a stay (default: without a lease), `fence` guards the other writes. `probe` is asked
        whether a lock from which nothing is heard is still there: the moment at which it answered, or None.
        """
        now = self.ledger.clock.now()
        fresh = self._fresh(lock, events, now)
        openings = {one.id: ref for one in fresh if (ref := opened_by(one, guests)) is not None}
        left = self._mark_arrivals(lock, fresh, openings, change or self._change)
        fresh = [one for one in fresh if openings.get(one.id) not in left]
        contact = probe(with_events(self.signs(lock), fresh, now)) if probe is not None else None
        arrivals = [guest.check_in for guest in guests if guest.is_staying]

        def seen(signs: Signs, at: datetime) -> Signs:
            signs = replace(
                with_contact(with_events(signs, fresh, at), contact), read=at.replace(microsecond=0)
            )
            return judged(signs, arrivals, self.house().battery, at, is_probed=probe is not None)

        self._write_signs(lock, seen, fence, fresh)
        self._keep(lock, fresh, openings, fence, now)
        there = set(openings.values()) - left
        return [replace(one, has_arrived=one.has_arrived or one.ref in there) for one in guests]

    def take_in_by_hand(self, lock: Lock, events: Sequence[LockEvent]) -> None:
        """Take in a trail that was read because a person asked, without the lock's lease."""
        slots = self.store.locks.slots(lock.name)
        self.take_in(lock, events, self.guests(lock, slots.values()))

    def signs(self, lock: Lock) -> Signs:
        """The lock's signs of life."""
        return load_signs(self.store.trails.raw_signs(lock.name))

    def heard_from(self, lock: Lock, arrivals: Iterable[datetime | None], fence: Fence | None = None) -> None:
        """The lock carried out a command just now, so it is there; `arrivals`: check-ins of who holds slots.

        Its battery is looked at too, for somebody who arrives soon.
        """
        coming = list(arrivals)

        def seen(signs: Signs, at: datetime) -> Signs:
            told = judged(with_contact(signs, at), coming, self.house().battery, at, is_probed=False)
            is_news = (told.low, told.unseen) != (signs.low, signs.unseen)
            # Not one more write with each command: to the hour is close enough.
            is_recent = signs.heard is not None and at - signs.heard < _HEARD_EVERY
            return signs if is_recent and not is_news else told

        self._write_signs(lock, seen, fence, ())

    def _fresh(self, lock: Lock, events: Sequence[LockEvent], now: datetime) -> list[LockEvent]:
        recent = {one.id: one for one in events if is_kept(one, now)}
        unknown = self.store.trails.unknown(lock.name, list(recent))
        return sorted((recent[one] for one in unknown), key=lambda event: (event.at, event.id))

    def _mark_arrivals(
        self, lock: Lock, fresh: Sequence[LockEvent], openings: dict[str, str], change: Change
    ) -> set[str]:
        """Mark who has arrived; the stays that a newer property file keeps this process from writing.

        What they opened is left to a process with that file: it is new to it then.
        """
        first: dict[str, datetime] = {}
        for event in fresh:
            if event.id in openings:
                first.setdefault(openings[event.id], event.at)
        left: set[str] = set()
        for ref, at in first.items():
            try:
                change(ref, lambda stay, _now, at=at: arrived(stay, lock.name, at))  # type: ignore[misc]
            except OlderFileError:
                left.add(ref)
        return left

    def _change(self, ref: str, change: Callable[[Stay, datetime], Stay | None]) -> None:
        def wanted(stay: Stay | None, now: datetime) -> Stay | None:
            return change(stay, now) if stay is not None else None

        self.ledger.change(StayKey.parse(ref), wanted)

    def _write_signs(
        self,
        lock: Lock,
        change: Callable[[Signs, datetime], Signs],
        fence: Fence | None,
        events: Sequence[LockEvent],
    ) -> None:
        """Change the signs, with what a person is told of them, in one write. Raises FencedError."""
        for _ in range(_TRIES):
            raw, now = self.store.trails.raw_signs(lock.name), self.ledger.clock.now()
            before = load_signs(raw)
            after = change(before, now)
            if after == before:
                return
            commit = Commit(fence=fence, guards=[(keys.signs(lock.name), raw)])
            commit.commands = [
                ["SET", keys.signs(lock.name), dump_signs(after)],
                *signs_commands(lock.name, before, after, now),
                *_levels(lock, events, before, after),
            ]
            try:
                commit.run(self.store.scripts)
            except ConflictError:
                continue
            return
        raise ConflictError

    def _keep(
        self,
        lock: Lock,
        fresh: Sequence[LockEvent],
        openings: dict[str, str],
        fence: Fence | None,
        now: datetime,
    ) -> None:
        """Keep the events last: whatever fails before is done again with the next reading."""
        for begin in range(0, len(fresh), CHUNK):
            some = fresh[begin : begin + CHUNK]
            rows = [kept_commands(lock.name, one, openings.get(one.id)) for one in some]
            self._run([command for row in rows for command in row], fence)
        self._run(self.store.trails.outdated(lock.name, now), fence)

    def _run(self, commands: Commands, fence: Fence | None) -> None:
        if commands:
            Commit(fence=fence, commands=commands).run(self.store.scripts)


def _levels(lock: Lock, events: Iterable[LockEvent], before: Signs, after: Signs) -> Commands:
    """The battery's last level of each day; a level that comes late does not replace a later one."""
    levels: dict[date, int] = {}
    for event in events:
        if event.battery is not None:
            levels[event.at.astimezone(lock.zone).date()] = event.battery
    is_newer = (after.battery, after.battery_at) != (before.battery, before.battery_at)
    latest = after.battery_at.astimezone(lock.zone).date() if is_newer and after.battery_at else None
    return battery_commands(lock.name, levels, latest)

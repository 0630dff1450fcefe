"""Every write of a stay: decide on what is stored, replan, write it with all that follows, or nothing.

Letters, slots, the PIN index, the timetable and owed mails change in the same write as the stay. Writers do
not lock each other out: a write whose record was changed meanwhile is decided anew on the changed one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from worker.domain.booking import StayKey
from worker.domain.dead_letter import DeadLetter, LetterState, problem_of
from worker.domain.escalation import Settled
from worker.domain.follow import followed_up
from worker.domain.house import House
from worker.domain.reasons import ADVICE, Job, Reason
from worker.domain.record import Stay
from worker.domain.watch import next_look
from worker.service.arrivals import with_next_arrivals
from worker.service.clock import Clock
from worker.service.entries import index_changes, reschedule
from worker.service.generation import OlderFileError
from worker.service.letter_writes import letter_changes
from worker.service.notice_writes import notice_changes
from worker.service.outgoing_writes import Outbox
from worker.store import keys
from worker.store.agenda import Claim, lease_key
from worker.store.alerts import cleared_commands, raised_commands
from worker.store.codec import to_millis
from worker.store.commit import Commit, ConflictError
from worker.store.letters import load_letter, writes_for
from worker.store.store import Store

Change = Callable[[Stay | None, datetime], Stay | None]
Wake = Callable[[list[str]], None]
_TRIES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """What else a write carries: the lease that fences it, its renewal, further commands.

    `reschedule`: write the stay's place on this lock's timetable even where the record says that it is there.
    `pins_must_be_free`: fail where another stay holds one of the PINs. `note`: a person's words, for the
    letters that this write settles.
    """

    claim: Claim | None = None
    renew: timedelta | None = None
    commands: Sequence[list[str | int]] = ()
    pins_must_be_free: bool = False
    reschedule: str | None = None
    note: str | None = None


@dataclass(slots=True)
class Known:
    """A record as this process read or wrote it last, to spare the read before the next write."""

    raw: str
    stay: Stay | None


NOTHING = Extras()


@dataclass(slots=True)
class Ledger:
    """Writes stays. `wake` is called with the locks whose turn it is after a write.

    `outbox`: what other systems are told goes along in the same write.
    """

    store: Store
    house: Callable[[], House]
    clock: Clock
    wake: Wake
    generation: Callable[[], int]
    new_id: Callable[[], str]
    outbox: Outbox

    def change(
        self, key: StayKey, change: Change, *, extras: Extras = NOTHING, known: Known | None = None
    ) -> Known:
        """Apply `change` to the stay (None: there is none yet) and write; None from `change` writes nothing.

        Returns what is stored now. Raises FencedError where the lease is gone, TakenError where a PIN is
        taken, ConflictError if others changed the record fifty times in a row, OlderFileError where a newer
        property file planned the stay.
        """
        for _ in range(_TRIES):
            if known is None:
                raw = self.store.stays.raw(key)
                known = Known(raw, self.store.stays.load(raw) if raw else None)
            generation, now = self.generation(), self.clock.now()
            if known.stay is not None and known.stay.generation > generation:
                raise OlderFileError(str(key))
            wanted = change(known.stay, now)
            if wanted is None:
                return known
            house = self.house()
            wanted = with_next_arrivals(replace(wanted, generation=generation), self.store, house, now)
            after, settled = followed_up(known.stay, wanted, house, now, self.new_id)
            if extras.note is not None:
                settled = [replace(one, note=extras.note) for one in settled]
            try:
                return self._write(known, after, settled, extras, now)
            except ConflictError:
                known = None
        raise ConflictError

    def _write(
        self, known: Known, after: Stay, settled: list[Settled], extras: Extras, now: datetime
    ) -> Known:
        house, name, text = self.house(), keys.stay(str(after.key)), self.store.stays.dump(after)
        commit = Commit(already=(name, text) if text != known.raw else None, guards=[(name, known.raw)])
        if extras.claim is not None:
            commit.fence = lease_key(extras.claim)
            if extras.renew is not None:
                commit.renew(extras.claim.lock, extras.claim.account, extras.renew)
        commit.commands += [["SET", name, text], _stays_entry(after), _watch_entry(after, house, now)]
        commit.commands += extras.commands
        index_changes(
            commit, known.stay, after, house, self.store.vault, must_be_free=extras.pins_must_be_free
        )
        if extras.reschedule is not None:
            reschedule(commit, after, extras.reschedule, house)
        letters = letter_changes(commit, known.stay, after, settled, self.store.letters, house, now)
        notice_changes(commit, known.stay, after, now)
        commit.commands += self.outbox.of_stay(known.stay, after, house, now)
        commit.commands += self.outbox.of_letters(letters, now)
        heard, woken = commit.run(self.store.scripts, house)
        self.clock.heard(heard)
        if woken:
            self.wake(woken)
        return Known(text, after)

    def open_event_letter(self, event_key: str, key: StayKey) -> None:
        """A `bug` letter for an event that could not be applied again and again; it stays in the inbox."""
        now = self.clock.now()
        letter = DeadLetter(
            id=event_letter_id(event_key),
            reason=Reason.BUG,
            step=Job.EVENT,
            opened=now,
            source=key.source,
            booking=key.id,
            message=f"{ADVICE[Reason.BUG].what} Event {event_key} waits in the inbox.",
            problem=problem_of(Reason.BUG, lock=None, booking=str(key), account=None),
        )
        commands = [*writes_for(letter), *raised_commands(letter.problem, letter.id, now)]
        self.run_commands(commands + self.outbox.of_letters([letter], now))

    def settle_letter(self, letter: DeadLetter, note: str) -> DeadLetter:
        """Settle a letter that belongs to no code of a stay; of several who do, one.

        Raises ConflictError if others changed the letter fifty times in a row.
        """
        for _ in range(_TRIES):
            raw = self.store.letters.raw(letter.id)
            letter = load_letter(raw) if raw is not None else letter
            if letter.state is LetterState.RESOLVED:
                return letter
            now = self.clock.now()
            done = letter.settled(now, note)
            commit = Commit(
                guards=[(keys.letter(letter.id), raw or "")],
                commands=[
                    *writes_for(done),
                    *cleared_commands(letter.problem, letter.id, now),
                    *self.outbox.of_letters([done], now),
                ],
            )
            try:
                commit.run(self.store.scripts)
            except ConflictError:
                continue
            return done
        raise ConflictError

    def run_commands(self, commands: list[list[str | int]]) -> None:
        """Write what belongs to no stay, in one go."""
        Commit(commands=commands).run(self.store.scripts)


def event_letter_id(event_key: str) -> str:
    """The letter of an event that cannot be applied: one per event."""
    return f"event-{event_key.replace(':', '-')}"


def _stays_entry(stay: Stay) -> list[str | int]:
    return ["ZADD", keys.STAYS, to_millis(stay.check_in) if stay.check_in else 0, str(stay.key)]


def _watch_entry(stay: Stay, house: House, now: datetime) -> list[str | int]:
    at = next_look(stay, house, now)
    return (
        ["ZREM", keys.WATCH, str(stay.key)]
        if at is None
        else ["ZADD", keys.WATCH, to_millis(at), str(stay.key)]
    )

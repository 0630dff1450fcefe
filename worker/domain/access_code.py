"""One PIN on one lock for one stay: what we wrote, what is still in doubt, and how often we tried."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from worker.domain.outcomes import Entry, Kind, Outcome
from worker.domain.reasons import Job, Reason

KEPT_WRITES = 4
KEPT_TRIES = 20


class Phase(StrEnum):
    """How far a code is. A code with an open letter shows as `review` instead."""

    PLANNED = "planned"
    SETTING = "setting"
    SET = "set"
    REMOVING = "removing"
    REMOVED = "removed"


class Blank(StrEnum):
    """Writing an ended PIN over a code that the lock will not delete (the KAS API document, ACK table)."""

    NO = ""
    REFUSED = "refused"  # an ended window was refused: a window of one minute is next
    TRIED = "tried"  # whether it took effect is not known
    DEAD = "dead"  # the guest's PIN does not open the door any more


@dataclass(frozen=True, slots=True)
class Written:
    """What a push writes into a slot: the PIN and the window in the lock's own time (YYMMDDHHmm)."""

    pin: str
    starts: str
    ends: str

    def __repr__(self) -> str:
        """Leave out the PIN."""
        return f"Written({self.starts}-{self.ends})"

    def is_shown_by(self, entry: Entry) -> bool:
        """Whether the lock's list shows this very PIN and window."""
        return (self.pin, self.starts, self.ends) == (
            entry.pin,
            entry.starts,
            entry.ends,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """A command whose effect is not proven yet.

    `since` is the start of the call, `refutes_from` the first moment at which a list that does not show
    the effect counts against it, `reason` what the letter will say if it was the last attempt. `looked_at`:
    when the last list was read that told nothing. `is_free`: it was sent for a window that is no longer
    wanted, and counts no attempt. `tells`: with it the PIN was told for the first time, by e-mail. `asks`: no
    earlier push that may yet turn up asked for the e-mail of this PIN and window.
    """

    job: Job
    since: datetime
    refutes_from: datetime
    reason: Reason
    answered: bool = True
    is_free: bool = False
    tells: bool = False
    asks: bool = False
    looked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt, kept for the person who will read the letter."""

    at: datetime
    job: Job
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class GaveUp:
    """Why, and at which job, a person has to look."""

    reason: Reason
    job: Job


@dataclass(frozen=True, slots=True)
class LetterRef:
    """The dead letter that is open for a code; while `retrying` the code is worked on again."""

    id: str
    reason: Reason
    job: Job
    retrying: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessCode:
    """The record of one code.

    `writes` holds what we wrote into `slot`, the latest last: any of them may still show up there.
    `proven` says that the latest was seen on the lock. `attempts` counts the commands sent for the present
    job, `failures` those that count against `retry_delays`, `refused_pins` those of them for a PIN that the
    lock holds already, `offline` those against `offline_delays`,
    `misreads` failed reads, `crashes` workers that died in a call. `again_at` is the earliest next try,
    `started` the start that was pushed. `removal_owed`: a removal in doubt is sent once more even where the
    list no longer shows the code; `removal_repeated`: that was done. `aim`: the window that the job is about.
    `mailed`: the write whose push asked for the guest's e-mail, until it is proven. `blank`: how far writing
    an ended PIN over a stubborn code has come. `seen_at`: when a list last proved it to be on the lock.
    `next_arrival`: at a door that the stay has left, when the next guest comes.
    """

    lock: str
    phase: Phase = Phase.PLANNED
    slot: int | None = None
    writes: tuple[Written, ...] = ()
    proven: bool = False
    mailed: Written | None = None
    started: datetime | None = None
    doubt: Doubt | None = None
    in_flight: bool = False
    removal_owed: bool = False
    removal_repeated: bool = False
    attempts: int = 0
    failures: int = 0
    refused_pins: int = 0
    offline: int = 0
    misreads: int = 0
    crashes: int = 0
    again_at: datetime | None = None
    failed_for: Reason | None = None
    gave_up: GaveUp | None = None
    last: Outcome | None = None
    tries: tuple[Try, ...] = ()
    aim: str = ""
    blank: Blank = Blank.NO
    waiting: bool = False
    by_hand: bool = False
    seen_at: datetime | None = None
    next_arrival: datetime | None = None
    letter: LetterRef | None = None
    due: datetime | None = None
    deadline: datetime | None = None

    @property
    def latest(self) -> Written | None:
        """What was written last, or tried to be."""
        return self.writes[-1] if self.writes else None

    def is_on(self, wanted: Written) -> bool:
        """Whether the lock was seen to hold just `wanted`, with nothing in doubt."""
        return self.phase is Phase.SET and self.proven and self.doubt is None and self.latest == wanted

    @property
    def mail_in_doubt(self) -> Written | None:
        """The PIN and window whose e-mail was asked for with a push that is still in doubt."""
        return self.mailed if self.doubt is not None and self.doubt.job is Job.SET else None

    @property
    def awaits_gateway(self) -> bool:
        """Whether an open letter says that the lock's gateway was not to be reached."""
        letter = self.letter
        return letter is not None and letter.reason is Reason.GATEWAY_OFFLINE and not letter.retrying

    def retried(self) -> AccessCode:
        """Worked on again from the start, under the same letter."""
        again = self.fresh(self.phase)
        return again if again.letter is None else replace(again, letter=replace(again.letter, retrying=True))

    def is_pin_refused(self, pin: str | None) -> bool:
        """Whether the lock said that it holds `pin` already, in a slot that is not ours."""
        return self.failed_for is Reason.PIN_TAKEN and self.latest is not None and self.latest.pin == pin

    def tried(self, at: datetime, job: Job, outcome: Outcome) -> AccessCode:
        """With one more attempt on the list that a person will see."""
        tries = (*self.tries, Try(at, job, outcome))[-KEPT_TRIES:]
        return replace(self, last=outcome, tries=tries)

    def fresh(self, phase: Phase) -> AccessCode:
        """At the start of another job: no attempts yet, nothing to wait for. A doubt stays a doubt."""
        return replace(
            self,
            phase=phase,
            attempts=0,
            failures=0,
            refused_pins=0,
            offline=0,
            misreads=0,
            crashes=0,
            again_at=None,
            failed_for=None,
            gave_up=None,
            tries=(),
            waiting=False,
            removal_owed=False,
            removal_repeated=False,
            blank=Blank.NO,
        )

    def on_the_lock(self, seen_at: datetime) -> AccessCode:
        """The code was seen on the lock as it was written last."""
        last = self.last if self.last is not None else Outcome(Kind.DONE)
        return replace(
            self,
            phase=Phase.SET,
            proven=True,
            seen_at=seen_at,
            doubt=None,
            in_flight=False,
            failures=0,
            refused_pins=0,
            offline=0,
            crashes=0,
            again_at=None,
            failed_for=None,
            gave_up=None,
            waiting=False,
            writes=self.writes[-1:],
            tries=(),
            last=last,
            letter=None,
        )

    def removed(self) -> AccessCode:
        """The code is off the lock, or is no longer ours to take off: its slot is given back."""
        return replace(
            self.fresh(Phase.REMOVED),
            attempts=self.attempts,
            slot=None,
            writes=(),
            proven=False,
            seen_at=None,
            started=None,
            doubt=None,
            in_flight=False,
            by_hand=False,
            letter=None,
        )

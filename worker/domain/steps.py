"""What to do next about one code: the decision table of the engine. Pure: the same input, the same answer.

`next_step` only reads. What an answer or a list changes in the code's record is said in
`worker.domain.absorb` and `worker.domain.observe`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from worker.domain.access_code import AccessCode, Blank, Phase, Written
from worker.domain.goals import Goal, Leave, Wish
from worker.domain.house import Policy
from worker.domain.marks import name_for
from worker.domain.reasons import Job, Reason
from worker.domain.slots import Sight, View, look


@dataclass(frozen=True, slots=True)
class Read:
    """Read the lock's list: nothing may be decided without it."""


@dataclass(frozen=True, slots=True)
class SetClock:
    """Set the lock's clock first."""


@dataclass(frozen=True, slots=True)
class ChoosePin:
    """The stay needs a PIN: its first one, or another because the lock holds this one already."""


@dataclass(frozen=True, slots=True)
class Push:
    """Write this into that slot."""

    slot: int
    written: Written = field(repr=False)
    name: str = field(repr=False)
    with_email: bool = False


@dataclass(frozen=True, slots=True)
class Overwrite:
    """Write an ended PIN over a code that will not be deleted, before the last try to delete it."""

    slot: int
    written: Written = field(repr=False)
    name: str


@dataclass(frozen=True, slots=True)
class Delete:
    """Take off what is in that slot."""

    slot: int


@dataclass(frozen=True, slots=True)
class Clear(Delete):
    """Take off a second code of the stay: it has one on this lock already, in another slot."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`; None: not until something changes."""

    until: datetime | None


@dataclass(frozen=True, slots=True)
class WaitForSlot:
    """Every slot is taken: the one that frees wakes the code."""


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Put it before a person."""

    reason: Reason
    job: Job


Step = Read | SetClock | ChoosePin | Push | Overwrite | Delete | Wait | WaitForSlot | GiveUp


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What else a decision depends on.

    `hold`: the account's `vendor_hold`. `quiet_until`: no command to this lock before then (promise 5).
    `clock_due`: the lock's clock should be set before a push. `free_slot`: by the list of this visit.
    `blank`: the ended PIN to write over a code that will not be deleted.
    """

    policy: Policy
    hold: timedelta
    quiet_until: datetime | None = None
    clock_due: bool = False
    free_slot: int | None = None
    blank: Written | None = field(default=None, repr=False)


def next_step(code: AccessCode, goal: Goal, view: View | None, now: datetime, terms: Terms) -> Step:
    """What to do now about `code`, or when to look again. `view` is a list read in this visit to the lock."""
    is_quiet = terms.quiet_until is not None and now < terms.quiet_until
    resting = _resting(code, goal, now)
    if resting is not None:
        return Wait(terms.quiet_until) if is_quiet and isinstance(resting, SetClock) else resting
    if view is None or not _is_news(code, goal, view, now):
        return Read()
    if code.doubt is not None:
        return Wait(code.doubt.refutes_from)
    if code.slot is not None and isinstance(goal, Wish) and look(code, goal.key, view) in _NOT_OURS:
        return GiveUp(Reason.OVERWRITTEN_ELSEWHERE, Job.SET)
    if is_quiet:
        return Wait(terms.quiet_until)
    return _command(code, goal, now, terms)


def _is_news(code: AccessCode, goal: Goal, view: View, now: datetime) -> bool:
    """Whether a list can say anything new: read since the doubt or the check began, and not looked at yet."""
    if code.doubt is None:
        check_at = goal.check_at if isinstance(goal, Wish) and code.phase is Phase.SET else None
        return check_at is None or now < check_at or check_at <= view.read_at
    looked_at = code.doubt.looked_at
    return view.read_at > code.doubt.since and (looked_at is None or view.read_at > looked_at)


_NOT_OURS = frozenset({Sight.FOREIGN, Sight.CHANGED})


def _resting(code: AccessCode, goal: Goal, now: datetime) -> Step | None:
    """Why nothing goes to the lock now, if nothing does."""
    settled = _settled(goal, now) if _is_settled(code, goal) else None
    if settled is not None:
        return settled
    if is_with_a_person(code):
        return _behind_letter(code, goal, now)
    if code.gave_up is not None:
        return GiveUp(code.gave_up.reason, code.gave_up.job)
    earliest = _earliest(code, goal)
    return Wait(earliest) if earliest is not None and now < earliest else None


def _settled(goal: Goal, now: datetime) -> Step | None:
    """Nothing to do before the stay ends but the morning's look whether the code is still there."""
    if isinstance(goal, Leave):
        return Wait(None)
    if goal.check_at is None:
        return Wait(goal.ends)
    return Wait(goal.check_at) if now < goal.check_at else None


def _behind_letter(code: AccessCode, goal: Goal, now: datetime) -> Step:
    """A person has it; but a gateway that may be back is probed by setting the lock's clock."""
    ends = goal.ends if isinstance(goal, Wish) else None
    if code.letter is None or code.letter.reason is not Reason.GATEWAY_OFFLINE or code.again_at is None:
        return Wait(ends)
    if now < code.again_at:
        return Wait(code.again_at if ends is None else min(code.again_at, ends))
    return SetClock() if ends is None or now < ends else Wait(ends)


def _is_settled(code: AccessCode, goal: Goal) -> bool:
    if isinstance(goal, Leave):
        return code.phase is Phase.REMOVED or (code.slot is None and code.doubt is None)
    # A code that is on the lock is pushed again in place where the guest's e-mail is still owed.
    return code.by_hand or (goal.written is not None and code.is_on(goal.written) and not goal.with_email)


def is_with_a_person(code: AccessCode) -> bool:
    """Whether an open letter holds the code. One that waits for a slot goes on waiting behind its letter."""
    letter = code.letter
    return letter is not None and not letter.retrying and letter.reason is not Reason.NO_FREE_SLOT


def _earliest(code: AccessCode, goal: Goal) -> datetime | None:
    moments = [code.again_at]
    if isinstance(goal, Leave):
        moments.append(goal.at)
    elif code.doubt is None:
        moments.append(goal.hold_until)
        if code.slot is None:
            moments.append(goal.push_at)
    return max((m for m in moments if m is not None), default=None)


def _command(code: AccessCode, goal: Goal, now: datetime, terms: Terms) -> Step:
    if isinstance(goal, Leave):
        return _removal(code, goal, terms)
    slot = code.slot if code.slot is not None else terms.free_slot
    if slot is None:
        return _without_slot(code, goal, now)
    if code.is_pin_refused(goal.pin) and goal.pin_is_told:
        return GiveUp(Reason.PIN_TAKEN, Job.SET)
    if goal.written is None or code.is_pin_refused(goal.pin):
        return ChoosePin()
    if terms.clock_due:
        return SetClock()
    return Push(slot, goal.written, goal.name, with_email=goal.with_email)


def _removal(code: AccessCode, goal: Leave, terms: Terms) -> Step:
    if code.slot is None:
        return Wait(None)
    is_last = len(terms.policy.retry_delays) <= code.failures and code.failed_for is Reason.LOCK_FAILED
    if is_last and code.blank in (Blank.NO, Blank.REFUSED) and terms.blank is not None:
        return Overwrite(code.slot, terms.blank, name_for(goal.key, None))
    return Delete(code.slot)


def _without_slot(code: AccessCode, goal: Wish, now: datetime) -> Step:
    is_told = (code.letter is not None and not code.letter.retrying) or now < goal.letter_at
    return WaitForSlot() if is_told else GiveUp(Reason.NO_FREE_SLOT, Job.SET)

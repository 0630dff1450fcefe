"""One look at one code during a visit to its lock: fold in what was seen, and decide what to do. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from worker.domain.absorb import absorb, absorb_blank, begin, begin_blank, misread, recover
from worker.domain.absorb import probed as probe_failed
from worker.domain.access_code import AccessCode, Blank, GaveUp, Phase, Written
from worker.domain.answer_table import SURELY_NOT
from worker.domain.booking import StayKey
from worker.domain.goals import Goal, Leave, Wish
from worker.domain.house import House, Policy
from worker.domain.marks import marked
from worker.domain.media import is_tags
from worker.domain.notices import About
from worker.domain.observe import observe
from worker.domain.outcomes import Answer, Entry, Outcome
from worker.domain.plan import adopted, turned
from worker.domain.reasons import Job, Reason
from worker.domain.record import Stay
from worker.domain.slots import Sight, View, free_slot, look, unclaimed
from worker.domain.stay import window
from worker.domain.steps import (
    ChoosePin,
    Clear,
    Delete,
    GiveUp,
    Overwrite,
    Push,
    SetClock,
    Step,
    Terms,
    Wait,
    WaitForSlot,
    is_with_a_person,
    next_step,
)
from worker.domain.wanted import goals, policy_of

MOST_CRASHES = 3
AFTER_CRASH = timedelta(seconds=30)
READER_SLOTS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What a visit to a lock knows so far.

    `claimed`: slots that anything of ours holds, by stay (`source/id`). `clock_set_at`: when the lock's
    clock was last set (None: it must be set before a push). `clock_tried`: this visit, or a recent one, has
    tried. `spare_pin`: a PIN that nobody has, to write over a code that will not be deleted. `leaving`: slots
    of codes that are about to be taken off. `cleared`: slots that this visit has tried to clear.
    """

    lock: str
    hold: timedelta
    view: View | None = None
    claimed: Collection[tuple[int, str]] = ()
    quiet_until: datetime | None = None
    clock_set_at: datetime | None = None
    clock_tried: bool = False
    spare_pin: str | None = field(default=None, repr=False)
    leaving: Collection[int] = ()
    cleared: Collection[int] = ()


def look_at(stay: Stay, visit: Visit, house: House, now: datetime) -> tuple[Stay, Step]:
    """The stay with what the visit has seen of it, and the next step of its code on this lock."""
    stay = replace(stay, codes=tuple(recover(c) if c.lock == visit.lock else c for c in stay.codes))
    stay = turned(stay, house, now)
    goal = goals(stay, house, now).get(visit.lock)
    if goal is None:
        return stay, Wait(None)
    if visit.view is not None:
        stay = _observed(stay, goal, visit, visit.view, house, now)
        goal = goals(stay, house, now)[visit.lock]
    code = stay.code(visit.lock) or AccessCode(lock=visit.lock)
    if code.crashes > MOST_CRASHES and not is_with_a_person(code):
        return stay.with_code(replace(code, gave_up=GaveUp(Reason.BUG, Job.JOB))), GiveUp(Reason.BUG, Job.JOB)
    step = next_step(code, goal, visit.view, now, _terms(stay, visit, house, now))
    if isinstance(step, Wait) and visit.view is not None:
        step = _clearing(code, goal, visit, visit.view) or step
    return stay.with_code(_decided(code, step, visit)), step


def _clearing(code: AccessCode, goal: Goal, visit: Visit, view: View) -> Clear | None:
    """A second code of a stay whose first one is on, as wanted: a list that lagged had hidden one of them."""
    is_on = isinstance(goal, Wish) and goal.written is not None and code.is_on(goal.written)
    if not is_on or code.letter is not None or visit.quiet_until is not None:
        return None
    taken = {code.slot, *(slot for slot, _ in visit.claimed), *visit.cleared}
    second = unclaimed(goal.key, view, taken)
    return Clear(second.slot) if second is not None else None


def _observed(stay: Stay, goal: Goal, visit: Visit, view: View, house: House, now: datetime) -> Stay:
    code = stay.code(visit.lock)
    if isinstance(goal, Wish) and (code is None or code.slot is None):
        found = unclaimed(stay.key, view, {slot for slot, _ in visit.claimed})
        if found is not None:
            stay = adopted(stay, visit.lock, found, house)
            goal = goals(stay, house, now)[visit.lock]
            code = stay.code(visit.lock)
    if code is None or (code.doubt is not None and view.read_at <= code.doubt.since):
        return stay
    terms = _terms(stay, visit, house, now)
    if _is_pin_about_to_leave(code, visit, view, terms):
        again_at = now + terms.policy.pending_poll
        return stay.with_code(replace(code, doubt=None, failures=code.failures + 1, again_at=again_at))
    observed = observe(code, goal, view, now, terms)
    stay = _emailed(stay.with_code(observed), code)
    is_foreign = (
        isinstance(goal, Leave) and code.slot is not None and look(code, stay.key, view) is Sight.FOREIGN
    )
    if is_foreign:
        stay = _left_to_others(stay, code, now)
    second = unclaimed(stay.key, view, {slot for slot, _ in visit.claimed})
    if observed.slot is not None or second is None:
        return stay
    return reclaimed(stay, visit.lock, second, house, now) or stay


def _left_to_others(stay: Stay, code: AccessCode, now: datetime) -> Stay:
    """At the slot of an ended code stands one that is not ours: it stays, and the timeline says so."""
    stay = stay.noted(now, "code.replaced", lock=code.lock, slot=code.slot)
    return stay.warned_of(About.HAND_TYPED, code.lock) if code.by_hand else stay


def _is_pin_about_to_leave(code: AccessCode, visit: Visit, view: View, terms: Terms) -> bool:
    """Whether the PIN that the lock refused is held by a code of ours that is about to be taken off."""
    if code.doubt is None or code.doubt.reason is not Reason.PIN_TAKEN or code.latest is None:
        return False
    held = {slot for slot, entry in view.entries.items() if entry.pin == code.latest.pin}
    return bool(held & set(visit.leaving)) and code.failures < len(terms.policy.retry_delays)


def _emailed(stay: Stay, before: AccessCode) -> Stay:
    """The vendor sent the e-mail with the push that is proven now."""
    after, mailed = stay.code(before.lock), before.mailed
    if mailed is None or after is None or not after.proven:
        return stay
    if after.latest != mailed:
        return stay
    return replace(stay.with_code(replace(after, mailed=None)), emailed=mailed)


def _terms(stay: Stay, visit: Visit, house: House, now: datetime) -> Terms:
    policy, ref = policy_of(stay, house), str(stay.key)
    free = None
    if visit.view is not None:
        taken = {slot for slot, owner in visit.claimed if owner != ref}
        free = free_slot(visit.view, taken, policy.first_slot, _last_slot(visit.lock, policy, house))
    is_stale = visit.clock_set_at is None or now - visit.clock_set_at >= policy.set_clock_every
    return Terms(
        policy=policy,
        hold=visit.hold,
        quiet_until=visit.quiet_until,
        clock_due=is_stale and not visit.clock_tried,
        free_slot=free,
        blank=_blank(stay, visit, house, now),
    )


def _last_slot(lock: str, policy: Policy, house: House) -> int:
    """A reader has more places for tags than a lock (the KAS API document, "Add Remote RFID")."""
    known = house.lock(lock)
    return READER_SLOTS if is_tags(lock) and known is not None and known.reader else policy.last_slot


def _blank(stay: Stay, visit: Visit, house: House, now: datetime) -> Written | None:
    """An already-ended window; one of a minute where that was refused."""
    code = stay.code(visit.lock)
    if visit.spare_pin is None or code is None:
        return None
    zone = house.zone_of(visit.lock)
    if code.blank is Blank.REFUSED:
        found = window(now, now + timedelta(minutes=1), zone)
    else:
        found = window(now - timedelta(hours=3), now - timedelta(hours=2), zone)
    return Written(visit.spare_pin, found.starts_text, found.ends_text)


def _decided(code: AccessCode, step: Step, visit: Visit) -> AccessCode:
    if isinstance(step, WaitForSlot):
        # A retry has gone as far as it can. That the lock is full is told by a letter in its time.
        letter = None if code.letter is not None and code.letter.retrying else code.letter
        return replace(code, waiting=True, again_at=None, letter=letter)
    if isinstance(step, ChoosePin | SetClock | Push):
        # A slot is free. Were it still waiting, the record would rest between choosing a PIN and the push.
        return replace(code, waiting=False)
    if isinstance(step, GiveUp):
        return replace(code, gave_up=GaveUp(step.reason, step.job))
    if isinstance(step, Wait) and step.until is not None and step.until == visit.quiet_until:
        return replace(code, again_at=step.until)
    return code


def begun(stay: Stay, step: Push | Overwrite | Delete, visit: Visit, house: House, now: datetime) -> Stay:
    """The stay just before a command leaves. A PIN that an e-mail may carry counts as told."""
    code, goal = _code_and_goal(stay, visit, house, now)
    if isinstance(step, Clear):
        return stay.with_code(replace(code, in_flight=True))
    if isinstance(step, Overwrite):
        return stay.with_code(begin_blank(code, step))
    # What this visit has read tells nothing of a command that leaves only now, whatever the clock does.
    since = now if visit.view is None else max(now, visit.view.read_at)
    code = begin(code, goal, step, since, _terms(stay, visit, house, now))
    if not isinstance(step, Push) or not step.with_email:
        return stay.with_code(code)
    # This e-mail is the last word: what another door's push had asked for does not count any more.
    stay = replace(stay, codes=tuple(replace(c, mailed=None) for c in stay.codes))
    if stay.told or code.doubt is None:
        return stay.with_code(code)
    return replace(stay.with_code(replace(code, doubt=replace(code.doubt, tells=True))), told=True)


def answered(
    stay: Stay, answer: Answer, visit: Visit, house: House, now: datetime, step: Step | None = None
) -> Stay:
    """The stay after the answer to the command (`step`) that `begun` recorded."""
    code, goal = _code_and_goal(stay, visit, house, now)
    if isinstance(step, Clear):  # whatever the answer: the next list tells
        return stay.with_code(replace(code.tried(now, Job.REMOVE, answer.outcome), in_flight=False))
    if isinstance(step, Overwrite):
        return stay.with_code(absorb_blank(code, answer, now))
    if code.doubt is not None and code.doubt.tells and answer.outcome.kind in SURELY_NOT:
        stay = replace(stay, told=False)
        goal = goals(stay, house, now)[visit.lock]
    absorbed = absorb(code, goal, answer, now, _terms(stay, visit, house, now))
    return _emailed(stay.with_code(absorbed), code)


def _code_and_goal(stay: Stay, visit: Visit, house: House, now: datetime) -> tuple[AccessCode, Goal]:
    code = stay.code(visit.lock)
    if code is None:
        msg = f"{stay.key} has no code on lock {visit.lock}"
        raise ValueError(msg)
    return code, goals(stay, house, now)[visit.lock]


def probed(stay: Stay, lock: str, house: House, now: datetime) -> Stay:
    """The stay after a probe of the lock's gateway that did not get through."""
    code, goal = stay.code(lock), goals(stay, house, now).get(lock)
    if code is None or goal is None or not code.awaits_gateway:
        return stay
    return stay.with_code(probe_failed(code, goal, now))


def reachable(stay: Stay, lock: str) -> Stay:
    """The stay after the lock's gateway carried a command out: what failed for it alone is tried again."""
    code = stay.code(lock)
    return stay.with_code(code.retried()) if code is not None and code.awaits_gateway else stay


def crashed(stay: Stay, lock: str, now: datetime) -> Stay:
    """The stay after its job raised: again in a while, and at the end a `bug` letter."""
    code = stay.code(lock)
    if code is None:
        return stay
    crashes = code.crashes + 1
    code = replace(code, crashes=crashes, again_at=now + AFTER_CRASH, in_flight=False)
    if crashes > MOST_CRASHES and not is_with_a_person(code):
        code = replace(code, gave_up=GaveUp(Reason.BUG, Job.JOB))
    return stay.with_code(code)


def unread(
    stay: Stay, lock: str, outcome: Outcome, hold: timedelta, house: House, now: datetime
) -> Stay | None:
    """The stay after its lock's list could not be read; None where nothing is due for it there (any more)."""
    code = stay.code(lock)
    if code is None or code.due is None or code.due > now:
        return None
    return stay.with_code(misread(code, outcome, now, Terms(policy=policy_of(stay, house), hold=hold)))


def without_pin(stay: Stay, lock: str) -> Stay:
    """The stay after no PIN was found that is free on all its locks: a person has to make room."""
    code = stay.code(lock)
    return stay if code is None else stay.with_code(replace(code, gave_up=GaveUp(Reason.PIN_TAKEN, Job.SET)))


def strays(view: View, claimed: Collection[tuple[int, str]]) -> list[tuple[StayKey, Entry]]:
    """Codes under a mark of ours in slots that nothing of ours claims: a late add after a cancel, say."""
    taken = {slot for slot, _ in claimed}
    found = []
    for slot, entry in sorted(view.entries.items()):
        key = marked(entry.name)
        if slot not in taken and key is not None:
            found.append((key, entry))
    return found


def reclaimed(stay: Stay, lock: str, entry: Entry, house: House, now: datetime) -> Stay | None:
    """The stay with a stray code of its own to take off.

    None where the stay wants a code there, or has one.
    """
    goal = goals(stay, house, now).get(lock)
    code = stay.code(lock)
    if isinstance(goal, Wish) or (code is not None and (code.slot is not None or code.doubt is not None)):
        return None
    written = Written(entry.pin, entry.starts, entry.ends)
    found = AccessCode(lock=lock, phase=Phase.REMOVING, slot=entry.slot, writes=(written,), proven=True)
    return stay.with_code(found).noted(now, "code.stray", lock=lock, slot=entry.slot)

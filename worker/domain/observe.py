"""What a list changes in a code's record: it confirms at any time, and refutes once doubt allows it. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from worker.domain.access_code import AccessCode, Doubt, GaveUp, Phase
from worker.domain.answer_table import OTHER_PINS, SURELY_NOT
from worker.domain.goals import Goal, Leave, Wish
from worker.domain.reasons import Job, Reason
from worker.domain.slots import Sight, View, look, shows
from worker.domain.steps import Terms, is_with_a_person


def observe(code: AccessCode, goal: Goal, view: View, now: datetime, terms: Terms) -> AccessCode:
    """The record after a successful read: it confirms at any time, and refutes once the doubt allows it."""
    code = replace(code, misreads=0)
    if code.slot is None:
        return code
    sight = look(code, goal.key, view)
    if code.latest is not None and shows(code, goal.key, code.latest, view):
        code = replace(code, proven=True)
    if isinstance(goal, Wish):
        return _observe_wish(code, goal, sight, view, now, terms)
    return _observe_leave(code, goal, sight, view, now, terms)


def _observe_wish(
    code: AccessCode, goal: Wish, sight: Sight, view: View, now: datetime, terms: Terms
) -> AccessCode:
    if code.doubt is not None and code.doubt.job is Job.REMOVE:
        # Confirmed again: until the removal's time is over, a list that shows the code proves nothing.
        if sight is not Sight.ABSENT and not _refutes(code.doubt, view):
            return _look_again(code, code.doubt, view, now, terms)
        code = replace(code, doubt=None, again_at=None)
    latest = code.latest
    if latest is not None and shows(code, goal.key, latest, view):
        return (
            _still_owing(code, goal, now, terms)
            if _owes_email(code, goal)
            else code.on_the_lock(view.read_at)
        )
    if code.doubt is not None:
        # A slot that shows somebody else's code may be given up: only what surely is not to come allows that.
        doubt = _past_hold(code.doubt, terms) if sight is Sight.FOREIGN else code.doubt
        if not _refutes(doubt, view):
            return _look_again(code, doubt, view, now, terms)
        code = _failed(code, doubt.reason, now, terms, told=goal.pin_is_told)
    if sight is Sight.ABSENT and code.phase is Phase.SET:
        return replace(code.fresh(Phase.SETTING), proven=False)
    if code.phase is Phase.SET:
        return replace(code, phase=Phase.SETTING, proven=False)
    if sight in (Sight.OURS, Sight.ABSENT):
        return replace(code, proven=False)
    if sight is Sight.FOREIGN and code.phase is Phase.SETTING and not code.proven and len(code.writes) <= 1:
        # Never seen on the lock, and somebody typed a code into the slot meanwhile: theirs stays.
        return replace(code, slot=None, writes=())
    return code


def _owes_email(code: AccessCode, goal: Wish) -> bool:
    """Whether the code was there before the last push, which was for the e-mail alone and was refused."""
    is_refused = code.last is not None and code.last.kind in SURELY_NOT
    is_surely_not = code.doubt is None or code.doubt.reason is Reason.PIN_TAKEN
    return goal.with_email and is_refused and is_surely_not and code.mailed != code.latest


def _still_owing(code: AccessCode, goal: Wish, now: datetime, terms: Terms) -> AccessCode:
    """The list shows the code, and says nothing about the e-mail: the refusals go on counting."""
    seen = replace(code, phase=Phase.SET, proven=True)
    return seen if seen.doubt is None else _failed(seen, seen.doubt.reason, now, terms, told=goal.pin_is_told)


def _observe_leave(
    code: AccessCode, goal: Leave, sight: Sight, view: View, now: datetime, terms: Terms
) -> AccessCode:
    if sight is Sight.FOREIGN:
        return code.removed()
    if code.doubt is not None and code.doubt.job is Job.SET:
        return _observe_abandoned_set(code, goal, sight, view, now, terms)
    if sight is Sight.ABSENT:
        is_owed = code.removal_owed and not is_with_a_person(code)
        return replace(code, doubt=None, again_at=None) if is_owed else code.removed()
    if code.doubt is None:
        return code
    if not _refutes(code.doubt, view):
        return _look_again(code, code.doubt, view, now, terms)
    return _failed(code, code.doubt.reason, now, terms, told=True)


def _observe_abandoned_set(
    code: AccessCode, goal: Leave, sight: Sight, view: View, now: datetime, terms: Terms
) -> AccessCode:
    """An add that is no longer wanted may still arrive: its slot stays ours until that is past."""
    doubt, latest = code.doubt, code.latest
    if doubt is None or latest is None:
        return code
    arrived = shows(code, goal.key, latest, view)
    late = _past_hold(doubt, terms)
    if not arrived and not _refutes(late, view):
        return _look_again(code, late, view, now, terms)
    if sight is Sight.ABSENT:
        return code.removed()
    return replace(code, doubt=None, again_at=None, proven=arrived)


def _past_hold(doubt: Doubt, terms: Terms) -> Doubt:
    """The doubt as it counts where the slot may be given up: the vendor has had its time."""
    return replace(doubt, refutes_from=max(doubt.refutes_from, doubt.since + terms.hold))


def _refutes(doubt: Doubt, view: View) -> bool:
    return view.read_at >= doubt.refutes_from


def _look_again(code: AccessCode, doubt: Doubt, view: View, now: datetime, terms: Terms) -> AccessCode:
    if doubt.looked_at == view.read_at:
        return code  # it told nothing before
    told = replace(code, doubt=replace(doubt, looked_at=view.read_at))
    if not doubt.answered:
        return replace(told, again_at=doubt.refutes_from)
    return replace(told, again_at=min(now + terms.policy.pending_poll, max(doubt.refutes_from, now)))


def _failed(code: AccessCode, reason: Reason, now: datetime, terms: Terms, *, told: bool) -> AccessCode:
    if code.doubt is not None and code.doubt.is_free:
        return replace(code, doubt=None, again_at=None)
    job = code.doubt.job if code.doubt is not None else Job.SET
    failures, delays = code.failures + 1, terms.policy.retry_delays
    refused = code.refused_pins + (reason is Reason.PIN_TAKEN)
    counted = replace(code, doubt=None, failures=failures, refused_pins=refused, failed_for=reason)
    is_no_other_pin = reason is Reason.PIN_TAKEN and (told or refused > OTHER_PINS)
    if failures > len(delays) or is_no_other_pin:
        return replace(counted, gave_up=GaveUp(reason, job))
    return replace(counted, again_at=now + delays[failures - 1])

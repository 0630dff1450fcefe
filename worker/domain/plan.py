"""From a booking and the property file to what each door shall hold, and when to look at it next. Pure.

`replan` is applied before every write of a stay. So whatever changed (an event, an answer of another door, a
policy), each code's place on the timetable follows by itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.access_code import AccessCode, Doubt, Phase, Written
from worker.domain.booking import BookingEvent, Status, first, fold
from worker.domain.goals import Goal, Leave, Wish
from worker.domain.house import House, Policy
from worker.domain.media import door_of, is_tags
from worker.domain.notices import About
from worker.domain.outcomes import Entry
from worker.domain.pins import is_pin
from worker.domain.reasons import Job, Reason
from worker.domain.record import Stay
from worker.domain.stay import moment_of, span
from worker.domain.steps import Step, Terms, Wait, next_step
from worker.domain.wanted import REMOVAL_SLACK, goals, policy_of, unit_of

CHECK_SLACK = timedelta(hours=2)
WAITING_LOOK = timedelta(minutes=30)  # a hand-typed code that goes away wakes nobody


def applied(stay: Stay | None, event: BookingEvent, now: datetime) -> Stay:
    """The stay after an event. A stale event leaves a line on the timeline and nothing else."""
    if stay is None:
        return _booked(Stay(booking=first(event)), event, now)
    folded = fold(stay.booking, event)
    if folded is None:
        return stay.noted(now, "event.stale", event=event.id, type=event.type.value)
    is_reinstated = stay.booking.status is Status.CANCELLED and folded.status is not Status.CANCELLED
    if is_reinstated and not stay.told:
        stay = replace(stay, pin=None, shown_pin=None)
    return _booked(replace(stay, booking=folded), event, now, known_pin=stay.booking.pin)


def _booked(stay: Stay, event: BookingEvent, now: datetime, known_pin: str | None = None) -> Stay:
    brought = stay.booking.pin
    # A booking system that repeats the first PIN in each event does not undo a rotation.
    if brought is not None and brought not in (known_pin, stay.pin):
        stay = replace(stay, pin=brought, shown_pin=stay.shown_pin or brought, told=True)
    return replace(stay, planned_at=now, waived=None).noted(
        now, "event.accepted", event=event.id, type=event.type.value
    )


def replan(stay: Stay, house: House, now: datetime) -> Stay:
    """The stay with a code for every door, each with its place on the timetable (`due`, `deadline`)."""
    stay = _resolved(stay, house, now)
    found = goals(stay, house, now)
    for lock in found:
        if stay.code(lock) is None:
            stay = stay.with_code(AccessCode(lock=lock))
    stay = turned(stay, house, now)
    found = goals(stay, house, now)
    codes = [_dated(c, found[c.lock], policy_of(stay, house), now) for c in stay.codes]
    return replace(stay, codes=tuple(c for c in codes if _is_listed(c, found[c.lock], stay, house)))


def _resolved(stay: Stay, house: House, now: datetime) -> Stay:
    """With check-in and check-out as instants, as far as the unit is known."""
    unit = unit_of(stay, house)
    if unit is None or not stay.booking.is_complete:
        return stay
    found = span(stay.booking, unit)
    if found.check_out <= found.check_in:
        return replace(stay, rejected_times=True)
    return replace(
        stay,
        rejected_times=False,
        check_in=found.check_in,
        check_out=found.check_out,
        planned_at=stay.planned_at or now,
    )


def turned(stay: Stay, house: House, now: datetime) -> Stay:
    """The stay with each code at the start of another job where its goal has turned round."""
    found = goals(stay, house, now)
    for code in stay.codes:
        after = _turned(code, found[code.lock])
        if code.by_hand and code.phase is not Phase.REMOVED and after.phase is Phase.REMOVED:
            # It never had a slot of ours: where it was typed is not known.
            stay = stay.warned_of(About.HAND_TYPED, code.lock)
        stay = stay.with_code(after)
    return stay


def _turned(code: AccessCode, goal: Goal) -> AccessCode:
    """At the start of another job where the goal has turned round; else as it was."""
    if isinstance(goal, Leave):
        return _turned_to_leave(code)
    if code.phase in (Phase.REMOVING, Phase.REMOVED):
        again = code.fresh(Phase.PLANNED if code.slot is None else Phase.SETTING)
        return replace(again, letter=None, by_hand=False, aim=goal.aim)
    if code.aim != goal.aim:
        return _re_aimed(code, goal)
    is_other = goal.written is not None and goal.written != code.latest
    if code.phase is Phase.SET and is_other and not code.by_hand:
        return code.fresh(Phase.SETTING)
    return code


def turned_for_new_pin(stay: Stay, house: House, now: datetime) -> Stay:
    """The stay at the start of its rotation: every wanted code is another job, its letter settled."""
    found = goals(stay, house, now)
    codes = []
    for code in stay.codes:
        is_pin = isinstance(found[code.lock], Wish) and not is_tags(code.lock)
        is_turning = is_pin and (code.phase is Phase.SET or _is_troubled(code))
        again = replace(code.fresh(Phase.SETTING), letter=None, by_hand=False) if is_turning else code
        codes.append(
            again if again.slot is not None or not is_turning else replace(again, phase=Phase.PLANNED)
        )
    return replace(stay, codes=tuple(codes))


def _re_aimed(code: AccessCode, goal: Wish) -> AccessCode:
    """The stay has another window: what was tried for the old one does not count, its letter is settled."""
    is_first = not code.aim
    code = replace(code, aim=goal.aim)
    if code.doubt is not None and _is_pending_set(code.doubt) and code.mail_in_doubt != code.latest:
        code = replace(code, doubt=None, again_at=None)  # what is pending is no longer wanted
    if code.doubt is not None and not is_first:
        code = replace(code, doubt=replace(code.doubt, is_free=True))
    is_other = goal.written is not None and code.latest is not None and goal.written != code.latest
    if is_first or code.by_hand or not (is_other or _is_troubled(code)):
        return code
    if code.phase is Phase.SET or _is_troubled(code):
        return replace(code.fresh(Phase.SETTING if code.slot is not None else Phase.PLANNED), letter=None)
    return code


def _is_pending_set(doubt: Doubt) -> bool:
    return doubt.job is Job.SET and doubt.reason is Reason.PENDING_TOO_LONG


def _is_troubled(code: AccessCode) -> bool:
    return bool(code.failures or code.offline or code.misreads or code.gave_up or code.letter)


def _turned_to_leave(code: AccessCode) -> AccessCode:
    is_off = code.slot is None and code.doubt is None
    if code.phase is Phase.REMOVED and is_off:
        return _without_letter(code)
    if code.phase in (Phase.REMOVING, Phase.REMOVED):
        return code
    if is_off:
        return _without_letter(code.fresh(Phase.REMOVED))
    return _without_letter(code.fresh(Phase.REMOVING))


def _without_letter(code: AccessCode) -> AccessCode:
    return replace(code, letter=None)


def _dated(code: AccessCode, goal: Goal, policy: Policy, now: datetime) -> AccessCode:
    step = next_step(code, goal, None, now, Terms(policy=policy, hold=timedelta(0)))
    due = _due(step, now)
    if code.waiting and isinstance(goal, Wish) and due is not None and due <= now:
        # No slot was free at the last look: the slot that frees wakes it, or the letter's time.
        letter_at = goal.letter_at if code.letter is None and goal.letter_at > now else goal.ends
        due = min(letter_at, now + WAITING_LOOK)
    if isinstance(goal, Leave) and goal.is_held and due is not None:
        due = min(due, now + WAITING_LOOK)  # somebody may come to arrive behind this door meanwhile
    deadline = _wish_deadline(goal, due) if isinstance(goal, Wish) else goal.deadline
    if due is not None and code.due is not None and due <= now and code.due <= now:
        due = code.due  # how late it is counts from when it first was due
    return replace(code, due=due, deadline=deadline if due is not None else None)


def _wish_deadline(goal: Wish, due: datetime | None) -> datetime:
    if due is not None and due >= goal.ends:
        return goal.ends + REMOVAL_SLACK
    if due is not None and due == goal.check_at:
        return max(goal.check_in, due + CHECK_SLACK)  # it gives way to who arrives before it is done
    return goal.check_in


def _due(step: Step, now: datetime) -> datetime | None:
    return step.until if isinstance(step, Wait) else now


def _is_listed(code: AccessCode, goal: Goal, stay: Stay, house: House) -> bool:
    unit = unit_of(stay, house)
    is_left = unit is not None and door_of(code.lock) not in unit.locks
    return not (is_left and code.phase is Phase.REMOVED and isinstance(goal, Leave))


def adopted(stay: Stay, lock: str, entry: Entry, house: House) -> Stay:
    """With a code that the lock's list shows under this stay's mark, after the record of it was lost.

    The guest may have been told that PIN, so it counts as told; and as e-mailed, if nothing was tried yet: a
    stay that was cancelled before its PIN was told, and is confirmed again, may find its old code too.
    """
    is_known = any(code.last is not None for code in stay.codes)
    code = stay.code(lock) or AccessCode(lock=lock)
    written = Written(entry.pin, entry.starts, entry.ends)
    zone = house.zone_of(lock)
    found = replace(
        code,
        slot=entry.slot,
        writes=(written,),
        proven=True,
        phase=Phase.SETTING,
        waiting=False,
        started=moment_of(entry.starts, zone),
    )
    stay = stay.with_code(found)
    if stay.pin is None and is_pin(entry.pin):
        stay = replace(stay, pin=entry.pin, told=True, emailed=stay.emailed if is_known else written)
    return stay

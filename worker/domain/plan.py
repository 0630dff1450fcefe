"""From a booking and the property file to what each door shall hold, and when to look at it next. Pure.

`replan` is applied before every write of a stay. So whatever changed (an event, an answer of another door, a
policy), each code's place on the timetable follows by itself.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.access_code import AccessCode, Doubt, Phase, Written
from worker.domain.addresses import is_mailable
from worker.domain.booking import Booking, BookingEvent, Status, first, fold
from worker.domain.goals import Goal, Leave, Wish
from worker.domain.house import House, Policy, Unit
from worker.domain.marks import name_for
from worker.domain.media import door_of, is_tags, tags_of
from worker.domain.notices import About
from worker.domain.outcomes import Entry
from worker.domain.pins import is_pin
from worker.domain.reasons import Job, Reason
from worker.domain.record import Stay
from worker.domain.stay import Span, bounds, moment_of, next_morning, span, started, window
from worker.domain.steps import Step, Terms, Wait, next_step

_NONE = timedelta(0)
REMOVAL_SLACK = timedelta(hours=24)
CHECK_SLACK = timedelta(hours=2)
CLEAR_BEFORE = timedelta(hours=1)  # a door that was left is cleared so long before the next guest arrives
EMAIL_HURRY = timedelta(hours=1)
WAITING_LOOK = timedelta(minutes=30)  # a hand-typed code that goes away wakes nobody


def unit_of(stay: Stay, house: House) -> Unit | None:
    """The unit of the stay, by the name that its source uses; a tag of the house's own names its doors."""
    if stay.booking.doors:
        at_once = replace(house.policy, push_ahead=_NONE, grace_before=_NONE, grace_after=_NONE)
        return Unit(
            name=stay.booking.unit or "",
            zone=house.zone_of(stay.booking.doors[0]),
            locks=stay.booking.doors,
            check_in=time.min,
            check_out=time(23, 59),
            policy=at_once,
        )
    called = stay.booking.unit
    return house.unit_for(stay.key.source, called) if called is not None else None


def policy_of(stay: Stay, house: House) -> Policy:
    """The policy of the stay's unit; the general one while the unit is unknown."""
    unit = unit_of(stay, house)
    return unit.policy if unit is not None else house.policy


def goals(stay: Stay, house: House, now: datetime) -> dict[str, Goal]:
    """What each lock of the stay, present and former, shall hold. Needs `stay.check_in` and `check_out`."""
    unit = unit_of(stay, house)
    wishes = _wishes(stay, unit, house, now) if unit is not None else {}
    keeps = unit is None and stay.booking.status is Status.CONFIRMED
    found: dict[str, Goal] = dict(wishes)
    for code in stay.codes:
        if code.lock not in found:
            found[code.lock] = _leave(stay, code, wishes, house, now, keep=keeps)
    return found


def _wishes(stay: Stay, unit: Unit, house: House, now: datetime) -> dict[str, Wish]:
    if stay.booking.status is not Status.CONFIRMED or stay.check_in is None or stay.check_out is None:
        return {}
    stay_span = Span(stay.check_in, stay.check_out)
    starts, ends = bounds(stay_span, unit.policy)
    if now >= ends:
        return {}
    doors = [name for name in unit.locks if name in house.locks]
    locks = doors if not stay.booking.doors else []
    wishes = {lock: _wish(stay, lock, unit, house, now, starts, ends) for lock in locks}
    own = locks[-1] if locks else None
    if own is not None and _wants_email(stay, unit.policy, own, wishes[own]):
        hold = _email_hold(stay, unit.policy, wishes, own, now)
        wishes[own] = replace(wishes[own], with_email=True, hold_until=hold)
    tags = [tags_of(door) for door in doors] if stay.booking.rfid is not None else []
    return wishes | {lock: _wish(stay, lock, unit, house, now, starts, ends) for lock in tags}


def _wish(
    stay: Stay, lock: str, unit: Unit, house: House, now: datetime, starts: datetime, ends: datetime
) -> Wish:
    code, policy, zone = stay.code(lock), unit.policy, house.zone_of(lock)
    begins = started(starts, code.started if code is not None else None, now)
    span_text = window(begins, ends, zone)
    check_in = stay.check_in if stay.check_in is not None else begins
    return Wish(
        key=stay.key,
        name=name_for(stay.key, stay.booking.guest_name),
        starts=begins,
        ends=ends,
        aim=f"{starts:%y%m%d%H%M}-{ends:%y%m%d%H%M}",
        starts_text=span_text.starts_text,
        ends_text=span_text.ends_text,
        pin=stay.booking.rfid if is_tags(lock) else stay.pin,
        push_at=starts - policy.push_ahead if policy.push_ahead else (stay.planned_at or now),
        check_in=check_in,
        letter_at=check_in - policy.at_risk,
        pin_is_told=stay.told or is_tags(lock),
        check_at=_check_at(code, begins, ends, zone),
    )


def _check_at(code: AccessCode | None, starts: datetime, ends: datetime, zone: ZoneInfo) -> datetime | None:
    if code is None or code.seen_at is None or code.by_hand:
        return None
    return next_morning(code.seen_at, starts, ends, zone)


def _wants_email(stay: Stay, policy: Policy, lock: str, own: Wish) -> bool:
    if not takes_email(stay.booking, policy):
        return False
    # What another door's push may have sent already is not asked for again before that is known.
    in_doubt = [c.mail_in_doubt for c in stay.codes if c.lock != lock]
    return own.written is None or own.written not in (stay.emailed, *in_doubt)


def takes_email(booking: Booking, policy: Policy) -> bool:
    """Whether the vendor shall e-mail the PIN: it is wanted, and the address is one that the vendor takes."""
    wanted = policy.email_guest if booking.send_email is None else booking.send_email
    return bool(wanted and booking.guest_email and is_mailable(booking.guest_email))


def _email_hold(
    stay: Stay, policy: Policy, wishes: dict[str, Wish], own: str, now: datetime
) -> datetime | None:
    """How long the own door waits, so that the guest is told only what the common doors hold too."""
    commons = [lock for lock in wishes if lock != own]
    if all(_is_settled(stay.code(lock), wishes[lock]) for lock in commons):
        return None
    wish = wishes[own]
    if now >= wish.check_in - EMAIL_HURRY:
        return None
    code, planned_at = stay.code(own), stay.planned_at or now
    # A code that is on the lock with another window is wrong there today, however far off the new one is.
    since = planned_at if code is not None and code.slot is not None else max(wish.push_at, planned_at)
    return min(since + policy.email_wait, max(wish.check_in - EMAIL_HURRY, now))


def _is_settled(code: AccessCode | None, wish: Wish) -> bool:
    if code is None:
        return False
    return code.letter is not None or code.by_hand or (wish.written is not None and code.is_on(wish.written))


def _leave(
    stay: Stay, code: AccessCode, wishes: dict[str, Wish], house: House, now: datetime, *, keep: bool
) -> Leave:
    ends = _end_of(code, house)
    at = now
    is_moving = any(now >= w.push_at and not _is_settled(stay.code(lock), w) for lock, w in wishes.items())
    if keep and ends is not None:
        at = ends  # a unit that nobody knows any more must not put a guest out
    elif is_moving:
        at = ends if ends is not None else now
        if code.next_arrival is not None:
            at = min(at, max(code.next_arrival - CLEAR_BEFORE, now))
    urgent = max(at, stay.check_out or at) if not wishes and ends is not None and ends <= now else at
    return Leave(key=stay.key, at=at, deadline=urgent + REMOVAL_SLACK, is_held=is_moving and at > now)


def held_back(stay: Stay, house: House, now: datetime) -> dict[str, datetime]:
    """The doors that the stay has left and holds until the new ones are set, and until when at most."""
    found = {}
    for lock, goal in goals(stay, house, now).items():
        code = stay.code(lock)
        ends = _end_of(code, house) if code is not None and code.slot is not None else None
        if isinstance(goal, Leave) and goal.is_held and ends is not None:
            found[lock] = ends
    return found


def _end_of(code: AccessCode, house: House) -> datetime | None:
    if code.latest is None:
        return None
    return moment_of(code.latest.ends, house.zone_of(code.lock))


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
    return _booked(replace(stay, booking=folded), event, now)


def _booked(stay: Stay, event: BookingEvent, now: datetime) -> Stay:
    brought = stay.booking.pin if event.changes.get("pin") == stay.booking.pin else None
    if brought is not None and brought != stay.pin:
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
    if code.phase in (Phase.REMOVING, Phase.REMOVED):
        return code
    if code.slot is None and code.doubt is None:
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


def job_of(goal: Goal) -> Job:
    """The job that a goal asks for."""
    return Job.SET if isinstance(goal, Wish) else Job.REMOVE

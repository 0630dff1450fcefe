"""What each door of a stay shall hold: its codes' goals, from the booking and the property file. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.access_code import AccessCode
from worker.domain.addresses import is_mailable
from worker.domain.booking import Booking, Status
from worker.domain.goals import Goal, Leave, Wish
from worker.domain.house import House, Policy, Unit
from worker.domain.marks import name_for
from worker.domain.media import is_tags, tags_of
from worker.domain.record import Stay
from worker.domain.stay import Span, bounds, moment_of, next_morning, started, window

_NONE = timedelta(0)
REMOVAL_SLACK = timedelta(hours=24)
CLEAR_BEFORE = timedelta(hours=1)  # a door that was left is cleared so long before the next guest arrives
EMAIL_HURRY = timedelta(hours=1)


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

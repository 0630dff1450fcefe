"""What concerns a stay as a whole, whatever its doors do: at risk, warnings, erasing the guest. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.escalation import open_letters
from worker.domain.goals import Wish
from worker.domain.house import House
from worker.domain.notices import TOLD_ONCE, About, DoorWarning
from worker.domain.record import Stay
from worker.domain.states import is_as_wanted, is_over, risk_begins
from worker.domain.wanted import goals, policy_of

LOOK_AGAIN = timedelta(days=1)
_GUEST = ("guest_name", "guest_email", "guest_phone", "email_message", "pin", "rfid")


def with_warnings(stay: Stay, house: House, now: datetime) -> Stay:
    """The stay with what its record warns of just now; a line on its timeline where it came to be at risk."""
    found = {one for one in stay.warned if one.about in TOLD_ONCE}
    begins = risk_begins(stay, house, now)
    is_at_risk = begins is not None and now >= begins
    for lock, goal in goals(stay, house, now).items():
        code = stay.code(lock)
        if not isinstance(goal, Wish) or is_as_wanted(code, goal):
            continue
        if is_at_risk:
            found.add(DoorWarning(About.AT_RISK, lock))
        if code is not None and code.offline and now >= goal.letter_at:
            found.add(DoorWarning(About.GATEWAY_OFFLINE, lock))
    if is_at_risk and not any(one.about is About.AT_RISK for one in stay.warned):
        stay = stay.noted(now, "booking.at_risk")
    return replace(stay, warned=tuple(sorted(found)))


def next_look(stay: Stay, house: House, now: datetime) -> datetime | None:
    """When to look at the stay itself next, though nothing happens: None if never.

    When it comes to be at risk, and when its guest is to be erased.
    """
    begins, erase_at = risk_begins(stay, house, now), _erase_at(stay, house)
    moments = []
    if begins is not None and begins > now:
        moments.append(begins)
    if erase_at is not None:
        is_held = erase_at <= now and not _is_at_rest(stay, house, now)
        moments.append(now + LOOK_AGAIN if is_held else erase_at)
    return min(moments, default=None)


def erased(stay: Stay, house: House, now: datetime) -> Stay:
    """The stay without guest and PIN, once `retain` has passed since check-out and nothing is left to do."""
    at = _erase_at(stay, house)
    if at is None or now < at or not _is_at_rest(stay, house, now):
        return stay
    booking = replace(stay.booking, **dict.fromkeys(_GUEST))  # type: ignore[arg-type]
    bare = replace(stay, booking=booking, pin=None, shown_pin=None, written_pin=None, emailed=None, warned=())
    return bare.noted(now, "guest.erased")


def _erase_at(stay: Stay, house: House) -> datetime | None:
    """`retain` after check-out; a stay that never had dates counts from its last event."""
    holds = [stay.pin, stay.shown_pin, stay.emailed, *(getattr(stay.booking, name) for name in _GUEST)]
    if not any(holds):
        return None
    over = stay.check_out if stay.check_out is not None else stay.booking.version.stamp
    return over + policy_of(stay, house).retain


def _is_at_rest(stay: Stay, house: House, now: datetime) -> bool:
    """Whether no code is on a lock or in doubt, and no letter waits for a person."""
    is_on = any(code.slot is not None or code.doubt is not None for code in stay.codes)
    wants = any(isinstance(goal, Wish) for goal in goals(stay, house, now).values())
    return not is_on and not wants and not open_letters(stay) and is_over(stay, now)

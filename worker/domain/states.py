"""How a stay and its codes are called from outside; docs/reference/states.md draws the transitions. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from worker.domain.access_code import AccessCode, Phase
from worker.domain.booking import Status
from worker.domain.goals import Wish
from worker.domain.house import House
from worker.domain.media import is_tags
from worker.domain.record import Stay
from worker.domain.wanted import goals

LATE_AFTER = timedelta(minutes=10)


class BookingState(StrEnum):
    """The states of a booking, in the order in which they are tried: the first that fits counts."""

    REVIEW = "review"
    PARTIAL = "partial"
    CANCELLED = "cancelled"
    ENDED = "ended"
    REMOVING = "removing"
    READY = "ready"
    SETTING = "setting"
    PLANNED = "planned"


class EmailState(StrEnum):
    """Whether the guest gets the PIN by the vendor's e-mail, and whether it was asked for yet."""

    NONE = "none"
    WAITING = "waiting"
    REQUESTED = "requested"


def code_state(code: AccessCode) -> str:
    """`review` while a letter is open or retrying, else how far the code is."""
    return "review" if code.letter is not None else code.phase.value


def booking_state(stay: Stay, house: House, now: datetime) -> BookingState:
    """The first state that fits."""
    wishes = _wishes(stay, house, now)
    is_over = _is_over(stay, wishes, now)
    is_done = is_over or stay.booking.status is Status.CANCELLED
    has_letter = stay.letter is not None or any(c.letter is not None for c in stay.codes)
    if has_letter:
        some_set = any(c.phase is Phase.SET and c.letter is None for c in stay.codes)
        return BookingState.PARTIAL if some_set and not is_done else BookingState.REVIEW
    some_on = any(_may_be_on(c) for c in stay.codes)
    if is_done and not some_on:
        return BookingState.ENDED if is_over and not _is_cancelled(stay) else BookingState.CANCELLED
    if some_on and (is_done or stay.booking.status is not Status.CONFIRMED):
        return BookingState.REMOVING
    return _wanted_state(stay, wishes, now)


def _wishes(stay: Stay, house: House, now: datetime) -> dict[str, Wish]:
    return {lock: goal for lock, goal in goals(stay, house, now).items() if isinstance(goal, Wish)}


def _wanted_state(stay: Stay, wishes: dict[str, Wish], now: datetime) -> BookingState:
    if wishes and all(is_as_wanted(stay.code(lock), wish) for lock, wish in wishes.items()):
        return BookingState.READY
    if any(_is_due(stay.code(lock), wish, now) for lock, wish in wishes.items()):
        return BookingState.SETTING
    return BookingState.PLANNED


def _is_cancelled(stay: Stay) -> bool:
    return stay.booking.status is Status.CANCELLED


def is_over(stay: Stay, now: datetime) -> bool:
    """Whether check-out is past; of a stay that never had dates nothing is to come either."""
    return stay.check_out is None or now >= stay.check_out


def _is_over(stay: Stay, wishes: dict[str, Wish], now: datetime) -> bool:
    return stay.check_out is not None and not wishes and is_over(stay, now)


def _may_be_on(code: AccessCode) -> bool:
    return code.slot is not None or code.doubt is not None


def is_as_wanted(code: AccessCode | None, wish: Wish) -> bool:
    """Whether the code is on its lock as it shall be, or counts so by a person's word."""
    if code is None:
        return False
    return code.by_hand or (wish.written is not None and code.is_on(wish.written))


def _is_due(code: AccessCode | None, wish: Wish, now: datetime) -> bool:
    return now >= wish.push_at and not is_as_wanted(code, wish)


def risk_begins(stay: Stay, house: House, now: datetime) -> datetime | None:
    """From when on the stay is at risk if its codes stay as they are; None where each is as wanted.

    At check-in minus `at_risk`, or ten minutes after a code was due. The later of the two counts: a booking
    that comes in at the last moment gets its ten minutes.
    """
    late = [w for lock, w in _wishes(stay, house, now).items() if not is_as_wanted(stay.code(lock), w)]
    if not late:
        return None
    first = min(late, key=lambda wish: wish.push_at)
    due = max(first.push_at, stay.planned_at or first.push_at)
    return max(first.letter_at, due + LATE_AFTER)


def is_at_risk(stay: Stay, house: House, now: datetime) -> bool:
    """Whether the guest may stand before a locked door: see `risk_begins`."""
    begins = risk_begins(stay, house, now)
    return begins is not None and now >= begins


def told_when_ready(stay: Stay, house: House, now: datetime) -> Stay:
    """The stay with its PIN told, once it is ready; a rotated PIN is shown when the own door has it."""
    if stay.pin is None or stay.shown_pin == stay.pin:
        return stay
    wishes = {lock: wish for lock, wish in _wishes(stay, house, now).items() if not is_tags(lock)}
    if not wishes:
        return stay
    own, wish = list(wishes.items())[-1]
    if stay.shown_pin is not None:
        return replace(stay, shown_pin=stay.pin) if is_as_wanted(stay.code(own), wish) else stay
    if booking_state(stay, house, now) is BookingState.READY:
        return replace(stay, shown_pin=stay.pin, told=True)
    return stay


def email_state(stay: Stay, house: House, now: datetime) -> EmailState:
    """`requested` once the vendor confirmed a push that asked for the e-mail of this PIN and window."""
    wishes = _wishes(stay, house, now)
    in_doubt = any(code.mail_in_doubt is not None for code in stay.codes)
    if any(wish.with_email for wish in wishes.values()) or (wishes and in_doubt):
        return EmailState.WAITING
    return EmailState.REQUESTED if stay.emailed is not None else EmailState.NONE

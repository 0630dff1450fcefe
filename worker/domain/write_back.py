"""What a booking system's field for the door code shall show, and which change makes that wrong. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from worker.domain.access_code import AccessCode, Phase
from worker.domain.booking import Status
from worker.domain.house import House
from worker.domain.media import is_tags
from worker.domain.reasons import Job
from worker.domain.record import Stay
from worker.domain.wanted import unit_of


def pin_to_show(stay: Stay) -> str | None:
    """The PIN that the guest was told, once it is on every door; None when it opens none any more.

    In a rotation the old one, until the own door has the new one. What is shown stays while any door has it:
    while a window moves, or another door comes to it.
    """
    if stay.booking.status is not Status.CONFIRMED:
        return None
    codes = [code for code in stay.codes if code.phase is not Phase.REMOVED and not is_tags(code.lock)]
    is_on_all = bool(codes) and all(_is_set(code) for code in codes)
    is_kept = stay.written_pin is not None and any(_is_still_on(code) for code in codes)
    return stay.shown_pin if is_on_all or is_kept else None


def _is_set(code: AccessCode) -> bool:
    return code.by_hand or code.phase is Phase.SET


def _is_still_on(code: AccessCode) -> bool:
    """Whether it was seen on its door, and nothing was sent to take it off."""
    was_on = code.slot is not None and (code.proven or code.seen_at is not None)
    is_going = code.doubt is not None and code.doubt.job is Job.REMOVE
    return _is_set(code) or (was_on and not is_going)


def is_owed(stay: Stay, house: House) -> bool:
    """Whether the booking system shows something else, as far as Innkey knows."""
    return stay.key.source in house.write_back and pin_to_show(stay) != stay.written_pin


def has_to_be_written(before: Stay | None, after: Stay, house: House) -> bool:
    """Whether this change is what makes the booking system's field wrong."""
    was = pin_to_show(before) if before is not None else None
    is_news = was != pin_to_show(after) or (before is not None and before.written_pin != after.written_pin)
    return is_owed(after, house) and is_news


def text_to_show(stays: Sequence[Stay], house: House) -> str:
    """The text for one reservation's field; "" where no stay has a PIN to show.

    A reservation over several units has a PIN for each: then the unit stands before it.
    """
    found = [(stay, pin) for stay in stays if (pin := pin_to_show(stay)) is not None]
    if len(stays) == 1:
        return "".join(pin for _, pin in found)
    return ", ".join(f"{_unit_name(stay, house)}: {pin}" for stay, pin in found)


def _unit_name(stay: Stay, house: House) -> str:
    unit = unit_of(stay, house)
    return unit.name if unit is not None else str(stay.booking.unit)

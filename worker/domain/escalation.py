"""When a failure becomes a dead letter, and when a letter is settled: the difference of two records. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from worker.domain.access_code import AccessCode, LetterRef, Phase
from worker.domain.booking import Status
from worker.domain.house import House
from worker.domain.reasons import Job, Reason
from worker.domain.record import Stay
from worker.domain.wanted import unit_of

NewId = Callable[[], str]


@dataclass(frozen=True, slots=True)
class Settled:
    """A letter that is settled, and in whose words."""

    id: str
    note: str


def escalated(stay: Stay, house: House, new_id: NewId) -> Stay:
    """The stay with a letter for each code that gave up, and for a booking that cannot be planned."""
    for code in stay.codes:
        if code.gave_up is not None:
            stay = stay.with_code(_with_letter(code, new_id))
    return _with_booking_letter(stay, house, new_id)


def _with_letter(code: AccessCode, new_id: NewId) -> AccessCode:
    gave_up = code.gave_up
    if gave_up is None:
        return code
    letter_id = code.letter.id if code.letter is not None else new_id()
    ref = LetterRef(letter_id, gave_up.reason, gave_up.job)
    is_waiting = gave_up.reason is Reason.NO_FREE_SLOT
    again_at = code.again_at if gave_up.reason is Reason.GATEWAY_OFFLINE else None
    return replace(code, letter=ref, gave_up=None, again_at=again_at, waiting=is_waiting)


def _with_booking_letter(stay: Stay, house: House, new_id: NewId) -> Stay:
    trouble = trouble_of(stay, house)
    letter = stay.letter
    if trouble is None or trouble is stay.waived:
        return replace(stay, letter=None) if letter is not None else stay
    if letter is not None and letter.reason is trouble and not letter.retrying:
        return stay
    letter_id = letter.id if letter is not None and letter.retrying else new_id()
    return replace(stay, letter=LetterRef(letter_id, trouble, Job.EVENT))


def trouble_of(stay: Stay, house: House) -> Reason | None:
    """Why a confirmed booking cannot be planned, if it cannot."""
    if stay.booking.status is not Status.CONFIRMED:
        return None
    if not stay.booking.is_complete:
        return Reason.BAD_EVENT
    if unit_of(stay, house) is None:
        return Reason.UNKNOWN_UNIT
    return Reason.BAD_EVENT if stay.rejected_times else None


def explanation(stay: Stay, reason: Reason) -> str:
    """The cause of a booking's own letter, in words for a person."""
    booking = stay.booking
    if reason is Reason.UNKNOWN_UNIT:
        return f"No unit of the property file is called {booking.unit!r} by source {stay.key.source!r}."
    if not booking.is_complete:
        missing = [n for n in ("unit", "check_in", "check_out") if getattr(booking, n) is None]
        return f"The events of this booking so far do not say: {', '.join(missing)}."
    return f"Check-out {booking.check_out} is not after check-in {booking.check_in}."


def settled_letters(before: Stay | None, after: Stay) -> list[Settled]:
    """The letters that were open before and are not any more."""
    if before is None:
        return []
    still = {ref.id for ref in open_letters(after)}
    found = [
        Settled(code.letter.id, _note(after.code(code.lock)))
        for code in before.codes
        if code.letter is not None and code.letter.id not in still
    ]
    if before.letter is not None and before.letter.id not in still:
        found.append(Settled(before.letter.id, "The booking can be planned now, or is no longer wanted."))
    return found


def open_letters(stay: Stay) -> list[LetterRef]:
    """The letters that are open for a stay, the booking's own one first."""
    own = [stay.letter] if stay.letter is not None else []
    return own + [code.letter for code in stay.codes if code.letter is not None]


def _note(code: AccessCode | None) -> str:
    if code is None or code.phase is Phase.REMOVED:
        return "The code is off the lock, or no longer wanted."
    if code.phase is Phase.SET:
        return "The code is on the lock."
    if code.slot is not None and code.phase is Phase.SETTING:
        return "The code got a slot, or its stay was changed: Innkey works on it again."
    if code.waiting:
        return "What was tried again has gone well; the code waits for a free slot."
    return "No longer wanted: the stay was changed, cancelled, or is over."

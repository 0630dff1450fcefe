"""What follows from any change of a stay, decided anew at every write. Pure."""

from __future__ import annotations

from datetime import datetime

from worker.domain.escalation import NewId, Settled, escalated, settled_letters
from worker.domain.history import with_history
from worker.domain.house import House
from worker.domain.plan import replan
from worker.domain.record import Stay
from worker.domain.states import BookingState, booking_state, told_when_ready
from worker.domain.watch import with_warnings


def followed_up(
    before: Stay | None, wanted: Stay, house: House, now: datetime, new_id: NewId
) -> tuple[Stay, list[Settled]]:
    """The stay to write instead of `wanted`, and the letters that this write settles.

    Planned anew, letters opened, the PIN told, warnings raised, the news on the timeline.
    """
    planned = replan(escalated(replan(wanted, house, now), house, new_id), house, now)
    after = with_warnings(told_when_ready(planned, house, now), house, now)
    settled = settled_letters(before, after)
    is_ready = booking_state(after, house, now) is BookingState.READY
    was_ready = before is not None and booking_state(before, house, now) is BookingState.READY
    after = with_history(before, after, settled, now)
    return (after.noted(now, "booking.ready") if is_ready and not was_ready else after), settled

"""What a booking system's list of everything did not show: each is asked for by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

import structlog

from worker.bootstrap import Innkey
from worker.domain.reconcile import unlisted
from worker.domain.record import Stay
from worker.domain.write_back import is_owed
from worker.store.errands import pin_errand

__all__ = ["ASK", "ask", "ask_for_unlisted"]

ASK = "ask"
LONGEST_STAY = timedelta(days=400)

log = structlog.get_logger(__name__)


def ask(reservation: str) -> str:
    """The errand to ask for a reservation."""
    return f"{ASK}:{reservation}"


def ask_for_unlisted(innkey: Innkey, source: str, listed: Collection[str], now: datetime) -> None:
    """Put on the timetable what is on and was not listed: it may be gone, or the list is not whole."""
    missing = unlisted(_stays(innkey, source, now), listed, now)
    for reservation in missing:
        innkey.store.errands.add(source, ask(reservation), now)
    if missing:
        log.info("source.unlisted", source=source, reservations=len(missing))


def _stays(innkey: Innkey, source: str, now: datetime) -> Iterator[Stay]:
    """The source's stays; what is owed to it is put on its timetable, should it have got lost."""
    house = innkey.house()
    for stay in innkey.store.stays.of_source(source, now - LONGEST_STAY):
        if is_owed(stay, house):
            innkey.store.errands.begin(source, pin_errand(stay.key.id), now)
        yield stay

"""What a failure at a source means: who waits for how long, who is told, and what is kept for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from webhooks.backoff import delay_after
from webhooks.intake import Intake
from webhooks.sources.asking import AskingError, LaterError, RefusedError
from webhooks.told import settle, tell
from webhooks.unlisted import ASK
from worker.bootstrap import Innkey
from worker.domain.notices import About
from worker.property_access import SourceConfig
from worker.store.errands import PIN, Errand, Round

__all__ = ["FULL", "MOST_FAILURES", "POLL", "Setbacks"]

POLL, FULL = "poll", "full"
FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=10), timedelta(minutes=30)
KEY_DELAY = timedelta(minutes=5)
MOST_FAILURES = 5
MOST_FORBIDDEN = 2

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Setbacks:
    """Those of one source under lease."""

    innkey: Innkey
    config: SourceConfig
    taken: Round
    intake: Intake

    def together(self, first: Errand, most: int) -> int:
        """How many reservations to ask for at once: fewer after each failure together with others."""
        return max(most >> 2 * self.innkey.store.errands.splits(self.taken, first), 1)

    def answered(self) -> None:
        """It answers: what failed in a row is forgotten, and what people were told of it is over."""
        errands, name = self.innkey.store.errands, self.config.name
        errands.source_answered(self.taken)
        if all(errands.failures(name, poll) < MOST_FAILURES for poll in (POLL, FULL)):
            settle(self.innkey, name, About.SOURCE_AWAY, About.SOURCE_REFUSES)

    def later(self, some: Sequence[Errand], error: AskingError) -> bool:
        """No answer to be had; whether the source may be asked for something else.

        Right after an answer the fault may lie with what was asked for: something else is tried. Where that
        fails too, the whole source waits.
        """
        store, now = self.innkey.store, self.innkey.store.agenda.now()
        fails, is_of_several = store.errands.source_failed(self.taken, some[0].what)
        log.warning("source.not_answered", source=self.config.name, cause=str(error), failures=fails)
        own = self._own(some, is_first=fails == 1)
        if fails >= MOST_FAILURES or (own >= MOST_FAILURES and some[0].kind in (POLL, FULL)):
            tell(self.innkey, self.config.name, About.SOURCE_AWAY, str(error))
        elif own >= MOST_FAILURES and some[0].kind == ASK and fails == 1:
            self._keep(some[0], f"was asked for {own} times, and not answered ({error})", now)
            return True
        wanted = error.after if isinstance(error, LaterError) else None
        for one in some:
            store.errands.put_off(self.taken, one, now + (wanted or _delay(max(fails, own))))
        if wanted is None and not is_of_several:
            return True
        store.errands.pause(self.config.name, wanted or _delay(fails))
        return False

    def _own(self, some: Sequence[Errand], *, is_first: bool) -> int:
        """How often what was asked for has failed by itself: a reservation only while others are answered."""
        errands = self.innkey.store.errands
        if len(some) > 1:
            errands.split(self.taken, some)
            return 0
        if some[0].kind == ASK and not is_first:
            return errands.failures(self.config.name, some[0].what)
        return errands.failed(self.taken, some[0])

    def _keep(self, ask: Errand, cause: str, now: datetime) -> None:
        self.intake.keep(ask.of, None, {"reservation": [cause]}, now)
        self.innkey.store.errands.done(self.taken, ask)

    def refused(self, some: Sequence[Errand], error: RefusedError) -> bool:
        """A key that is refused stops all; a single request that is refused stops itself."""
        store, now = self.innkey.store, self.innkey.store.agenda.now()
        log.warning("source.refused", source=self.config.name, status=error.status)
        if error.is_key and self._is_of_one(some, error, now):
            return True
        if error.is_key:
            for one in some:
                store.errands.put_off(self.taken, one, now + KEY_DELAY)
            store.errands.pause(self.config.name, KEY_DELAY)
            tell(self.innkey, self.config.name, About.SOURCE_REFUSES, str(error))
            return False
        if len(some) > 1:
            store.errands.split(self.taken, some)  # they stay due
        elif some[0].kind == ASK:
            self._keep(some[0], f"was asked for and refused ({error})", now)
        else:
            fails = store.errands.failed(self.taken, some[0])
            store.errands.put_off(self.taken, some[0], now + _delay(fails + 1))
            if fails >= MOST_FAILURES:
                tell(self.innkey, self.config.name, About.SOURCE_REFUSES, str(error))
        return True

    def _is_of_one(self, some: Sequence[Errand], error: RefusedError, now: datetime) -> bool:
        """A 403 may forbid this reservation only, until another request is refused so too: then it waits."""
        if not error.may_be_one or some[0].kind not in (ASK, PIN):
            return False
        errands = self.innkey.store.errands
        fails, is_of_several = errands.source_refused(self.taken, some[0].what)
        if is_of_several or fails >= MOST_FAILURES:
            return False
        own = self._own(some, is_first=fails == 1)
        if len(some) == 1 and some[0].kind == ASK and fails == 1 and own >= MOST_FORBIDDEN:
            self._keep(some[0], f"was asked for and refused ({error})", now)
        elif len(some) == 1:
            errands.put_off(self.taken, some[0], now + KEY_DELAY)
        return True


def _delay(fails: int) -> timedelta:
    """Before the next try, after so many failures in a row."""
    return delay_after(fails, FIRST_DELAY, LONGEST_DELAY)

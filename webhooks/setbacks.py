"""What a failure at a source means: who waits for how long, who is told, and what is kept for a person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from webhooks.intake import Intake
from webhooks.sources.asking import AskingError, LaterError, RefusedError
from webhooks.told import settle, tell
from webhooks.unlisted import ASK
from worker.bootstrap import Innkey
from worker.domain.notices import About
from worker.property_access import SourceConfig
from worker.store.errands import Errand, Round

__all__ = ["MOST_FAILURES", "Setbacks"]

FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=10), timedelta(minutes=30)
KEY_DELAY = timedelta(minutes=5)
MOST_FAILURES = 5

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Setbacks:
    """Those of one source under lease."""

    innkey: Innkey
    config: SourceConfig
    taken: Round
    intake: Intake

    def answered(self) -> None:
        """It answers: what failed in a row is forgotten, and what people were told of it is over."""
        self.innkey.store.errands.source_answered(self.taken)
        settle(self.innkey, self.config.name, About.SOURCE_AWAY, About.SOURCE_REFUSES)

    def later(self, some: Sequence[Errand], error: AskingError) -> None:
        """The whole source waits: what failed one request fails the next."""
        store, now = self.innkey.store, self.innkey.store.agenda.now()
        fails = store.errands.source_failed(self.taken)
        wanted = error.after if isinstance(error, LaterError) else None
        pause = wanted or _delay(fails)
        for one in some:
            own = wanted or _delay(store.errands.failed(self.taken, one))
            store.errands.put_off(self.taken, one, now + max(pause, own))
        store.errands.pause(self.config.name, pause)
        log.warning("source.not_answered", source=self.config.name, cause=str(error), failures=fails)
        if fails == MOST_FAILURES:
            tell(self.innkey, self.config.name, About.SOURCE_AWAY, str(error))

    def refused(self, some: Sequence[Errand], error: RefusedError) -> bool:
        """A key that is refused stops all; a single request that is refused stops itself."""
        store, now = self.innkey.store, self.innkey.store.agenda.now()
        log.warning("source.refused", source=self.config.name, status=error.status)
        if error.is_key:
            for one in some:
                store.errands.put_off(self.taken, one, now + KEY_DELAY)
            store.errands.pause(self.config.name, KEY_DELAY)
            tell(self.innkey, self.config.name, About.SOURCE_REFUSES, str(error))
            return False
        for one in some:
            if one.kind == ASK and len(some) == 1:
                errors = {"reservation": [f"was asked for and refused ({error})"]}
                self.intake.keep(one.of, None, errors, now)
                store.errands.done(self.taken, one)
                continue
            fails = store.errands.failed(self.taken, one)
            store.errands.put_off(self.taken, one, now + _delay(fails + 1))
            if fails == MOST_FAILURES:
                tell(self.innkey, self.config.name, About.SOURCE_REFUSES, str(error))
        return True


def _delay(fails: int) -> timedelta:
    """Before the next try, after so many failures in a row."""
    return min(FIRST_DELAY * 2 ** min(fails - 1, 10), LONGEST_DELAY)

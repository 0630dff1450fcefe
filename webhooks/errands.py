"""Runs the errands of a source: asks its API for reservations, and polls for what its webhooks lost.

One source at a time by one worker, one request at a time: a booking system counts its callers' requests.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import structlog

from webhooks.feeds.visit import FEED, FeedVisit
from webhooks.intake import Intake
from webhooks.kept_tokens import KeptTokens
from webhooks.setbacks import FULL, MOST_FAILURES, POLL, Setbacks
from webhooks.sources import ADAPTERS
from webhooks.sources.adapter import Answers, Lists, Parsed
from webhooks.sources.asking import Asking, AskingError, GoneError, LaterError, RefusedError
from webhooks.sources.fetching import may_ask
from webhooks.sources.oauth import TokenAuth
from webhooks.unlisted import ASK, ask, ask_for_unlisted
from webhooks.write_back import WriteBack
from worker.bootstrap import Innkey
from worker.domain.booking import Status, StayKey
from worker.property_access import SourceConfig
from worker.property_feeds import FeedConfig
from worker.store.errands import PIN, Errand, Round
from worker.store.redis_client import RedisError

__all__ = ["ASK", "FULL", "POLL", "Runner", "answers", "ask", "lists", "wanted"]

FULL_EVERY = timedelta(days=1)
OVERLAP = timedelta(minutes=5)
UNKNOWN_DELAY = timedelta(minutes=1)
UNKNOWN_SOURCE_DELAY = timedelta(minutes=10)
VISIT_SECONDS = 30.0  # then it is another source's turn
LOOK_SECONDS = 2.0  # how often a poll looks for what is due beside it
_POLLED = "polled"

log = structlog.get_logger(__name__)


def answers(config: SourceConfig) -> Answers | None:
    """The adapter of a source whose API may be asked; None where it cannot, or the table has no key."""
    adapter = ADAPTERS[config.adapter]
    is_able = hasattr(adapter, "fetch") and may_ask(config)
    return cast("Answers", adapter) if is_able else None


def lists(config: SourceConfig) -> Lists | None:
    """The same for one that can be asked what has changed."""
    found = answers(config)
    return cast("Lists", found) if hasattr(found, "changes") else None


def wanted(parsed: Parsed) -> list[str]:
    """The errands that a delivery makes necessary."""
    return [*(ask(one) for one in parsed.asks), *([POLL] if parsed.polls else [])]


@dataclass(slots=True)
class Runner:
    """Runs what is due at a source. Running an errand twice comes to the same."""

    innkey: Innkey

    def begin(self) -> None:
        """Put the polls of all sources and feeds on their timetables."""
        now = self.innkey.store.agenda.now()
        for config in self._sources():
            if lists(config) is not None and config.poll:
                # What went missing while Innkey was down, before all else.
                self.innkey.store.errands.begin(config.name, FULL, now)
                self.innkey.store.errands.begin(config.name, POLL, now + config.poll)
        for feed in self.innkey.configuration.properties.feeds.values():
            if feed.enabled:
                self.innkey.store.errands.begin(feed.name, FEED, now)

    def serve(self, name: str) -> None:
        """Run what is due at one source or feed, unless another worker does. Raises redis' errors."""
        feed = self.innkey.configuration.properties.feeds.get(name)
        config = self.innkey.configuration.properties.sources.get(name)
        adapter = answers(config) if config is not None and config.enabled else None
        if feed is not None and feed.enabled:
            self._serve_feed(feed)
        elif config is not None and adapter is not None:
            self._serve_source(config, adapter)
        else:
            # It left the property file, or cannot be asked. A process with another file may know better.
            self.innkey.store.errands.put_off_all(name, UNKNOWN_SOURCE_DELAY)

    def _serve_source(self, config: SourceConfig, adapter: Answers) -> None:
        taken = self.innkey.store.errands.take(config.name)
        if taken is None:
            return
        try:
            with adapter.asking(config) as api:
                if isinstance(api.auth, TokenAuth):
                    api.auth.keep_in(KeptTokens(self.innkey.store.tokens, config.name))
                intake = Intake(self.innkey, config, adapter, api)
                setbacks = Setbacks(self.innkey, config, taken, intake)
                _Visit(self.innkey, config, adapter, api, taken, intake, setbacks).go()
        finally:
            self.innkey.store.errands.leave(taken)

    def _serve_feed(self, feed: FeedConfig) -> None:
        taken = self.innkey.store.errands.take(feed.name)
        if taken is None:
            return
        try:
            FeedVisit(self.innkey, feed, taken).go()
        finally:
            self.innkey.store.errands.leave(taken)

    def _sources(self) -> list[SourceConfig]:
        return [one for one in self.innkey.configuration.properties.sources.values() if one.enabled]


class _LeftError(Exception):
    """Another worker has the source, it wants a pause, or this worker stops: leave all as it is."""


@dataclass(slots=True)
class _Visit:
    """A source under lease."""

    innkey: Innkey
    config: SourceConfig
    adapter: Answers
    api: Asking
    taken: Round
    intake: Intake
    setbacks: Setbacks
    looks: float | None = None  # monotonic: when a poll looks for other errands; None outside polls

    def go(self) -> None:
        """Until nothing is due, the time is over, the source wants a pause, or the worker stops."""
        self.api.before_each = self._before
        ends = time.monotonic() + VISIT_SECONDS
        while not self.innkey.stopping.is_set():
            due = self.innkey.store.errands.next(self.taken, self.adapter.most_asked)
            if not due or not self._may_go_on(self._some(due)) or time.monotonic() >= ends:
                return

    def _before(self) -> None:
        """Before each request, and each row of a poll: renew the lease, and see to what is due beside it."""
        is_time = self.looks is not None and time.monotonic() >= self.looks
        # The polls themselves are due too.
        due = self.innkey.store.errands.next(self.taken, self.adapter.most_asked + 2 if is_time else 0)
        if due is None or (self.looks is not None and self.innkey.stopping.is_set()):
            raise _LeftError
        others = [one for one in due if one.kind in (ASK, PIN)]
        if not others:
            return
        self.looks = None
        if not self._may_go_on(self._some(others)):
            raise _LeftError
        self.looks = time.monotonic() + LOOK_SECONDS

    def _some(self, due: Sequence[Errand]) -> Sequence[Errand]:
        """The first of what is due: reservations together, in smaller groups after they have failed so."""
        asks = [one for one in due if one.kind == ASK]
        return asks[: self.setbacks.together(asks[0], self.adapter.most_asked)] if asks else due[:1]

    def _may_go_on(self, some: Sequence[Errand]) -> bool:
        """Do what is due; whether the source may be asked for more."""
        try:
            self._do(some)
        except RefusedError as error:
            return self.setbacks.refused(some, error)
        except AskingError as error:
            return self.setbacks.later(some, error)
        except _LeftError:
            log.info("source.left", source=self.config.name)
            return False
        except RedisError:
            raise
        except Exception as error:  # one source's oddity must not be asked for again and again
            log.exception("source.failed", source=self.config.name, error=type(error).__name__)
            return self.setbacks.later(some, LaterError(f"a fault of Innkey's own ({type(error).__name__})"))
        self.setbacks.answered()
        return True

    def _do(self, some: Sequence[Errand]) -> None:
        if some[0].kind == ASK:
            self._ask(some)
        elif some[0].kind == PIN:
            WriteBack(self.innkey, self.config, self.api, self.taken).run(some[0])
        else:
            self.looks = time.monotonic() + LOOK_SECONDS
            try:
                self._poll(some[0])
            finally:
                self.looks = None

    def _ask(self, asks: Sequence[Errand]) -> None:
        now = self.innkey.store.agenda.now()
        try:
            found = self.adapter.fetch(self.api, [one.of for one in asks])
        except GoneError:
            found = {}
        for one in asks:
            document = found.get(one.of)
            if document is not None:
                self.intake.take_in(one.of, document, now)
                self.intake.acknowledge(one.of)
            elif self.innkey.store.errands.failed(self.taken, one) < MOST_FAILURES:
                # A reservation is told of before it can be read.
                self.innkey.store.errands.put_off(self.taken, one, now + UNKNOWN_DELAY)
                continue
            else:
                self._keep_unknown(one.of, now)
            self.innkey.store.errands.done(self.taken, one)

    def _keep_unknown(self, reservation: str, now: datetime) -> None:
        """Put before a person what the source does not know, unless it was deleted there and is off here."""
        stay = self.innkey.store.stays.get(StayKey(self.config.name, reservation))
        if stay is None or stay.booking.status is not Status.CANCELLED:
            cure = "if it was deleted there, cancel the stay with innkey bookings cancel"
            cause = f"is not known to the source; {cure}"
            self.intake.keep(reservation, None, {"reservation": [cause]}, now)

    def _poll(self, errand: Errand) -> None:
        system = lists(self.config)
        store, now = self.innkey.store, self.innkey.store.agenda.now()
        is_wanted = errand.kind == POLL or (errand.kind == FULL and bool(self.config.poll))
        if system is None or not is_wanted:
            store.errands.done(self.taken, errand)
            store.errands.drop(self.config.name, errand.what)
            return
        is_full = errand.kind == FULL
        last = store.errands.notes(self.config.name).get(_POLLED)
        since = datetime.fromisoformat(last) if last is not None else now - FULL_EVERY
        listed: set[str] = set()
        for reservation, document in system.changes(self.api, None if is_full else since - OVERLAP):
            listed.add(reservation)
            if document is None:
                store.errands.add(self.config.name, ask(reservation), now)
            else:
                self.intake.take_in(reservation, document, now)
                self.intake.acknowledge(reservation)
            self._before()
        if is_full and not hasattr(self.adapter, "acknowledge"):  # such a list is only what is new
            ask_for_unlisted(self.innkey, self.config.name, listed, now)
        store.errands.note(self.config.name, _POLLED, now.isoformat())
        every = FULL_EVERY if is_full else self.config.poll
        store.errands.done(self.taken, errand, again=now + every if every else None)
        log.info("source.polled", source=self.config.name, full=is_full, reservations=len(listed))

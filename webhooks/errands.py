"""Runs the errands of a source: asks its API for reservations, and polls for what its webhooks lost.

One source at a time by one worker, one request at a time: a booking system counts its callers' requests.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

import structlog

from webhooks.feeds.visit import FEED, FeedVisit
from webhooks.kept_tokens import KeptTokens
from webhooks.sources import ADAPTERS
from webhooks.sources.adapter import Acknowledges, Answers, Lists, NotUnderstoodError, Parsed
from webhooks.sources.asking import Asking, AskingError, GoneError, LaterError, RefusedError
from webhooks.sources.oauth import TokenAuth
from webhooks.told import settle, tell
from webhooks.unlisted import ASK, ask, ask_for_unlisted
from webhooks.write_back import WriteBack
from worker.bootstrap import Innkey
from worker.domain.notices import About
from worker.property_access import SourceConfig
from worker.property_feeds import FeedConfig
from worker.service.notice_writes import bad_event_commands
from worker.store.errands import PIN, Errand, Round
from worker.store.events import RejectedEvent, rejected_id
from worker.store.redis_client import RedisError

__all__ = ["ASK", "FULL", "POLL", "Runner", "answers", "ask", "lists", "wanted"]

POLL, FULL = "poll", "full"
FULL_EVERY = timedelta(days=1)
OVERLAP = timedelta(minutes=5)
FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=10), timedelta(minutes=30)
KEY_DELAY = timedelta(minutes=5)
UNKNOWN_DELAY = timedelta(minutes=1)
UNKNOWN_SOURCE_DELAY = timedelta(minutes=10)
MOST_FAILURES = 5
_POLLED = "polled"

log = structlog.get_logger(__name__)


def answers(config: SourceConfig) -> Answers | None:
    """The adapter of a source whose API may be asked; None where it cannot, or the table has no key."""
    adapter = ADAPTERS[config.adapter]
    is_able = hasattr(adapter, "fetch") and config.api_url is not None and config.api_key is not None
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
                _Visit(self.innkey, config, adapter, api, taken).go()
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


@dataclass(slots=True)
class _Visit:
    """A source under lease."""

    innkey: Innkey
    config: SourceConfig
    adapter: Answers
    api: Asking
    taken: Round

    def go(self) -> None:
        """Until nothing is due, the source wants a pause, or the worker stops."""
        while not self.innkey.stopping.is_set():
            due = self.innkey.store.errands.next(self.taken, self.adapter.most_asked)
            if not due or not self._may_go_on(due):
                return

    def _may_go_on(self, due: Sequence[Errand]) -> bool:
        """Do the first of what is due, reservations together; whether the source may be asked for more."""
        asks = [one for one in due if one.kind == ASK]
        some = asks or due[:1]
        try:
            if asks:
                self._ask(asks)
            elif due[0].kind == PIN:
                WriteBack(self.innkey, self.config, self.api, self.taken).run(due[0])
            else:
                self._poll(due[0])
        except RefusedError as error:
            return self._refused(some, error)
        except AskingError as error:
            self._later(some, error)
            return False
        except RedisError:
            raise
        except Exception as error:  # one source's oddity must not be asked for again and again
            log.exception("source.failed", source=self.config.name, error=type(error).__name__)
            self._later(some, LaterError(f"a fault of Innkey's own ({type(error).__name__})"))
            return False
        self._settle()
        return True

    # --- what there is to do --------------------------------------------------------------------------------

    def _ask(self, asks: Sequence[Errand]) -> None:
        now = self.innkey.store.agenda.now()
        try:
            found = self.adapter.fetch(self.api, [one.of for one in asks])
        except GoneError:
            found = {}
        except RefusedError as error:
            if error.is_key or len(asks) == 1:
                raise
            self._ask_in_halves(asks)
            return
        for one in asks:
            document = found.get(one.of)
            if document is not None:
                self._take_in(one.of, document, now)
                self._acknowledge(one.of)
            elif self.innkey.store.errands.failed(self.taken, one) < MOST_FAILURES:
                # A reservation is told of before it can be read.
                self.innkey.store.errands.put_off(self.taken, one, now + UNKNOWN_DELAY)
                continue
            else:
                cause = (
                    "is not known to the source; "
                    "if it was deleted there, cancel the stay with innkey bookings cancel"
                )
                self._keep(one.of, None, {"reservation": [cause]}, now)
            self.innkey.store.errands.done(self.taken, one)

    def _ask_in_halves(self, asks: Sequence[Errand]) -> None:
        """One of them was refused, and the others with it: find out which. Raises AskingError."""
        middle = len(asks) // 2
        for half in (asks[:middle], asks[middle:]):
            if self.innkey.store.errands.next(self.taken, 0) is None:
                return
            try:
                self._ask(half)
            except RefusedError as error:
                if error.is_key:
                    raise
                self._refused(half, error)

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
                self._take_in(reservation, document, now)
                self._acknowledge(reservation)
            if self.innkey.stopping.is_set() or store.errands.next(self.taken, 0) is None:
                return
        if is_full and not hasattr(self.adapter, "acknowledge"):  # such a list is only what is new
            ask_for_unlisted(self.innkey, self.config.name, listed, now)
        store.errands.note(self.config.name, _POLLED, now.isoformat())
        every = FULL_EVERY if is_full else self.config.poll
        store.errands.done(self.taken, errand, again=now + every if every else None)
        log.info("source.polled", source=self.config.name, full=is_full, reservations=len(listed))

    # --- what came of it ------------------------------------------------------------------------------------

    def _take_in(self, reservation: str, document: Any, asked: datetime) -> None:
        try:
            parsed = self.adapter.read(reservation, document, self.config, asked)
        except NotUnderstoodError as error:
            self._keep(reservation, document, error.errors, asked)
            return
        for event in parsed.events:
            key, is_new = self.innkey.store.events.accept(event, by_content=parsed.by_content)
            self.innkey.counts.add(f"fetched:{self.config.name}:{'news' if is_new else 'known'}")
            if is_new:
                self.innkey.hints.event(key)

    def _acknowledge(self, reservation: str) -> None:
        """What is on record, understood or kept for a person, the source need not tell again."""
        if hasattr(self.adapter, "acknowledge"):
            cast("Acknowledges", self.adapter).acknowledge(self.api, reservation)

    def _keep(self, reservation: str, document: Any, errors: dict[str, list[str]], now: datetime) -> None:
        """Keep what was not understood; its replay asks anew."""
        body = json.dumps(document, sort_keys=True).encode()
        rejected = RejectedEvent(
            id=rejected_id(self.config.name, reservation.encode() + b"\n" + body),
            source=self.config.name,
            received=now,
            content_type="application/json",
            errors=errors,
            body=body,
            asked=reservation,
        )
        told = bad_event_commands(self.config.name, rejected.id, now)
        if self.innkey.store.events.keep_rejected(rejected, told):
            self.innkey.counts.add(f"fetched:{self.config.name}:not_understood")
            log.warning(
                "source.not_understood",
                source=self.config.name,
                rejected=rejected.id,
                fields=sorted(errors),
            )

    def _later(self, some: Sequence[Errand], error: AskingError) -> None:
        """The whole source waits: what failed one request fails the next."""
        store, now = self.innkey.store, self.innkey.store.agenda.now()
        fails = max(store.errands.failed(self.taken, one) for one in some)
        wanted = error.after if isinstance(error, LaterError) else None
        pause = wanted or min(FIRST_DELAY * 2 ** min(fails - 1, 10), LONGEST_DELAY)
        for one in some:
            store.errands.put_off(self.taken, one, now + pause)
        store.errands.pause(self.config.name, pause)
        log.warning("source.not_answered", source=self.config.name, cause=str(error), failures=fails)
        if fails == MOST_FAILURES:
            self._tell(About.SOURCE_AWAY, str(error))

    def _refused(self, some: Sequence[Errand], error: RefusedError) -> bool:
        """A key that is refused stops all; a single request that is refused stops itself."""
        store, now = self.innkey.store, self.innkey.store.agenda.now()
        log.warning("source.refused", source=self.config.name, status=error.status)
        if error.is_key:
            for one in some:
                store.errands.put_off(self.taken, one, now + KEY_DELAY)
            store.errands.pause(self.config.name, KEY_DELAY)
            self._tell(About.SOURCE_REFUSES, str(error))
            return False
        for one in some:
            if one.kind == ASK and len(some) == 1:
                self._keep(one.of, None, {"reservation": [f"was asked for and refused ({error})"]}, now)
                store.errands.done(self.taken, one)
                continue
            fails = store.errands.failed(self.taken, one)
            store.errands.put_off(
                self.taken, one, now + min(FIRST_DELAY * 2 ** min(fails, 10), LONGEST_DELAY)
            )
            if fails == MOST_FAILURES:
                self._tell(About.SOURCE_REFUSES, str(error))
        return True

    def _tell(self, about: About, cause: str) -> None:
        tell(self.innkey, self.config.name, about, cause)

    def _settle(self) -> None:
        """It answers: what people were told of it is over."""
        settle(self.innkey, self.config.name, About.SOURCE_AWAY, About.SOURCE_REFUSES)

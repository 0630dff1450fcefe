"""Reads one calendar: what has changed becomes events, what goes wrong is told to a person."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import structlog

from webhooks.backoff import delay_after
from webhooks.feeds.calendars import Found, NotACalendarError, Unread, new_id, read_calendar
from webhooks.feeds.fetching import fetch
from webhooks.sources.asking import AskingError, LaterError
from webhooks.told import settle, tell, tell_cause
from worker.bootstrap import Innkey
from worker.domain.booking import BookingEvent, StayKey, Version
from worker.domain.feeds import Doubt, News, absorb, unchanged
from worker.domain.notices import About
from worker.property_feeds import FeedConfig
from worker.service.notice_writes import bad_event_commands
from worker.store.commit import ConflictError, FencedError
from worker.store.errands import Errand, Round
from worker.store.events import RejectedEvent, rejected_id
from worker.store.feeds import FeedRecord
from worker.store.redis_client import RedisError

__all__ = ["FEED", "FeedVisit"]

FEED = "feed"
FIRST_DELAY, LONGEST_DELAY = timedelta(minutes=1), timedelta(minutes=30)
MOST_FAILURES = 6  # half an hour in vain
MOST_EMPTY = 2
_MOST_ERRANDS = 100  # replays of events that were not understood: one read does for all
_CAUSES = {
    Doubt.EMPTY: "It has no events at all any more.",
    Doubt.SHRUNK: "More than half of its stays to come went missing at once.",
}

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class FeedVisit:
    """A calendar under lease."""

    innkey: Innkey
    feed: FeedConfig
    taken: Round

    def go(self) -> None:
        """Read it once, if it is due. Raises redis' errors; then nothing is concluded from it."""
        due = self.innkey.store.errands.next(self.taken, _MOST_ERRANDS)
        if not due:
            return
        try:
            self._read(due)
        except (FencedError, ConflictError):
            log.warning("feed.left", feed=self.feed.name, reason="another worker has read it")
        except AskingError as error:
            after = error.after if isinstance(error, LaterError) else None
            self._failed(due, str(error), after)
        except NotACalendarError as error:
            self._failed(due, str(error))
        except RedisError:
            raise
        except Exception as error:  # one calendar's oddity must not be read again and again
            log.exception("feed.failed", feed=self.feed.name, error=type(error).__name__)
            self._failed(due, f"a fault of Innkey's own ({type(error).__name__})")

    def _read(self, due: Sequence[Errand]) -> None:
        before = self.innkey.store.feeds.get(self.feed.name)
        asked_as = self._asked_as()
        is_same = before.asked_as == asked_as
        got = fetch(self.feed.url, *((before.etag, before.modified) if is_same else ()))
        now, zone = self.innkey.store.agenda.now(), self._zone()
        found = (
            Found(unchanged(before.remembered))
            if got.content is None
            else read_calendar(got.content, self.feed.kind, self.feed.closed, zone)
        )
        today = now.astimezone(zone).date()
        reading = absorb(
            before.remembered, found.calendar, now, today=today, unit=self.feed.unit, new_id=new_id
        )
        if reading.doubt is Doubt.EMPTY:
            self._empty(due, now)
            return
        etag, modified = (before.etag, before.modified) if got.content is None else (got.etag, got.modified)
        after = FeedRecord(reading.after, etag, modified, asked_as)
        self._keep(before, after, reading.news, now)
        for one in found.unread:
            self._not_understood(one, now)
        self._done(due, now)
        self._counted("unchanged" if got.content is None else "read")
        self._settled(reading.doubt)
        log.info("feed.read", feed=self.feed.name, events=found.calendar.events, news=len(reading.news))

    def _zone(self) -> tzinfo:
        return self.innkey.configuration.properties.house.units[self.feed.unit].zone

    def _asked_as(self) -> str:
        """What the answer's meaning depends on: with another of it the same calendar is read anew."""
        feed = self.feed
        asked = (feed.url.reveal(), feed.unit, str(feed.kind), feed.closed, str(self._zone()))
        return hashlib.sha256("\n".join(asked).encode()).hexdigest()

    # --- what came of it ------------------------------------------------------------------------------------

    def _keep(self, before: FeedRecord, after: FeedRecord, news: Sequence[News], now: datetime) -> None:
        events = [self._event(one, now) for one in news]
        for key in self.innkey.store.feeds.put(self.taken, before, after, events):
            self.innkey.counts.add(f"fetched:{self.feed.name}:news")
            self.innkey.hints.event(key)

    def _event(self, news: News, now: datetime) -> BookingEvent:
        return BookingEvent(
            id=f"{news.id}@{now.isoformat()}",
            key=StayKey(self.feed.name, news.id),
            type=news.type,
            version=Version(stamp=now),
            changes=news.changes,
        )

    def _not_understood(self, unread: Unread, now: datetime) -> None:
        """Keep an event for a person; its replay reads the calendar anew."""
        name = self.feed.name
        rejected = RejectedEvent(
            id=rejected_id(name, unread.body),
            source=name,
            received=now,
            content_type="text/calendar",
            errors=unread.errors,
            body=unread.body,
            asked=unread.uid or FEED,
        )
        if self.innkey.store.events.keep_rejected(rejected, bad_event_commands(name, rejected.id, now)):
            self.innkey.counts.add(f"fetched:{name}:not_understood")
            log.warning("feed.not_understood", feed=name, rejected=rejected.id, fields=sorted(unread.errors))

    def _empty(self, due: Sequence[Errand], now: datetime) -> None:
        """It is taken for the site's mistake, until a person says otherwise (docs/how-to/sources/ical.md)."""
        fails = self._fails(due)
        for one in due:
            self.innkey.store.errands.put_off(self.taken, one, now + self.feed.every)
        self._counted("empty")
        log.warning("feed.empty", feed=self.feed.name, times=fails)
        if fails >= MOST_EMPTY:
            tell_cause(self.innkey, self.feed.name, About.FEED_DOUBTED, _CAUSES[Doubt.EMPTY])

    def _failed(self, due: Sequence[Errand], cause: str, after: timedelta | None = None) -> None:
        store, fails = self.innkey.store, self._fails(due)
        delay = after or delay_after(fails, FIRST_DELAY, LONGEST_DELAY)
        now = store.agenda.now()
        for one in due:
            store.errands.put_off(self.taken, one, now + delay)
        self._counted("failed")
        log.warning("feed.not_read", feed=self.feed.name, cause=cause, failures=fails)
        if fails >= MOST_FAILURES:
            tell(self.innkey, self.feed.name, About.FEED_AWAY, cause)

    def _done(self, due: Sequence[Errand], now: datetime) -> None:
        for one in due:
            again = now + self.feed.every if one.what == FEED else None
            self.innkey.store.errands.done(self.taken, one, again=again)

    def _settled(self, doubt: Doubt | None) -> None:
        settle(self.innkey, self.feed.name, About.FEED_AWAY)
        if doubt is None:
            settle(self.innkey, self.feed.name, About.FEED_DOUBTED)
        else:
            tell_cause(self.innkey, self.feed.name, About.FEED_DOUBTED, _CAUSES[doubt])

    def _fails(self, due: Sequence[Errand]) -> int:
        return max(self.innkey.store.errands.failed(self.taken, one) for one in due)

    def _counted(self, outcome: str) -> None:
        self.innkey.counts.add(f"feeds:{self.feed.name}:{outcome}")

"""Reads an iCalendar file (RFC 5545) event by event: one that cannot be read does not lose the others."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone, tzinfo
from typing import Any, Final

from icalendar import Event

from webhooks.feeds.words import Words, kind_of, words_of
from webhooks.moments import stay_time
from worker.domain.booking import Status
from worker.domain.feeds import Calendar, FeedKind, Listed, without_doubles

__all__ = ["CutOffError", "Found", "NotACalendarError", "Unread", "new_id", "read_calendar"]

MOST_EVENTS: Final = 10_000
_LINE = re.compile(r"\r\n|\n|\r")
_FIT = re.compile(r"[A-Za-z0-9._~@-]{1,36}")
_STATUSES = {"CANCELLED": Status.CANCELLED, "TENTATIVE": Status.TENTATIVE}
# What icalendar was seen to raise over an event; its own errors are ValueErrors.
_FAULTS = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError)
_DAY = timedelta(days=1)


class NotACalendarError(Exception):
    """What was read is no calendar, or not all of one. The text says why, without quoting it.

    NotACalendarError
    └── CutOffError    it begins as one, and its end is missing
    """


class CutOffError(NotACalendarError):
    """The end of the calendar is missing."""


class _NotUnderstoodError(Exception):
    """One event is not understood; `errors` by property, without the values."""

    def __init__(self, **errors: str) -> None:
        super().__init__(", ".join(errors))
        self.errors = {name: [text] for name, text in errors.items()}


@dataclass(frozen=True, slots=True)
class Unread:
    """An event that is not understood, whole; `uid` where it tells one."""

    uid: str | None
    body: bytes
    errors: dict[str, list[str]]

    def __repr__(self) -> str:
        """Leave out the body: it may hold the guest."""
        return f"Unread({self.uid}, {sorted(self.errors)})"


@dataclass(frozen=True, slots=True)
class Found:
    """A calendar as understood, and what was not."""

    calendar: Calendar
    unread: tuple[Unread, ...] = ()


def read_calendar(content: bytes, kind: FeedKind | None, closed: str, zone: tzinfo) -> Found:
    """Read a calendar; without `kind` it tells whose it is. Raises NotACalendarError.

    `closed`: whether what only closes dates is a `"stay"`, where a site does not tell the two apart.
    `zone`: the unit's, whose midnights may be written in another.
    """
    head, blocks = _blocks(content.decode("utf-8-sig", errors="replace"))
    events = [_parsed(block) for block in blocks]
    uids = [_text(event, "UID") for event in events if event is not None]
    kind = kind or kind_of(head, uids)
    listed, unread = list[Listed](), list[Unread]()
    for block, event in zip(blocks, events, strict=True):
        try:
            found = _listed(event, kind, closed, zone)
        except _NotUnderstoodError as error:
            uid = _text(event, "UID") if event is not None else None
            unread.append(Unread(uid or None, block.encode(), error.errors))
        else:
            listed += [found] if found is not None else []
    named = frozenset(one.uid for one in unread if one.uid is not None)
    calendar = Calendar(
        without_doubles(one for one in listed if one.uid not in named),
        len(blocks),
        named,
        is_whole=all(one.uid is not None for one in unread),
    )
    return Found(calendar, tuple(unread))


def new_id(listed: Listed) -> str:
    """What a stay is called from now on: the reservation's code, the uid, or where that is long its digest.

    The name stands on the lock, which shows 60 characters.
    """
    name = listed.code or listed.uid
    return name if _FIT.fullmatch(name) else hashlib.sha256(name.encode()).hexdigest()[:20]


# --- the file -----------------------------------------------------------------------------------------------


def _blocks(text: str) -> tuple[str, list[str]]:
    """The line that names the calendar's maker, and each event with its first and last line."""
    lines = _LINE.split(text.strip())
    if lines[0].strip().upper() != "BEGIN:VCALENDAR":
        raise NotACalendarError("what came is no calendar")
    if lines[-1].strip().upper() != "END:VCALENDAR":
        raise CutOffError("the calendar's end is missing")
    blocks = list(_events(lines))
    if len(blocks) > MOST_EVENTS:
        raise NotACalendarError(f"the calendar has over {MOST_EVENTS} events")
    return next((line for line in lines if line.upper().startswith("PRODID")), ""), blocks


def _events(lines: Sequence[str]) -> Iterator[str]:
    # A folded line goes on with a blank, so what begins a line begins a property.
    block: list[str] | None = None
    for line in lines:
        word = line.rstrip().upper()
        if word == "BEGIN:VEVENT":
            if block is not None:
                yield "\r\n".join(block)
            block = []
        if block is not None:
            block.append(line)
        if word == "END:VEVENT" and block is not None:
            yield "\r\n".join(block)
            block = None
    if block is not None:
        yield "\r\n".join(block)


def _parsed(block: str) -> Event | None:
    try:
        found = Event.from_ical(block + "\r\n")
    except _FAULTS:
        return None
    return found if isinstance(found, Event) else None


# --- an event -----------------------------------------------------------------------------------------------


def _listed(event: Event | None, kind: FeedKind, closed: str, zone: tzinfo) -> Listed | None:
    """The stay that an event is; None for one that only closes dates. Raises _NotUnderstoodError."""
    if event is None:
        raise _NotUnderstoodError(VEVENT="cannot be read")
    words = words_of(_text(event, "SUMMARY"), _text(event, "DESCRIPTION"), kind, closed)
    if not words.is_stay:
        return None
    status = _STATUSES.get(_text(event, "STATUS").strip().upper(), Status.CONFIRMED)
    repeats = [name for name in ("RRULE", "RDATE", "RECURRENCE-ID") if name in event]
    if repeats:
        raise _NotUnderstoodError(**dict.fromkeys(repeats, "repeats the event, and a stay does not repeat"))
    starts, ends = _dates(event, zone)
    return _stay(event, words, status, starts, ends)


def _stay(event: Event, words: Words, status: Status, starts: str, ends: str) -> Listed:
    uid = _text(event, "UID")
    if not uid:
        told = "\n".join((starts, ends, _text(event, "SUMMARY")))
        uid = f"none-{hashlib.sha256(told.encode()).hexdigest()[:20]}"
    return Listed(
        uid=uid,
        starts=starts,
        ends=ends,
        status=status,
        code=words.code,
        guest=words.guest,
        phone=words.phone,
    )


def _text(event: Event, name: str) -> str:
    value = event.get(name, "")
    value = value[0] if isinstance(value, list) else value
    # Half a character is no text that can be kept; a uid is a part of keys.
    return str(value).encode(errors="replace").decode().strip()


def _dates(event: Event, zone: tzinfo) -> tuple[str, str]:
    """Check-in and check-out as `Booking` wants them. The end is the day of check-out: it is exclusive."""
    starts = _moment(event, "DTSTART")
    if starts is None:
        raise _NotUnderstoodError(DTSTART="is missing")
    ends = _moment(event, "DTEND") if "DTEND" in event else _after(starts, event)
    if ends is None:
        raise _NotUnderstoodError(DTEND="is missing, and there is no DURATION")
    if _is_midnight(starts) and _is_midnight(ends):
        # Whole days, written as hours: a check-out at midnight would shut its guest out in his last night.
        starts, ends = _as_date(starts), _as_date(ends)
    elif _is_midnight(_at(starts, zone)) and _is_midnight(_at(ends, zone)):
        starts, ends = _as_date(_at(starts, zone)), _as_date(_at(ends, zone))
    first, last = _written(starts, "DTSTART"), _written(ends, "DTEND")
    if first[:10] > last[:10] or _is_backwards(starts, ends):
        raise _NotUnderstoodError(DTEND="is not after DTSTART")
    return first, last


def _moment(event: Event, name: str) -> date | datetime | None:
    value: Any = event.get(name)
    if value is None:
        return None
    found = _read(value)
    if not isinstance(found, date):
        raise _NotUnderstoodError(**{name: "is not one date, or date and time"})
    return found


def _after(starts: date | datetime, event: Event) -> date | datetime | None:
    value: Any = event.get("DURATION")
    if value is None:
        return starts + _DAY if not isinstance(starts, datetime) else None
    found = _read(value)
    if not isinstance(found, timedelta):
        raise _NotUnderstoodError(DURATION="is not one duration")
    try:
        return starts + found
    except OverflowError:
        raise _NotUnderstoodError(DURATION="leads out of the calendar") from None


def _read(value: Any) -> object:
    """What icalendar made of a value; None where it could not, or where there are several."""
    try:
        return value.dt
    except _FAULTS:
        return None


def _is_midnight(moment: date | datetime) -> bool:
    return not isinstance(moment, datetime) or moment.time() == time()


def _at(moment: date | datetime, zone: tzinfo) -> date | datetime:
    if not isinstance(moment, datetime) or moment.tzinfo is None:
        return moment
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment  # in the year 1 or 9999, which is refused as such


def _as_date(moment: date | datetime) -> date:
    return moment.date() if isinstance(moment, datetime) else moment


def _is_backwards(starts: date | datetime, ends: date | datetime) -> bool:
    if not isinstance(starts, datetime) or not isinstance(ends, datetime):
        return _as_date(starts) >= _as_date(ends)
    if (starts.tzinfo is None) != (ends.tzinfo is None):
        return False  # as the unit's zone will have it
    return starts >= ends


def _written(moment: date | datetime, name: str) -> str:
    try:
        offset = moment.utcoffset() if isinstance(moment, datetime) else None
        if isinstance(moment, datetime) and offset is not None:
            # An offset of hours and minutes: zones of a hundred years ago had seconds too.
            moment = moment.replace(tzinfo=timezone(timedelta(minutes=offset // timedelta(minutes=1))))
        return stay_time(moment.isoformat())
    except (ValueError, OverflowError):
        raise _NotUnderstoodError(**{name: "lies outside the years 2000 to 2099"}) from None

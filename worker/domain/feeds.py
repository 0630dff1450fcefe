"""What a calendar that is read again and again means for its stays: news, and what to remember. Pure.

A calendar says only what is there. So a stay is over when it is missing for long enough, and never because a
read failed, came back empty, or was not understood.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from worker.domain.booking import EventType, Status

MOST_MISSES = 3
MOST_MISSES_IN_DOUBT, LEAST_DOUBT = 4, timedelta(hours=1)
# Two reads at once, after a crash or a replay, are one: sites write their calendars anew every few minutes.
SPACING = timedelta(minutes=4)
FORGET_AFTER = timedelta(days=7)
_DAY = timedelta(days=1)


class FeedKind(StrEnum):
    """Whose calendar it is: each site has its own words."""

    AIRBNB = "airbnb"
    VRBO = "vrbo"
    BOOKING = "booking"
    GENERIC = "generic"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A stay as a calendar lists it. `starts` and `ends` as `Booking` wants them.

    `code` is the site's own for the reservation, which outlasts the `uid`; `phone` its last digits.
    """

    uid: str
    starts: str
    ends: str
    status: Status = Status.CONFIRMED
    code: str | None = None
    guest: str | None = None
    phone: str | None = None

    def __repr__(self) -> str:
        """Leave out the guest."""
        return f"Listed({self.uid}, {self.starts} to {self.ends}, {self.status.value})"


@dataclass(frozen=True, slots=True)
class Calendar:
    """A calendar that was read to its end: its stays, and how many events it has in all, blocks included.

    `unread`: the uids of events that were not understood. `is_whole` is False where such a one told no uid.
    """

    listed: tuple[Listed, ...] = ()
    events: int = 0
    unread: frozenset[str] = frozenset()
    is_whole: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A stay that the calendar has listed, under the `id` that it keeps, as it was last told of.

    `misses`: in how many good reads in a row it was missing, since `missed_since`. `in_doubt`: most others
    went missing with it. `is_listed`: whether the last good read had it.
    """

    id: str
    uid: str
    unit: str
    starts: str
    ends: str
    status: Status = Status.CONFIRMED
    code: str | None = None
    guest: str | None = None
    phone: str | None = None
    misses: int = 0
    missed_since: datetime | None = None
    in_doubt: bool = False
    is_listed: bool = True

    def __repr__(self) -> str:
        """Leave out the guest."""
        return f"Known({self.id}, {self.starts} to {self.ends}, {self.status.value}, misses={self.misses})"

    @property
    def is_cancelled(self) -> bool:
        """Whether it was told to be cancelled."""
        return self.status is Status.CANCELLED

    def has_begun(self, today: date) -> bool:
        """Whether its guest may have slept there."""
        return _day(self.starts) < today

    def is_in_its_last_night(self, today: date) -> bool:
        """Whether no more than this night is left: a site whose day begins earlier has dropped it."""
        return _day(self.starts) <= today and _day(self.ends) <= today + _DAY

    def is_over(self, today: date) -> bool:
        """Whether it is the day of check-out, or later: sites drop what is past."""
        return _day(self.ends) <= today


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of one calendar's stays. `read_at`: when the last good read was that counted."""

    known: tuple[Known, ...] = ()
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What is to be told of a stay; `changes` as in `BookingEvent`."""

    id: str
    type: EventType
    changes: Mapping[str, object] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Leave out the changes: they hold the guest."""
        return f"News({self.id}, {self.type.value})"


class Doubt(StrEnum):
    """Why a calendar that was read without a fault is not believed."""

    EMPTY = "empty"
    SHRUNK = "shrunk"


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of a read: what to remember, what to tell, and whether a person has to look."""

    after: Remembered
    news: tuple[News, ...] = ()
    doubt: Doubt | None = None


def absorb(
    before: Remembered,
    calendar: Calendar,
    now: datetime,
    *,
    today: date,
    unit: str,
    new_id: Callable[[Listed], str],
) -> Reading:
    """Fold a good read in. `today` is the date at `unit`; `new_id` names a stay that is seen first.

    An empty calendar is no good read while stays are awaited: nothing is concluded from it.
    """
    awaited = [one for one in before.known if not (one.is_cancelled or one.is_in_its_last_night(today))]
    if not calendar.events and awaited:
        return Reading(before, doubt=Doubt.EMPTY)
    pairs, fresh = _paired(before.known, calendar.listed, today)
    is_counted = before.read_at is None or now - before.read_at >= SPACING
    missing = _Missing(calendar, now, today, is_counted, _is_doubtful(before.known, pairs, calendar, today))
    after, news = list[Known](), list[News]()
    for one in before.known:
        listed = pairs.get(one.id)
        found = missing.noted(one) if listed is None else _met(one, listed, today, unit)
        news += _told(one, found)
        if today <= _day(found.ends) + FORGET_AFTER:
            after.append(found)
    for one in _first_seen(fresh, before.known, today, unit, new_id):
        after.append(one)
        news.append(_whole(one, EventType.CREATED))
    is_shrunk = any(one.in_doubt and _counts(one, calendar, today) for one in after)
    read_at = now if is_counted else before.read_at
    return Reading(Remembered(tuple(after), read_at), tuple(news), Doubt.SHRUNK if is_shrunk else None)


def unchanged(before: Remembered) -> Calendar:
    """The calendar of the last good read once more: its site says that it has not changed."""
    listed = tuple(
        Listed(
            uid=one.uid,
            starts=one.starts,
            ends=one.ends,
            status=one.status,
            code=one.code,
            guest=one.guest,
            phone=one.phone,
        )
        for one in before.known
        if one.is_listed
    )
    return Calendar(listed, max(len(listed), 1))


def without_doubles(listed: Iterable[Listed]) -> tuple[Listed, ...]:
    """One of each: of a uid the last, and of a reservation all its nights, however it was divided."""
    by_uid = {one.uid: one for one in listed}
    found: dict[str, Listed] = {}
    for one in by_uid.values():
        key = f"code {one.code}" if one.code is not None else f"uid {one.uid}"
        other = found.get(key)
        found[key] = one if other is None else _joined(other, one)
    return tuple(found.values())


def _joined(one: Listed, other: Listed) -> Listed:
    if Status.CANCELLED in (one.status, other.status):
        return one if other.status is Status.CANCELLED else other
    return replace(one, starts=min(one.starts, other.starts), ends=max(one.ends, other.ends))


# --- which stay is which ------------------------------------------------------------------------------------


def _paired(
    known: Sequence[Known], listed: Sequence[Listed], today: date
) -> tuple[dict[str, Listed], list[Listed]]:
    """What is listed by the id of the stay that it is, and what is no known one.

    By the reservation's code, by the uid, and where a site gave a stay another uid, by what has remained.
    """
    pairs: dict[str, Listed] = {}
    by_code = {row.code: row for row in listed if row.code is not None}
    by_uid = {row.uid: row for row in listed}
    used = set[str]()
    for one in known:
        row = by_code.get(one.code) if one.code is not None else None
        if row is not None and row.uid not in used:
            pairs[one.id] = row
            used.add(row.uid)
    for one in known:
        row = by_uid.get(one.uid)
        if one.id not in pairs and row is not None and row.uid not in used and _may_be(one.code, row.code):
            pairs[one.id] = row
            used.add(row.uid)
    gone = [one for one in known if one.id not in pairs and not one.is_cancelled]
    pairs |= _renamed(gone, [row for row in listed if row.uid not in used], today)
    used = {row.uid for row in pairs.values()}
    return pairs, [row for row in listed if row.uid not in used]


def _renamed(gone: Sequence[Known], left: Sequence[Listed], today: date) -> dict[str, Listed]:
    """Stays that are listed under another uid, where it is plain which."""
    by_day = defaultdict[str, list[Known]](list)
    for one in gone:
        for day in {one.starts[:10], f"to {one.ends[:10]}"}:
            by_day[day].append(one)
    likely = [
        (one, row)
        for row in left
        for one in {
            one.id: one for day in (row.starts[:10], f"to {row.ends[:10]}") for one in by_day[day]
        }.values()
        if _is_likely(one, row, today)
    ]
    of_known, of_row = Counter(one.id for one, _ in likely), Counter(row.uid for _, row in likely)
    return {one.id: row for one, row in likely if of_known[one.id] == of_row[row.uid] == 1}


def _may_be(one: str | None, other: str | None) -> bool:
    return one is None or other is None or one == other


def _is_likely(one: Known, row: Listed, today: date) -> bool:
    """Whether a stay whose uid is gone is what is listed under a new one.

    The unit can be let only once: who has slept there and leaves on the same day, or came on the same day, is
    the same guest. So is who arrives today and is listed from tomorrow on: a site's day may begin earlier
    than the unit's. Else one date and the guest must be the same; where nothing is told of the guest both
    dates, and the old uid must have gone as the new one came.
    """
    if not all(
        _may_be(*pair) for pair in ((one.code, row.code), (one.guest, row.guest), (one.phone, row.phone))
    ):
        return False
    is_start, is_end = _day(one.starts) == _day(row.starts), _day(one.ends) == _day(row.ends)
    if _day(one.starts) <= today <= _day(one.ends):
        is_rest = is_end and _day(one.starts) <= _day(row.starts) <= today + _DAY
        # On the day of arrival it is still plain only if one has come as the other went.
        if (is_start or is_rest) if one.has_begun(today) else (is_rest and not one.misses):
            return True
    is_guest = None not in (one.guest, row.guest) or None not in (one.phone, row.phone)
    return (is_start or is_end) if is_guest else (is_start and is_end and not one.misses)


def _first_seen(
    fresh: Sequence[Listed],
    known: Sequence[Known],
    today: date,
    unit: str,
    new_id: Callable[[Listed], str],
) -> Iterable[Known]:
    """Stays to be told of for the first time: what is over or cancelled never was any of ours."""
    taken = {one.id for one in known}
    for row in fresh:
        if row.status is Status.CANCELLED or _day(row.ends) < today:
            continue
        plain = new_id(row)
        name, number = plain, 2
        while name in taken:
            name, number = f"{plain}-{number}", number + 1
        taken.add(name)
        yield Known(
            id=name,
            uid=row.uid,
            unit=unit,
            starts=row.starts,
            ends=row.ends,
            status=row.status,
            code=row.code,
            guest=row.guest,
            phone=row.phone,
        )


# --- what is listed -----------------------------------------------------------------------------------------


def _met(one: Known, row: Listed, today: date, unit: str) -> Known:
    """As it is listed now. What the site does not tell any more is kept."""
    return replace(
        one,
        uid=row.uid,
        unit=unit,
        starts=_start(one, row, today),
        ends=row.ends,
        status=row.status,
        code=row.code or one.code,
        guest=row.guest or one.guest,
        phone=row.phone or one.phone,
        misses=0,
        missed_since=None,
        in_doubt=False,
        is_listed=True,
    )


def _start(one: Known, row: Listed, today: date) -> str:
    """A stay under way keeps its start: some sites list only its nights to come."""
    is_under_way = not one.is_cancelled and _day(one.starts) <= today
    is_only_the_rest = _day(one.starts) < _day(row.starts) <= today + _DAY
    return one.starts if is_under_way and is_only_the_rest else row.starts


# --- what is missing ----------------------------------------------------------------------------------------


def _counts(one: Known, calendar: Calendar, today: date) -> bool:
    """Whether its absence would mean anything.

    Not of what is cancelled or over, nor of who is in the house, nor of who comes for this night only: nobody
    is shut out of where he sleeps because of what a calendar does not say.
    """
    is_told = calendar.is_whole and one.uid not in calendar.unread
    is_safe = one.has_begun(today) or one.is_in_its_last_night(today)
    return is_told and not (one.is_cancelled or is_safe)


def _is_doubtful(
    known: Sequence[Known], pairs: Mapping[str, Listed], calendar: Calendar, today: date
) -> bool:
    """Whether more than half of the stays to come, and two at least, are missing at once."""
    there = [one for one in known if not one.misses and _counts(one, calendar, today)]
    gone = [one for one in there if one.id not in pairs]
    return len(gone) >= 2 and 2 * len(gone) > len(there)


@dataclass(frozen=True, slots=True)
class _Missing:
    """How a read notes what it does not list."""

    calendar: Calendar
    now: datetime
    today: date
    is_counted: bool
    is_doubtful: bool

    def noted(self, one: Known) -> Known:
        """Missed once more; cancelled where that is enough."""
        if not self.calendar.is_whole or one.uid in self.calendar.unread:
            return one
        one = replace(one, is_listed=False)
        if not self.is_counted or not _counts(one, self.calendar, self.today):
            return one
        in_doubt = self.is_doubtful if not one.misses else one.in_doubt
        since = one.missed_since or self.now
        one = replace(one, misses=one.misses + 1, missed_since=since, in_doubt=in_doubt)
        return replace(one, status=Status.CANCELLED) if self._is_enough(one, since) else one

    def _is_enough(self, one: Known, since: datetime) -> bool:
        if one.in_doubt:
            return one.misses >= MOST_MISSES_IN_DOUBT and self.now - since >= LEAST_DOUBT
        return one.misses >= MOST_MISSES


# --- what is told -------------------------------------------------------------------------------------------


def _told(before: Known, after: Known) -> list[News]:
    if after.is_cancelled:
        return [] if before.is_cancelled else [News(id=after.id, type=EventType.CANCELLED)]
    if before.is_cancelled:
        return [_whole(after, EventType.CREATED)]
    is_same = _changes(before) == _changes(after)
    return [] if is_same else [_whole(after, EventType.UPDATED)]


def _whole(one: Known, kind: EventType) -> News:
    return News(id=one.id, type=kind, changes=_changes(one))


def _changes(one: Known) -> dict[str, object]:
    found: dict[str, object] = {
        "unit": one.unit,
        "check_in": one.starts,
        "check_out": one.ends,
        "status": one.status.value,
    }
    if one.guest is not None:
        found["guest_name"] = one.guest
    if one.phone is not None:
        found["guest_phone"] = one.phone
    return found


def _day(written: str) -> date:
    return date.fromisoformat(written[:10])

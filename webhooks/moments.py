"""Dates and times as they come in and go out in JSON: RFC 3339 and, for stays, local ones."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

__all__ = ["day_or_moment", "rfc3339", "stay_time"]

_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_HOUR = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SECOND = r":[0-5][0-9]"
_FRACTION = r"(?:\.[0-9]{1,40})?"
_OFFSET = r"[Zz]|[+-][0-9]{2}:?[0-9]{2}"
_RFC3339 = re.compile(rf"({_DATE})[Tt ]({_HOUR}{_SECOND}{_FRACTION})({_OFFSET})")
_STAY_TIME = re.compile(rf"({_DATE})(?:[Tt ]({_HOUR})(?:({_SECOND}){_FRACTION})?({_OFFSET})?)?")
_FIRST_YEAR, _LAST_YEAR = 2000, 2099  # a lock's own calendar has two digits for the year
_MILLISECOND = timedelta(milliseconds=1)


def rfc3339(text: str) -> datetime:
    """The moment (UTC) that an RFC 3339 time names. ValueError where it does not, or before 1970."""
    match = _RFC3339.fullmatch(text)
    if match is None:
        raise ValueError("not a time as RFC 3339 writes it")
    day, hour, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{hour}{_plain(offset)}").astimezone(UTC)
    except OverflowError:
        raise ValueError("beyond the calendar") from None
    if not 1970 <= moment.year < 9999:
        raise ValueError("beyond the calendar")
    return moment


def stay_time(text: str) -> str:
    """A date, local date-time or one with an offset, in its canonical form; fractions of seconds are dropped.

    ValueError where it is none of these, is not in the calendar, or lies outside 2000 to 2099.
    """
    day, hour, offset = _parts(text)
    if not _FIRST_YEAR <= date.fromisoformat(day).year <= _LAST_YEAR:
        raise ValueError("beyond the calendar of a lock")
    if hour is None:
        return day
    return datetime.fromisoformat(f"{day}T{hour}{_plain(offset)}").isoformat()


def day_or_moment(text: str, zone: ZoneInfo, *, last: bool) -> datetime:
    """The moment (UTC) of a filter: a date is its first or `last` millisecond in `zone`. ValueError."""
    # In an address a plus that was not escaped arrives as a blank.
    day, hour, offset = _parts(text.replace(" ", "+"))
    try:
        return _moment(day, hour, offset, zone, last=last)
    except OverflowError:
        raise ValueError("beyond the calendar") from None


def _moment(day: str, hour: str | None, offset: str | None, zone: ZoneInfo, *, last: bool) -> datetime:
    if hour is not None:
        moment = datetime.fromisoformat(f"{day}T{hour}{_plain(offset)}")
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    first = date.fromisoformat(day) + timedelta(days=int(last))
    midnight = datetime.combine(first, time(), tzinfo=zone).astimezone(UTC)
    return midnight - _MILLISECOND if last else midnight


def _parts(text: str) -> tuple[str, str | None, str | None]:
    match = _STAY_TIME.fullmatch(text)
    if match is None:
        raise ValueError("not a date or date-time")
    day, minute, second, offset = match.groups()
    return day, None if minute is None else minute + (second or ""), offset


def _plain(offset: str | None) -> str:
    if offset is None:
        return ""
    return "+00:00" if offset in "Zz" else f"{offset[:3]}:{offset[-2:]}"

"""Reads what booking systems write in their own ways. No message quotes a value: it may be the guest's.

Where and when a stay is must be readable, or a person is asked. A guest's detail that is not is left blank:
no stay shall be lost for a strange telephone number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from webhooks.moments import stay_time
from webhooks.sources.adapter import NotUnderstoodError

__all__ = [
    "by_word",
    "clock",
    "day",
    "email",
    "identity",
    "instant",
    "mapping",
    "mappings",
    "moment",
    "name_of",
    "phone",
    "stay_moment",
    "text",
    "word",
]

Document = Mapping[str, Any]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_EMAIL = re.compile(r"[^@\s<>,;:\"\\()\[\]]+@[^@\s<>,;:\"\\()\[\]]+")
_DAY = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ].*)?", re.DOTALL)
_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::[0-5][0-9](?:\.[0-9]+)?)?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}.{0,30}")
_LONGEST_ID = 150


def mapping(value: object) -> Document:
    """An object; anything else is an empty one."""
    return value if isinstance(value, dict) else {}


def mappings(value: object) -> list[Document]:
    """The objects of an array; an object by itself is an array of one."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, dict)]


def by_word(value: object) -> Document:
    """An object whose names are each in one spelling (see `word`); of two alike the first counts."""
    found: dict[str, Any] = {}
    for name, one in mapping(value).items():
        found.setdefault(word(name), one)
    return found


def identity(value: object, path: str) -> str | None:
    """What something is called: a text or a whole number; None where it is not told.

    Raises NotUnderstoodError for all else: it would become part of a key.
    """
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST_ID or _CONTROL.search(value):
        cause = f"is neither a whole number nor 1 to {_LONGEST_ID} characters without control characters"
        raise NotUnderstoodError({path: [cause]})
    return value


def name_of(document: Document, *names: str, path: str = "") -> str:
    """The id under the first of `names` that is there. Raises NotUnderstoodError without one."""
    for name in names:
        found = identity(document.get(name), f"{path}{name}")
        if found is not None:
            return found
    raise NotUnderstoodError({f"{path}{names[0]}": ["is missing"]})


def day(value: object, path: str) -> str | None:
    """The date that a text begins with, whatever time and offset follow; None where it is not told.

    Raises NotUnderstoodError where it is none of a lock's calendar.
    """
    if value is None or value == "":
        return None
    match = _DAY.fullmatch(value) if isinstance(value, str) else None
    try:
        return stay_time(match[1] if match else "")
    except ValueError:
        cause = "does not begin with a date of the years 2000 to 2099"
        raise NotUnderstoodError({path: [cause]}) from None


def stay_moment(value: object, path: str) -> str | None:
    """A date, a local date-time or one with an offset, in its canonical form; None where it is not told.

    Raises NotUnderstoodError where it is none of a lock's calendar.
    """
    if value is None or value == "":
        return None
    try:
        return stay_time(value if isinstance(value, str) else "")
    except ValueError:
        cause = "is not a date or date-time of the years 2000 to 2099"
        raise NotUnderstoodError({path: [cause]}) from None


def clock(value: object) -> str | None:
    """A time of day as `HH:MM`, of a text or a whole hour; None for all else: then the unit's own counts."""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:02}:00" if 0 <= value <= 23 else None
    match = _CLOCK.fullmatch(value.strip()) if isinstance(value, str) else None
    return f"{int(match[1]):02}:{match[2]}" if match else None


def moment(value: object) -> datetime | None:
    """A moment of the sender's clock (UTC); without an offset it is taken for UTC. None where it is none."""
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        return None
    try:
        found = datetime.fromisoformat(value)
        found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
        found = found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if 1970 <= found.year < 9999 else None


def instant(value: object, path: str) -> str | None:
    """A moment as stays have it, with its offset (UTC); None where it is not told.

    Raises NotUnderstoodError where it is none of a lock's calendar.
    """
    if value is None or value == "":
        return None
    found = moment(value)
    if found is None or not 2000 <= found.year < 2100:
        raise NotUnderstoodError({path: ["is not a moment of the years 2000 to 2099"]})
    return found.replace(microsecond=0).isoformat()


def word(value: object) -> str:
    """A sender's word in one spelling: lower case, without blanks, hyphens and underscores."""
    return re.sub(r"[\s_-]", "", value).lower() if isinstance(value, str) else ""


def text(value: object, longest: int = 200) -> str | None:
    """A guest's detail on one line, cut where it is too long; None where there is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return None
    return _CONTROL.sub(" ", value).strip()[:longest].strip() or None


def phone(value: object) -> str | None:
    """A telephone number, however it is written."""
    return text(value, 40)


def email(value: object) -> str | None:
    """An e-mail address; None where it is none."""
    found = value.strip() if isinstance(value, str) else ""
    return found if _EMAIL.fullmatch(found) and len(found) <= 254 and not _CONTROL.search(found) else None

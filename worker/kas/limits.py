"""The limits that the KAS API document sets to each value, in the words of the error that names them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from marshmallow import ValidationError

from worker.domain.addresses import is_mailable
from worker.kas.errors import BadRequest

__all__ = [
    "EMAIL",
    "KAS_UID",
    "MESSAGE",
    "MOMENT",
    "NAME",
    "PIN",
    "TRUTH",
    "UID",
    "Limit",
    "check_key",
    "check_lock",
    "check_text",
    "check_url_key",
    "whole_number",
]

NAME_LENGTH, MESSAGE_LENGTH = 100, 500


@dataclass(frozen=True, slots=True)
class Limit:
    """What a value must be, in words, and whether it is. Called by marshmallow."""

    text: str
    holds: Callable[[object], bool]

    def __call__(self, value: object) -> None:
        """Raise marshmallow's ValidationError, in the words of `text`, unless it holds."""
        if not self.holds(value):
            raise ValidationError(self.text)


def whole_number(first: int, last: int) -> Limit:
    """Whole numbers from `first` to `last`; `True` and 120.0 are none."""

    def holds(value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and first <= value <= last

    return Limit(f"a whole number from {first} to {last}", holds)


def _matches(pattern: str) -> Callable[[object], bool]:
    return lambda value: isinstance(value, str) and re.fullmatch(pattern, value) is not None


def _is_moment(value: object) -> bool:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{10}", value):
        return False
    year, month, day, hour, minute = (int(value[at : at + 2]) for at in range(0, 10, 2))
    try:
        datetime(2000 + year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        return False
    return True


def _is_name(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= NAME_LENGTH
        and not _has_category(value, "Cc", "Cs", "Zl", "Zp")
    )


def _is_message(value: object) -> bool:
    return (
        isinstance(value, str)
        and len(value) <= MESSAGE_LENGTH
        and not _has_category(value, "Cs")
        and "\0" not in value
    )


def _has_category(text: str, *categories: str) -> bool:
    return any(unicodedata.category(character) in categories for character in text)


# The document: "1234 or 223344 (4-6 digits)".
PIN: Final = Limit("text of 4 to 6 digits 0-9", _matches(r"[0-9]{4,6}"))
# The document: "hexadecimal number of the rfid tag (4 hex bytes i.e 8 char string)".
UID: Final = Limit("text of 8 hexadecimal digits", _matches(r"[0-9A-Fa-f]{8}"))
# The document: "Number on the keycards provided by kas (10 digits only)".
KAS_UID: Final = Limit("text of 10 digits 0-9", _matches(r"[0-9]{10}"))
# The document: "YYMMDDHHmm".
MOMENT: Final = Limit("ten digits YYMMDDHHmm that name a real moment", _is_moment)
# The document: "email format only".
EMAIL: Final = Limit("an e-mail address", lambda value: isinstance(value, str) and is_mailable(value))
TRUTH: Final = Limit("true or false", lambda value: isinstance(value, bool))
# The document names no length of texts: these are ours.
NAME: Final = Limit(f"text of at most {NAME_LENGTH} characters without control characters", _is_name)
MESSAGE: Final = Limit(f"text of at most {MESSAGE_LENGTH} characters", _is_message)


def check_lock(lock: object) -> str:
    """The lock's factory name, fit for a URL; `BadRequest` unless it is 3 to 32 ASCII letters and digits."""
    if not isinstance(lock, str) or not re.fullmatch(r"[A-Za-z0-9]{3,32}", lock):
        raise BadRequest("lock", "3 to 32 letters and digits")
    return lock


def check_key(key: object) -> str:
    """The API key, fit for a header; `BadRequest` when there is none or it is not visible ASCII."""
    if not isinstance(key, str) or not re.fullmatch(r"[!-~]{1,4096}", key):
        raise BadRequest("key", "an API key of visible ASCII characters, given with the call or to KasClient")
    return key


def check_url_key(key: str) -> str:
    """A key that is to be a part of a path; `BadRequest` for the two that would change the path."""
    if key in (".", ".."):
        raise BadRequest("key", "more than dots")
    return key


def check_text(field: str, value: object) -> str:
    """Text that is not empty; else `BadRequest`, which names `field`."""
    if not isinstance(value, str) or not value or _has_category(value, "Cs"):
        raise BadRequest(field, "text that is not empty")
    return value

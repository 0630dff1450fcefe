"""The limits that the KAS API document sets to each value, in the words of the error that names them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from marshmallow import ValidationError

from worker.domain.addresses import is_mailable
from worker.kas.errors import BadRequest

__all__ = [
    "KAS_UID",
    "UID",
    "check_key",
    "check_lock",
    "check_text",
    "check_url_key",
    "email",
    "kas_uid",
    "message",
    "moment",
    "name",
    "pin",
    "truth",
    "uid",
    "whole_number",
]

NAME_LIMIT, MESSAGE_LIMIT = 100, 500
UID: Final = "text of 8 hexadecimal digits"
KAS_UID: Final = "text of 10 digits 0-9"
_MOMENT: Final = "ten digits YYMMDDHHmm that name a real moment"


def whole_number(first: int, last: int) -> Callable[[object], None]:
    """A validator of whole numbers from `first` to `last`; `True` and 120.0 are none."""

    def validate(value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not first <= value <= last:
            raise ValidationError(f"a whole number from {first} to {last}")

    return validate


def pin(value: object) -> None:
    """The document: "1234 or 223344 (4-6 digits)"."""
    _match(value, r"[0-9]{4,6}", "text of 4 to 6 digits 0-9")


def uid(value: object) -> None:
    """The document: "hexadecimal number of the rfid tag (4 hex bytes i.e 8 char string)"."""
    _match(value, r"[0-9A-Fa-f]{8}", UID)


def kas_uid(value: object) -> None:
    """The document: "Number on the keycards provided by kas (10 digits only)"."""
    _match(value, r"[0-9]{10}", KAS_UID)


def truth(value: object) -> None:
    """A JSON boolean."""
    if not isinstance(value, bool):
        raise ValidationError("true or false")


def moment(value: object) -> None:
    """The document: YYMMDDHHmm."""
    _match(value, r"[0-9]{10}", _MOMENT)
    year, month, day, hour, minute = (int(str(value)[at : at + 2]) for at in range(0, 10, 2))
    try:
        datetime(2000 + year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        raise ValidationError(_MOMENT) from None


def name(value: object) -> None:
    """One line, of a length of our own: the document names none."""
    if not isinstance(value, str) or len(value) > NAME_LIMIT or _has_category(value, "Cc", "Cs", "Zl", "Zp"):
        raise ValidationError(f"text of at most {NAME_LIMIT} characters without control characters")


def email(value: object) -> None:
    """The document: "email format only"."""
    if not isinstance(value, str) or not is_mailable(value):
        raise ValidationError("an e-mail address")


def message(value: object) -> None:
    """Text of a length of our own: the document names none."""
    if (
        not isinstance(value, str)
        or len(value) > MESSAGE_LIMIT
        or _has_category(value, "Cs")
        or "\0" in value
    ):
        raise ValidationError(f"text of at most {MESSAGE_LIMIT} characters")


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


def _match(value: object, pattern: str, limit: str) -> None:
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise ValidationError(limit)


def _has_category(text: str, *categories: str) -> bool:
    return any(unicodedata.category(character) in categories for character in text)

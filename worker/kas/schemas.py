"""The shapes on the vendor's wire: strict about what we send, tolerant about what we are sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marshmallow import (
    EXCLUDE,
    Schema,
    ValidationError,
    fields,
    post_dump,
    post_load,
    validates_schema,
)

from worker.domain.addresses import is_mailable
from worker.domain.outcomes import Entry
from worker.kas.errors import BadRequest

__all__ = ["NewPin", "add_body", "as_int", "check_key", "check_lock", "delete_body", "read_entries"]

FIRST_SLOT, LAST_SLOT = 101, 200
NAME_LIMIT, MESSAGE_LIMIT = 100, 500
LARGEST_NUMBER = 2**63 - 1


@dataclass(frozen=True, slots=True)
class NewPin:
    """A PIN to add: `slot` 101..200; `starts` and `ends` are YYMMDDHHmm in the lock's zone.

    With an `email` the vendor mails the PIN to that address, `message` included.
    """

    slot: int
    pin: str
    name: str
    starts: str
    ends: str
    email: str | None = None
    message: str | None = None

    @property
    def email_checked(self) -> bool:
        """Whether the vendor is asked to send the e-mail."""
        return self.email is not None

    def __repr__(self) -> str:
        """Leave out the PIN and the guest's details, so that they reach no log and no traceback."""
        return f"NewPin(slot={self.slot!r}, starts={self.starts!r}, ends={self.ends!r})"


# --- requests -----------------------------------------------------------------------------------------------


def _slot(value: object) -> None:
    if not isinstance(value, int) or not FIRST_SLOT <= value <= LAST_SLOT:
        raise ValidationError(f"a whole number from {FIRST_SLOT} to {LAST_SLOT}")


def _pin(value: object) -> None:
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{4,6}", value):
        raise ValidationError("text of 4 to 6 digits 0-9")


def _moment(value: object) -> None:
    limit = "ten digits YYMMDDHHmm that name a real moment"
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{10}", value):
        raise ValidationError(limit)
    year, month, day, hour, minute = (int(value[at : at + 2]) for at in range(0, 10, 2))
    try:
        datetime(2000 + year, month, day, hour, minute, tzinfo=UTC)
    except ValueError:
        raise ValidationError(limit) from None


def _name(value: object) -> None:
    if not isinstance(value, str) or len(value) > NAME_LIMIT or _has_category(value, "Cc", "Cs", "Zl", "Zp"):
        raise ValidationError(f"text of at most {NAME_LIMIT} characters without control characters")


def _email(value: object) -> None:
    if not isinstance(value, str) or not is_mailable(value):
        raise ValidationError("an e-mail address")


def _message(value: object) -> None:
    if (
        not isinstance(value, str)
        or len(value) > MESSAGE_LIMIT
        or _has_category(value, "Cs")
        or "\0" in value
    ):
        raise ValidationError(f"text of at most {MESSAGE_LIMIT} characters")


def _has_category(text: str, *categories: str) -> bool:
    return any(unicodedata.category(character) in categories for character in text)


class _AddBody(Schema):
    """The body of "Add Online Password". `Raw` changes nothing: the validators see what will be sent."""

    slot = fields.Raw(data_key="password_id", required=True, validate=_slot)
    starts = fields.Raw(data_key="password_start_time", required=True, validate=_moment)
    ends = fields.Raw(data_key="password_end_time", required=True, validate=_moment)
    pin = fields.Raw(data_key="password", required=True, validate=_pin)
    name = fields.Raw(data_key="password_name", required=True, validate=_name)
    email_checked = fields.Raw(required=True)
    email = fields.Raw(data_key="password_email", validate=_email)
    message = fields.Raw(data_key="password_message", validate=_message)

    @post_dump
    def _leave_out_what_is_not_given(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        optional = ("password_email", "password_message")
        return {key: value for key, value in data.items() if key not in optional or value is not None}

    @validates_schema(skip_on_field_errors=True)
    def _ends_after_it_starts(self, data: Mapping[str, str], **_: object) -> None:
        if data["starts"] >= data["ends"]:
            raise ValidationError("after the start", field_name="password_end_time")


_ADD_BODY = _AddBody()
_OUR_NAMES = {field.data_key or name: name for name, field in _ADD_BODY.fields.items()}


def add_body(pin: NewPin) -> dict[str, Any]:
    """The JSON body that adds `pin` (the KAS API document, section "Add Online Password").

    Raises `BadRequest` for the first field that breaks the document's limits.
    """
    body: dict[str, Any] = _ADD_BODY.dump(pin)
    for key, limits in _ADD_BODY.validate(body).items():
        raise BadRequest(_OUR_NAMES.get(key, key), limits[0])
    return body


def delete_body(slot: int) -> dict[str, Any]:
    """The JSON body that deletes by id only, as the document advises (section "Delete Online Password").

    Raises `BadRequest` unless `slot` is 101..200.
    """
    try:
        _slot(slot)
    except ValidationError as error:
        raise BadRequest("slot", str(error.messages[0])) from None
    return {"password_id": slot}


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


# --- answers ------------------------------------------------------------------------------------------------


def as_int(value: object) -> int | None:
    """A JSON number or a text of digits as an `int`; None for all else, `true` included.

    1.0 counts as 1: to the vendor's JavaScript they are one number.
    """
    number = None
    if isinstance(value, str):
        number = int(value) if re.fullmatch(r"[0-9]{1,18}", value) else None
    elif isinstance(value, float):
        number = int(value) if value.is_integer() else None
    elif isinstance(value, int) and not isinstance(value, bool):
        number = value
    return number if number is not None and abs(number) <= LARGEST_NUMBER else None


class _Number(fields.Field[int]):
    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        number = as_int(value)
        if number is None:
            raise ValidationError("not a whole number")
        return number


class _LooseText(fields.Field[str]):
    """Text, or a number where text belongs; anything else reads as if it were missing."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        number = as_int(value)
        if isinstance(value, str):
            # A lone surrogate is legal in JSON and can be stored nowhere.
            return value.encode("utf-8", "replace").decode("utf-8")
        return "" if number is None else str(number)


def _loose(key: str) -> _LooseText:
    return _LooseText(data_key=key, load_default="", allow_none=True)


class _ListedPin(Schema):
    """One entry of `l_passwords`. Without a usable id it could stand in any slot: that is an error."""

    class Meta:
        unknown = EXCLUDE

    slot = _Number(data_key="password_id", required=True)
    pin = _loose("password")
    name = _loose("password_name")
    starts = _loose("password_start_time")
    ends = _loose("password_end_time")

    @post_load
    def _entry(self, data: dict[str, Any], **_: object) -> Entry:
        texts = {name: data[name] or "" for name in ("pin", "name", "starts", "ends")}
        return Entry(data["slot"], **texts)


class _PinList(Schema):
    class Meta:
        unknown = EXCLUDE

    lock = _loose("l_factory_name")
    entries = fields.List(fields.Nested(_ListedPin), data_key="l_passwords", required=True)


_PIN_LIST = _PinList()


def read_entries(record: Mapping[str, Any], lock: str) -> tuple[Entry, ...] | None:
    """The PINs in a parsed answer (KAS API document, section "Get Online Passwords"), in its order.

    None when there is no list, when any entry of it cannot be placed in a slot, or when the answer names
    another lock than `lock`. Ids outside 101..200 are kept; a PIN that came as a number has lost its zeros.
    """
    try:
        loaded = _PIN_LIST.load(record)
    except ValidationError:
        return None
    named = record.get("l_factory_name")
    if named is not None and loaded["lock"].strip().casefold() != lock.casefold():
        return None
    return tuple(loaded["entries"])

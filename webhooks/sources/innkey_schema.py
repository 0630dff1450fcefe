"""The body of an `innkey` event. No message here quotes a value: it may be the guest's, or the PIN."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from marshmallow import EXCLUDE, Schema, ValidationError, fields, validate, validates_schema

from webhooks.moments import rfc3339, stay_time
from worker.domain.booking import EventType, Status
from worker.domain.media import is_tag
from worker.domain.pins import is_pin

__all__ = ["EventSchema"]

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_EMAIL = re.compile(r"[^@\s<>,;:\"\\()\[\]]+@[^@\s<>,;:\"\\()\[\]]+")
_LARGEST = 2**63
_DATE_LENGTH = len("2026-12-01")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Name(fields.Field[str]):
    """What something is called: 1 to 200 characters, or a whole number."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            raise ValidationError("is neither a text nor a whole number")
        if not value.strip() or len(value) > 200 or _CONTROL.search(value):
            raise ValidationError("is not 1 to 200 characters without control characters")
        return value


class Detail(fields.Field[str | None]):
    """A guest's detail or a message to the guest; an empty one clears the field as null does."""

    def __init__(self, longest: int, *, lines: bool = False, **kwargs: Any) -> None:
        super().__init__(allow_none=True, **kwargs)
        self._longest, self._control = longest, _CONTROL_IN_TEXT if lines else _CONTROL

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str | None:
        if not isinstance(value, str):
            raise ValidationError("is not a text")
        if len(value) > self._longest:
            raise ValidationError(f"is longer than {self._longest} characters")
        if self._control.search(value):
            raise ValidationError("holds control characters")
        return value.strip() or None


class Email(Detail):
    """An e-mail address."""

    def _deserialize(self, value: object, *args: object, **kwargs: object) -> str | None:
        address = super()._deserialize(value, *args, **kwargs)
        if address is not None and not _EMAIL.fullmatch(address):
            raise ValidationError("is not an e-mail address")
        return address


class StayTime(fields.Field[str]):
    """A date or date-time of the stay, local to the unit or with an offset."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        try:
            return stay_time(value if isinstance(value, str) else "")
        except ValueError:
            cure = (
                "write 2026-12-01 or 2026-12-01T15:00, with an offset such as +10:00 if it is not local time"
            )
            raise ValidationError(f"is not a date or date-time of the years 2000 to 2099; {cure}") from None


class Moment(fields.Field[datetime]):
    """An RFC 3339 time."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> datetime:
        try:
            return rfc3339(value if isinstance(value, str) else "")
        except ValueError:
            raise ValidationError("is not an RFC 3339 time, such as 2026-11-22T10:00:00Z") from None


class VersionField(fields.Field[tuple[int, str]]):
    """A number, or an RFC 3339 time (in microseconds); with the text as the sender wrote it."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> tuple[int, str]:
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST:
            return value, str(value)
        try:
            moment = rfc3339(value if isinstance(value, str) else "")
        except ValueError:
            cause = "is neither a whole number from 0 up nor an RFC 3339 time"
            raise ValidationError(cause) from None
        return (moment - _EPOCH) // timedelta(microseconds=1), str(value)


class Flag(fields.Field[bool]):
    """True or false, and nothing that only looks like it."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> bool:
        if not isinstance(value, bool):
            raise ValidationError("is not true or false")
        return value


class Pin(fields.Field[str]):
    """The PIN that the sender chose; a weak one is the sender's choice too."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        if not isinstance(value, str) or not is_pin(value):
            raise ValidationError("is not a text of 4 to 6 digits")
        return value


class Rfid(fields.Field[str]):
    """The guest's card: its own number, or the ten digits printed on it; blanks and colons do not matter."""

    def _deserialize(self, value: object, *_args: object, **_kwargs: object) -> str:
        text = re.sub(r"[\s:-]", "", value).upper() if isinstance(value, str) else ""
        if not is_tag(text):
            raise ValidationError("is neither 8 hexadecimal digits nor the 10 digits printed on a card")
        return text


def _one_of(words: list[str]) -> validate.OneOf:
    return validate.OneOf(words, error=f"is not one of {', '.join(words)}")


class GuestSchema(Schema):
    """`data.guest`."""

    class Meta:
        """Senders grow."""

        unknown = EXCLUDE

    name = Detail(200)
    email = Email(254)
    phone = Detail(40)


class DataSchema(Schema):
    """`data`: what is said of the booking."""

    class Meta:
        """Senders grow."""

        unknown = EXCLUDE

    id = Name(required=True)
    unit = Name()
    version = VersionField(allow_none=True)
    status = fields.Raw(validate=_one_of([status.value for status in Status]))
    check_in = StayTime()
    check_out = StayTime()
    guest = fields.Nested(GuestSchema, allow_none=True)
    send_email = Flag(allow_none=True)
    email_message = Detail(500, lines=True)
    pin = Pin(allow_none=True)
    rfid = Rfid(allow_none=True)

    @validates_schema(skip_on_field_errors=True)
    def _ends_after_it_begins(self, data: dict[str, Any], **_kwargs: object) -> None:
        if "check_in" in data and "check_out" in data and _is_backwards(data["check_in"], data["check_out"]):
            raise ValidationError("is not after check_in", "check_out")


class EventSchema(Schema):
    """The whole body."""

    class Meta:
        """Senders grow."""

        unknown = EXCLUDE

    type = fields.Raw(required=True, validate=_one_of([kind.value for kind in EventType]))
    timestamp = Moment(required=True)
    data = fields.Nested(DataSchema, required=True)


def _is_backwards(check_in: str, check_out: str) -> bool:
    """Whether the stay cannot be one, whatever the unit's zone and usual times are."""
    starts, ends = datetime.fromisoformat(check_in), datetime.fromisoformat(check_out)
    if (starts.tzinfo is None) != (ends.tzinfo is None):
        return False
    if (len(check_in) == _DATE_LENGTH) != (len(check_out) == _DATE_LENGTH):
        return ends.date() < starts.date()
    return ends <= starts

"""The shapes of calls to one lock and of the operator log, as /openapi.json describes them."""

from __future__ import annotations

import re
from collections.abc import Callable

from marshmallow import Schema, ValidationError, fields, validate

from webhooks.api.schemas import LastSchema, maybe, maybe_number, moment, text
from webhooks.sources.innkey_schema import StayTime

__all__ = [
    "CodeOnLockPage",
    "EventPage",
    "NewTagSchema",
    "OperatorLogPage",
    "RemovalSchema",
    "ReplySchema",
    "TagPage",
]


class ReplySchema(LastSchema):
    """The vendor's answer to a command that a lock carried out."""

    lock = text()
    at = moment()


class EventSchema(Schema):
    """One event of a lock's audit trail; `slot` that of the PIN or tag, `battery` percent."""

    id = text()
    lock = text()
    at = moment()
    type = maybe_number()
    label = text()
    by = text(metadata={"description": "how it was opened, in the vendor's words"})
    slot = maybe_number()
    battery = maybe_number()


class EventPage(Schema):
    """A page of events."""

    items = fields.List(fields.Nested(EventSchema))
    next = maybe()


class CodeOnLockSchema(Schema):
    """What one slot holds; `booking` (`source/id`) where it is one of ours."""

    slot = fields.Integer()
    pin = text()
    name = text()
    starts = text()
    ends = text()
    booking = maybe()


class CodeOnLockPage(Schema):
    """A page of a lock's list."""

    items = fields.List(fields.Nested(CodeOnLockSchema))
    next = maybe()


class TagSchema(Schema):
    """One RFID tag on a lock; `number` is its own or a card's; `booking` (`source/id`) where it is ours."""

    rfid_id = fields.Integer()
    number = text()
    name = text()
    starts = text()
    ends = text()
    booking = maybe()


class TagPage(Schema):
    """A page of a lock's tags."""

    items = fields.List(fields.Nested(TagSchema))
    next = maybe()


def _like(pattern: str, error: str) -> Callable[[str], None]:
    def check(value: str) -> None:
        if re.fullmatch(pattern, value) is None:
            raise ValidationError(error)

    return check


class RemovalSchema(Schema):
    """What becomes of a tag: `removed`, or `removing` where the work follows."""

    lock = text()
    rfid_id = fields.Integer()
    state = text()


class NewTagSchema(Schema):
    """A tag of the house's own. `id` is yours to choose: the same again changes the tag.

    `starts` and `ends` are dates or date-times, local to the first lock or with an offset.
    """

    id = text(
        required=True,
        validate=_like(r"[A-Za-z0-9._-]{1,60}", "is not 1 to 60 of A-Z a-z 0-9 . _ -"),
        metadata={"pattern": "^[A-Za-z0-9._-]{1,60}$"},
    )
    number = text(
        required=True,
        validate=_like(
            r"[0-9A-Fa-f]{8}|[0-9]{10}", "is neither 8 hexadecimal digits nor the 10 digits printed on a card"
        ),
        metadata={"pattern": "^([0-9A-Fa-f]{8}|[0-9]{10})$"},
    )
    name = text(required=True, validate=validate.Length(1, 40, error="is not 1 to 40 characters"))
    starts = StayTime(required=True, metadata={"type": "string"})
    ends = StayTime(required=True, metadata={"type": "string"})
    locks = fields.List(text(), load_default=list, metadata={"description": "further locks"})


class OperatorLineSchema(Schema):
    """Who did what. Each act has two lines with one `act`: `asked`, and what came of it."""

    id = text()
    act = text()
    at = moment()
    who = text()
    what = text()
    on = text()
    result = text()


class OperatorLogPage(Schema):
    """A page of the operator log."""

    items = fields.List(fields.Nested(OperatorLineSchema))
    next = maybe()

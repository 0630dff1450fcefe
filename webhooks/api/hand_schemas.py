"""The shapes of calls to one lock and of the operator log, as /openapi.json describes them."""

from __future__ import annotations

from marshmallow import Schema, fields

from webhooks.api.schemas import LastSchema, maybe, maybe_number, moment, text

__all__ = ["CodeOnLockPage", "EventPage", "OperatorLogPage", "ReplySchema"]


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

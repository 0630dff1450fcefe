"""The shapes that the API takes and answers, as /openapi.json describes them. Moments are texts, as shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, pre_load, validate

from worker.domain.access_code import Phase
from worker.domain.booking import Status
from worker.domain.dead_letter import LetterState
from worker.domain.outcomes import Kind
from worker.domain.reasons import Job, Reason
from worker.domain.states import BookingState, EmailState

__all__ = [
    "BookingPage",
    "BookingQuery",
    "BookingSchema",
    "LastSchema",
    "LetterPage",
    "LetterQuery",
    "LetterSchema",
    "LockDetailSchema",
    "LockPage",
    "NoteSchema",
    "PageQuery",
    "ProblemSchema",
    "RejectedPage",
    "RejectedSchema",
    "SourcePage",
    "maybe",
    "maybe_number",
    "moment",
    "text",
    "word",
]

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_MOST_NOTE = 500
_NO_TEXT = r"\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"
_NOTE_LIMITS = {
    "minLength": 1,
    "maxLength": _MOST_NOTE,
    "pattern": rf"^[^{_NO_TEXT}]*[^\s{_NO_TEXT}][^{_NO_TEXT}]*$",
}
_WHEN = {"description": "a date or date-time, of the property file's zone where it has no offset"}


def text(**kwargs: Any) -> fields.String:
    """Text that is there."""
    return fields.String(**kwargs)


def maybe(**kwargs: Any) -> fields.String:
    """Text, or null."""
    return fields.String(allow_none=True, **kwargs)


def maybe_number() -> fields.Integer:
    """A whole number, or null."""
    return fields.Integer(allow_none=True)


def moment(**kwargs: Any) -> fields.String:
    """A moment in RFC 3339's form."""
    return fields.String(metadata={"format": "date-time"}, **kwargs)


def word(words: list[str], **kwargs: Any) -> fields.String:
    """One of a few words."""
    """One of a few words."""
    error = f"is not one of {', '.join(words)}"
    return fields.String(validate=validate.OneOf(words, error=error), **kwargs)


class ProblemSchema(Schema):
    """An error, as RFC 9457 says; `lock` to `ref` where the vendor's cloud was asked."""

    type = text(required=True)
    title = text(required=True)
    status = fields.Integer(required=True)
    detail = text(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    lock = text()
    outcome = word([kind.value for kind in Kind])
    ack = maybe_number()
    message = text()
    ref = maybe()


class PageQuery(Schema):
    """What every list takes. An empty value is none."""

    limit = fields.Integer(
        load_default=100, validate=validate.Range(1, 1000, error="is not a whole number from 1 to 1000")
    )
    cursor = text(load_default=None, metadata={"description": "`next` of the page before"})

    @pre_load
    def _without_empty(self, data: Mapping[str, Any], **_kwargs: object) -> dict[str, Any]:
        known = {field.data_key or name for name, field in self.fields.items()}
        return {name: data[name] for name in data if data[name] != "" or name not in known}


class BookingQuery(PageQuery):
    """`from` and `to` are of the check-in, both included."""

    from_ = text(load_default=None, data_key="from", metadata={**_WHEN, "example": "2026-12-01"})
    to = text(load_default=None, metadata={**_WHEN, "example": "2026-12-31T10:00"})
    state = word([state.value for state in BookingState], load_default=None)


class LetterQuery(PageQuery):
    """`open` lists those being retried too; without a state all are listed."""

    state = word([state.value for state in LetterState], load_default=None)


class LastSchema(Schema):
    """The vendor's last answer."""

    outcome = word([kind.value for kind in Kind])
    ack = maybe_number()
    message = text()
    ref = maybe()


class CodeSchema(Schema):
    """A code on one lock; `starts` and `ends` are the lock's own YYMMDDHHmm."""

    lock = text()
    medium = word(["pin", "rfid"])
    slot = maybe_number()
    state = word(["review", *(phase.value for phase in Phase)])
    starts = maybe()
    ends = maybe()
    attempts = fields.Integer()
    due = moment(allow_none=True)
    last = fields.Nested(LastSchema, allow_none=True)


class TimelineSchema(Schema):
    """One thing that happened to the stay."""

    at = moment()
    what = text()
    detail = fields.Dict()


class BookingSchema(Schema):
    """A booking with its codes."""

    source = text()
    id = text()
    unit = maybe()
    status = word([status.value for status in Status])
    version = text()
    check_in = moment(allow_none=True)
    check_out = moment(allow_none=True)
    arrived = moment(allow_none=True)
    state = word([state.value for state in BookingState])
    at_risk = fields.Boolean()
    pin = maybe()
    email = word([state.value for state in EmailState])
    codes = fields.List(fields.Nested(CodeSchema))
    timeline = fields.List(fields.Nested(TimelineSchema))


class BookingPage(Schema):
    """A page of bookings."""

    items = fields.List(fields.Nested(BookingSchema))
    next = maybe()


class AttemptSchema(Schema):
    """One attempt, with the vendor's own words."""

    at = moment()
    step = word([job.value for job in Job])
    outcome = word([kind.value for kind in Kind])
    ack = maybe_number()
    http_status = maybe_number()
    message = text()
    ref = maybe()


class LetterSchema(Schema):
    """A dead letter; `ack`, `http_status`, `message` and `ref` are of the last attempt."""

    id = text()
    state = word([state.value for state in LetterState])
    reason = word([reason.value for reason in Reason])
    source = maybe()
    booking = maybe()
    lock = maybe()
    slot = maybe_number()
    step = word([job.value for job in Job])
    ack = maybe_number()
    http_status = maybe_number()
    message = text()
    ref = maybe()
    attempts = fields.List(fields.Nested(AttemptSchema))
    opened = moment()
    resolved = moment(allow_none=True)
    note = maybe()


class LetterPage(Schema):
    """A page of dead letters."""

    items = fields.List(fields.Nested(LetterSchema))
    next = maybe()


def _check_note(note: str) -> None:
    if not note.strip() or len(note) > _MOST_NOTE:
        raise ValidationError("is not 1 to 500 characters: say what was done")
    if _CONTROL.search(note):
        raise ValidationError("holds characters that are no text")


class NoteSchema(Schema):
    """A person's words on what was done."""

    note = text(required=True, validate=_check_note, metadata=_NOTE_LIMITS)


class LockSchema(Schema):
    """A lock of the property file; `last_seen`: when its list was read, `clock`: when that was set.

    `battery` in percent, as of `battery_at`; `last_heard`: when the lock itself did something.
    """

    lock = text()
    title = text()
    account = text()
    units = fields.List(fields.String())
    slots_in_use = fields.Integer()
    clock = moment(allow_none=True)
    battery = maybe_number()
    battery_at = moment(allow_none=True)
    last_seen = moment(allow_none=True)
    last_heard = moment(allow_none=True)


class SlotSchema(Schema):
    """A slot and the stay (`source/id`) that holds it; `fenced`: kept until a list shows it empty."""

    slot = fields.Integer()
    holder = text()
    fenced = fields.Boolean()


class UnmanagedSchema(Schema):
    """A code under a mark of Innkey's whose booking is not on record: it is left alone."""

    slot = fields.Integer()
    mark = text()


class BatterySchema(Schema):
    """The battery's last level of a day, in percent."""

    date = fields.String(metadata={"format": "date"})
    level = fields.Integer()


class LockDetailSchema(LockSchema):
    """A lock with its slots."""

    battery_history = fields.List(fields.Nested(BatterySchema))
    slots = fields.List(fields.Nested(SlotSchema))
    unmanaged = fields.List(fields.Nested(UnmanagedSchema))


class LockPage(Schema):
    """A page of locks."""

    items = fields.List(fields.Nested(LockSchema))
    next = maybe()


class RejectedSchema(Schema):
    """What was not understood, without its body; `size` in bytes; `asked`: the reservation asked for."""

    id = text()
    source = text()
    asked = maybe()
    received = moment()
    content_type = text()
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    size = fields.Integer()
    replayed = moment(allow_none=True)


class RejectedPage(Schema):
    """A page of deliveries that were not understood."""

    items = fields.List(fields.Nested(RejectedSchema))
    next = maybe()


class SourceSchema(Schema):
    """A source of the property file; `deliveries`: how many came to what, ever since.

    `last_heard`: its last proven delivery; `silent_since` and `unproven_since` where a person was told so;
    `away`: its own API does not answer, `refuses`: that refuses the key.
    """

    source = text()
    adapter = text()
    enabled = fields.Boolean()
    last_heard = moment(allow_none=True)
    deliveries = fields.Dict(keys=fields.String(), values=fields.Integer())
    last_polled = moment(allow_none=True)
    errands_waiting = fields.Integer()
    silent_since = moment(allow_none=True)
    unproven_since = moment(allow_none=True)
    away = fields.Boolean()
    refuses = fields.Boolean()


class SourcePage(Schema):
    """A page of sources."""

    items = fields.List(fields.Nested(SourceSchema))
    next = maybe()

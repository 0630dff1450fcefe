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


def _text(**kwargs: Any) -> fields.String:
    return fields.String(**kwargs)


def _maybe(**kwargs: Any) -> fields.String:
    return fields.String(allow_none=True, **kwargs)


def _maybe_number() -> fields.Integer:
    return fields.Integer(allow_none=True)


def _moment(**kwargs: Any) -> fields.String:
    return fields.String(metadata={"format": "date-time"}, **kwargs)


def _word(words: list[str], **kwargs: Any) -> fields.String:
    error = f"is not one of {', '.join(words)}"
    return fields.String(validate=validate.OneOf(words, error=error), **kwargs)


class ProblemSchema(Schema):
    """An error, as RFC 9457 says."""

    type = _text(required=True)
    title = _text(required=True)
    status = fields.Integer(required=True)
    detail = _text(required=True)
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))


class PageQuery(Schema):
    """What every list takes. An empty value is none."""

    limit = fields.Integer(
        load_default=100, validate=validate.Range(1, 1000, error="is not a whole number from 1 to 1000")
    )
    cursor = _text(load_default=None, metadata={"description": "`next` of the page before"})

    @pre_load
    def _without_empty(self, data: Mapping[str, Any], **_kwargs: object) -> dict[str, Any]:
        known = {field.data_key or name for name, field in self.fields.items()}
        return {name: data[name] for name in data if data[name] != "" or name not in known}


class BookingQuery(PageQuery):
    """`from` and `to` are of the check-in, both included."""

    from_ = _text(load_default=None, data_key="from", metadata={**_WHEN, "example": "2026-12-01"})
    to = _text(load_default=None, metadata={**_WHEN, "example": "2026-12-31T10:00"})
    state = _word([state.value for state in BookingState], load_default=None)


class LetterQuery(PageQuery):
    """`open` lists those being retried too; without a state all are listed."""

    state = _word([state.value for state in LetterState], load_default=None)


class LastSchema(Schema):
    """The vendor's last answer."""

    outcome = _word([kind.value for kind in Kind])
    ack = _maybe_number()
    message = _text()
    ref = _maybe()


class CodeSchema(Schema):
    """A code on one lock; `starts` and `ends` are the lock's own YYMMDDHHmm."""

    lock = _text()
    slot = _maybe_number()
    state = _word(["review", *(phase.value for phase in Phase)])
    starts = _maybe()
    ends = _maybe()
    attempts = fields.Integer()
    due = _moment(allow_none=True)
    last = fields.Nested(LastSchema, allow_none=True)


class TimelineSchema(Schema):
    """One thing that happened to the stay."""

    at = _moment()
    what = _text()
    detail = fields.Dict()


class BookingSchema(Schema):
    """A booking with its codes."""

    source = _text()
    id = _text()
    unit = _maybe()
    status = _word([status.value for status in Status])
    version = _text()
    check_in = _moment(allow_none=True)
    check_out = _moment(allow_none=True)
    arrived = _moment(allow_none=True)
    state = _word([state.value for state in BookingState])
    at_risk = fields.Boolean()
    pin = _maybe()
    email = _word([state.value for state in EmailState])
    codes = fields.List(fields.Nested(CodeSchema))
    timeline = fields.List(fields.Nested(TimelineSchema))


class BookingPage(Schema):
    """A page of bookings."""

    items = fields.List(fields.Nested(BookingSchema))
    next = _maybe()


class AttemptSchema(Schema):
    """One attempt, with the vendor's own words."""

    at = _moment()
    step = _word([job.value for job in Job])
    outcome = _word([kind.value for kind in Kind])
    ack = _maybe_number()
    http_status = _maybe_number()
    message = _text()
    ref = _maybe()


class LetterSchema(Schema):
    """A dead letter; `ack`, `http_status`, `message` and `ref` are of the last attempt."""

    id = _text()
    state = _word([state.value for state in LetterState])
    reason = _word([reason.value for reason in Reason])
    source = _maybe()
    booking = _maybe()
    lock = _maybe()
    slot = _maybe_number()
    step = _word([job.value for job in Job])
    ack = _maybe_number()
    http_status = _maybe_number()
    message = _text()
    ref = _maybe()
    attempts = fields.List(fields.Nested(AttemptSchema))
    opened = _moment()
    resolved = _moment(allow_none=True)
    note = _maybe()


class LetterPage(Schema):
    """A page of dead letters."""

    items = fields.List(fields.Nested(LetterSchema))
    next = _maybe()


def _check_note(note: str) -> None:
    if not note.strip() or len(note) > _MOST_NOTE:
        raise ValidationError("is not 1 to 500 characters: say what was done")
    if _CONTROL.search(note):
        raise ValidationError("holds characters that are no text")


class NoteSchema(Schema):
    """A person's words on what was done."""

    note = _text(required=True, validate=_check_note, metadata=_NOTE_LIMITS)


class LockSchema(Schema):
    """A lock of the property file; `last_seen`: when its list was read, `clock`: when that was set.

    `battery` in percent, as of `battery_at`; `last_heard`: when the lock itself did something.
    """

    lock = _text()
    title = _text()
    account = _text()
    units = fields.List(fields.String())
    slots_in_use = fields.Integer()
    clock = _moment(allow_none=True)
    battery = _maybe_number()
    battery_at = _moment(allow_none=True)
    last_seen = _moment(allow_none=True)
    last_heard = _moment(allow_none=True)


class SlotSchema(Schema):
    """A slot and the stay (`source/id`) that holds it; `fenced`: kept until a list shows it empty."""

    slot = fields.Integer()
    holder = _text()
    fenced = fields.Boolean()


class UnmanagedSchema(Schema):
    """A code under a mark of Innkey's whose booking is not on record: it is left alone."""

    slot = fields.Integer()
    mark = _text()


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
    next = _maybe()


class RejectedSchema(Schema):
    """A delivery that was not understood, without its body; `size` in bytes."""

    id = _text()
    source = _text()
    received = _moment()
    content_type = _text()
    errors = fields.Dict(keys=fields.String(), values=fields.List(fields.String()))
    size = fields.Integer()
    replayed = _moment(allow_none=True)


class RejectedPage(Schema):
    """A page of deliveries that were not understood."""

    items = fields.List(fields.Nested(RejectedSchema))
    next = _maybe()

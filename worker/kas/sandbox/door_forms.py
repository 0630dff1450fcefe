"""What the control API accepts about a lock's door, field by field."""

from __future__ import annotations

from marshmallow import fields, validate

from worker.kas.sandbox.forms import MOMENT, NAME, PERCENT, Form
from worker.kas.sandbox.tags import FIRST_TAG, LAST_READER_TAG

NUMBER = validate.Regexp(
    r"^([0-9A-Fa-f]{8}|[0-9]{10})$", error="Use 8 hexadecimal digits, or the 10 digits of a KAS card."
)
TEN_YEARS_SECONDS = 10 * 366 * 86_400
ERROR = validate.Range(min=-TEN_YEARS_SECONDS, max=TEN_YEARS_SECONDS)
TAG_ID = validate.Range(min=FIRST_TAG, max=LAST_READER_TAG)


class DoorForm(Form):
    """A lock."""

    lock = fields.String(required=True, validate=NAME)


class TypedForm(DoorForm):
    """A PIN typed at the door; it may be nonsense."""

    pin = fields.String(required=True, validate=validate.Length(min=1, max=16))


class PresentedForm(DoorForm):
    """A tag presented at the door."""

    uid = fields.String(required=True, validate=NUMBER)


class TagIdForm(DoorForm):
    """A tag's id on a lock."""

    rfid_id = fields.Integer(required=True, strict=True, validate=TAG_ID)


class HandTagForm(TagIdForm):
    """A tag added by hand."""

    uid = fields.String(required=True, validate=NUMBER)
    name = fields.String(load_default="", validate=validate.Length(max=200))
    starts = fields.String(load_default="0001010000", validate=MOMENT)
    ends = fields.String(load_default="9912312359", validate=MOMENT)


class ClockErrorForm(DoorForm):
    """How many seconds the lock's clock is ahead."""

    seconds = fields.Float(required=True, validate=ERROR)


class BatteryForm(DoorForm):
    """How full the battery is."""

    percent = fields.Float(required=True, validate=PERCENT)


class OpeningsForm(DoorForm):
    """How many of the last openings to show."""

    limit = fields.Integer(load_default=1000, validate=validate.Range(min=1, max=100_000))

"""What the control API accepts, field by field; marshmallow words the errors."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import RAISE, Schema, ValidationError, fields, post_load, validate, validates_schema

from worker.kas.sandbox.faults import ANY, DONE_UNLESS_TOLD, OPS, RATES, Executed, Fault, Kind
from worker.kas.sandbox.slots import FIRST_SLOT, LAST_SLOT, PROFILES, Auth, Latency

NAME = validate.Regexp(r"^[A-Za-z0-9_.-]{1,64}$", error="Use 1 to 64 letters, digits, '-', '_' or '.'.")
MOMENT = validate.Regexp(r"^[0-9]{10}$|^$", error="Use ten digits, YYMMDDHHmm, or an empty string.")
PERCENT = validate.Range(min=0, max=100)
SECONDS = validate.Range(min=0, max=7 * 86_400)


def _zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise ValidationError("Unknown time zone; use a name like Australia/Brisbane.") from None


class Slot(fields.Integer):
    """A slot number, 101..200; text and booleans are refused."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int:
        if not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        if not FIRST_SLOT <= value <= LAST_SLOT:
            raise ValidationError(f"Use a slot from {FIRST_SLOT} to {LAST_SLOT}.")
        return value


class Form(Schema):
    """A JSON object in which unknown names are errors."""

    class Meta:
        """Refuse what is not described."""

        unknown = RAISE


class LatencyForm(Form):
    """Seconds of a gateway's call, its jitter, and of a list; or the name of a profile instead."""

    profile = fields.String(validate=validate.OneOf(tuple(PROFILES)))
    base_seconds = fields.Float(load_default=0.0, validate=SECONDS)
    jitter_seconds = fields.Float(load_default=0.0, validate=SECONDS)
    list_seconds = fields.Float(load_default=0.0, validate=SECONDS)

    @validates_schema(pass_original=True)
    def either(self, data: dict[str, Any], original: Any, **_: Any) -> None:
        """A profile has its own seconds."""
        if "profile" in data and len(original) > 1:
            raise ValidationError("Give a profile or seconds, not both.", "profile")

    @post_load
    def build(self, data: dict[str, Any], **_: Any) -> Latency:
        """The latency itself."""
        name = data.pop("profile", None)
        return PROFILES[name] if name else Latency(**data)


class LockForm(Form):
    """A lock to make or change; what is left out stays, or takes its default on a new lock."""

    name = fields.String(required=True, validate=NAME)
    account = fields.String(validate=NAME)
    title = fields.String(validate=validate.Length(max=200))
    zone = fields.String(validate=_zone)
    clock_set = fields.Boolean()
    gateway_online = fields.Boolean()
    auth = fields.Enum(Auth, by_value=True)
    latency = fields.Nested(LatencyForm, allow_none=True)
    list_lag = fields.Float(validate=SECONDS)
    reader = fields.Boolean()
    drain = fields.Float(validate=PERCENT)


class HandForm(Form):
    """A code typed by hand; an empty field is one the list leaves out."""

    lock = fields.String(required=True, validate=NAME)
    slot = Slot(required=True)
    pin = fields.String(required=True, validate=validate.Length(max=16))
    name = fields.String(load_default="", validate=validate.Length(max=200))
    starts = fields.String(load_default="0001010000", validate=MOMENT)
    ends = fields.String(load_default="9912312359", validate=MOMENT)


class SlotForm(Form):
    """A slot of a lock."""

    lock = fields.String(required=True, validate=NAME)
    slot = Slot(required=True)


class ExecutedField(fields.Field[Executed]):
    """`true`/"yes", `false`/"no" or "late"."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Executed:
        words: dict[Any, Executed] = {True: Executed.YES, False: Executed.NO}
        words |= {str(word): word for word in Executed}
        if not isinstance(value, bool | str) or value not in words:
            raise ValidationError('Use true or "yes", false or "no", or "late".')
        return words[value]


class RuleForm(Form):
    """A fault by rule; which of the details count depends on `kind`."""

    op = fields.String(load_default=ANY, validate=validate.OneOf((*OPS, ANY)))
    lock = fields.String(load_default=ANY)
    account = fields.String(load_default=ANY)
    times = fields.Integer(load_default=1, allow_none=True, strict=True, validate=validate.Range(min=1))
    skip = fields.Integer(load_default=0, strict=True, validate=validate.Range(min=0))
    kind = fields.Enum(Kind, by_value=True, required=True)
    executed = ExecutedField()
    late_seconds = fields.Float(validate=SECONDS)
    hold_seconds = fields.Float(allow_none=True, validate=SECONDS)
    ack = fields.Integer(allow_none=True, strict=True)
    message = fields.String(allow_none=True)
    status = fields.Integer(allow_none=True, strict=True, validate=validate.Range(min=200, max=599))
    form = fields.String(data_key="body", validate=validate.OneOf(("json", "plain", "html")))
    text = fields.String()
    how = fields.String(validate=validate.OneOf(("half", "nothing", "reset")))
    seconds = fields.Float(validate=SECONDS)
    shown = fields.Boolean()

    @validates_schema
    def complete(self, data: dict[str, Any], **_: Any) -> None:
        """Some kinds need a detail."""
        if data.get("kind") is Kind.ACK and "ack" not in data:
            raise ValidationError("Kind ack needs an ack: a number, or null for none.", "ack")
        if data.get("kind") is Kind.TEXT and not data.get("text"):
            raise ValidationError("Kind text needs a text.", "text")
        if data.get("kind") in (Kind.SLOW, Kind.THROTTLE) and "seconds" not in data:
            raise ValidationError("This kind needs seconds.", "seconds")
        if data.get("executed") is Executed.LATE and "late_seconds" not in data:
            raise ValidationError("Executed late needs late_seconds.", "late_seconds")

    @post_load
    def build(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """`fault` beside whom it befalls."""
        whom = {name: data.pop(name) for name in ("op", "lock", "account", "times", "skip")}
        if data["kind"] in DONE_UNLESS_TOLD:
            data.setdefault("executed", Executed.YES)
        return {**whom, "fault": Fault(**data)}


class RatesForm(Form):
    """Faults by rate."""

    seed = fields.Integer(load_default=0, strict=True)
    rates = fields.Dict(
        keys=fields.String(validate=validate.OneOf(tuple(RATES))),
        values=fields.Float(validate=validate.Range(min=0, max=1)),
        required=True,
    )
    late_seconds = fields.List(fields.Float(validate=SECONDS), validate=validate.Length(equal=2))

    @validates_schema
    def sensible(self, data: dict[str, Any], **_: Any) -> None:
        """Together at most every call; the range in order."""
        if sum(data.get("rates", {}).values()) > 1:
            raise ValidationError("All rates together may be 1 at most.", "rates")
        low, high = data.get("late_seconds", (0, 0))
        if low > high:
            raise ValidationError("Give the smaller number first.", "late_seconds")


class KeysForm(Form):
    """Keys of an account to add and to revoke; an unknown account is made.

    `end_issued` ends its dynamic keys, `password` is the new one of its login.
    """

    account = fields.String(load_default="default", validate=NAME)
    add = fields.List(fields.String(validate=validate.Length(min=1, max=4096)), load_default=list)
    revoke = fields.List(fields.String(), load_default=list)
    end_issued = fields.Boolean(load_default=False)
    password = fields.String(validate=validate.Length(min=1, max=200))


class CallsForm(Form):
    """Which calls to show."""

    since = fields.Integer(load_default=0)
    limit = fields.Integer(load_default=1000, validate=validate.Range(min=1, max=100_000))
    op = fields.String(validate=validate.OneOf(OPS))
    lock = fields.String()

"""What is sent to the vendor: each body is a schema with the document's limits, checked before it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from marshmallow import Schema, ValidationError, fields, post_dump, validates_schema

from worker.kas import limits
from worker.kas.errors import BadRequest
from worker.kas.limits import Limit

__all__ = [
    "NewPin",
    "NewRfid",
    "add_body",
    "add_rfid_body",
    "delete_body",
    "delete_by_value_body",
    "delete_rfid_body",
]

FIRST_ID: Final = 101
LAST_SLOT: Final = 200
LAST_READER_ID: Final = 2000  # of a tag on an access control reader


@dataclass(frozen=True, slots=True)
class NewPin:
    """A PIN to add: `slot` 101..200; `starts` and `ends` are YYMMDDHHmm in the lock's zone.

    With an `email` the vendor mails the PIN to that address, `message` included, unless `email_checked` is
    False.
    """

    slot: int
    pin: str
    name: str
    starts: str
    ends: str
    email: str | None = None
    message: str | None = None
    email_checked: bool | None = field(default=None, kw_only=True)

    @property
    def is_mailed(self) -> bool:
        """Whether the vendor is asked to send the e-mail."""
        return self.email is not None if self.email_checked is None else self.email_checked

    def __repr__(self) -> str:
        """Leave out the PIN and the guest's details, so that they reach no log and no traceback."""
        return f"NewPin(slot={self.slot!r}, starts={self.starts!r}, ends={self.ends!r})"


@dataclass(frozen=True, slots=True)
class NewRfid:
    """An RFID tag to add: `rfid_id` 101..200, to 2000 on a reader; times are YYMMDDHHmm in the lock's zone.

    The tag is named by `uid`, its own number (8 hexadecimal digits), or by `kas_uid`, the 10 digits printed
    on a card of the vendor's. With both, `is_kas_uid` says which one counts; by default it is `kas_uid`.
    """

    rfid_id: int
    name: str
    starts: str
    ends: str
    uid: str | None = None
    kas_uid: str | None = None
    is_kas_uid: bool | None = field(default=None, kw_only=True)

    @property
    def goes_by_kas_uid(self) -> bool:
        """Whether `kas_uid` names the tag."""
        return self.kas_uid is not None if self.is_kas_uid is None else self.is_kas_uid

    def __repr__(self) -> str:
        """Leave out the tag's numbers and the guest's name: who knows a number can make a copy of the tag."""
        return f"NewRfid(rfid_id={self.rfid_id!r}, starts={self.starts!r}, ends={self.ends!r})"


def _field(limit: Limit, *, data_key: str | None = None, attribute: str | None = None) -> fields.Raw:
    """A field that must be there. `Raw` changes nothing: the limit sees what will be sent."""
    return fields.Raw(
        data_key=data_key,
        attribute=attribute,
        required=True,
        validate=limit,
        error_messages={"required": limit.text, "null": limit.text},
    )


def _optional(limit: Limit, *, data_key: str | None = None) -> fields.Raw:
    return fields.Raw(data_key=data_key, validate=limit)


class _Body(Schema):
    """A body; what is optional and not given is left out."""

    @post_dump
    def _leave_out_what_is_not_given(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        optional = {one.data_key or name for name, one in self.fields.items() if not one.required}
        return {key: value for key, value in data.items() if key not in optional or value is not None}


_SLOT: Final = limits.whole_number(FIRST_ID, LAST_SLOT)
_READER_ID: Final = limits.whole_number(FIRST_ID, LAST_READER_ID)


class _AddBody(_Body):
    """The body of "Add Online Password"."""

    slot = _field(_SLOT, data_key="password_id")
    starts = _field(limits.MOMENT, data_key="password_start_time")
    ends = _field(limits.MOMENT, data_key="password_end_time")
    pin = _field(limits.PIN, data_key="password")
    name = _field(limits.NAME, data_key="password_name")
    email_checked = _field(limits.TRUTH, attribute="is_mailed")
    email = _optional(limits.EMAIL, data_key="password_email")
    message = _optional(limits.MESSAGE, data_key="password_message")

    @validates_schema(skip_on_field_errors=True)
    def _fits_together(self, data: Mapping[str, Any], **_: object) -> None:
        if data["starts"] >= data["ends"]:
            raise ValidationError("after the start", field_name="password_end_time")
        if data["is_mailed"] and "email" not in data:
            raise ValidationError(limits.EMAIL.text, field_name="password_email")


class _DeleteBody(_Body):
    """The body of "Delete Online Password", by id, as the document advises."""

    slot = _field(_SLOT, data_key="password_id")


class _DeleteByValueBody(_Body):
    """The other body of "Delete Online Password"."""

    pin = _field(limits.PIN, data_key="password")


class _DeleteRfidBody(_Body):
    """The body of "Delete Remote RFID"."""

    rfid_id = _field(_SLOT)


class _DeleteFromReaderBody(_Body):
    """The same for an access control reader."""

    rfid_id = _field(_READER_ID)


class _AddRfidBody(_Body):
    """The body of "Add Remote RFID"."""

    rfid_id = _field(_SLOT)
    starts = _field(limits.MOMENT, data_key="rfid_start_time")
    ends = _field(limits.MOMENT, data_key="rfid_end_time")
    name = _field(limits.NAME, data_key="rfid_name")
    uid = _optional(limits.UID)
    kas_uid = _optional(limits.KAS_UID)
    is_kas_uid = _field(limits.TRUTH, attribute="goes_by_kas_uid")

    @validates_schema(skip_on_field_errors=True)
    def _fits_together(self, data: Mapping[str, Any], **_: object) -> None:
        if data["starts"] >= data["ends"]:
            raise ValidationError("after the start", field_name="rfid_end_time")
        if data["goes_by_kas_uid"] and "kas_uid" not in data:
            raise ValidationError(limits.KAS_UID.text, field_name="kas_uid")
        if not data["goes_by_kas_uid"] and "uid" not in data:
            raise ValidationError(limits.UID.text, field_name="uid")


class _AddToReaderBody(_AddRfidBody):
    """The same for an access control reader."""

    rfid_id = _field(_READER_ID)


_ADD, _DELETE, _DELETE_BY_VALUE = _AddBody(), _DeleteBody(), _DeleteByValueBody()
_ADD_RFID = {False: _AddRfidBody(), True: _AddToReaderBody()}
_DELETE_RFID = {False: _DeleteRfidBody(), True: _DeleteFromReaderBody()}


def add_body(pin: NewPin) -> dict[str, Any]:
    """The JSON body that adds `pin` (the KAS API document, section "Add Online Password").

    Raises `BadRequest` for the first field that breaks the document's limits, as all of these functions do.
    """
    return _body(_ADD, pin)


def delete_body(slot: int) -> dict[str, Any]:
    """The JSON body that deletes a PIN by id (section "Delete Online Password")."""
    return _body(_DELETE, {"slot": slot})


def delete_by_value_body(pin: str) -> dict[str, Any]:
    """The JSON body that deletes by the PIN itself (section "Delete Online Password")."""
    return _body(_DELETE_BY_VALUE, {"pin": pin})


def add_rfid_body(tag: NewRfid, *, reader: bool = False) -> dict[str, Any]:
    """The JSON body that adds `tag` (section "Add Remote RFID"), on a `reader` with its higher ids."""
    return _body(_ADD_RFID[bool(reader)], tag)


def delete_rfid_body(rfid_id: int, *, reader: bool = False) -> dict[str, Any]:
    """The JSON body that deletes a tag (section "Delete Remote RFID")."""
    return _body(_DELETE_RFID[bool(reader)], {"rfid_id": rfid_id})


def _body(schema: Schema, given: object) -> dict[str, Any]:
    body: dict[str, Any] = schema.dump(given)
    ours = {one.data_key or name: name for name, one in schema.fields.items()}
    for key, broken in schema.validate(body).items():
        raise BadRequest(ours.get(key, key), broken[0])
    return body

"""What the vendor sends: schemas that tolerate what can be tolerated, and nothing that would mislead."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load

from worker.domain.lock_events import LockEvent, RfidTag
from worker.domain.outcomes import Entry

__all__ = ["Reply", "Trail", "as_int", "read_entries", "read_events", "read_reply", "read_tags"]

LARGEST_NUMBER: Final = 2**63 - 1
FULL_BATTERY: Final = 100


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


class _LooseNumber(fields.Field[int | None]):
    """A whole number; anything else reads as if it were missing."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> int | None:
        return as_int(value)


class _OnlyText(fields.Field[str | None]):
    """Text; anything else reads as if it were missing."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str | None:
        return value if isinstance(value, str) else None


class _LooseText(fields.Field[str]):
    """Text, or a number where text belongs; anything else reads as if it were missing."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        number = as_int(value)
        if isinstance(value, str):
            # A lone surrogate is legal in JSON and can be stored nowhere.
            return value.encode("utf-8", "replace").decode("utf-8")
        return "" if number is None else str(number)


class _Moment(fields.Field[datetime]):
    """A time as the document writes it, "2019-08-07T13:45:48.140Z"; one without a zone is UTC."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> datetime:
        try:
            moment = datetime.fromisoformat(value)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, OverflowError):
            raise ValidationError("not a moment") from None


class _Tolerant(Schema):
    class Meta:
        unknown = EXCLUDE


def _text(key: str) -> _LooseText:
    return _LooseText(data_key=key, load_default="", allow_none=True)


def _number(key: str) -> _LooseNumber:
    return _LooseNumber(data_key=key, load_default=None, allow_none=True)


def _filled(data: Mapping[str, Any], *names: str) -> dict[str, str]:
    return {name: data[name] or "" for name in names}


# --- the words of any answer --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """What any answer may say: its ack (None where none is, or none can be read), its words, and its ref."""

    has_ack: bool = False
    ack: int | None = None
    words: str = field(default="", repr=False)
    ref: str | None = field(default=None, repr=False)


class _Reply(_Tolerant):
    ack = _number("ack")
    message = _OnlyText(load_default=None, allow_none=True)
    error = _OnlyText(load_default=None, allow_none=True)
    ref = _OnlyText(load_default=None, allow_none=True)


# --- lists --------------------------------------------------------------------------------------------------


class _ListedPin(_Tolerant):
    """One entry of `l_passwords`. Without a usable id it could stand in any slot: that is an error."""

    slot = _Number(data_key="password_id", required=True)
    pin = _text("password")
    name = _text("password_name")
    starts = _text("password_start_time")
    ends = _text("password_end_time")

    @post_load
    def _entry(self, data: dict[str, Any], **_: object) -> Entry:
        return Entry(data["slot"], **_filled(data, "pin", "name", "starts", "ends"))


class _ListedTag(_Tolerant):
    """One entry of `l_rfids`. The document shows none: the names are those of "Add Remote RFID"."""

    rfid_id = _Number(required=True)
    uid = _text("uid")
    kas_uid = _text("kas_uid")
    goes_by_kas_uid = fields.Raw(data_key="is_kas_uid", load_default=None, allow_none=True)
    name = _text("rfid_name")
    starts = _text("rfid_start_time")
    ends = _text("rfid_end_time")

    @post_load
    def _tag(self, data: dict[str, Any], **_: object) -> RfidTag:
        numbers = (data["uid"], data["kas_uid"])
        uid = next(filter(None, reversed(numbers) if data["goes_by_kas_uid"] is True else numbers), "")
        return RfidTag(data["rfid_id"], uid, **_filled(data, "name", "starts", "ends"))


class _PinList(_Tolerant):
    listed = fields.List(fields.Nested(_ListedPin), data_key="l_passwords", required=True)


class _TagList(_Tolerant):
    listed = fields.List(fields.Nested(_ListedTag), data_key="l_rfids", required=True)


# --- the audit trail ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trail:
    """The events of an answer, by their times, each once, and how many could not be read."""

    events: tuple[LockEvent, ...]
    skipped: int


class _Event(_Tolerant):
    """One event. Without a time it says nothing: that is an error."""

    at = _Moment(data_key="date_added", required=True)
    id = _text("_id")
    event_type = _number("event_type")
    label = _text("event_type_label")
    battery = _number("battery")
    user_id = _number("user_id")
    user_type = _number("user_type")
    user_kind = _text("user_type_desc")
    user_value = _text("user_id_value")
    user_name = _text("user_name")
    zone = _text("date_added_timezone_name")

    @post_load
    def _event(self, data: dict[str, Any], **_: object) -> LockEvent:
        texts = _filled(data, "label", "user_kind", "user_value", "user_name", "zone")
        kept = {name: data[name] for name in ("at", "event_type", "user_id", "user_type")}
        named = data["id"] or f"{data['at'].isoformat()}/{data['event_type']}/{data['user_id']}"
        battery = data["battery"] if data["battery"] in range(FULL_BATTERY + 1) else None
        return LockEvent(**{**kept, **texts, "id": named, "battery": battery})


_REPLY, _PIN_LIST, _TAG_LIST, _EVENT = _Reply(), _PinList(), _TagList(), _Event()


def read_reply(record: Mapping[str, Any]) -> Reply:
    """What a parsed answer says about itself; never raises."""
    said = _REPLY.load(record)
    words = next((text for text in (said["message"], said["error"]) if text is not None), "")
    return Reply(record.get("ack") is not None, said["ack"], words, said["ref"])


def read_entries(record: Mapping[str, Any], lock: str) -> tuple[Entry, ...] | None:
    """The PINs in a parsed answer (KAS API document, section "Get Online Passwords"), in its order.

    None when there is no list, when any entry of it cannot be placed in a slot, or when the answer names
    another lock than `lock`. Ids outside 101..200 are kept; a PIN that came as a number has lost its zeros.
    """
    return _listed(_PIN_LIST, record, lock)


def read_tags(record: Mapping[str, Any], lock: str) -> tuple[RfidTag, ...] | None:
    """The RFID tags in a parsed answer (section "Get Remote RFIDs"), as `read_entries` reads PINs."""
    return _listed(_TAG_LIST, record, lock)


def _listed(schema: Schema, record: Mapping[str, Any], lock: str) -> tuple[Any, ...] | None:
    try:
        loaded = schema.load(record)
    except ValidationError:
        return None
    return tuple(loaded["listed"]) if _is_of(record, lock) else None


def _is_of(record: Mapping[str, Any], lock: str) -> bool:
    """Whether the answer names this lock, or none."""
    named = record.get("l_factory_name")
    return named is None or (isinstance(named, str) and named.strip().casefold() == lock.casefold())


def read_events(record: Mapping[str, Any], lock: str) -> Trail | None:
    """The audit trail in a parsed answer (section "Get Lock Audit Trial").

    A lock without events may come without the list, or with a null, if the answer's ack is 0. None when there
    is no such list, or when it is another lock's.
    """
    held = record.get("events")
    if held is None:
        return Trail((), 0) if as_int(record.get("ack")) == 0 else None
    listed = held
    if isinstance(held, dict):
        if not _is_of(held, lock):
            return None
        listed = [] if held.get("events") is None else held["events"]
    if not isinstance(listed, list):
        return None
    read = list(_events(listed))
    once = {event.id: event for event in read if event is not None}
    return Trail(tuple(sorted(once.values(), key=lambda event: (event.at, event.id))), read.count(None))


def _events(listed: list[object]) -> Iterator[LockEvent | None]:
    for one in listed:
        try:
            yield _EVENT.load(one)  # type: ignore[arg-type]
        except ValidationError:
            yield None

"""The tables of the property file: which keys each may have, and of what kind each value is.

Keys that are not listed are errors. Defaults are not here but in `worker.domain.house`.
"""

from __future__ import annotations

import re

from marshmallow import Schema, fields

from worker.configuration_error import BadValue
from worker.property_fields import (
    Checked,
    Choice,
    ClockTime,
    Duration,
    Flag,
    SecretRef,
    SecretRefs,
    Table,
    Text,
    TextOrEnv,
    WholeNumber,
    Zone,
    fault,
)
from worker.setting_values import hook_url, http_url

__all__ = [
    "AccountSchema",
    "BatterySchema",
    "FeedSchema",
    "FileSchema",
    "LockSchema",
    "OutgoingSchema",
    "PolicySchema",
    "SourceSchema",
    "TrailSchema",
    "UnitSchema",
]

_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


def _header_name(text: str) -> str:
    if not _HEADER_NAME.fullmatch(text):
        raise BadValue("is not the name of an HTTP header", "write letters, digits and hyphens")
    return text


def _not_empty(names: list[str]) -> None:
    if not names:
        raise fault("is empty", "name at least the unit's own door")


class FileSchema(Schema):
    """The file's top level."""

    timezone = Zone()
    check_in = ClockTime()
    check_out = ClockTime()
    policy = Table()
    trail = Table()
    battery = Table()
    accounts = Table()
    sources = Table()
    feeds = Table()
    outgoing = Table()
    locks = Table()
    units = Table()


class PolicySchema(Schema):
    """`[policy]` and `[units.X.policy]`."""

    push_ahead = Duration(zero=True)
    grace_before = Duration(zero=True)
    grace_after = Duration(zero=True)
    pin_length = WholeNumber(4, 6)
    pin_source = Choice("random", "phone")
    email_guest = Flag()
    email_wait = Duration(zero=True)
    first_slot = WholeNumber(101, 200)
    last_slot = WholeNumber(101, 200)
    retry_delays = fields.List(Duration(zero=True))
    offline_delays = fields.List(Duration(zero=True))
    pending_for = Duration()
    pending_poll = Duration()
    at_risk = Duration(zero=True)
    alert_gather = Duration(zero=True)
    set_clock_every = Duration()
    retain = Duration()


class TrailSchema(Schema):
    """`[trail]`."""

    every = Duration()
    on_arrival = Duration()


class BatterySchema(Schema):
    """`[battery]`."""

    low = WholeNumber(1, 90)
    low_before_arrival = WholeNumber(1, 90)
    unseen = Duration()


class AccountSchema(Schema):
    """`[accounts.X]`."""

    base_url = Checked(http_url)
    api_key = SecretRef()
    email = TextOrEnv()
    password = SecretRef()
    key_url = Checked(http_url)
    max_in_flight = WholeNumber(1, 30)
    call_timeout = Duration()
    vendor_hold = Duration()


class HeaderSchema(Schema):
    """`header` of `[sources.X]`."""

    name = Checked(_header_name, required=True)
    value = SecretRef(required=True)


class SourceSchema(Schema):
    """`[sources.X]`."""

    adapter = Text(required=True)
    enabled = Flag()
    secret = SecretRefs()
    username = TextOrEnv()
    password = SecretRef()
    header = fields.Nested(HeaderSchema)
    token = SecretRef()
    api_url = Checked(http_url)
    api_key = SecretRef()
    poll = Duration(zero=True)
    write_pin = Flag()
    silence = Duration(zero=True)


class FeedSchema(Schema):
    """`[feeds.X]`."""

    url = SecretRef(required=True)
    unit = Text(required=True)
    every = Duration()
    enabled = Flag()
    kind = Choice("airbnb", "vrbo", "booking", "generic")
    closed = Choice("stay", "block")


class OutgoingSchema(Schema):
    """`[outgoing.X]`."""

    url = Checked(hook_url, required=True)
    secret = SecretRefs(required=True)
    events = fields.List(Text())
    with_pin = Flag()
    allow_private = Flag()
    enabled = Flag()


class LockSchema(Schema):
    """`[locks.X]`."""

    title = Text()
    account = Text()
    timezone = Zone()
    reader = Flag()


class UnitSchema(Schema):
    """`[units.X]`."""

    locks = fields.List(Text(), required=True, validate=_not_empty)
    timezone = Zone()
    check_in = ClockTime()
    check_out = ClockTime()
    policy = Table()
    aliases = Table()

"""The vendor's request bodies, field by field: a sound command, or the refusal that names the field.

The KAS API document gives the types (sections "Add Online Password" and "Add Remote RFID") but no answer for
a malformed field; "Invalid <field>." is the sandbox's own.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from typing import Any

from worker.kas.sandbox.commands import Add, AddTag, Delete, DeleteTag
from worker.kas.sandbox.slots import FIRST_SLOT, LAST_SLOT, Code
from worker.kas.sandbox.state import Refused
from worker.kas.sandbox.tags import FIRST_TAG, LAST_READER_TAG, Tag

PIN = re.compile(r"[0-9]{4,6}")
MOMENT = re.compile(r"[0-9]{10}")
UID = re.compile(r"[0-9A-Fa-f]{8}")
KAS_UID = re.compile(r"[0-9]{10}")
ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")


def body_of(content_type: str, raw: bytes) -> dict[str, Any]:
    """The JSON object of a body; one that is not declared as JSON counts as empty, as in most servers."""
    if not raw or content_type.split(";", maxsplit=1)[0].strip().lower() != "application/json":
        return {}
    try:
        data = json.loads(raw)
    except ValueError:
        raise Refused("Invalid JSON.") from None
    if not isinstance(data, dict):
        raise Refused("Invalid JSON.")
    return data


def add_of(body: Mapping[str, Any]) -> Add:
    """The add that a POST body asks for."""
    send_email = body.get("email_checked", False)
    if not isinstance(send_email, bool):
        raise Refused("Invalid email_checked.")
    email = _string(body, "password_email", "")
    if not ADDRESS.fullmatch(email) and (send_email or email):
        raise Refused("Invalid password_email.")
    code = Code(
        slot=_slot(body),
        starts=_matching(body, "password_start_time", MOMENT),
        ends=_matching(body, "password_end_time", MOMENT),
        pin=_matching(body, "password", PIN),
        name=_string(body, "password_name"),
        email=email,
        message=_string(body, "password_message", ""),
        ident=secrets.token_hex(12),
    )
    return Add(code, send_email)


def delete_of(body: Mapping[str, Any]) -> Delete:
    """The delete that a DELETE body asks for: by `password_id`, or without one by `password`."""
    if "password_id" in body or "password" not in body:
        return Delete(slot=_slot(body))
    return Delete(pin=_matching(body, "password", PIN))


def add_tag_of(body: Mapping[str, Any]) -> AddTag:
    """The tag that a POST body asks for; the number that `is_kas_uid` does not choose may be left out."""
    by_kas = body.get("is_kas_uid", False)
    if not isinstance(by_kas, bool):
        raise Refused("Invalid is_kas_uid.")
    tag = Tag(
        slot=_tag_id(body),
        uid=_matching(body, "uid", UID) if not by_kas or "uid" in body else "",
        kas_uid=_matching(body, "kas_uid", KAS_UID) if by_kas or "kas_uid" in body else "",
        is_kas_uid=by_kas,
        name=_string(body, "rfid_name"),
        starts=_matching(body, "rfid_start_time", MOMENT),
        ends=_matching(body, "rfid_end_time", MOMENT),
        ident=secrets.token_hex(12),
    )
    return AddTag(tag)


def delete_tag_of(body: Mapping[str, Any]) -> DeleteTag:
    """The delete that a DELETE body asks for."""
    return DeleteTag(_tag_id(body))


def _slot(body: Mapping[str, Any]) -> int:
    return _between(body, "password_id", FIRST_SLOT, LAST_SLOT)


def _tag_id(body: Mapping[str, Any]) -> int:
    """Up to what a reader takes; whether the lock is one is asked later."""
    return _between(body, "rfid_id", FIRST_TAG, LAST_READER_TAG)


def _between(body: Mapping[str, Any], name: str, first: int, last: int) -> int:
    value = body.get(name)
    # A bool is an int, but never one of these.
    if not isinstance(value, int) or not first <= value <= last:
        raise Refused(f"Invalid {name}.")
    return value


def _string(body: Mapping[str, Any], name: str, default: str | None = None) -> str:
    value = body.get(name, default)
    if not isinstance(value, str):
        raise Refused(f"Invalid {name}.")
    return value


def _matching(body: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = _string(body, name)
    if not pattern.fullmatch(value):
        raise Refused(f"Invalid {name}.")
    return value

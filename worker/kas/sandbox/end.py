"""How a call ended, and the success that the vendor's cloud tells of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from worker.kas.sandbox import answers
from worker.kas.sandbox.commands import Add, AddTag, Command, ReadEvents, ReadList, ReadTags
from worker.kas.sandbox.openings import How, Opening
from worker.kas.sandbox.slots import Code, Lock, in_order
from worker.kas.sandbox.state import ACK_DONE
from worker.kas.sandbox.tags import Tag, tags_in_order
from worker.kas.sandbox.wire import JSON, Reply, as_json

# Section "Get Lock Audit Trial" shows 3 and 7; the number and the words of a tag are an assumption.
USER_TYPES = {How.PIN: (3, "password"), How.TAG: (4, "rfid"), How.REMOTE: (7, "Remote Unlock")}


@dataclass(frozen=True, slots=True)
class End:
    """How a call ended: the lock, the command, its ack, and what there was to show at that moment."""

    lock: Lock
    command: Command
    ack: int
    codes: Sequence[Code] = ()
    tags: Sequence[Tag] = ()
    openings: Sequence[Opening] = ()
    content_type: str = JSON

    def honest(self) -> Reply:
        """The answer without a fault."""
        return self.success() if self.ack == ACK_DONE else answers.ack(self.ack, self.command)

    def success(self, *, name: str | None = None, bare: bool = False) -> Reply:
        """The answer of a call that went well; it may name another lock, or lack its list (`bare`)."""
        name = name or self.lock.name
        match self.command:
            case ReadList():
                return as_json(self._listed(name, "l_passwords", None if bare else self._codes(_short)))
            case ReadTags():
                return as_json(self._listed(name, "l_rfids", None if bare else self._tags()))
            case ReadEvents():
                return as_json(self._trail(name, bare=bare))
            case Add(code=Code() as code):
                return self._added(name, code.pin, "l_passwords", None if bare else self._codes(_full))
            case AddTag(tag=Tag() as tag):
                return self._added(name, tag.number, "l_rfids", None if bare else self._tags())
            case _:
                return answers.ack(ACK_DONE, self.command)

    def _listed(self, name: str, key: str, entries: list[Any] | None) -> dict[str, Any]:
        """Sections "Get Online Passwords" and "Get Remote RFIDs": a list bears no ack."""
        shown = {} if entries is None else {key: entries}
        return {"l_factory_name": name, **shown, "l_lock_title": self.lock.title}

    def _added(self, name: str, value: str, key: str, entries: list[Any] | None) -> Reply:
        """Sections "Add Online Password" and "Add Remote RFID": both examples have a "password"."""
        shown = {} if entries is None else {key: entries}
        body = {"ack": ACK_DONE, "message": "Success", "password": value, "l_factory_name": name, **shown}
        return as_json(body, content_type=self.content_type)

    def _trail(self, name: str, *, bare: bool) -> dict[str, Any]:
        """Section "Get Lock Audit Trial"."""
        shown = {} if bare else {"events": [_event(one, self.lock.zone) for one in self.openings]}
        ident = hashlib.sha256(self.lock.name.encode()).hexdigest()[:24]
        trail = {"_id": ident, "l_factory_name": name, **shown, "__v": 0, "l_lock_title": self.lock.title}
        return {"events": trail, "ack": 0}

    def _codes(self, form: Any) -> list[Any]:
        return [form(code) for code in in_order(self.codes)]

    def _tags(self) -> list[Any]:
        return [_tag(tag) for tag in tags_in_order(self.tags)]


def _short(code: Code) -> dict[str, Any]:
    fields = {
        "password_start_time": code.starts,
        "password_end_time": code.ends,
        "password_id": code.slot,
        "password_name": code.name,
        "password": code.pin,
    }
    return {name: value for name, value in fields.items() if value != "" or not code.by_hand}


def _full(code: Code) -> dict[str, Any]:
    extra = {"password_email": code.email, "password_message": code.message}
    return {"_id": code.ident, **_short(code), **extra}


def _tag(tag: Tag) -> dict[str, Any]:
    """The document shows no entry of `l_rfids`: these are the names that an add sends."""
    fields = {
        "rfid_start_time": tag.starts,
        "rfid_end_time": tag.ends,
        "rfid_id": tag.slot,
        "rfid_name": tag.name,
        "uid": tag.uid,
        "kas_uid": tag.kas_uid,
    }
    return {**{name: value for name, value in fields.items() if value != ""}, "is_kas_uid": tag.is_kas_uid}


def _event(one: Opening, zone: str) -> dict[str, Any]:
    """One entry, with the null fields of the document's second example for a remote unlock."""
    number, words = USER_TYPES[one.how]
    moment = datetime.fromtimestamp(one.at, UTC).isoformat(timespec="milliseconds")
    return {
        "date_added": moment.replace("+00:00", "Z"),
        "_id": one.ident,
        "event_type": 1,
        "event_type_label": "Unlock Event",
        "battery": None if one.how is How.REMOTE else one.battery,
        "user_id": one.slot,
        "user_type": number,
        "user_type_desc": words,
        "user_id_value": one.value,
        "user_name": one.name,
        "date_added_timezone_name": zone,
    }

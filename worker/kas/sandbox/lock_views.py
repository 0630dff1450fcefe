"""What the control API shows of one lock and its door, as plain data with fixed keys."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import TypedDict

from worker.kas.sandbox.openings import Opening
from worker.kas.sandbox.slots import Code, Latency, Lock, in_order
from worker.kas.sandbox.tags import Tag, tags_in_order


class CodeView(TypedDict):
    """A code on a lock."""

    slot: int
    pin: str
    name: str
    starts: str
    ends: str
    email: str
    message: str
    by_hand: bool


class TagView(TypedDict):
    """A tag on a lock."""

    slot: int
    uid: str
    kas_uid: str
    is_kas_uid: bool
    name: str
    starts: str
    ends: str
    by_hand: bool


class OpeningView(TypedDict):
    """An opening of a door; `how` is pin, tag or remote, `captured` whether the audit trail has it."""

    at: str
    how: str
    slot: int | None
    value: str
    name: str
    battery: int
    captured: bool


class LockView(TypedDict):
    """A lock with its codes and tags by slot; `list_lag` and times in seconds, `clock_set_at` ISO.

    `clock_error` is by how many seconds its clock is ahead, `battery` a percentage, of which each opening
    takes `drain`.
    """

    name: str
    account: str
    title: str
    zone: str
    clock_set: bool
    clock_set_at: str | None
    gateway_online: bool
    auth: str
    latency: dict[str, float] | None
    list_lag: float
    reader: bool
    clock_error: float
    battery: float
    drain: float
    codes: list[CodeView]
    tags: list[TagView]


def iso(epoch: float) -> str:
    """UTC in ISO form, milliseconds included."""
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def lock_view(lock: Lock) -> LockView:
    """One lock."""
    return {
        "name": lock.name,
        "account": lock.account,
        "title": lock.title,
        "zone": lock.zone,
        "clock_set": lock.clock_set,
        "clock_set_at": None if lock.clock_set_at is None else iso(lock.clock_set_at),
        "gateway_online": lock.gateway_online,
        "auth": str(lock.auth),
        "latency": _latency_view(lock.latency),
        "list_lag": lock.list_lag,
        "reader": lock.reader,
        "clock_error": lock.clock_error,
        "battery": lock.battery,
        "drain": lock.drain,
        "codes": [code_view(code) for code in in_order(lock.codes.values())],
        "tags": [tag_view(tag) for tag in tags_in_order(lock.tags.values())],
    }


def code_view(code: Code) -> CodeView:
    """One code."""
    return {
        "slot": code.slot,
        "pin": code.pin,
        "name": code.name,
        "starts": code.starts,
        "ends": code.ends,
        "email": code.email,
        "message": code.message,
        "by_hand": code.by_hand,
    }


def tag_view(tag: Tag) -> TagView:
    """One tag."""
    return {
        "slot": tag.slot,
        "uid": tag.uid,
        "kas_uid": tag.kas_uid,
        "is_kas_uid": tag.is_kas_uid,
        "name": tag.name,
        "starts": tag.starts,
        "ends": tag.ends,
        "by_hand": tag.by_hand,
    }


def opening_view(one: Opening) -> OpeningView:
    """One opening."""
    return {
        "at": iso(one.at),
        "how": str(one.how),
        "slot": one.slot,
        "value": one.value,
        "name": one.name,
        "battery": one.battery,
        "captured": one.captured,
    }


def _latency_view(latency: Latency | None) -> dict[str, float] | None:
    return None if latency is None else asdict(latency)

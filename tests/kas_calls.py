"""Each call of the vendor's client, for whatever vendor a test has; and what an answer means without one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from worker.kas import Answer, KasClient, Kind, NewPin, NewRfid
from worker.kas.answers import Asked, Brings, classify

KEY = "eyJhbGciOi.eyJfaWQi.v8cuLVqu"
LOCK = "SS000001"
PIN = NewPin(
    slot=101,
    pin="1234",
    name="John",
    starts="1901011200",
    ends="1904251200",
    email="test@email.com",
    message="Watch out for the dog.",
)
TAG = NewRfid(101, "John", "1901011200", "1904251200", uid="ABCD1234", kas_uid="1234567890")

Call = Callable[..., Answer]


def calls(client: KasClient, lock: str = LOCK) -> dict[str, Call]:
    """Each call of the client by its name, ready to be made; each takes `key` and `not_after`."""
    return {
        "unlock": lambda **more: client.unlock(lock, **more),
        "list_pins": lambda **more: client.list_pins(lock, **more),
        "add_pin": lambda **more: client.add_pin(lock, PIN, **more),
        "delete_pin": lambda **more: client.delete_pin(lock, 101, **more),
        "delete_pin_by_value": lambda **more: client.delete_pin_by_value(lock, "1234", **more),
        "list_events": lambda **more: client.list_events(lock, **more),
        "list_rfids": lambda **more: client.list_rfids(lock, **more),
        "add_rfid": lambda **more: client.add_rfid(lock, TAG, **more),
        "delete_rfid": lambda **more: client.delete_rfid(lock, 101, **more),
        "set_clock": lambda **more: client.set_clock(lock, **more),
    }


ALL = 10


def all_calls(client: KasClient, lock: str = LOCK, **more: Any) -> list[Answer]:
    """Each call once."""
    return [call(**more) for call in calls(client, lock).values()]


def kinds(answers: list[Answer]) -> list[Kind]:
    """The class of each."""
    return [answer.outcome.kind for answer in answers]


# --- answers without a vendor ------------------------------------------------------------------------------

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
LISTED = {"l_factory_name": "SS000001", "l_passwords": [{"password_id": 120, "password": "0953"}]}


def ask(brings: Brings = Brings.ACK, *secrets: str) -> Asked:
    """A call to one lock."""
    return Asked("SS000001", brings, secrets)


def judged(body: Any, status: int = 200, brings: Brings = Brings.ACK, **more: Any) -> Answer:
    """What an answer to that call means; `body` is bytes or what becomes JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return classify(ask(brings), status, raw, now=NOW, **more)

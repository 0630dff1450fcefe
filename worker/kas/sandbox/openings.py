"""One opening of a door: what the lock remembers of it, and whether the cloud ever heard."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

THREE_MONTHS_SECONDS = 92 * 86_400.0  # the longest three months; section "Get Lock Audit Trial"


class How(StrEnum):
    """What opened the door."""

    PIN = "pin"
    TAG = "tag"
    REMOTE = "remote"


@dataclass(frozen=True, slots=True)
class Opening:
    """An opening at `at` (epoch seconds, the true time); `battery` is the percentage left after it.

    `value` is the PIN, the tag's number or the account's address. One that happened while the gateway was
    offline is not `captured`: the audit trail never shows it.
    """

    at: float
    how: How
    slot: int | None
    value: str = field(repr=False)
    name: str = field(repr=False)
    battery: int
    ident: str
    captured: bool

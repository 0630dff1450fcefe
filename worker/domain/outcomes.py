"""What an answer of the vendor's cloud means, before anyone decides what to do about it.

The vendor's client classifies each answer once, at its edge, into an `Outcome`; all else in Innkey reads
only that.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from worker.domain.lock_events import LockEvent, RfidTag


class Kind(StrEnum):
    """The classes of answers that Innkey tells apart (the KAS API document, "ACK and Response Values")."""

    DONE = "done"  # 200 with ack 1; for reads 200 with ack 0 or none
    FAILED = "failed"  # ack 2, 4, 6: the lock did not do it
    PENDING = "pending"  # ack 3, 5, 7, 10: under way somewhere
    OFFLINE = "offline"  # ack 8: no gateway near the lock
    UNCLEAR = "unclear"  # 200 with another ack, or none where one belongs
    DOUBT = "doubt"  # 504, other 5xx, unreadable body, no connection: perhaps done, perhaps not
    CUT = "cut"  # the connection broke before an answer came: perhaps done, perhaps still at work
    UNANSWERED = "unanswered"  # no answer within the call's total deadline
    INVALID_TOKEN = "invalid_token"  # noqa: S105 - a name, not a secret
    NOT_ADMIN = "not_admin"
    LOCK_NOT_FOUND = "lock_not_found"
    PIN_EXISTS = "pin_exists"  # "Password is already existing."
    BAD_WINDOW = "bad_window"  # "Error with Start and End times"
    THROTTLED = "throttled"  # 429
    REFUSED = "refused"  # any other 3xx or 4xx
    NOT_SENT = "not_sent"  # the hard deadline passed before the bytes left: surely not done


@dataclass(frozen=True, slots=True)
class Outcome:
    """One classified answer.

    `message` holds the vendor's own words, cut to 200 characters and without the PIN that was sent;
    `ref` the vendor's reference ("UOWS-Xmuj"); `retry_after` seconds, only with `THROTTLED`.
    """

    kind: Kind
    ack: int | None = None
    http_status: int | None = None
    message: str = ""
    ref: str | None = None
    retry_after: float | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One PIN as the vendor's list shows it; times are the vendor's YYMMDDHHmm in the lock's zone.

    A field that the list leaves out is the empty string: such an entry still occupies its slot.
    """

    slot: int
    pin: str = ""
    name: str = ""
    starts: str = ""
    ends: str = ""

    def __repr__(self) -> str:
        """Leave out the PIN and the guest's name, so that neither reaches a log or a traceback."""
        return f"Entry(slot={self.slot}, starts={self.starts!r}, ends={self.ends!r})"


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome and, where the answer carried it, the lock's list of PINs or tags, or its audit trail.

    `events` are in the order of their times, each once; `skipped` counts those that could not be read.
    `key_generation`: which of the account's keys the call was made with; 0 for a static one, or none.
    """

    outcome: Outcome
    entries: tuple[Entry, ...] | None = None
    key_generation: int = 0
    tags: tuple[RfidTag, ...] | None = None
    events: tuple[LockEvent, ...] | None = None
    skipped: int = 0

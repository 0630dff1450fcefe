"""Why a dead letter was opened. Each reason has a section in docs/reference/reasons.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Reason(StrEnum):
    """The names that the API, the mails and the docs use."""

    LOCK_FAILED = "lock_failed"
    GATEWAY_OFFLINE = "gateway_offline"
    PENDING_TOO_LONG = "pending_too_long"
    UNCONFIRMED = "unconfirmed"
    NO_FREE_SLOT = "no_free_slot"
    PIN_TAKEN = "pin_taken"
    BAD_WINDOW = "bad_window"
    NOT_ADMIN = "not_admin"
    LOCK_NOT_FOUND = "lock_not_found"
    INVALID_KEY = "invalid_key"
    REFUSED = "refused"
    OVERWRITTEN_ELSEWHERE = "overwritten_elsewhere"
    UNKNOWN_UNIT = "unknown_unit"
    BAD_EVENT = "bad_event"
    BUG = "bug"


class Job(StrEnum):
    """The `step` of a dead letter: what Innkey was about when it gave up."""

    SET = "set"
    REMOVE = "remove"
    LIST = "list"
    CLOCK = "clock"
    EVENT = "event"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Advice:
    """What has happened, and what a person can do about it."""

    what: str
    cure: str


ADVICE: Mapping[Reason, Advice] = MappingProxyType(
    {
        Reason.LOCK_FAILED: Advice(
            "The lock answered that it could not do it.",
            "Check the lock's batteries and the distance to its gateway, then retry.",
        ),
        Reason.GATEWAY_OFFLINE: Advice(
            "The lock's gateway was not to be reached.",
            "See that the gateway has power and network, then retry.",
        ),
        Reason.PENDING_TOO_LONG: Advice(
            "The vendor's cloud kept the command pending for too long.",
            "Retry in some minutes; if it stays pending, restart the gateway.",
        ),
        Reason.UNCONFIRMED: Advice(
            "The lock's list never confirmed what was sent.",
            "Look at the lock's codes in the vendor's app, then retry or settle it by hand.",
        ),
        Reason.NO_FREE_SLOT: Advice(
            "Every slot that Innkey may use on this lock is taken.",
            "Delete codes that are no longer needed from the lock; Innkey goes on by itself.",
        ),
        Reason.PIN_TAKEN: Advice(
            "The lock already holds this PIN in another slot.",
            "Remove the other code with this PIN from the lock, or rotate the booking's PIN.",
        ),
        Reason.BAD_WINDOW: Advice(
            "The vendor's cloud refused the start or end time.",
            "Check the booking's times and the lock's clock and time zone, then retry.",
        ),
        Reason.NOT_ADMIN: Advice(
            "The account may not manage this lock.",
            "Make the account an administrator of the lock in the vendor's app, then retry.",
        ),
        Reason.LOCK_NOT_FOUND: Advice(
            "The vendor's cloud does not know this lock.",
            "Check the lock's name in the property file and the vendor's app, then retry.",
        ),
        Reason.INVALID_KEY: Advice(
            "The vendor's cloud refuses the account's API key.",
            "Put a valid key into the configuration; Innkey goes on by itself once it works.",
        ),
        Reason.REFUSED: Advice(
            "The vendor's cloud refused the command.",
            "Read the vendor's words below; mend the cause, then retry.",
        ),
        Reason.OVERWRITTEN_ELSEWHERE: Advice(
            "Somebody changed or replaced this code on the lock.",
            "See in the vendor's app who holds the slot; free it and retry, or settle it.",
        ),
        Reason.UNKNOWN_UNIT: Advice(
            "No unit of the property file has this name.",
            "Add the unit, or an alias for it, to the property file, then retry.",
        ),
        Reason.BAD_EVENT: Advice(
            "The events of this booking do not make a stay.",
            "Correct the booking in the booking system, so that it sends the event again.",
        ),
        Reason.BUG: Advice(
            "Innkey itself failed at this job again and again.",
            "Please report it with the log lines of this booking; then retry or settle it by hand.",
        ),
    }
)

"""Why a dead letter was opened. Each reason has a section in docs/reference/reasons.md."""

from __future__ import annotations

from enum import StrEnum


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

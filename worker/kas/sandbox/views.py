"""What the control API shows of the sandbox, as plain data with fixed keys."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, TypedDict

from worker.kas.sandbox.calls import Call
from worker.kas.sandbox.commands import Add, AddTag, Delete, DeleteTag, SetClock, Unlock
from worker.kas.sandbox.core import Core
from worker.kas.sandbox.faults import Rates, Rule
from worker.kas.sandbox.lock_views import LockView, iso, lock_view
from worker.kas.sandbox.state import Email, Late

LATE_OPS = {
    Add: "add",
    Delete: "delete",
    SetClock: "clock",
    Unlock: "unlock",
    AddTag: "rfid_add",
    DeleteTag: "rfid_delete",
}


class LateView(TypedDict):
    """A command on its way to a lock."""

    due: str
    lock: str
    op: str
    call: int


class StateView(TypedDict):
    """The whole state; `accounts` maps a name to its number of valid keys."""

    now: str
    accounts: dict[str, int]
    latency: dict[str, float]
    locks: list[LockView]
    pending_late: list[LateView]


class CallView(TypedDict):
    """A vendor call; times ISO, and as epoch seconds; `outstanding` is the queue before it came."""

    number: int
    at: str
    at_epoch: float
    ended: str | None
    ended_epoch: float | None
    account: str | None
    key_hash: str
    lock: str
    op: str
    slot: int | None
    body: dict[str, Any]
    outcome: str
    status: int | None
    executed: str
    outstanding: int


class EmailView(TypedDict):
    """An e-mail the cloud sent."""

    at: str
    lock: str
    slot: int
    to: str
    pin: str
    starts: str
    ends: str
    message: str


class AccountStats(TypedDict):
    """One account's queue."""

    outstanding: int
    max_outstanding: int
    dropped: int


class StatsView(TypedDict):
    """Sums over all accounts (of `max_outstanding` the largest), each account's own, calls by kind.

    `overlaps` counts, by lock, the commands that came while another one was under way there.
    """

    outstanding: int
    max_outstanding: int
    dropped: int
    accounts: dict[str, AccountStats]
    calls: dict[str, int]
    overlaps: dict[str, int]


def state_view(core: Core) -> StateView:
    """The state; call it inside `locked()`, like all views of the core."""
    state = core.state
    return {
        "now": iso(core.now()),
        "accounts": {name: len(account.keys) for name, account in state.accounts.items()},
        "latency": asdict(state.latency),
        "locks": [lock_view(lock) for lock in sorted(state.locks.values(), key=lambda lock: lock.name)],
        "pending_late": [_late_view(late) for late in state.late],
    }


def call_view(call: Call) -> CallView:
    """One call."""
    return {
        "number": call.number,
        "at": iso(call.at),
        "at_epoch": call.at,
        "ended": None if call.ended is None else iso(call.ended),
        "ended_epoch": call.ended,
        "account": call.account,
        "key_hash": call.key_hash,
        "lock": call.lock,
        "op": call.op,
        "slot": call.slot,
        "body": call.body,
        "outcome": call.outcome,
        "status": call.status,
        "executed": call.executed,
        "outstanding": call.outstanding,
    }


def email_view(email: Email) -> EmailView:
    """One e-mail."""
    return {
        "at": iso(email.at),
        "lock": email.lock,
        "slot": email.slot,
        "to": email.to,
        "pin": email.pin,
        "starts": email.starts,
        "ends": email.ends,
        "message": email.message,
    }


def stats_view(core: Core) -> StatsView:
    """The queue's records."""
    queue = core.queue
    accounts: dict[str, AccountStats] = {
        name: {
            "outstanding": queue.outstanding[name],
            "max_outstanding": queue.most[name],
            "dropped": queue.dropped[name],
        }
        for name in core.state.accounts
    }
    return {
        "outstanding": sum(one["outstanding"] for one in accounts.values()),
        "max_outstanding": max((one["max_outstanding"] for one in accounts.values()), default=0),
        "dropped": sum(one["dropped"] for one in accounts.values()),
        "accounts": accounts,
        "calls": dict(core.log.by_op),
        "overlaps": dict(queue.overlaps),
    }


def rule_view(rule: Rule) -> dict[str, Any]:
    """One rule with its fault."""
    return {
        "id": rule.number,
        "op": rule.op,
        "lock": rule.lock,
        "account": rule.account,
        "times": rule.times,
        "skip": rule.skip,
        "matched": rule.matched,
        "used": rule.used,
        **asdict(rule.fault),
    }


def rates_view(rates: Rates) -> dict[str, Any]:
    """The rates in force."""
    return {"seed": rates.seed, "rates": dict(rates.rates), "late_seconds": list(rates.late_seconds)}


def _late_view(late: Late) -> LateView:
    op = LATE_OPS[type(late.command)]
    return {"due": iso(late.due), "lock": late.lock, "op": op, "call": late.call}

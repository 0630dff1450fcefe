"""Turns an honest end of a call into the answer that a fault wants."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from worker.kas.sandbox import answers
from worker.kas.sandbox.faults import Fault, Kind
from worker.kas.sandbox.slots import Code, Lock
from worker.kas.sandbox.state import ACK_DONE, Add, Command, ReadList
from worker.kas.sandbox.wire import HTML, PLAIN, Reply, text

STRANGER = "SS999999"
HONEST_AT_HEART = frozenset({Kind.OTHER_LOCK, Kind.NO_LIST, Kind.SLOW})


@dataclass(frozen=True, slots=True)
class End:
    """How a call ended: the lock, the command, its ack, and the codes to show."""

    lock: Lock
    command: Command
    ack: int
    codes: Sequence[Code]
    content_type: str

    def honest(self) -> Reply:
        """The answer without a fault."""
        return answers.natural(self.lock, self.command, self.ack, list(self.codes), self.content_type)


def spoiled(end: End, fault: Fault, dice: random.Random) -> Reply:
    """The answer this fault makes of it; the milder kinds tell honestly what the lock itself refused."""
    if fault.kind in HONEST_AT_HEART and end.ack != ACK_DONE:
        return end.honest()
    match fault.kind:
        case Kind.ACK:
            return _acked(end, fault)
        case Kind.STATUS | Kind.TEXT | Kind.THROTTLE:
            return _status(fault, dice)
        case Kind.HTML:
            return Reply(200, answers.PAGE.encode(), HTML)
        case Kind.GARBAGE:
            return answers.garbage()
        case Kind.OTHER_LOCK:
            return _listing(end, STRANGER, end.codes)
        case Kind.NO_LIST:
            return _listing(end, end.lock.name, None)
        case Kind.LOSE:
            return _lost(end, fault)
        case Kind.SLOW | Kind.HANG | Kind.CUT:
            return end.honest()


def _acked(end: End, fault: Fault) -> Reply:
    if fault.ack == ACK_DONE and isinstance(end.command, Add):
        return _listing(end, end.lock.name, end.codes)
    return answers.ack(fault.ack, end.command, fault.message)


def _status(fault: Fault, dice: random.Random) -> Reply:
    if fault.kind is Kind.TEXT:
        return text(fault.status or 400, fault.text)
    if fault.kind is Kind.THROTTLE:
        retry_after = (("Retry-After", f"{fault.seconds:g}"),)
        return Reply(429, b"Too Many Requests", PLAIN, retry_after)
    return answers.status(fault.status or 504, fault.form, dice)


def _listing(end: End, name: str, codes: Sequence[Code] | None) -> Reply:
    if isinstance(end.command, ReadList):
        return answers.listed(name, end.lock.title, codes)
    if isinstance(end.command, Add):
        return answers.added(name, end.command.code.pin, codes, end.content_type)
    return end.honest()


def _lost(end: End, fault: Fault) -> Reply:
    codes = list(end.codes)
    if fault.shown and isinstance(end.command, Add):
        new = end.command.code
        codes = [code for code in codes if code.slot != new.slot] + [new]
    return answers.natural(end.lock, end.command, ACK_DONE, codes, end.content_type)

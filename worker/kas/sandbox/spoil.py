"""Turns an honest end of a call into the answer that a fault wants."""

from __future__ import annotations

import random
from dataclasses import replace

from worker.kas.sandbox import answers
from worker.kas.sandbox.commands import Add, AddTag
from worker.kas.sandbox.end import End
from worker.kas.sandbox.faults import Fault, Kind
from worker.kas.sandbox.state import ACK_DONE
from worker.kas.sandbox.wire import HTML, PLAIN, Reply, text

STRANGER = "SS999999"
HONEST_AT_HEART = frozenset({Kind.OTHER_LOCK, Kind.NO_LIST, Kind.SLOW})


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
            return end.success(name=STRANGER)
        case Kind.NO_LIST:
            return end.success(bare=True)
        case Kind.LOSE:
            return _lost(end, fault)
        case Kind.SLOW | Kind.HANG | Kind.CUT:
            return end.honest()


def _acked(end: End, fault: Fault) -> Reply:
    if fault.ack == ACK_DONE and isinstance(end.command, Add | AddTag):
        return end.success()
    return answers.ack(fault.ack, end.command, fault.message)


def _status(fault: Fault, dice: random.Random) -> Reply:
    if fault.kind is Kind.TEXT:
        return text(fault.status or 400, fault.text)
    if fault.kind is Kind.THROTTLE:
        retry_after = (("Retry-After", f"{fault.seconds:g}"),)
        return Reply(429, b"Too Many Requests", PLAIN, retry_after)
    return answers.status(fault.status or 504, fault.form, dice)


def _lost(end: End, fault: Fault) -> Reply:
    if fault.shown and isinstance(end.command, Add):
        code = end.command.code
        end = replace(end, codes=[*(one for one in end.codes if one.slot != code.slot), code])
    if fault.shown and isinstance(end.command, AddTag):
        tag = end.command.tag
        end = replace(end, tags=[*(one for one in end.tags if one.slot != tag.slot), tag])
    return end.success()

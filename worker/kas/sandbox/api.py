"""The vendor's calls, as the KAS API document describes them; other addresses answer 404."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from worker.kas.sandbox.calls import Call
from worker.kas.sandbox.commands import Command, Read, ReadList
from worker.kas.sandbox.core import Core
from worker.kas.sandbox.door import captured
from worker.kas.sandbox.end import End
from worker.kas.sandbox.faults import Executed, Fault, Kind
from worker.kas.sandbox.fields import body_of
from worker.kas.sandbox.routes import FOR_MANAGERS, WITHOUT_GATEWAY, Route, command_of, route_of
from worker.kas.sandbox.slots import Lock
from worker.kas.sandbox.spoil import spoiled
from worker.kas.sandbox.state import ACK_DONE, Late, Refused, State
from worker.kas.sandbox.wire import Answer, Cut, Reply, Request, Silence, text

AT_ONCE = frozenset({Kind.TEXT, Kind.THROTTLE})


@dataclass(frozen=True, slots=True)
class Plan:
    """What was decided when a call came in: the command, its fault if any, and how long it takes."""

    command: Command
    fault: Fault | None
    dice: random.Random
    seconds: float


class VendorApi:
    """Answers the calls under /api."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def handle(self, request: Request) -> Answer:
        """Queue a call, carry it out and answer it, or not."""
        route = route_of(request)
        if route is None:
            return text(404, "Not Found")
        call, admitted = self._open(route, request)
        if call.account is None:
            return self._close(call, text(400, "Invalid Token."), "invalid_token")
        if not admitted:
            return Silence(lambda: self._note_end(call))
        try:
            answer = self._serve(call, request)
        except BaseException:
            self._leave(call)
            raise
        if isinstance(answer, Reply):
            # Before the first byte goes out: who has the answer may use the place.
            self._leave(call)
        return answer

    def _open(self, route: Route, request: Request) -> tuple[Call, bool]:
        """Write the call down and give it a place in its account's queue, if one is free."""
        op, lock, at = route.op, route.lock, self._core.now()
        with self._core.locked() as state:
            account = state.account_of(route.key, at)
            queue = self._core.queue
            before = queue.outstanding[account] if account else 0
            body = _body_or_nothing(request)
            call = self._core.log.open(
                at=at, account=account, lock=lock, op=op, body=body, key=route.key, outstanding=before
            )
            admitted = account is not None and queue.enter(account)
            if not admitted:
                call.outcome = "dropped"
            elif op not in WITHOUT_GATEWAY:
                queue.command_begins(lock)
        return call, admitted

    def _serve(self, call: Call, request: Request) -> Answer:
        """One admitted call from its check to its answer."""
        try:
            plan = self._plan(call, request)
        except Refused as refusal:
            return self._told(call, text(refusal.status, refusal.words), "refused")
        fault = plan.fault
        if fault is None or fault.kind not in AT_ONCE:
            self._core.pause(plan.seconds)
        try:
            end = self._execute(call, plan)
        except Refused as refusal:
            return self._told(call, text(refusal.status, refusal.words), "refused")
        if fault is None:
            return self._told(call, end.honest(), "ok" if end.ack == ACK_DONE else f"ack{end.ack}")
        return self._spoil(call, end, fault, plan.dice)

    def _plan(self, call: Call, request: Request) -> Plan:
        """Check the call as the cloud does before it asks a gateway; only a sound call meets a fault."""
        core, account = self._core, call.account or ""
        with core.locked() as state:
            lock = core.lock_for(account, call.lock, reading=call.op in FOR_MANAGERS)
            command = command_of(call.op, request)
            state.check(lock, command, core.now())
            dice = core.chance(call.op, call.lock)
            fault = core.faults.pick(call.op, account, call.lock, dice)
            seconds = core.delay(lock, dice, reading=call.op in WITHOUT_GATEWAY)
        extra = fault.seconds if fault and fault.kind is Kind.SLOW else 0.0
        return Plan(command, fault, dice, seconds + extra)

    def _execute(self, call: Call, plan: Plan) -> End:
        """The moment at which the lock hears of the command, unless the fault keeps it away."""
        core, command = self._core, plan.command
        executed = plan.fault.executed if plan.fault else Executed.YES
        with core.locked() as state:
            lock = core.lock_for(call.account or "", call.lock, reading=call.op in FOR_MANAGERS)
            ack = ACK_DONE
            if executed is Executed.YES:
                state.check(lock, command, core.now())
                ack = state.execute(lock, command, core.now())
                call.executed = "yes" if ack == ACK_DONE else "no"
            elif executed is Executed.LATE and plan.fault and not isinstance(command, Read):
                self._postpone(state, call, command, plan.fault)
            return self._end(lock, command, ack)

    def _end(self, lock: Lock, command: Command, ack: int) -> End:
        now = self._core.now()
        return End(
            lock,
            command,
            ack,
            codes=lock.listed(now) if isinstance(command, ReadList) else list(lock.codes.values()),
            tags=list(lock.tags.values()),
            openings=captured(lock, now),
            content_type=self._core.setup.post_content_type,
        )

    def _postpone(self, state: State, call: Call, command: Command, fault: Fault) -> None:
        state.later(Late(self._core.now() + fault.late_seconds, call.lock, command, call.number))
        call.executed = "late"

    def _spoil(self, call: Call, end: End, fault: Fault, dice: random.Random) -> Answer:
        reply = self._told(call, spoiled(end, fault, dice), f"fault:{fault.kind}")
        if fault.kind not in (Kind.HANG, Kind.CUT):
            return reply
        call.status = None
        hold = self._core.setup.hold_seconds if fault.hold_seconds is None else fault.hold_seconds
        if fault.kind is Kind.HANG:
            return Silence(lambda: self._leave_after(call, hold))
        return Cut(reply, fault.how, lambda: self._leave_after(call, hold))

    def _told(self, call: Call, reply: Reply, outcome: str) -> Reply:
        call.outcome, call.status = outcome, reply.status
        return reply

    def _close(self, call: Call, reply: Reply, outcome: str) -> Reply:
        self._told(call, reply, outcome)
        self._note_end(call)
        return reply

    def _note_end(self, call: Call) -> None:
        call.ended = self._core.now()

    def _leave_after(self, call: Call, hold_seconds: float) -> None:
        """Give the place back once the hold, counted from the call's start, is over."""
        try:
            self._core.pause(call.at + hold_seconds - self._core.now())
        finally:
            self._leave(call)

    def _leave(self, call: Call) -> None:
        with self._core.locked():
            self._core.queue.leave(call.account or "")
            if call.op not in WITHOUT_GATEWAY:
                self._core.queue.command_ends(call.lock)
            self._note_end(call)


def _body_or_nothing(request: Request) -> dict[str, Any]:
    try:
        return body_of(request.headers.get("content-type", ""), request.body)
    except Refused:
        return {}

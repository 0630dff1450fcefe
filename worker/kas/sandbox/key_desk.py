"""The sandbox's desk for dynamic keys: `POST /api/users/apikey` with the login of an account.

The KAS API document names no such address (section "Step 2: Retrieve your API Key"): this one is an
assumption, its answers too.
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Iterable

from worker.kas.sandbox import answers
from worker.kas.sandbox.calls import Call
from worker.kas.sandbox.core import Core
from worker.kas.sandbox.faults import Fault, Kind
from worker.kas.sandbox.fields import body_of
from worker.kas.sandbox.state import Account, Refused
from worker.kas.sandbox.wire import HTML, PLAIN, Answer, Cut, Reply, Request, Silence, text

ROUTE = ("api", "users", "apikey")


class KeyDesk:
    """Issues keys. A fetch takes a place in its account's queue, as every call does."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def handle(self, request: Request) -> Answer:
        """Answer one fetch, or not."""
        core = self._core
        with core.locked() as state:
            account = _account_of(state.accounts.values(), request)
            name = account.name if account else None
            before = core.queue.outstanding[name] if name else 0
            call = core.log.open(
                at=core.now(), account=name, lock="", op="key", body={}, key="", outstanding=before
            )
            if account is None:
                return self._told(call, text(401, "Wrong email or password."), "refused")
            if not core.queue.enter(account.name):
                call.outcome, call.ended = "dropped", core.now()
                return Silence(lambda: None)
            dice = core.chance("key", "")
            fault = core.faults.pick("key", account.name, "", dice)
        return self._serve(call, account.name, fault, dice)

    def _serve(self, call: Call, account: str, fault: Fault | None, dice: random.Random) -> Answer:
        silent = fault is not None and fault.kind in (Kind.HANG, Kind.CUT)
        try:
            if fault is not None and fault.kind is Kind.SLOW:
                self._core.pause(fault.seconds)
            reply = self._told(call, *self._reply(account, fault, dice))
        except BaseException:
            self._leave(call)
            raise
        if fault is None or not silent:
            self._leave(call)
            return reply
        call.status = None
        if fault.kind is Kind.HANG:
            return Silence(lambda: self._leave(call))
        return Cut(reply, fault.how, lambda: self._leave(call))

    def _reply(self, account: str, fault: Fault | None, dice: random.Random) -> tuple[Reply, str]:
        if fault is None or fault.kind is Kind.SLOW:
            return text(200, self._issue(account)), "ok"
        told = f"fault:{fault.kind}"
        match fault.kind:
            case Kind.TEXT:
                return text(fault.status or 400, fault.text), told
            case Kind.THROTTLE:
                headers = (("Retry-After", f"{fault.seconds:g}"),)
                return Reply(429, b"Too Many Requests", PLAIN, headers), told
            case Kind.HTML:
                return Reply(200, answers.PAGE.encode(), HTML), told
            case Kind.STATUS:
                return answers.status(fault.status or 504, fault.form, dice), told
            case _:
                return answers.garbage(), told

    def _issue(self, account: str) -> str:
        with self._core.locked() as state:
            setup = self._core.setup
            key = f"eyJ{secrets.token_urlsafe(32)}"
            state.accounts[account].issue(
                key, self._core.now() + setup.key_seconds, only=setup.one_dynamic_key
            )
            state.revision += 1
            return key

    def _told(self, call: Call, reply: Reply, outcome: str) -> Reply:
        call.outcome, call.status, call.ended = outcome, reply.status, self._core.now()
        return reply

    def _leave(self, call: Call) -> None:
        with self._core.locked():
            self._core.queue.leave(call.account or "")
            call.ended = self._core.now()


def _account_of(accounts: Iterable[Account], request: Request) -> Account | None:
    """The account whose login the body holds."""
    try:
        body = body_of(request.headers.get("content-type", ""), request.body)
    except Refused:
        return None
    given = body.get("email"), body.get("password")
    return next((one for one in accounts if one.email and (one.email, one.password) == given), None)

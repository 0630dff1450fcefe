"""The control API under /control: look into the fake cloud, type codes by hand, make calls go wrong."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

from marshmallow import ValidationError

from worker.kas.sandbox import forms
from worker.kas.sandbox.calls import Call
from worker.kas.sandbox.control_input import json_of, lock_named, messages
from worker.kas.sandbox.core import Core
from worker.kas.sandbox.door_control import DoorControl
from worker.kas.sandbox.faults import Rates
from worker.kas.sandbox.lock_views import lock_view
from worker.kas.sandbox.settings import LockSpec
from worker.kas.sandbox.slots import Code
from worker.kas.sandbox.state import Account
from worker.kas.sandbox.views import (
    call_view,
    email_view,
    rates_view,
    rule_view,
    state_view,
    stats_view,
)
from worker.kas.sandbox.wire import Reply, Request, as_json


class Control:
    """Answers the calls under /control, in JSON; a bad input is a 400 with `errors` by field."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._routes: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "state"): self._state,
            ("GET", "stats"): self._stats,
            ("GET", "calls"): self._calls,
            ("GET", "emails"): self._emails,
            ("POST", "locks"): self._set_lock,
            ("POST", "hand"): self._hand,
            ("DELETE", "hand"): self._wipe,
            ("POST", "wipe"): self._wipe,
            ("GET", "faults"): self._show_faults,
            ("POST", "faults"): self._add_fault,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "rates"): self._show_rates,
            ("POST", "rates"): self._set_rates,
            ("POST", "keys"): self._keys,
            ("POST", "latency"): self._latency,
            ("POST", "reset"): self._reset,
            **DoorControl(core).routes,
        }

    def handle(self, request: Request) -> Reply:
        """Answer one control call."""
        name = request.path[1] if len(request.path) == 2 else ""
        route = self._routes.get((request.method, name))
        if route is None:
            known = sorted(f"{method} /control/{word}" for method, word in self._routes)
            return as_json({"error": "No such control call.", "known": known}, 404)
        try:
            with self._core.locked():
                return as_json(route(request))
        except ValidationError as error:
            return as_json({"error": "Bad input.", "errors": messages(error)}, 400)

    def _state(self, _: Request) -> Any:
        return state_view(self._core)

    def _stats(self, _: Request) -> Any:
        return stats_view(self._core)

    def _emails(self, _: Request) -> Any:
        return {"emails": [email_view(email) for email in self._core.state.emails]}

    def _calls(self, request: Request) -> Any:
        wanted = forms.CallsForm().load(dict(request.query))

        def fits(call: Call) -> bool:
            return all(getattr(call, name) == wanted[name] for name in ("op", "lock") if name in wanted)

        found = (call for call in self._core.log.since(wanted["since"]) if fits(call))
        return {"calls": [call_view(call) for call in islice(found, wanted["limit"])]}

    def _set_lock(self, request: Request) -> Any:
        wanted = forms.LockForm().load(json_of(request))
        state = self._core.state
        name = wanted.pop("name")
        if name not in state.locks:
            state.locks[name] = LockSpec(name, clock_set=self._core.setup.clock_set).build()
        lock = state.locks[name]
        for field, value in wanted.items():
            setattr(lock, field, value)
        state.accounts.setdefault(lock.account, Account(lock.account))
        state.revision += 1
        return lock_view(lock)

    def _hand(self, request: Request) -> Any:
        wanted = forms.HandForm().load(json_of(request))
        lock = lock_named(self._core.state, wanted.pop("lock"))
        code = Code(**wanted, by_hand=True)
        lock.put(code.slot, code, self._core.now())
        self._core.state.revision += 1
        return lock_view(lock)

    def _wipe(self, request: Request) -> Any:
        wanted = forms.SlotForm().load(json_of(request))
        lock = lock_named(self._core.state, wanted["lock"])
        if wanted["slot"] not in lock.codes:
            raise ValidationError("That slot is empty.", "slot")
        lock.put(wanted["slot"], None, self._core.now())
        self._core.state.revision += 1
        return lock_view(lock)

    def _show_faults(self, _: Request) -> Any:
        return {"rules": [rule_view(rule) for rule in self._core.faults.rules]}

    def _add_fault(self, request: Request) -> Any:
        wanted = forms.RuleForm().load(json_of(request))
        return rule_view(self._core.faults.add(wanted.pop("fault"), **wanted))

    def _clear_faults(self, request: Request) -> Any:
        number = request.query.get("id")
        if number is not None and not number.isdecimal():
            raise ValidationError("Use the number of a rule.", "id")
        return {"cleared": self._core.faults.clear(None if number is None else int(number))}

    def _show_rates(self, _: Request) -> Any:
        return rates_view(self._core.faults.rates)

    def _set_rates(self, request: Request) -> Any:
        wanted = forms.RatesForm().load(json_of(request))
        if "late_seconds" in wanted:
            wanted["late_seconds"] = tuple(wanted["late_seconds"])
        self._core.faults.rates = Rates(**wanted)
        return rates_view(self._core.faults.rates)

    def _keys(self, request: Request) -> Any:
        wanted = forms.KeysForm().load(json_of(request))
        state = self._core.state
        account = state.accounts.setdefault(wanted["account"], Account(wanted["account"]))
        account.revoked = [key for key in account.revoked if key not in wanted["add"]]
        account.revoked += [key for key in wanted["revoke"] if key not in account.revoked]
        kept = [key for key in account.keys if key not in wanted["add"]] + wanted["add"]
        account.keys = [key for key in kept if key not in wanted["revoke"]]
        account.password = wanted.get("password", account.password)
        if wanted["end_issued"]:
            account.issued = {}
        state.revision += 1
        return {"account": account.name, "keys": len(account.keys)}

    def _latency(self, request: Request) -> Any:
        self._core.state.latency = forms.LatencyForm().load(json_of(request))
        self._core.state.revision += 1
        return state_view(self._core)["latency"]

    def _reset(self, _: Request) -> Any:
        self._core.reset()
        return state_view(self._core)

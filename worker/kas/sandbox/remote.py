"""A client of the sandbox's control API, for tests, the demo and fault campaigns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, cast

import httpx

from worker.kas.sandbox.lock_views import CodeView, LockView, OpeningView, TagView
from worker.kas.sandbox.views import CallView, EmailView, StateView, StatsView


class ControlError(Exception):
    """The sandbox refused a control call; its own words say why."""


class SandboxControl:
    """Looks into a running sandbox and steers it. Thread-safe; close it, or use it in a `with`."""

    def __init__(self, control_url: str, *, timeout_seconds: float = 30.0) -> None:
        self._http = httpx.Client(base_url=control_url, timeout=timeout_seconds, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def state(self) -> StateView:
        """Everything but the calls and e-mails."""
        return cast(StateView, self._ask("GET", "state"))

    def lock(self, name: str) -> LockView:
        """One lock; `KeyError` when there is none of that name."""
        found = [lock for lock in self.state()["locks"] if lock["name"] == name]
        if not found:
            raise KeyError(name)
        return found[0]

    def codes(self, name: str) -> dict[int, CodeView]:
        """What is really on a lock, by slot; its list may lag behind."""
        return {code["slot"]: code for code in self.lock(name)["codes"]}

    def calls(
        self, *, op: str | None = None, lock: str | None = None, since: int = 0, limit: int = 100_000
    ) -> list[CallView]:
        """The vendor calls in the order they came; `op` is one of `worker.kas.sandbox.faults.OPS`."""
        wanted = {"op": op, "lock": lock, "since": since, "limit": limit}
        params = {name: str(value) for name, value in wanted.items() if value is not None}
        return cast(list[CallView], self._ask("GET", "calls", params=params)["calls"])

    def emails(self) -> list[EmailView]:
        """The e-mails the cloud sent, oldest first."""
        return cast(list[EmailView], self._ask("GET", "emails")["emails"])

    def stats(self) -> StatsView:
        """How full the queues are and were."""
        return cast(StatsView, self._ask("GET", "stats"))

    def set_lock(self, name: str, **properties: Any) -> LockView:
        """Make or change a lock.

        Properties: account, title, zone, clock_set, gateway_online, auth, latency, list_lag, reader, drain.
        """
        return cast(LockView, self._ask("POST", "locks", {"name": name, **properties}))

    def hand(
        self,
        lock: str,
        slot: int,
        pin: str,
        name: str = "",
        *,
        starts: str | None = None,
        ends: str | None = None,
    ) -> LockView:
        """Type a code on a lock by hand; an empty field is left out of the lists."""
        body = {"lock": lock, "slot": slot, "pin": pin, "name": name, "starts": starts, "ends": ends}
        given = {key: value for key, value in body.items() if value is not None}
        return cast(LockView, self._ask("POST", "hand", given))

    def wipe(self, lock: str, slot: int) -> LockView:
        """Make a code vanish from a lock; `ControlError` when the slot is empty."""
        return cast(LockView, self._ask("POST", "wipe", {"lock": lock, "slot": slot}))

    def tags(self, lock: str) -> dict[int, TagView]:
        """What tags are really on a lock, by id."""
        return {tag["slot"]: tag for tag in self.lock(lock)["tags"]}

    def hand_tag(
        self,
        lock: str,
        rfid_id: int,
        uid: str,
        name: str = "",
        *,
        starts: str | None = None,
        ends: str | None = None,
    ) -> LockView:
        """Add a tag by hand: `uid` is 8 hexadecimal digits, or the 10 digits of a KAS card."""
        body = {"lock": lock, "rfid_id": rfid_id, "uid": uid, "name": name, "starts": starts, "ends": ends}
        given = {key: value for key, value in body.items() if value is not None}
        return cast(LockView, self._ask("POST", "hand_tag", given))

    def wipe_tag(self, lock: str, rfid_id: int) -> LockView:
        """Make a tag vanish from a lock; `ControlError` when the id is empty."""
        return cast(LockView, self._ask("POST", "wipe_tag", {"lock": lock, "rfid_id": rfid_id}))

    def type_pin(self, lock: str, pin: str) -> dict[str, Any]:
        """A guest types a PIN at the door: `opened`, `reason`, `slot`, `battery`, `lock_time`.

        `reason` is opened, unknown, too_early, too_late (both by the lock's own clock), no_clock or
        no_battery; `slot` is that of the code, if there is one.
        """
        return cast(dict[str, Any], self._ask("POST", "type", {"lock": lock, "pin": pin}))

    def present_tag(self, lock: str, uid: str) -> dict[str, Any]:
        """A guest presents a tag, by its uid or its KAS number; answers as `type_pin` does."""
        return cast(dict[str, Any], self._ask("POST", "present", {"lock": lock, "uid": uid}))

    def openings(self, lock: str, *, limit: int = 1000) -> list[OpeningView]:
        """The door's last openings, oldest first, those too that the audit trail missed."""
        params = {"lock": lock, "limit": str(limit)}
        return cast(list[OpeningView], self._ask("GET", "openings", params=params)["openings"])

    def set_clock_error(self, lock: str, seconds: float) -> LockView:
        """Let the lock's own clock run this far ahead (negative: behind) until Set Clock is called."""
        return cast(LockView, self._ask("POST", "clock_error", {"lock": lock, "seconds": seconds}))

    def set_battery(self, lock: str, percent: float) -> LockView:
        """Set how full the battery is, 0..100; what an opening takes is the lock's property `drain`."""
        return cast(LockView, self._ask("POST", "battery", {"lock": lock, "percent": percent}))

    def add_fault(self, kind: str, **details: Any) -> int:
        """Put a rule in force and return its number; details: op, lock, account, times, skip, its kind's."""
        return int(self._ask("POST", "faults", {"kind": kind, **details})["id"])

    def faults(self) -> list[dict[str, Any]]:
        """The rules in force, each with how often it `matched` and was `used`."""
        return cast(list[dict[str, Any]], self._ask("GET", "faults")["rules"])

    def clear_faults(self, number: int | None = None) -> int:
        """Lift one rule, or all; returns how many went."""
        params = {} if number is None else {"id": str(number)}
        return int(self._ask("DELETE", "faults", params=params)["cleared"])

    def set_rates(
        self, rates: Mapping[str, float], *, seed: int = 0, late_seconds: tuple[float, float] = (1.0, 5.0)
    ) -> None:
        """Let calls fail at these rates, 0..1 each; an empty mapping ends it."""
        self._ask("POST", "rates", {"rates": dict(rates), "seed": seed, "late_seconds": list(late_seconds)})

    def set_keys(
        self,
        account: str = "default",
        *,
        add: Sequence[str] = (),
        revoke: Sequence[str] = (),
        end_issued: bool = False,
        password: str | None = None,
    ) -> int:
        """Add and revoke API keys of an account; returns how many static ones are valid now.

        `end_issued` ends its dynamic keys; `password` is the new one of its login.
        """
        body: dict[str, Any] = {"account": account, "add": list(add), "revoke": list(revoke)}
        body |= {"end_issued": end_issued} | ({} if password is None else {"password": password})
        return int(self._ask("POST", "keys", body)["keys"])

    def set_latency(self, base: float = 0.0, jitter: float = 0.0, lists: float = 0.0) -> None:
        """How long calls take from now on, in seconds; a lock's own latency goes before."""
        self._ask("POST", "latency", {"base_seconds": base, "jitter_seconds": jitter, "list_seconds": lists})

    def set_profile(self, name: str) -> None:
        """Let calls take as long as the profile says: fast, usual or slow."""
        self._ask("POST", "latency", {"profile": name})

    def reset(self) -> None:
        """Back to the set-up."""
        self._ask("POST", "reset")

    def _ask(
        self,
        method: str,
        name: str,
        body: Mapping[str, Any] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Any:
        answer = self._http.request(method, f"/{name}", json=body, params=params)
        if not answer.is_success:
            raise ControlError(f"{method} /control/{name}: {answer.status_code} {answer.text}")
        return answer.json()

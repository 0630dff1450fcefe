"""Watches a campaign while it runs: the vendor's calls as they come, and the PINs that the API has shown."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.soak.layout import SOURCE
from tests.soak.model import Problem, Seen
from tests.soak.trail import Call, digest
from tests.soak.world import World
from worker.kas.sandbox import SandboxControl

EVERY_SECONDS = 3.0
PAGE, SHARE = 500, 4


class Api:
    """Innkey's JSON API, by whichever web answers."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._http = httpx.Client(
            timeout=15, trust_env=False, headers={"authorization": f"Bearer {world.keys.token}"}
        )

    def get(self, path: str, **params: str) -> Any:
        """Read; raises httpx.HTTPError where no web answers well."""
        for address in self._world.addresses():
            with contextlib.suppress(httpx.HTTPError):
                answer = self._http.get(f"{address}{path}", params=params)
                if answer.status_code == httpx.codes.OK:
                    return answer.json() if "json" in answer.headers["content-type"] else answer.text
        raise httpx.TransportError(f"no web answers {path}")

    def act(self, path: str, turn: int = 0) -> int:
        """Ask for an action: the status, 0 without an answer."""
        address = self._world.addresses()[turn % 2]
        try:
            return self._http.post(f"{address}{path}").status_code
        except httpx.HTTPError:
            return 0

    def items(self, path: str, **params: str) -> Iterator[dict[str, Any]]:
        """All items of a list, page by page."""
        cursor = ""
        while True:
            page = self.get(path, limit=str(PAGE), cursor=cursor, **params)
            yield from page["items"]
            cursor = page["next"]
            if not cursor:
                return


@dataclass
class Watch:
    """A thread that looks every few seconds. What it saw is read when it has stopped, or under `lock`."""

    world: World
    api: Api
    calls: list[Call] = field(default_factory=list, repr=False)
    stats: dict[str, Any] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict, repr=False)
    may_change: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    problems: list[Problem] = field(default_factory=list)
    states: dict[str, int] = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Look from now on."""
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        with SandboxControl(self.world.control_url) as vendor:
            pause = EVERY_SECONDS
            while not self._over.wait(pause):
                began = time.monotonic()
                self._collect(vendor)
                with contextlib.suppress(httpx.HTTPError):
                    self.look_at_pins(list(self.api.items("/v1/bookings")))
                # Thousands of bookings take a web a while: looking is not to be its main work.
                pause = max(EVERY_SECONDS, SHARE * (time.monotonic() - began))

    def _collect(self, vendor: SandboxControl) -> None:
        self.stats = dict(vendor.stats())
        # Calls under way are asked for again, until their end is known.
        first = next((n for n, call in enumerate(self.calls) if call["ended_epoch"] is None), len(self.calls))
        since = self.calls[first - 1]["number"] if first else 0
        self.calls[first:] = vendor.calls(since=since)

    def collect(self) -> None:
        """Take in the calls up to now; only when the thread has stopped."""
        self._collect(self.world.vendor)

    def look_at_pins(self, bookings: list[dict[str, Any]]) -> None:
        """Promise 3: a PIN that was shown stays, but for a rotation that an operator asked for."""
        self.states = defaultdict(int)
        for booking in bookings:
            self.states[booking["state"]] += 1
            name, pin = booking["id"], booking["pin"]
            told = self.shown.get(name)
            if told is not None and pin is None:
                self.problems.append(Problem(3, f"{digest(told)} was shown, now none is", name))
            if told is not None and pin not in (None, told):
                if self.may_change[name] > 0:
                    self.may_change[name] -= 1
                else:
                    self.problems.append(Problem(3, f"{digest(told)} was shown, now {digest(pin)}", name))
            if pin is not None:
                self.shown[name] = pin


def look(world: World, api: Api, hand_typed: dict[tuple[str, int], str]) -> Seen:
    """The world as it is now. Raises httpx.HTTPError where no web answers."""
    letters = {one["id"]: one for one in api.items("/v1/dead-letters", state="open")}
    bookings = {one["id"]: one for one in api.items("/v1/bookings") if one["source"] == SOURCE}
    state = world.vendor.state()
    locks = {lock["name"]: {code["slot"]: dict(code) for code in lock["codes"]} for lock in state["locks"]}
    now = datetime.fromtimestamp(time.time(), UTC)
    # One that opened, or was settled, between the two: a booking's state goes with either.
    letters |= {one["id"]: one for one in api.items("/v1/dead-letters", state="open")}
    return Seen(now, bookings, list(letters.values()), locks, dict(hand_typed))

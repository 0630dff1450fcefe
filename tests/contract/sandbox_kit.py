"""A stage for the sandbox's tests: a running sandbox, its control client, and a bare vendor client."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from worker.kas.sandbox import DEFAULT_KEY, LockSpec, Sandbox, SandboxControl, Setup, running_sandbox, utc_now

LOCK = "SS000001"
DEADLINE_SECONDS = 60.0


class StandingClock:
    """A clock that a test moves by hand."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        """The time it shows."""
        return self.now

    def forward(self, seconds: float) -> None:
        """Let this much time pass."""
        self.now += timedelta(seconds=seconds)


def body(slot: int = 120, pin: str = "482913", **changes: Any) -> dict[str, Any]:
    """A sound body of Add Online Password; a change to `None` leaves the field out."""
    sound = {
        "password_id": slot,
        "password_start_time": "2612011500",
        "password_end_time": "9912051000",
        "password": pin,
        "password_name": "John",
        "email_checked": False,
        "password_email": "john@example.com",
        "password_message": "Watch out for the dog.",
    }
    return {name: value for name, value in {**sound, **changes}.items() if value is not None}


def tag_body(rfid_id: int = 110, uid: str | None = "ABCD1234", **changes: Any) -> dict[str, Any]:
    """A sound body of Add Remote RFID; a change to `None` leaves the field out."""
    sound = {
        "rfid_id": rfid_id,
        "rfid_start_time": "2612011500",
        "rfid_end_time": "9912051000",
        "rfid_name": "Cleaner",
        "uid": uid,
    }
    return {name: value for name, value in {**sound, **changes}.items() if value is not None}


@dataclass
class Stage:
    """A running sandbox and two clients; the calls answer the raw HTTP response."""

    sandbox: Sandbox
    control: SandboxControl
    http: httpx.Client
    key: str = DEFAULT_KEY
    threads: list[threading.Thread] = field(default_factory=list)

    def call(self, method: str, command: str, lock: str = LOCK, **details: Any) -> httpx.Response:
        """One vendor call."""
        headers = {"x-auth-token": self.key, "content-type": "application/json", **details.pop("headers", {})}
        return self.http.request(method, f"lockCommand/{command}/{lock}", headers=headers, **details)

    def add(self, slot: int = 120, pin: str = "482913", lock: str = LOCK, **changes: Any) -> httpx.Response:
        """Add Online Password."""
        return self.call("POST", "remotePassword", lock, json=body(slot, pin, **changes))

    def delete(self, lock: str = LOCK, **named: Any) -> httpx.Response:
        """Delete Online Password, by `password_id` or `password`."""
        return self.call("DELETE", "remotePassword", lock, json=named)

    def read(self, lock: str = LOCK) -> httpx.Response:
        """Get Online Passwords."""
        return self.call("GET", "remotePassword", lock)

    def clock(self, lock: str = LOCK) -> httpx.Response:
        """Set Clock."""
        return self.call("PUT", "setClock", lock)

    def unlock(self, lock: str = LOCK, key: str | None = None) -> httpx.Response:
        """Remote Unlock; its key stands in the address."""
        return self.http.get(f"lockCommand/remoteUnlock/{lock}/{self.key if key is None else key}")

    def events(self, lock: str = LOCK) -> httpx.Response:
        """Get Lock Audit Trial."""
        return self.http.get(f"events/{lock}", headers={"x-auth-token": self.key})

    def trail(self, lock: str = LOCK) -> list[dict[str, Any]]:
        """The events that the audit trail shows."""
        shown: list[dict[str, Any]] = self.events(lock).json()["events"]["events"]
        return shown

    def add_tag(
        self, rfid_id: int = 110, uid: str | None = "ABCD1234", lock: str = LOCK, **changes: Any
    ) -> httpx.Response:
        """Add Remote RFID."""
        return self.call("POST", "remoteRFID", lock, json=tag_body(rfid_id, uid, **changes))

    def delete_tag(self, rfid_id: int, lock: str = LOCK) -> httpx.Response:
        """Delete Remote RFID."""
        return self.call("DELETE", "remoteRFID", lock, json={"rfid_id": rfid_id})

    def read_tags(self, lock: str = LOCK) -> httpx.Response:
        """Get Remote RFIDs."""
        return self.call("GET", "remoteRFID", lock)

    def slots(self, lock: str = LOCK) -> list[int]:
        """The slots that the cloud's list shows."""
        return [entry["password_id"] for entry in self.read(lock).json()["l_passwords"]]

    def aside(self, work: Callable[[], object]) -> None:
        """Do something that hangs, in a thread that ends with the stage at the latest."""

        def run() -> None:
            try:
                work()
            except httpx.TransportError:
                return

        thread = threading.Thread(target=run, daemon=True)
        self.threads.append(thread)
        thread.start()


@contextmanager
def stage(setup: Setup | None = None, clock: Callable[[], datetime] = utc_now) -> Iterator[Stage]:
    """A running sandbox with one lock, unless the set-up says otherwise."""
    setup = setup or Setup(locks=(LockSpec(LOCK, title="Front gate"),))
    with running_sandbox(setup, clock=clock) as sandbox:
        limits = httpx.Limits(max_connections=200)
        http = httpx.Client(base_url=sandbox.url, timeout=DEADLINE_SECONDS, limits=limits, trust_env=False)
        with SandboxControl(sandbox.control_url) as control, http:
            made = Stage(sandbox, control, http)
            yield made
    for thread in made.threads:
        thread.join(DEADLINE_SECONDS)


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Poll until it is so; fail with what was awaited."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not true():
        assert time.monotonic() < deadline, f"waited in vain: {what}"
        time.sleep(0.01)

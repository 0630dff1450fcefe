"""The engine on real parts, without a broker: Redis, the sandbox over HTTP, the services called in turn.

What the workers' messages do, `Engine.settle` does in this process: a test can say "until nothing is due".
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from tests.redis_server import redis_server
from worker.bootstrap import Innkey, bootstrap
from worker.domain.booking import BookingEvent, EventType, StayKey, Version
from worker.domain.record import Stay
from worker.kas.sandbox import DEFAULT_KEY, LockSpec, Sandbox, SandboxControl, Setup, running_sandbox
from worker.service.views import booking_view

GATE, DOOR = "SS000001", "SS000002"
DEADLINE_SECONDS = 60.0
POLICY = {
    "retry_delays": '["0s", "1s"]',
    "offline_delays": '["1s", "1s"]',
    "pending_for": '"3s"',
    "pending_poll": '"1s"',
    "email_wait": '"2s"',
}


@dataclass
class Outbox:
    """A mailer that keeps what it is given, or fails while `is_away`."""

    mails: list[tuple[str, str]] = field(default_factory=list)
    is_away: bool = False

    def send(self, subject: str, text: str) -> None:
        """Keep one mail."""
        if self.is_away:
            raise OSError
        self.mails.append((subject, text))


@dataclass
class Queue:
    """Hints, as a worker's queue would hold them."""

    locks_due: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    stays: list[str] = field(default_factory=list)
    endpoints: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)

    def locks(self, names: list[str]) -> None:
        """Remember whose turn it is."""
        self.locks_due += names

    def event(self, event_key: str) -> None:
        """Remember an event."""
        self.events.append(event_key)

    def alert(self, problem: str) -> None:
        """Remember a problem."""
        self.alerts.append(problem)

    def stay(self, ref: str) -> None:
        """Remember a stay to look at."""
        self.stays.append(ref)

    def outgoing(self, endpoint: str) -> None:
        """Remember an endpoint to send to."""
        self.endpoints.append(endpoint)

    def errands(self, source: str) -> None:
        """Remember a source with errands."""
        self.sources.append(source)


@dataclass
class Engine:
    """One Innkey in this process."""

    innkey: Innkey
    sandbox: Sandbox
    vendor: SandboxControl
    queue: Queue
    outbox: Outbox
    folder: Path
    environ: dict[str, str]
    sent: int = 0

    def __post_init__(self) -> None:
        """The services, as one worker process has them."""
        self.server = self.innkey.lock_server()
        self.applier = self.innkey.event_applier()
        self.housekeeping = self.innkey.housekeeping()
        self.escalation = self.innkey.escalation()
        self.watch = self.innkey.stay_watch()
        self.escalation.mailer = self.outbox

    def send(self, booking: str = "BK-1", kind: str = "booking.created", **changes: Any) -> str:
        """Accept an event, as the receiver does; the later ones are newer."""
        self.sent += 1
        event = BookingEvent(
            id=changes.pop("event_id", f"evt-{self.sent}"),
            key=StayKey("direct", booking),
            type=EventType(kind),
            version=Version(
                number=changes.pop("version", self.sent), text=str(self.sent), stamp=datetime.now(UTC)
            ),
            changes=changes,
        )
        key, is_new = self.innkey.store.events.accept(event)
        if is_new:
            self.queue.event(key)
        return key

    def book(
        self, booking: str = "BK-1", *, unit: str = "house", begins: float = -1, days: float = 2, **more: Any
    ) -> None:
        """Book a stay that begins `begins` hours from now and lasts `days`."""
        check_in = datetime.now(UTC) + timedelta(hours=begins)
        check_out = check_in + timedelta(days=days)
        times = {"check_in": check_in.isoformat(), "check_out": check_out.isoformat()}
        self.send(booking, unit=unit, **{**times, **more})

    def settle(
        self,
        until: Callable[[], bool] | None = None,
        seconds: float = DEADLINE_SECONDS,
        workers: int | None = None,
    ) -> None:
        """Work as a worker does until `until` holds; without it, until there is nothing to do just now.

        With `workers` none of them waits for what another one is about, as in threads of their own.
        """
        ends, running = time.monotonic() + seconds, list[Future[None]]()
        with ThreadPoolExecutor(workers or 8) as pool:
            while time.monotonic() < ends:
                self.housekeeping.tick()
                work = self._taken()
                running += [pool.submit(call, argument) for call, argument in work]
                running = _still_running(running, wait=workers is None)
                is_idle = not work and not running
                if is_idle if until is None else until():
                    _still_running(running, wait=True)
                    return
                if not work:
                    time.sleep(0.02)
        msg = "it did not come about in time"
        raise AssertionError(msg)

    def _taken(self) -> list[tuple[Callable[[str], None], str]]:
        locks, events, alerts = self.queue.locks_due, self.queue.events, self.queue.alerts
        stays = self.queue.stays
        self.queue.locks_due, self.queue.events, self.queue.alerts, self.queue.stays = [], [], [], []
        work: list[tuple[Callable[[str], None], str]] = [(self.applier.apply, e) for e in events]
        work += [(self.server.serve, lock) for lock in locks]
        work += [(self.watch.look, ref) for ref in stays]
        return work + [(self.escalation.alert, problem) for problem in alerts]

    def stay(self, booking: str = "BK-1") -> Stay:
        """The record of a stay."""
        found = self.innkey.store.stays.get(StayKey("direct", booking))
        assert found is not None
        return found

    def view(self, booking: str = "BK-1") -> dict[str, Any]:
        """The stay as the API shows it."""
        openings = self.innkey.store.trails.openings(f"direct/{booking}")
        return booking_view(self.stay(booking), self.innkey.house(), self.innkey.clock.now(), openings)

    def state(self, booking: str = "BK-1") -> str:
        """The booking's state."""
        return str(self.view(booking)["state"])

    def calls(self, op: str | None = None, lock: str | None = None) -> list[Any]:
        """The calls that reached the vendor."""
        return [
            call
            for call in self.vendor.calls()
            if (op is None or call["op"] == op) and (lock is None or call["lock"] == lock)
        ]


def _still_running(jobs: list[Future[None]], *, wait: bool) -> list[Future[None]]:
    """The jobs that go on; one that failed fails the test."""
    ended = [job for job in jobs if wait or job.done()]
    for job in ended:
        job.result()
    return [job for job in jobs if job not in ended]


@contextmanager
def engine(
    folder: Path,
    *,
    policy: dict[str, str] | None = None,
    account: str = "",
    locks: tuple[str, ...] = (GATE, DOOR),
    units: str = "",
    fsync: str = "everysec",
    environ: Mapping[str, str] | None = None,
    stage: Mapping[str, Any] | None = None,
) -> Iterator[Engine]:
    """A running engine: unit `house` behind a gate and its own door, unit `cabin` behind the door alone.

    `environ` overrides variables, `stage` fields of the sandbox's set-up.
    """
    rows = "\n".join(f"{name} = {value}" for name, value in {**POLICY, **(policy or {})}.items())
    doors = "\n".join(f'[locks.{name}]\ntitle = "Door {name}"' for name in locks)
    text = f"""
timezone = "Australia/Brisbane"
[policy]
{rows}
[accounts.default]
{account}
[sources.direct]
adapter = "innkey"
secret = {{ env = "DIRECT_SECRET" }}
{doors}
[units.house]
locks = ["{GATE}", "{DOOR}"]
[units.cabin]
locks = ["{DOOR}"]
{units}
"""
    path = folder / "properties.toml"
    path.write_text(text)
    setup = Setup(**{"locks": [LockSpec(name) for name in locks], **(stage or {})})
    with redis_server(folder / "data", fsync=fsync) as redis, running_sandbox(setup) as sandbox:
        settings = {
            "REDIS_URL": redis.url,
            "INNKEY_SECRET_KEY": Fernet.generate_key().decode(),
            "INNKEY_PROPERTIES": str(path),
            "KAS_BASE_URL": sandbox.url,
            "KAS_API_KEY": DEFAULT_KEY,
            "DIRECT_SECRET": "whsec_" + "A" * 32,
            **(environ or {}),
        }
        queue = Queue()
        innkey = bootstrap(settings, hints=queue)
        with SandboxControl(sandbox.control_url) as vendor:
            made = Engine(innkey, sandbox, vendor, queue, Outbox(), folder, settings)
            try:
                yield made
            finally:
                for client in made.server.vendor.clients.values():
                    client.close()
                innkey.store.client.close()

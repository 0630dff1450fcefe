"""The whole of Innkey as its users run it: the Procfile's processes, Redis, the sandbox, a mail server."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from cryptography.fernet import Fernet
from standardwebhooks import Webhook

from tests.redis_server import redis_server
from worker.kas.sandbox import DEFAULT_KEY, LockSpec, SandboxControl, Setup, running_sandbox
from worker.processes.embedded_redis import EmbeddedRedis, free_port

ROOT = Path(__file__).resolve().parents[2]
GATE, DOOR = "SS000001", "SS000002"
DEADLINE_SECONDS = 90.0
SECRET = "whsec_" + "QUJD" * 8
TOKEN = "acceptance-token"

PROPERTIES = f"""
timezone  = "Australia/Brisbane"
check_in  = "15:00"
check_out = "10:00"

[policy]
retry_delays   = ["0s", "1s", "1s"]
offline_delays = ["1s", "1s"]
pending_for    = "5s"
pending_poll   = "1s"
email_wait     = "5s"
alert_gather   = "1s"

[accounts.default]
call_timeout = "8s"
vendor_hold  = "10s"

[sources.direct]
adapter = "innkey"
secret  = {{ env = "DIRECT_WEBHOOK_SECRET" }}

[locks.{GATE}]
title = "Front gate"

[locks.{DOOR}]
title = "Beach house"

[units.beach-house]
locks = ["{GATE}", "{DOOR}"]

[units.studio]
locks = ["{DOOR}"]
"""


class Inbox:
    """A real mail server that keeps what it is sent."""

    def __init__(self) -> None:
        """Listens from `start` on."""
        self.mails: list[Message] = []
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port())

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep one mail."""
        del server, session
        content = envelope.content
        raw = content if isinstance(content, bytes) else str(content).encode()
        self.mails.append(BytesParser().parsebytes(raw))
        return "250 OK"

    @property
    def url(self) -> str:
        """For SMTP_URL."""
        return f"smtp://127.0.0.1:{self._controller.port}"

    def subjects(self) -> list[str]:
        """The subjects of all mails so far."""
        return [str(mail["Subject"]) for mail in self.mails]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Take mail in until the block ends."""
        self._controller.start()
        try:
            yield
        finally:
            self._controller.stop()


def until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_SECONDS) -> Any:
    """Wait for something that other processes do; what it finally said."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        found = condition()
        if found:
            return found
        time.sleep(0.05)
    msg = f"waited {seconds:.0f} s for {what}"
    raise AssertionError(msg)


@dataclass
class Stack:
    """A running Innkey and everything around it."""

    folder: Path
    redis: EmbeddedRedis
    vendor: SandboxControl
    inbox: Inbox
    environ: dict[str, str]
    http: httpx.Client
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where the web process listens."""
        return f"http://127.0.0.1:{self.environ['PORT']}"

    def start(self, name: str, line: str = "") -> subprocess.Popen[bytes]:
        """Start a process by its Procfile line, under `name`."""
        command = _procfile()[line or name]
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(  # noqa: S602 - Procfile lines are for a shell
                f"exec {command}",
                shell=True,
                cwd=ROOT,
                env=self.environ,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def start_all(self) -> None:
        """Web and worker, until both answer."""
        self.start("web")
        self.start("worker")
        self.wait_ready()

    def wait_ready(self) -> None:
        """Until the web process answers and a worker was seen."""
        until(lambda: self._workers() > 0, "the web process and a worker")

    def _workers(self) -> int:
        try:
            answer = self.http.get(f"{self.url}/readyz")
        except httpx.TransportError:
            return 0
        return int(answer.json().get("workers", 0)) if answer.status_code == httpx.codes.OK else 0

    def kill(self, name: str) -> None:
        """`kill -9` of a whole process group of ours."""
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop_all(self) -> None:
        """SIGTERM to the masters, as a platform does; what does not end is killed."""
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=40)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def post(self, body: dict[str, Any], event_id: str | None = None) -> httpx.Response:
        """Send a signed event."""
        raw, now = json.dumps(body), datetime.now(UTC)
        webhook_id = event_id or f"msg_{secrets.token_hex(8)}"
        headers = {
            "content-type": "application/json",
            "webhook-id": webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Webhook(SECRET).sign(webhook_id, now, raw),
        }
        return self.http.post(f"{self.url}/webhooks/direct", content=raw, headers=headers)

    def event(self, booking: str, kind: str = "booking.created", **data: Any) -> httpx.Response:
        """Send an event about a booking; later ones are newer."""
        body = {"type": kind, "timestamp": datetime.now(UTC).isoformat(), "data": {"id": booking, **data}}
        answer = self.post(body)
        assert httpx.codes.OK == answer.status_code, answer.text
        return answer

    def book(
        self, booking: str, unit: str = "studio", hours: float = -1, days: float = 2, **data: Any
    ) -> None:
        """Book a stay that begins `hours` from now."""
        check_in = datetime.now(UTC) + timedelta(hours=hours)
        times = {"check_in": check_in.isoformat(), "check_out": (check_in + timedelta(days=days)).isoformat()}
        self.event(booking, unit=unit, status="confirmed", **{**times, **data})

    def get(self, path: str) -> dict[str, Any]:
        """Read from the JSON API."""
        answer = self.http.get(f"{self.url}{path}", headers={"authorization": f"Bearer {TOKEN}"})
        assert httpx.codes.OK == answer.status_code, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def act(self, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        """Ask the JSON API for an action."""
        return self.http.post(f"{self.url}{path}", json=body, headers={"authorization": f"Bearer {TOKEN}"})

    def booking(self, booking: str) -> dict[str, Any]:
        """A booking as the API shows it; empty while it is not applied yet."""
        answer = self.http.get(
            f"{self.url}/v1/bookings/direct/{booking}", headers={"authorization": f"Bearer {TOKEN}"}
        )
        found: dict[str, Any] = answer.json() if answer.status_code == httpx.codes.OK else {}
        return found

    def state(self, booking: str) -> str:
        """A booking's state; empty while it is not applied yet."""
        return str(self.booking(booking).get("state", ""))

    def until_state(self, booking: str, state: str) -> dict[str, Any]:
        """Wait for a booking's state."""
        until(lambda: self.state(booking) == state, f"{booking} to be {state}; it is {self.state(booking)}")
        return self.booking(booking)

    def calls(self, op: str | None = None, lock: str | None = None) -> list[dict[str, Any]]:
        """The calls that reached the vendor."""
        return [
            dict(call)
            for call in self.vendor.calls()
            if (op is None or call["op"] == op) and (lock is None or call["lock"] == lock)
        ]

    def logs(self) -> str:
        """Everything the processes have printed."""
        return "\n".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))


def _procfile() -> dict[str, str]:
    lines = (line.partition(":") for line in (ROOT / "Procfile").read_text().splitlines() if line.strip())
    return {name: command.strip() for name, _, command in lines}


@contextmanager
def stack(
    folder: Path, *, properties: str = PROPERTIES, fsync: str = "always", **environ: str
) -> Iterator[Stack]:
    """Redis, sandbox and inbox running; the processes are for the test to start."""
    path = folder / "properties.toml"
    path.write_text(properties)
    setup = Setup(locks=[LockSpec(GATE, title="Front gate"), LockSpec(DOOR, title="Beach house")])
    inbox = Inbox()
    with ExitStack() as around:
        redis = around.enter_context(redis_server(folder / "data", fsync=fsync))
        sandbox = around.enter_context(running_sandbox(setup))
        around.enter_context(inbox.running())
        port = str(free_port())
        given = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder),
            "PORT": port,
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}",
            "WEB_CONCURRENCY": "1",
            "REDIS_URL": redis.url,
            "INNKEY_SECRET_KEY": Fernet.generate_key().decode(),
            "INNKEY_PROPERTIES": str(path),
            "INNKEY_API_TOKEN": TOKEN,
            "KAS_BASE_URL": sandbox.url,
            "KAS_API_KEY": DEFAULT_KEY,
            "DIRECT_WEBHOOK_SECRET": SECRET,
            "SMTP_URL": inbox.url,
            "ALERT_EMAIL_TO": "ops@example.com",
            "LOG_FORMAT": "json",
            "dramatiq_worker_timeout": "250",
            **environ,
        }
        http = around.enter_context(httpx.Client(timeout=10, trust_env=False))
        vendor = around.enter_context(SandboxControl(sandbox.control_url))
        made = Stack(folder, redis, vendor, inbox, given, http)
        try:
            yield made
        finally:
            made.stop_all()

"""The processes of a campaign: Redis, sandbox, mail server, two webs and three workers, by the Procfile."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet

from tests.acceptance.stack_kit import ROOT, _procfile, until
from tests.redis_server import server_binary
from tests.soak.layout import VENDOR_HOLD, Layout
from tests.soak.plan import WEBS, WORKERS
from worker.kas.sandbox import SandboxControl
from worker.processes.embedded_redis import EmbeddedRedis, free_port
from worker.processes.supervisor import end_with_parent

INSIDE = Path(__file__).parent / "inside"
RESTART_SECONDS = 0.5
LATENCY, BUSY_LATENCY = (0.1, 0.4, 0.02), (0.12, 0.0, 0.02)


@dataclass(frozen=True, slots=True)
class Keys:
    """The secrets of this campaign. The canaries look for each of them."""

    kas: str
    busy: str
    token: str
    webhook: str
    fernet: str

    def __repr__(self) -> str:
        """Show nothing."""
        return "Keys()"


def make_keys() -> Keys:
    """New ones."""
    words = [os.urandom(12).hex() for _ in range(3)]
    webhook = "whsec_" + Fernet.generate_key().decode().rstrip("=").replace("-", "A").replace("_", "B") + "="
    return Keys(f"kas{words[0]}", f"kas{words[1]}", f"tok{words[2]}", webhook, Fernet.generate_key().decode())


@dataclass
class World:
    """What runs. `down` names what is meant to be down just now; everything else is started again."""

    folder: Path
    keys: Keys
    redis: EmbeddedRedis
    vendor: SandboxControl
    environ: dict[str, str]
    ports: dict[str, int]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    born: dict[str, float] = field(default_factory=dict)
    down: set[str] = field(default_factory=set)
    frozen: set[str] = field(default_factory=set)
    deaths: Counter[str] = field(default_factory=Counter)

    def start(self, name: str) -> None:
        """Start a web, a worker, or the mail server."""
        self.down.discard(name)
        self.processes[name] = self._popen(name, self._command(name), self._environ(name))
        self.born[name] = time.monotonic()

    def _command(self, name: str) -> str:
        if name == "mail":
            sink = [sys.executable, "-m", "tests.soak.mail_sink", str(self.ports["mail"]), str(self.mails)]
            return shlex.join(sink)
        return _procfile()[name.rstrip("0123456789")]

    def _environ(self, name: str) -> dict[str, str]:
        mine = {**self.environ, "SOAK_SWITCH": str(self.folder / f"{name}.switch")}
        if name == WORKERS[0]:
            mine["LOG_LEVEL"] = "DEBUG"  # for the canaries; the others log as usual
        if name in WEBS:
            port = str(self.ports[name])
            mine |= {"PORT": port, "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{port}"}
        return mine

    def _popen(self, name: str, command: str, environ: dict[str, str]) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            return subprocess.Popen(  # noqa: S602 - Procfile lines are for a shell
                f"exec {command}",
                shell=True,
                cwd=ROOT,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent(),  # noqa: PLW1509
            )

    @property
    def mails(self) -> Path:
        """The folder of the mails that came in."""
        return self.folder / "mails"

    @property
    def journal(self) -> Path:
        """What changed on the locks."""
        return self.folder / "locks.jsonl"

    @property
    def control_url(self) -> str:
        """The sandbox's control API."""
        return f"http://127.0.0.1:{self.ports['vendor']}/control"

    def addresses(self) -> list[str]:
        """The webs."""
        return [f"http://127.0.0.1:{self.ports[name]}" for name in WEBS]

    def signal(self, name: str, number: int, *, group: bool = True) -> None:
        """Send a signal to a process with all its children, or to its master alone."""
        process = self.processes[name]
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if group:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)

    def signal_pid(self, pid: int, number: int) -> None:
        """Send a signal to a server of which only the number is known."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)

    def kill(self, name: str) -> None:
        """`kill -9` of a process and its children; a frozen one dies, too."""
        self.signal(name, signal.SIGKILL)
        self.frozen.discard(name)

    def switch(self, name: str, **wanted: float) -> None:
        """Tell the shim inside a process what it is to do."""
        part = self.folder / f"{name}.part"
        part.write_text(json.dumps(wanted))
        part.rename(self.folder / f"{name}.switch")

    def tend(self) -> None:
        """Start again what has died, and the Redis too; called often, by the thread that started them."""
        for name, process in list(self.processes.items()):
            if process.poll() is None or name in self.down:
                continue
            if time.monotonic() - self.born[name] < RESTART_SECONDS:
                continue
            self.deaths[name] += 1
            self.signal(name, signal.SIGKILL)  # what a dead master leaves behind
            self.start(name)
        if self.redis.poll() is not None and "redis" not in self.down:
            self.deaths["redis"] += 1
            self.redis.launch()

    def stop(self) -> None:
        """End all in order: SIGTERM to the masters, then whatever is left."""
        self.down |= set(self.processes)
        for name in self.processes:
            self.signal(name, signal.SIGCONT)
            self.signal(name, signal.SIGTERM, group=False)
        for name, process in self.processes.items():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=15)
            self.signal(name, signal.SIGKILL)
            process.wait()


@contextmanager
def world(folder: Path, layout: Layout, seed: int) -> Iterator[World]:
    """Everything running; all ended with the block."""
    keys = make_keys()
    names = [*WEBS, "mail", "vendor"]
    ports = {name: free_port() for name in names}
    properties = folder / "properties.toml"
    properties.write_text(layout.properties())
    redis = EmbeddedRedis(
        folder / "data",
        fsync="always",
        binary=_without_file_signal(folder),
        # The canary reads the files: compression hides secrets and makes digits stand alone that did not.
        extra_config=["rdbcompression no"],
        die_with_parent=True,
    )
    with redis, SandboxControl(f"http://127.0.0.1:{ports['vendor']}/control") as vendor:
        made = World(folder, keys, redis, vendor, _environ(folder, keys, redis, ports), ports)
        vendor_process = _start_vendor(made, layout, seed)
        try:
            for name in ("mail", *WEBS, *WORKERS):
                made.start(name)
            yield made
        finally:
            made.stop()
            vendor_process.terminate()
            vendor_process.wait(timeout=20)


def _start_vendor(made: World, layout: Layout, seed: int) -> subprocess.Popen[bytes]:
    settings = {
        "locks": layout.locks,
        "busy_locks": layout.busy_locks,
        "keys": {"default": made.keys.kas, "busy": made.keys.busy},
        "latency": LATENCY,
        "busy_latency": BUSY_LATENCY,
        "hold": VENDOR_HOLD.total_seconds() - 1,
        "seed": seed,
    }
    path = made.folder / "vendor.json"
    path.write_text(json.dumps(settings))
    arguments = [str(made.ports["vendor"]), str(made.journal), str(path)]
    command = shlex.join([sys.executable, "-m", "tests.soak.vendor", *arguments])
    process = made._popen("vendor", command, {**os.environ})
    log = made.folder / "vendor.log"
    until(lambda: "ready" in log.read_text(), "the sandbox", 30)
    return process


def _environ(folder: Path, keys: Keys, redis: EmbeddedRedis, ports: dict[str, int]) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(folder),
        "PYTHONPATH": str(INSIDE),
        "PYTHONDONTWRITEBYTECODE": "1",
        "WEB_CONCURRENCY": "1",
        "WORKER_THREADS": "12",
        "REDIS_URL": redis.url,
        "INNKEY_SECRET_KEY": keys.fernet,
        "INNKEY_PROPERTIES": str(folder / "properties.toml"),
        "INNKEY_API_TOKEN": keys.token,
        "KAS_BASE_URL": f"http://127.0.0.1:{ports['vendor']}/api",
        "KAS_API_KEY": keys.kas,
        "KAS_API_KEY_BUSY": keys.busy,
        "DIRECT_WEBHOOK_SECRET": keys.webhook,
        "SMTP_URL": f"smtp://127.0.0.1:{ports['mail']}",
        "ALERT_EMAIL_TO": "ops@example.com",
        "LOG_FORMAT": "json",
    }


def _without_file_signal(folder: Path) -> Path:
    """The server, started so that a full disk is an error of its write and not a signal that ends it."""
    binary = server_binary() or EmbeddedRedis(folder / "data")._server_binary()
    path = folder / "redis-server"
    path.write_text(f"#!/bin/sh\ntrap '' XFSZ\nexec {shlex.quote(str(binary))} \"$@\"\n")
    path.chmod(0o700)
    return path

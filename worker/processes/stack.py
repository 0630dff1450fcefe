"""`innkey up` and `make run`: all processes on one machine, with what they must agree on."""

from __future__ import annotations

import base64
import errno
import os
import secrets
import socket
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from worker.configuration_error import ConfigurationError
from worker.kas.sandbox.settings import DEFAULT_KEY
from worker.processes import StartError
from worker.processes.data_folder import made_once, note_sandbox, secret_key
from worker.processes.embedded_redis import EmbeddedRedis, free_port
from worker.processes.supervisor import GRACE_S, POLL_S, Command, Supervisor
from worker.settings import Settings, load_settings

__all__ = ["PortInUse", "run_stack"]

ROOT = Path(__file__).resolve().parents[2]
# Events, alerts, booking systems and outgoing webhooks have threads of their own beside the lock work.
SPARE_THREADS = 10
DEMO_PROPERTIES = """\
# Written by `make run` because there was no property file. Copy it to properties.toml and make it yours.
timezone  = "Australia/Brisbane"
check_in  = "15:00"
check_out = "10:00"

[accounts.default]

[sources.direct]
adapter = "innkey"
secret  = { env = "DIRECT_WEBHOOK_SECRET" }

[locks.SS000001]
title = "Front gate"

[locks.SS000002]
title = "Beach house"

[units.beach-house]
locks = ["SS000001", "SS000002"]
"""


class PortInUse(StartError):
    """The web process could not listen on its port."""


@dataclass(slots=True)
class _Plan:
    """What the children are given, what to start and what to tell the user."""

    env: dict[str, str]
    settings: Settings
    data: Path
    commands: list[Command] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def given(self, name: str) -> bool:
        """Whether a variable is set, by itself or as NAME_FILE."""
        return bool(self.env.get(name) or self.env.get(f"{name}_FILE"))

    def set(self, name: str, value: str) -> None:
        """Set a variable; NAME_FILE would contradict it."""
        self.env.pop(f"{name}_FILE", None)
        self.env[name] = value


def run_stack(
    environ: Mapping[str, str],
    *,
    with_sandbox: bool = False,
    check: Callable[[Mapping[str, str]], None] | None = None,
    out: TextIO | None = None,
) -> None:
    """Run everything until SIGTERM or SIGINT; call it in the main thread.

    `check` is called with the children's environment when Redis runs and before any other process starts;
    what it raises ends the stack. With `with_sandbox` no call goes to the vendor, whatever `environ` says,
    and a demo is written to the data folder if there is no property file. Raises StartError (DataFolderInUse,
    PortInUse, …) and ConfigurationError (every problem of the environment).
    """
    out = out or sys.stdout
    plan = _plan(environ, out)
    base = _embedded_redis(plan)
    try:
        if base is not None:
            base.acquire()
        _refuse_taken_port(plan.settings.port, GRACE_S if base is not None and base.after_crash else 0.0)
        if base is not None:
            _start_redis(plan, base)
        address = _add_sandbox(plan) if with_sandbox else None
        if base is not None:
            note_sandbox(plan.data, address)
        if check is not None:
            check(plan.env)
        _add_web_and_worker(plan)
        print(*plan.lines, sep="\n", file=out, flush=True)
        reload_check = partial(_why_not_reload, check, plan.env)
        Supervisor(plan.commands, base=base, out=out, why_not_reload=reload_check).run()
    finally:
        if base is not None:
            base.stop()


def _why_not_reload(check: Callable[[Mapping[str, str]], None] | None, environ: Mapping[str, str]) -> str:
    try:
        if check is not None:
            check(environ)
    except ConfigurationError as error:
        return str(error)
    return ""


def _plan(environ: Mapping[str, str], out: TextIO) -> _Plan:
    settings = load_settings(environ)
    plan = _Plan(dict(environ), settings, settings.data.absolute())
    plan.set("INNKEY_DATA", str(plan.data))
    plan.env["PYTHONUNBUFFERED"] = "1"
    # A folder named `worker` where the user stands is not ours.
    plan.env["PYTHONSAFEPATH"] = "1"
    # On SIGHUP Dramatiq starts itself anew as plain `python`, which must be found beside this one.
    plan.env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environ.get('PATH', os.defpath)}"
    if out.isatty() and not plan.given("LOG_FORMAT"):
        plan.set("LOG_FORMAT", "console")  # the children write to a pipe and would choose JSON
    plan.lines.append(f"Innkey         {settings.base_url}")
    return plan


def _refuse_taken_port(port: int, wait_s: float) -> None:
    """Raise PortInUse; wait `wait_s` first, for the web process of a killed Innkey to end."""
    deadline = time.monotonic() + wait_s
    while (error := _bind_error(port)) is not None:
        if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
            why = "another program listens there" if error.errno == errno.EADDRINUSE else error.strerror
            raise PortInUse(
                f"The web process cannot listen on port {port}: {why}. "
                "Stop that program, or set PORT to another one."
            ) from error
        time.sleep(POLL_S)


def _bind_error(port: int) -> OSError | None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            return error
    return None


def _embedded_redis(plan: _Plan) -> EmbeddedRedis | None:
    return None if plan.settings.redis_url else EmbeddedRedis(plan.data, die_with_parent=True)


def _start_redis(plan: _Plan, server: EmbeddedRedis) -> None:
    if not plan.given("INNKEY_SECRET_KEY"):
        has_record = any((plan.data / "redis" / "appendonlydir").glob("*.aof"))
        if has_record and not (plan.data / "secret.key").exists():
            raise StartError(
                f"The data in {plan.data} cannot be read without its secret key: {plan.data / 'secret.key'} "
                "is missing. Put the file back, or set INNKEY_SECRET_KEY to the key that was used."
            )
        plan.set("INNKEY_SECRET_KEY", secret_key(plan.data))
    server.start()
    plan.set("REDIS_URL", server.url)
    plan.lines.append(f"Embedded Redis 127.0.0.1:{server.port}, data in {plan.data}")


def _add_sandbox(plan: _Plan) -> str:
    path = plan.settings.properties.absolute()
    if not plan.given("INNKEY_PROPERTIES") and not path.exists():
        path = _write_demo(plan)
    plan.set("INNKEY_PROPERTIES", str(path))
    properties = _read_properties(path)
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    for name in ("KAS_EMAIL", "KAS_PASSWORD", "KAS_KEY_URL"):
        plan.env.pop(name, None)
        plan.env.pop(f"{name}_FILE", None)
    plan.set("KAS_BASE_URL", f"{address}/api")
    plan.set("KAS_API_KEY", DEFAULT_KEY)
    locks = [word for lock in properties.get("locks", {}) for word in ("--lock", lock)]
    plan.commands.append(_command(plan, "sandbox", "worker.cli", "sandbox", "--port", str(port), *locks))
    plan.lines.append(f"Sandbox        {address}/")
    return address


def _write_demo(plan: _Plan) -> Path:
    """A property file, webhook secret and API token for a new user, made once in the data folder."""
    path = plan.data / "properties.toml"
    made_once(path, lambda: DEMO_PROPERTIES)
    secret, token = plan.data / "direct-webhook-secret", plan.data / "api-token"
    if not plan.given("DIRECT_WEBHOOK_SECRET"):
        made = made_once(secret, lambda: "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())
        plan.set("DIRECT_WEBHOOK_SECRET", made)
        plan.lines.append(
            f"Webhooks       POST /webhooks/direct (source 'direct', its secret is in {secret})"
        )
    if not plan.given("INNKEY_API_TOKEN"):
        plan.set("INNKEY_API_TOKEN", made_once(token, lambda: secrets.token_urlsafe(32)))
        plan.lines.append(f"JSON API       /v1 (its token is in {token})")
    plan.lines.append(f"Properties     {path}")
    return path


def _read_properties(path: Path) -> dict[str, Any]:
    """The property file as it is: the sandbox needs its locks; no account may name another address."""
    try:
        properties = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StartError(
            f"The property file {path} cannot be read ({error.strerror}). Set INNKEY_PROPERTIES to its path."
        ) from error
    except ValueError as error:
        raise StartError(f"The property file {path} is not TOML ({error}). Correct that place.") from error
    for name, account in properties.get("accounts", {}).items():
        if isinstance(account, dict) and "base_url" in account:
            raise StartError(
                f"accounts.{name}.base_url in {path} leads past the sandbox. "
                "Take it out, or start with 'innkey up', which has no sandbox."
            )
    return properties


def _add_web_and_worker(plan: _Plan) -> None:
    plan.env.setdefault("dramatiq_worker_timeout", "250")  # how long an idle consumer may sleep, in ms
    conf = ROOT / "webhooks" / "gunicorn_conf.py"
    threads = plan.settings.worker_threads + SPARE_THREADS
    web = ["gunicorn", "--pythonpath", str(ROOT), "-c", str(conf), "webhooks:create_app()"]
    worker = [
        "dramatiq",
        "--path",
        str(ROOT),
        "--processes",
        "1",
        "--threads",
        str(threads),
        "worker.actors:start",
        "webhooks.jobs",
    ]
    plan.commands.append(_command(plan, "web", *web, reloads=True))
    plan.commands.append(_command(plan, "worker", *worker, reloads=True))


def _command(plan: _Plan, name: str, *module_and_arguments: str, reloads: bool = False) -> Command:
    argv: Sequence[str] = (sys.executable, "-m", *module_and_arguments)
    return Command(name, argv, env=plan.env, reloads=reloads)

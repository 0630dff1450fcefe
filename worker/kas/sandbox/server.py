"""Starts and stops the sandbox: inside a test, or as a process of its own."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from worker.kas.sandbox.api import VendorApi
from worker.kas.sandbox.control import Control
from worker.kas.sandbox.core import Clock, Core, utc_now
from worker.kas.sandbox.key_desk import ROUTE, KeyDesk
from worker.kas.sandbox.listener import Server
from worker.kas.sandbox.page import Page
from worker.kas.sandbox.settings import DEFAULT_KEY, LockSpec, Setup
from worker.kas.sandbox.slots import Latency
from worker.kas.sandbox.wire import Answer, Request, text


class Sandbox:
    """A fake KAS cloud on a port of its own (0: a free one). `start()` it, `stop()` it."""

    def __init__(
        self, setup: Setup | None = None, *, host: str = "127.0.0.1", port: int = 0, clock: Clock = utc_now
    ) -> None:
        self.core = Core(setup or Setup(), clock)
        self._vendor = VendorApi(self.core)
        self._key_desk = KeyDesk(self.core)
        self._control = Control(self.core)
        self._page = Page(self.core)
        self._host = host
        self._server = Server((host, port), self._answer)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    @property
    def page_url(self) -> str:
        """The page for people."""
        return f"http://{self._host}:{self.port}/"

    @property
    def url(self) -> str:
        """The vendor's API, up to and including /api: a value for KAS_BASE_URL."""
        return f"{self.page_url}api"

    @property
    def control_url(self) -> str:
        """The control API."""
        return f"{self.page_url}control"

    def start(self) -> None:
        """Answer from now on, in threads."""
        self._server.start()

    def stop(self) -> None:
        """End all connections; calls still waiting for their gateway are not carried out."""
        self.core.stopping.set()
        self._server.stop()

    def _answer(self, request: Request) -> Answer:
        if (request.method, request.path) == ("POST", ROUTE):
            return self._key_desk.handle(request)
        match request.path[:1]:
            case ("api",):
                return self._vendor.handle(request)
            case ("control",):
                return self._control.handle(request)
            case ():
                return self._page.handle(request)
        return text(404, "Not Found")


@contextmanager
def running_sandbox(
    setup: Setup | None = None, *, host: str = "127.0.0.1", port: int = 0, clock: Clock = utc_now
) -> Iterator[Sandbox]:
    """A started sandbox, stopped at the end."""
    sandbox = Sandbox(setup, host=host, port=port, clock=clock)
    sandbox.start()
    try:
        yield sandbox
    finally:
        sandbox.stop()


def run_sandbox(
    *,
    host: str = "127.0.0.1",
    port: int = 8100,
    data_dir: Path | None = None,
    api_key: str = DEFAULT_KEY,
    accounts: Mapping[str, Sequence[str]] | None = None,
    locks: Sequence[LockSpec | str] = (),
    latency: Latency | None = None,
    auto_create: bool = False,
    seed: int = 0,
) -> None:
    """Run a sandbox until SIGTERM or SIGINT, in the main thread; it prints its addresses when it answers.

    `api_key` opens the account "default"; `accounts` maps further ones to their keys. `OSError` when the port
    is taken, `ValueError` when the saved state cannot be read.
    """
    setup = Setup(
        locks=locks,
        accounts={"default": (api_key,), **(accounts or {})},
        latency=latency,
        seed=seed,
        auto_create=auto_create,
        data_dir=data_dir,
    )
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with running_sandbox(setup, host=host, port=port) as sandbox:
        lines = ("KAS sandbox", f"  vendor API  {sandbox.url}", f"  control API {sandbox.control_url}")
        sys.stdout.write(
            "\n".join((*lines, f"  page        {sandbox.page_url}", f"  pid         {os.getpid()}", ""))
        )
        sys.stdout.flush()
        over.wait()

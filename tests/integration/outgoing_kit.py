"""A receiver of webhooks, which checks what it gets with Standard Webhooks' library, and what sends to it."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import time_machine
from standardwebhooks.webhooks import Webhook

from tests.integration.engine_kit import Engine, engine
from worker.domain.deliveries import Delivery
from worker.domain.outgoing import News, Topic
from worker.service.clock import Clock
from worker.service.deliver import Deliverer
from worker.service.outgoing_writes import Outbox
from worker.store import keys
from worker.store.commit import Commit

NEW_SECRET = "whsec_" + base64.b64encode(b"the new secret of the endpoint..").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"the old secret of the endpoint..").decode()
ENVIRON = {"HOOK_NEW": NEW_SECRET, "HOOK_OLD": OLD_SECRET}


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """Its `webhook-id`."""
        return self.headers["webhook-id"]

    def event(self, secret: str = NEW_SECRET) -> dict[str, Any]:
        """The event, once the library has found its signature to be good at the time that it names."""
        stamp = datetime.fromtimestamp(int(self.headers["webhook-timestamp"]), UTC)
        with time_machine.travel(stamp, tick=False):
            found: dict[str, Any] = Webhook(secret).verify(self.body, dict(self.headers))
        return found


@dataclass
class Receiver:
    """An endpoint on this machine. `answers` (status, headers, body) are used up; then it answers 204."""

    url: str
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    is_hanging: bool = False
    released: threading.Event = field(default_factory=threading.Event)
    hanging: int = 0
    most_hanging: int = 0
    guard: threading.Lock = field(default_factory=threading.Lock)

    def hang(self) -> None:
        """Hold a request up until all are released."""
        with self.guard:
            self.hanging += 1
            self.most_hanging = max(self.most_hanging, self.hanging)
        self.released.wait(60)
        with self.guard:
            self.hanging -= 1

    def will(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Answer the next one so; `_` in the name of a header is a hyphen."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, named, body))

    def events(self) -> list[dict[str, Any]]:
        """All events so far."""
        return [one.event() for one in self.got]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Keep the request, and answer as told."""
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["content-length"]))
        receiver.got.append(Got(self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        if receiver.is_hanging:
            receiver.hang()
        status, headers, said = receiver.answers.pop(0) if receiver.answers else (204, {}, b"")
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("content-length", str(len(said)))
        with suppress(ConnectionError):  # nobody need read it to its end
            self.end_headers()
            self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def receiver(host: str = "127.0.0.1") -> Iterator[Receiver]:
    """A running receiver."""
    with _Server((host, 0), _Handler) as server:
        made = Receiver(f"http://{host}:{server.server_address[1]}/hook")
        server.receiver = made
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield made
        finally:
            made.released.set()
            server.shutdown()
            thread.join()


class Ahead(Clock):
    """A worker's clock that can be put forward; it goes by Redis' time otherwise."""

    def __init__(self, clock: Clock) -> None:
        # Moments are kept in whole milliseconds: what was written just now is due to the sender.
        self._clock, self.ahead = clock, timedelta(milliseconds=10)

    def heard(self, now: datetime) -> datetime:
        """Redis' time, taken over by the real one."""
        return self._clock.heard(now) + self.ahead

    def now(self) -> datetime:
        """The time of the other clock, and so much more."""
        return self._clock.now() + self.ahead


def table(name: str, url: str, *rows: str, secret: str = "[{ env = 'HOOK_NEW' }]") -> str:
    """The table of one endpoint; it may be in this machine's own network unless a row says otherwise."""
    more = rows if any("allow_private" in row for row in rows) else (*rows, "allow_private = true")
    return "\n".join([f"[outgoing.{name}]", f'url = "{url}"', f"secret = {secret}", *more, ""])


@dataclass
class Post:
    """An engine, and the worker that sends for it; `jitter` is none."""

    inn: Engine
    deliverer: Deliverer
    clock: Ahead

    def work(self) -> None:
        """Do what the ticks and hints of a worker do, until nothing is due."""
        while True:
            self.inn.innkey.store.client.delete(
                *(keys.outgoing_hinted(name) for name in self.deliverer.endpoints)
            )
            self.deliverer.tick()
            names, self.inn.queue.endpoints = self.inn.queue.endpoints, []
            if not names:
                return
            for name in names:
                self.deliverer.serve(name)

    def forward(self, **span: float) -> None:
        """Let time pass for the sender, and have it work."""
        self.clock.ahead += timedelta(**span)
        self.work()

    def tell(self, *topics: Topic, **data: object) -> None:
        """Put news down for all endpoints that want them."""
        outbox: Outbox = self.inn.innkey.ledger.outbox
        for topic in topics:
            news = News(
                topic=topic,
                at=self.inn.innkey.clock.now(),
                data={"source": "direct", "booking": "BK-1", **data},
            )
            commands = outbox._messages(lambda news=news: [news])  # type: ignore[misc]
            Commit(commands=commands).run(self.inn.innkey.store.scripts)

    def log(self, name: str = "crm") -> list[Delivery]:
        """What is in the log, the latest first."""
        return self.inn.innkey.store.deliveries.page(name, limit=100, cursor=None).items

    def one(self, name: str = "crm") -> Delivery:
        """The only message."""
        (found,) = self.log(name)
        return found

    def statuses(self, name: str = "crm") -> list[int | None]:
        """How the only message was answered, attempt by attempt."""
        return [attempt.status for attempt in self.one(name).attempts]


@contextmanager
def post(folder: Path, *tables: str, **more: Any) -> Iterator[Post]:
    """An engine with these endpoints."""
    environ = {**ENVIRON, **more.pop("environ", {})}
    with engine(folder, units="\n".join(tables), environ=environ, **more) as inn:
        yield posted(inn)
        inn.innkey.sender.close()


def posted(inn: Engine) -> Post:
    """The sender of a worker of `inn`."""
    clock = Ahead(inn.innkey.clock)
    deliverer = inn.innkey.deliverer()
    deliverer.clock, deliverer.chance = clock, lambda: 0.0
    inn.housekeeping.clock = inn.escalation.clock = clock
    return Post(inn, deliverer, clock)

"""The web process beside a real Redis: its app, signed deliveries, and a worker that applies them."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from cryptography.fernet import Fernet
from flask import Flask
from flask.testing import FlaskClient
from standardwebhooks.webhooks import Webhook
from werkzeug.test import TestResponse

from tests.integration import until
from tests.redis_server import redis_server
from webhooks import create_app
from webhooks.services import innkey as innkey_of
from worker.bootstrap import Innkey
from worker.domain.access_code import AccessCode
from worker.domain.booking import StayKey
from worker.service.ledger import Known

__all__ = [
    "OLD_SECRET",
    "SECRET",
    "TOKEN",
    "Web",
    "environ_for",
    "event_body",
    "gunicorn",
    "signed",
    "stalled_server",
    "web",
    "wired",
]

ROOT = Path(__file__).parents[2]
SECRET = "whsec_" + base64.b64encode(b"a secret of thirty-two characters").decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"the secret that goes out of usage").decode()
TOKEN = "test-token"
KEY = Fernet.generate_key().decode()

PROPERTIES = """
timezone = "Australia/Brisbane"

[sources.direct]
adapter = "innkey"
secret = [{ env = "SECRET_NEW" }, { env = "SECRET_OLD" }]

[sources.basic]
adapter = "innkey"
username = "pms"
password = { env = "SECRET_NEW" }

[sources.tokened]
adapter = "innkey"
token = { env = "URL_TOKEN" }

[sources.headed]
adapter = "innkey"
header = { name = "X-Proof", value = { env = "SECRET_NEW" } }

[sources.off]
adapter = "innkey"
enabled = false
secret = { env = "SECRET_NEW" }

[outgoing.crm]
url = "http://127.0.0.1:9/hook"
secret = { env = "SECRET_NEW" }
allow_private = true

[locks.SS000001]
title = "Front gate"

[locks.SS000002]

[locks.SS000003]
title = "Shed"

[units.beach-house]
locks = ["SS000001", "SS000002"]
aliases = { basic = "40160" }
"""


def environ_for(folder: Path, redis_url: str, **more: str) -> dict[str, str]:
    """The environment of a web process whose property file is in `folder`."""
    path = folder / "properties.toml"
    path.write_text(PROPERTIES, encoding="utf-8")
    return {
        "REDIS_URL": redis_url,
        "INNKEY_SECRET_KEY": KEY,
        "INNKEY_PROPERTIES": str(path),
        "INNKEY_API_TOKEN": f"another-token,{TOKEN}",
        "SECRET_NEW": SECRET,
        "SECRET_OLD": OLD_SECRET,
        "URL_TOKEN": "token-in-the-address",
        **more,
    }


def event_body(kind: str = "booking.created", **data: object) -> bytes:
    """An event whose data is complete unless `data` says otherwise; `...` leaves a field out."""
    check_in = datetime.now(UTC) + timedelta(days=2)
    full: dict[str, object] = {
        "id": "BK-1001",
        "unit": "beach-house",
        "check_in": f"{check_in:%Y-%m-%d}T15:00",
        "check_out": f"{check_in + timedelta(days=3):%Y-%m-%d}T10:00",
        **data,
    }
    given = {name: value for name, value in full.items() if value is not ...}
    return json.dumps({"type": kind, "timestamp": f"{datetime.now(UTC).isoformat()}", "data": given}).encode()


def signed(
    body: bytes, *, event_id: str | None = None, secret: str = SECRET, at: datetime | None = None
) -> dict[str, str]:
    """The headers that the library of Standard Webhooks makes for `body`."""
    event_id, at = event_id or f"msg_{uuid4().hex}", at or datetime.now(UTC)
    return {
        "Content-Type": "application/json",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(event_id, at, body.decode()),
    }


@dataclass(slots=True)
class Web:
    """One app with its services, and what a PMS and a worker would do to it."""

    app: Flask
    client: FlaskClient
    innkey: Innkey

    def deliver(self, body: bytes, source: str = "direct", **how: Any) -> TestResponse:
        """Post a signed delivery."""
        return self.client.post(f"/webhooks/{source}", data=body, headers=signed(body, **how))

    def apply(self) -> None:
        """Apply all accepted events, as a worker does."""
        applier = self.innkey.event_applier()
        for key in self.innkey.store.events.waiting(datetime.now(UTC) + timedelta(minutes=1), limit=10_000):
            applier.apply(key)

    def book(self, kind: str = "booking.created", **data: object) -> None:
        """Deliver and apply one event."""
        answer = self.deliver(event_body(kind, **data))
        assert 200 == answer.status_code
        self.apply()

    def change_code(self, ref: str, lock: str, change: Callable[[AccessCode], AccessCode]) -> Known:
        """Change what is on record of one code, as a visit to its lock would."""

        def changed(stay: Any, _now: datetime) -> Any:
            return stay.with_code(change(stay.code(lock)))

        return self.innkey.ledger.change(StayKey.parse(ref), changed)

    def get(self, path: str, **query: object) -> Any:
        """Ask the API, as one who may."""
        return self.client.get(path, query_string=query or None, headers={"Authorization": f"Bearer {TOKEN}"})

    def post(self, path: str, body: object = None) -> Any:
        """Act through the API, as one who may."""
        return self.client.post(path, json=body, headers={"Authorization": f"Bearer {TOKEN}"})


def wired(environ: Mapping[str, str]) -> Web:
    """The app for `environ`."""
    app = create_app(environ)
    with app.app_context():
        services = innkey_of()
    return Web(app, app.test_client(), services)


@contextmanager
def web(folder: Path, **more: str) -> Iterator[Web]:
    """An app beside a Redis of its own; `more` variables of its environment."""
    with redis_server(folder / "redis", fsync="everysec") as server:
        yield wired(environ_for(folder, server.url, **more))


@contextmanager
def gunicorn(folder: Path, environ: Mapping[str, str]) -> Iterator[int]:
    """The web process as the Procfile starts it, but with one process on a free port; yields the port."""
    said = folder / "gunicorn.log"
    argv = ["-c", "webhooks/gunicorn_conf.py", "--bind", "127.0.0.1:0", "webhooks:create_app()"]
    with said.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", *argv],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "WEB_CONCURRENCY": "1", "LOG_FORMAT": "json", **environ},
            stdout=out,
            stderr=out,
        )
    try:
        until(lambda: b"Booting worker" in said.read_bytes() or process.poll() is not None, "gunicorn")
        found = re.search(r"Listening at: http://127\.0\.0\.1:(\d+)", said.read_text())
        assert found, "gunicorn did not start"
        yield int(found[1])
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def stalled_server() -> Iterator[str]:
    """The URL of a Redis that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"

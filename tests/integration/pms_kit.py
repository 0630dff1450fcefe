"""A booking system's API over real HTTP: a server that answers as a test says, and notes what was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

__all__ = ["Answer", "Asked", "Pms", "pms"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: `path` without the query, headers by lower-case name, `body` of JSON, `form` of a form."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    form: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; `body` as JSON, or bytes as they are."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Pms:
    """The server at `url`. `answer` may be exchanged at any time; it is called in the server's threads."""

    url: str
    answer: Callable[[Asked], Answer]
    asked: list[Asked] = field(default_factory=list)

    def paths(self) -> list[str]:
        """What was asked for so far."""
        return [one.path for one in self.asked]


@contextmanager
def pms(answer: Callable[[Asked], Answer]) -> Iterator[Pms]:
    """A server on a free port until the block ends."""
    made: list[Pms] = []

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_form = "form" in self.headers.get("Content-Type", "")
            url = urlsplit(self.path)
            asked = Asked(
                method=self.command,
                path=url.path,
                query=dict(parse_qsl(url.query)),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=json.loads(raw) if raw and not is_form else None,
                form=dict(parse_qsl(raw.decode())) if is_form else {},
            )
            made[0].asked.append(asked)
            found = made[0].answer(asked)
            body = found.body if isinstance(found.body, bytes) else json.dumps(found.body).encode()
            self.send_response(found.status)
            for name, value in {"Content-Type": "application/json", **found.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - the names of http.server

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    made.append(Pms(f"http://127.0.0.1:{server.server_port}", answer))
    try:
        yield made[0]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

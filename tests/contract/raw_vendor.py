"""A small vendor on localhost that answers as the document prints, or badly."""

from __future__ import annotations

import re
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from worker.kas import KasClient

EXAMPLES = Path(__file__).parent / "kas_examples"
SHORT = timedelta(seconds=0.5)
PATIENCE = 10.0  # seconds; far over SHORT, far under what the dripping servers would take

Script = Callable[[socket.socket], None]
Make = Callable[..., KasClient]


@dataclass
class Seen:
    """One request as the vendor saw it."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Vendor:
    """A raw HTTP server: `script` writes what it likes to the connection after each whole request."""

    url: str = ""
    script: Script = field(default=lambda conn: None)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    gone: threading.Event = field(default_factory=threading.Event)

    def answers(self, body: bytes, status: int = 200, headers: str = "") -> None:
        """Answer each request with this."""
        self.script = says(body, status, headers)

    def example(self, name: str, status: int = 200) -> None:
        """Answer each request with the document's example."""
        self.answers(example(name), status)


def printed(name: str) -> str:
    """An example of the document as printed, but for its quotes: they are straightened."""
    return (EXAMPLES / f"{name}.txt").read_text(encoding="utf-8")


def example(name: str) -> bytes:
    """An example as it is surely meant: commas and quotes that were lost in print, and no dots."""
    text = re.sub(r'(\d)\n"', r'\1,\n"', printed(name))
    text = re.sub(r'^"?(\w+)"?:', r'"\1":', text, flags=re.MULTILINE)
    return text.replace("{ ... }", "").replace(",\n...", "").encode()


def says(body: bytes, status: int = 200, headers: str = "") -> Script:
    """One whole answer."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return lambda conn: conn.sendall(head.encode() + body)


def keep_silent(vendor: Vendor) -> Script:
    """Say nothing until the test is over."""

    def script(conn: socket.socket) -> None:
        vendor.gone.wait(60)

    return script


def drips(data: bytes, vendor: Vendor, head: bytes = b"") -> Script:
    """`head` at once, then for a minute a byte of `data` at a time, each within any single read's limit."""

    def script(conn: socket.socket) -> None:
        conn.sendall(head)
        for at in range(600):
            conn.sendall(data[at % len(data) :][:1])
            if vendor.gone.wait(0.1):
                return

    return script


@contextmanager
def raw_vendor() -> Iterator[Vendor]:
    """The vendor on a free port; its endless scripts end with the block."""
    state = Vendor()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            state.connections += 1
            try:
                while seen := _receive(self.rfile):
                    state.seen.append(seen)
                    state.script(self.connection)
            except OSError:
                return  # the client hung up, as many tests make it do

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}/api"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield state
        state.gone.set()
        server.shutdown()


def _receive(stream: Any) -> Seen | None:
    line = stream.readline().decode().strip()
    if not line:
        return None
    headers: dict[str, str] = {}
    while header := stream.readline().decode().strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Seen(line, headers, stream.read(int(headers.get("content-length", "0"))))

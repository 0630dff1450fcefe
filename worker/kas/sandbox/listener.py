"""A raw threaded HTTP/1.1 server: keeps connections alive, can cut or never answer one, stops cleanly."""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
import time
import traceback
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import structlog

from worker.kas.sandbox.core import Stopping
from worker.kas.sandbox.wire import Answer, Cut, Reply, Request, Silence, text

MAX_BODY = 1024 * 1024
STOP_SECONDS = 10.0

App = Callable[[Request], Answer]


class Handler(BaseHTTPRequestHandler):
    """Reads requests off one connection and hands them to the app."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def answer(self) -> None:
        """Answer one request, or leave it unanswered."""
        try:
            result = self.server.app(self._request())
        except Stopping:
            self.close_connection = True
            return
        except _BadRequest as problem:
            self.close_connection = True
            result = text(problem.status, problem.words)
        except Exception as error:  # noqa: BLE001 - any bug becomes a 500 and a log line
            # The error's own words may hold a PIN; the places in the code say enough.
            places = [f"{at.filename}:{at.lineno}" for at in traceback.extract_tb(error.__traceback__)]
            structlog.get_logger().error("sandbox.bug", error=type(error).__name__, places=places)
            result = text(500, "Unknown Error")
        self._give(result)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer  # noqa: N815 - the names http.server looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Say nothing: a request line may hold an API key."""

    def _request(self) -> Request:
        if self.headers.get("transfer-encoding"):
            raise _BadRequest(411, "Length Required")
        length = self.headers.get("content-length") or "0"
        if not length.isdecimal():
            raise _BadRequest(400, "Invalid Content-Length.")
        if int(length) > MAX_BODY:
            raise _BadRequest(413, "Payload Too Large")
        body = self.rfile.read(int(length))
        parts = urlsplit(self.path)
        path = tuple(unquote(part) for part in parts.path.split("/") if part)
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Request(self.command, path, dict(parse_qsl(parts.query)), headers, body)

    def _give(self, answer: Answer) -> None:
        if isinstance(answer, Reply):
            head, body = _bytes_of(answer)
            self.wfile.write(head + body)
            return
        self.close_connection = True
        try:
            if isinstance(answer, Silence):
                self._wait_for_leave()
            else:
                self._cut(answer)
        finally:
            answer.release()

    def _wait_for_leave(self) -> None:
        """Until the client closes the connection, or the server shuts it down."""
        try:
            while self.connection.recv(65536):
                pass
        except OSError:
            return

    def _cut(self, cut: Cut) -> None:
        head, body = _bytes_of(cut.reply)
        if cut.how == "half":
            self.wfile.write(head + body[: len(body) // 2])
        if cut.how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.rfile.close()
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)


class Server(socketserver.ThreadingTCPServer):
    """Listens, and knows its open connections, so that stopping can end each of them."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], app: App) -> None:
        self.app = app
        self._open: set[socket.socket] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        super().__init__(address, Handler)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve in a thread of its own."""
        poll = {"poll_interval": 0.02}
        self._thread = threading.Thread(
            target=self.serve_forever, kwargs=poll, name="kas-sandbox", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Take no more connections, end the open ones, and wait for their threads."""
        if self._thread is not None:
            self.shutdown()
            self._thread.join()
        deadline = time.monotonic() + STOP_SECONDS
        with self._changed:
            for connection in self._open:
                _shut(connection)
            while self._open and self._changed.wait(deadline - time.monotonic()):
                pass
        self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Note the connection before its thread starts."""
        with self._changed:
            self._open.add(request)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve the connection, then strike it off."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._changed:
                self._open.discard(request)
                self._changed.notify_all()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Broken connections are everyday life here; the app's own bugs are logged where they are caught."""


class _BadRequest(Exception):
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


def _shut(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _bytes_of(reply: Reply) -> tuple[bytes, bytes]:
    phrase = HTTPStatus(reply.status).phrase if reply.status in _STATUSES else "Unknown"
    headers = [("Content-Type", reply.content_type), ("Content-Length", str(len(reply.body))), *reply.headers]
    lines = [f"HTTP/1.1 {reply.status} {phrase}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"), reply.body


_STATUSES = frozenset(int(status) for status in HTTPStatus)

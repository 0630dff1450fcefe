"""One request to a booking system ends in time, however slowly or much it answers."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.pms_kit import Answer, pms
from webhooks.sources import asking
from webhooks.sources.asking import Asking, LaterError
from webhooks.sources.oauth import ClientCredentials


@contextmanager
def dripping() -> Iterator[str]:
    """A server that begins an answer and sends a byte of its headers at a time, for a hundred of them."""
    is_over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection:
            try:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Slow: ")
                for _ in range(100):
                    if is_over.wait(0.05):
                        return
                    connection.sendall(b"a")
                connection.sendall(b"\r\n\r\n{}")
            except OSError:
                return

    def serve() -> None:
        while not is_over.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=drip, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            is_over.set()


@pytest.mark.parametrize("has_login", [False, True])
def test_an_answer_whose_headers_drip_ends_at_the_deadline(
    monkeypatch: pytest.MonkeyPatch, *, has_login: bool
) -> None:
    """The token's request too: each byte comes in time, and the whole does not."""
    monkeypatch.setattr(asking, "SECONDS", 0.3)
    with dripping() as url:
        auth = ClientCredentials(f"{url}/token", "client", "secret") if has_login else None
        with Asking(url, auth=auth) as api, pytest.raises(LaterError, match=r"no answer \(ReadTimeout\)"):
            api.get("reservations")


def test_a_token_answer_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cap holds for what the login reads as well."""
    monkeypatch.setattr(asking, "MOST_BYTES", 1000)
    huge = json.dumps({"access_token": "token", "more": "a" * 2000}).encode()
    with pms(lambda asked: Answer(huge if asked.path == "/token" else {})) as api:
        auth = ClientCredentials(f"{api.url}/token", "client", "secret")
        with Asking(api.url, auth=auth) as asks, pytest.raises(LaterError, match="16 MiB"):
            asks.get("reservations")
        assert ["/token"] == api.paths()

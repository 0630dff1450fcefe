"""Alerts over real SMTP and real HTTP: what each channel is told, and what counts as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.acceptance.stack_kit import Inbox
from worker.alerts import MailError, NoMailer, make_mailer
from worker.processes.embedded_redis import free_port
from worker.settings import Settings, read_settings

TOKEN = "canary-token-91c4"


class Hook(ThreadingHTTPServer):
    """A chat that takes JSON posts."""

    def __init__(self) -> None:
        """Listens on a free port."""
        self.told: list[dict[str, str]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        """Keep one post."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.told.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(f"said by {TOKEN}".encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[Hook]:
    """A running chat."""
    server = Hook()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def settings(hook: Hook, **more: str) -> Settings:
    """Settings with the chat as a channel, its key in the address."""
    url = f"json://user:{TOKEN}@127.0.0.1:{hook.server_address[1]}/"
    found, problems = read_settings({"ALERT_URLS": url, **more})
    assert not problems
    return found


def test_inbox_and_channels_are_told_the_same(hook: Hook) -> None:
    """One alert, one mail and one post."""
    inbox = Inbox()
    with inbox.running():
        mailer = make_mailer(settings(hook, SMTP_URL=inbox.url, ALERT_EMAIL_TO="ops@example.com"))
        mailer.send("[Innkey] Lock failed: Gate", "What to do: look.\n")
    assert ["[Innkey] Lock failed: Gate"] == inbox.subjects()
    assert [("[Innkey] Lock failed: Gate", True)] == [
        (one["title"], "look" in one["message"]) for one in hook.told
    ]


def test_a_channel_that_fails_is_logged_by_its_number(hook: Hook, caplog: pytest.LogCaptureFixture) -> None:
    """Promise 9: with an inbox it is an extra; neither its address nor its answer is in the log."""
    hook.status = 500
    inbox = Inbox()
    with inbox.running(), capture_logs() as logs:
        make_mailer(settings(hook, SMTP_URL=inbox.url, ALERT_EMAIL_TO="ops@example.com")).send("s", "t")
    assert [{"event": "alert.channels_failed", "channels": [1], "of": 1, "log_level": "error"}] == logs
    assert TOKEN not in caplog.text
    assert 1 == len(inbox.mails)


def test_without_an_inbox_one_channel_must_take_it(hook: Hook) -> None:
    """Promise 8: an alert that nobody took stays owed."""
    mailer = make_mailer(settings(hook))
    mailer.send("s", "t")
    assert 1 == len(hook.told)
    hook.status = 500
    with pytest.raises(MailError, match="none of ALERT_URLS"):
        mailer.send("s", "t")


def test_a_mail_server_that_is_away_keeps_the_alert_owed(hook: Hook) -> None:
    """Promise 8: the inbox is what counts where there is one."""
    away = f"smtp://127.0.0.1:{free_port()}"
    mailer = make_mailer(settings(hook, SMTP_URL=away, ALERT_EMAIL_TO="ops@example.com"))
    with pytest.raises(MailError):
        mailer.send("s", "t")


def test_nobody_to_tell(tmp_path: Path) -> None:
    """Without either nothing is sent, and nothing fails."""
    assert isinstance(make_mailer(read_settings({"INNKEY_DATA": str(tmp_path)})[0]), NoMailer)

"""`innkey send-test` against a real receiver, and the command as the process that a user starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from standardwebhooks.webhooks import Webhook

from tests.cli_kit import stand_in
from worker.cli import cli

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "whsec_b2xkIHNlY3JldA=="
PROPERTIES = """
[sources.direct]
adapter = "innkey"
secret = [{ env = "DIRECT_WEBHOOK_SECRET" }, { env = "OLD_SECRET" }]
[sources.basic]
adapter = "innkey"
token = { env = "OLD_TOKEN" }
[locks.SS000001]
[units.beach-house]
timezone = "Australia/Brisbane"
locks = ["SS000001"]
"""


class Receiver:
    """Keeps what was posted, verifies it, and answers `status` and `answer`."""

    def __init__(self) -> None:
        self.status, self.answer = 200, '{"status": "accepted", "event": "x"}'
        self.paths: list[str] = []
        self.ids: list[str] = []
        self.bodies: list[Any] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.bodies.append(Webhook(SECRET).verify(body, dict(self.headers)))
                receiver.paths.append(self.path)
                receiver.ids.append(self.headers["webhook-id"])
                self.send_response(receiver.status)
                self.end_headers()
                self.wfile.write(receiver.answer.encode())

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def stop(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver at INNKEY_BASE_URL, and a configuration with its secret."""
    stand_in(tmp_path, monkeypatch)
    (tmp_path / "properties.toml").write_text(PROPERTIES)
    monkeypatch.setenv("DIRECT_WEBHOOK_SECRET", SECRET)
    monkeypatch.setenv("OLD_SECRET", OLD)
    monkeypatch.setenv("OLD_TOKEN", "abc")
    found = Receiver()
    monkeypatch.setenv("INNKEY_BASE_URL", found.url)
    yield found
    found.stop()


def run(*args: str) -> Result:
    """Run `innkey send-test` in this process."""
    return CliRunner().invoke(cli, ["send-test", *args])


def test_a_new_booking(receiver: Receiver) -> None:
    """Signed with the first secret; unit, id and dates are filled in, the guest has no address to mail to."""
    result = run()

    assert 0 == result.exit_code
    assert ["200 OK", '{"status": "accepted", "event": "x"}'] == result.stdout.splitlines()
    (body,) = receiver.bodies
    data = body["data"]
    assert ["/webhooks/direct"] == receiver.paths
    assert "booking.created" == body["type"]
    assert ("beach-house", {"name": "Test Guest"}) == (data["unit"], data["guest"])
    assert data["id"].startswith("TEST-")
    assert timedelta(days=3) == date.fromisoformat(data["check_out"]) - date.fromisoformat(data["check_in"])


def test_every_option_arrives(receiver: Receiver) -> None:
    """What is given is sent, and nothing else."""
    args = "--type booking.updated --id BK-1 --unit u --check-in 2026-12-01T15:00 --check-out 2026-12-05"
    more = "--status tentative --version 7 --name N --email n@example.com --phone 1 --pin 0123"
    expected = {
        "id": "BK-1",
        "unit": "u",
        "check_in": "2026-12-01T15:00",
        "check_out": "2026-12-05",
        "status": "tentative",
        "version": 7,
        "guest": {"name": "N", "email": "n@example.com", "phone": "1"},
        "pin": "0123",
    }

    assert 0 == run(*args.split(), *more.split(), "--message-id", "msg_1").exit_code
    assert expected == receiver.bodies[0]["data"]
    assert "booking.updated" == receiver.bodies[0]["type"]
    assert ["msg_1"] == receiver.ids


def test_a_cancellation_names_the_booking_alone(receiver: Receiver) -> None:
    """No defaults where they would change the booking."""
    assert 0 == run("--type", "cancelled", "--id", "BK-1").exit_code
    assert {"id": "BK-1"} == receiver.bodies[0]["data"]


def test_for_programs(receiver: Receiver) -> None:
    """Status, answer and the ids as JSON."""
    told = json.loads(run("--id", "BK-1", "--message-id", "msg_1", "--json").stdout)
    expected = {
        "url": f"{receiver.url}/webhooks/direct",
        "event": "msg_1",
        "booking": "BK-1",
        "status": 200,
        "answer": {"status": "accepted", "event": "x"},
    }

    assert expected == told


def test_any_other_answer_is_a_failure(receiver: Receiver) -> None:
    """The answer is shown, the exit code is 1; control characters in it stay out of the terminal."""
    receiver.status, receiver.answer = 503, "not \x1b[31mnow"

    result = run()

    assert 1 == result.exit_code
    assert ["503 Service Unavailable", "not �[31mnow"] == result.stdout.splitlines()
    assert (
        f"innkey: error: the event was not accepted: {receiver.url}/webhooks/direct answered 503"
        in result.stderr
    )


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--source", "nobody"], "known: direct, basic"),
        (["--source", "basic"], "name one with that adapter and a secret"),
        (["--type", "updated"], "--id is needed"),
        (["--check-in", "soon"], "'soon' is no date"),
    ],
)
def test_what_cannot_be_sent(args: list[str], words: str, receiver: Receiver) -> None:
    """A usage error in one line, and nothing is sent."""
    result = run(*args)

    assert 2 == result.exit_code
    assert words in result.stderr
    assert 1 == len(result.stderr.splitlines())
    assert [] == receiver.bodies


def test_nobody_there(receiver: Receiver) -> None:
    """One line with address and cure, exit code 1; a proxy of the environment is not asked."""
    result = CliRunner(env={"HTTP_PROXY": receiver.url}).invoke(
        cli, ["send-test", "--url", "http://127.0.0.1:1/"]
    )

    assert 1 == result.exit_code
    assert "innkey: error: Innkey at http://127.0.0.1:1/webhooks/direct is not to be reached" in result.stderr
    assert [] == receiver.paths


@pytest.mark.parametrize(
    "program", [[sys.executable, "-m", "worker.cli"], [str(Path(sys.executable).parent / "innkey")]]
)
def test_as_a_process(program: list[str], tmp_path: Path) -> None:
    """Both ways to start it end with one line and the exit code, whatever the environment."""
    environ = {"PATH": os.environ["PATH"], "PORT": "many", "LOG_LEVEL": "loud"}
    done = subprocess.run(
        [*program, "bookings", "list"], capture_output=True, text=True, cwd=tmp_path, env=environ, check=False
    )

    assert (2, "") == (done.returncode, done.stdout)
    assert all(line.startswith("innkey: error: ") for line in done.stderr.splitlines())
    assert 4 == len(done.stderr.splitlines())

"""`innkey send-test --as` against the web process: what it sends is taken for the real thing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner, Result
from werkzeug.serving import make_server

from tests.cli_kit import stand_in
from tests.integration.sources_kit import ADAPTERS, LISTINGS, Senders, senders
from worker.cli import cli
from worker.domain.booking import Status


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Senders]:
    """One app for all of these tests."""
    with senders(tmp_path_factory.mktemp("sources")) as made:
        yield made


@pytest.fixture
def served(kit: Senders, monkeypatch: pytest.MonkeyPatch) -> Iterator[Senders]:
    """The app at INNKEY_BASE_URL, with its property file for the command."""
    stand_in(kit.folder, monkeypatch)
    for name, value in kit.environ.items():
        monkeypatch.setenv(name, value)
    server = make_server("127.0.0.1", 0, kit.web.app, threaded=True)
    monkeypatch.setenv("INNKEY_BASE_URL", f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield kit
    server.shutdown()
    thread.join()
    server.server_close()


def run(*args: str) -> Result:
    """Run `innkey send-test` in this process."""
    return CliRunner().invoke(cli, ["send-test", "--json", *args])


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_each_kind(served: Senders, adapter: str) -> None:
    """A new booking, a change, a cancellation and noise are each proven and understood."""
    made = json.loads(run("--as", adapter).stdout)
    booking = made["booking"]
    assert (200, "accepted") == (made["status"], made["answer"]["status"])
    assert made["event"]
    served.web.apply()
    assert LISTINGS[0] == (served.booking(adapter, booking).unit or "").partition("/")[0]
    assert Status.CONFIRMED is served.booking(adapter, booking).status
    for args, expected in (
        (("--type", "updated", "--check-out", "2030-01-02", "--check-in", "2030-01-01"), Status.CONFIRMED),
        (("--type", "cancelled"), Status.CANCELLED),
    ):
        assert 0 == run("--as", adapter, "--id", booking, *args).exit_code
        served.web.apply()
        assert expected is served.booking(adapter, booking).status
    assert "ignored" == json.loads(run("--as", adapter, "--type", "other").stdout)["answer"]["status"]


@pytest.mark.parametrize("status", ["tentative", "blocked", "inquiry"])
def test_each_status(served: Senders, status: str) -> None:
    """A status goes out in the sender's own word."""
    booking = json.loads(run("--as", "hostaway", "--status", status).stdout)["booking"]
    served.web.apply()
    expected = Status.BLOCKED if status == "blocked" else Status.TENTATIVE
    assert expected is served.booking("hostaway", booking).status


def test_a_status_that_the_sender_does_not_know(served: Senders) -> None:
    """Channex passes on firm bookings only; nothing is sent."""
    result = run("--as", "channex", "--status", "tentative")
    assert (2, []) == (result.exit_code, served.web.innkey.store.events.waiting(datetime.now(UTC)))
    assert "channex knows no such thing" in result.stderr


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--type", "updated"], "--id is needed"),
        (["--source", "nobody"], "source 'nobody' has another adapter"),
        (["--pin", "4711"], "sends no such thing"),
    ],
)
def test_what_cannot_be_sent(served: Senders, args: list[str], words: str) -> None:
    """A usage error in one line."""
    result = run("--as", ADAPTERS[0], *args)
    assert 2 == result.exit_code
    assert words in result.stderr
    assert 1 == len(result.stderr.splitlines())

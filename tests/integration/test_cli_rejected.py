"""`innkey rejected-events`: what was not understood is listed, and read again through the web process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.cli_kit import stand_in
from tests.integration.web_kit import environ_for, event_body, gunicorn
from tests.redis_server import redis_server
from worker.bootstrap import Innkey, bootstrap
from worker.cli import cli
from worker.processes.embedded_redis import free_port
from worker.store.events import RejectedEvent, rejected_id

GUEST = "Canary Guest"


@dataclass
class Stage:
    """A running web process, and the record behind it."""

    innkey: Innkey
    port: int
    environ: dict[str, str]

    def keep(self, body: bytes) -> str:
        """Keep a delivery as if an older Innkey had not understood it."""
        rejected = RejectedEvent(
            id=rejected_id("direct", body),
            source="direct",
            received=datetime.now(UTC),
            content_type="application/json",
            errors={"data.pin": ["is not 4 to 6 digits"]},
            body=body,
        )
        self.innkey.store.events.keep_rejected(rejected)
        return rejected.id


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The web process as the Procfile starts it."""
    folder = tmp_path_factory.mktemp("rejected")
    with redis_server(folder / "redis", fsync="everysec") as server:
        environ = environ_for(folder, server.url)
        with gunicorn(folder, environ) as port:
            innkey = bootstrap(environ)
            yield Stage(innkey, port, environ)
            innkey.store.client.close()


@pytest.fixture
def stage(running: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The environment of that process, and an empty record."""
    stand_in(tmp_path, monkeypatch)
    for name, value in running.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("INNKEY_BASE_URL", f"http://127.0.0.1:{running.port}")
    running.innkey.store.client.flushall()
    return running


def run(*args: str) -> Result:
    """Run `innkey rejected-events` in this process."""
    return CliRunner().invoke(cli, ["rejected-events", *args])


def test_list(stage: Stage) -> None:
    """Where it came from and what was wrong, never the body; page by page."""
    kept = {stage.keep(event_body(id=f"BK-{n}", guest={"name": GUEST})) for n in range(3)}
    table = run("list")
    first = json.loads(run("list", "--limit", "2", "--json").stdout)
    second = json.loads(run("list", "--cursor", first["next"], "--json").stdout)

    assert 0 == table.exit_code
    assert 4 == len(table.stdout.splitlines())
    assert "data.pin is not 4 to 6 digits" in table.stdout
    assert kept == {row["id"] for row in first["items"] + second["items"]}
    assert second["next"] is None
    assert "--cursor" in run("list", "--limit", "2").stderr
    assert GUEST not in table.output + json.dumps(first)


def test_replay(stage: Stage) -> None:
    """Understood now: accepted, and marked; what still is not is told and stops none of the others."""
    good, bad = stage.keep(event_body(id="BK-1")), stage.keep(event_body(pin="x"))
    result = run("replay", bad, good, "no/such")

    assert 1 == result.exit_code
    assert f"{good}: understood now, and accepted\n" == result.stdout
    still, unknown = result.stderr.splitlines()
    assert still.startswith(f"innkey: error: rejected event {bad}: it is still not understood (data.pin ")
    assert unknown.startswith("innkey: error: rejected event no/such: the API answered 404")
    assert 1 == stage.innkey.store.health.gauges()["inbox"]
    (again,) = json.loads(run("replay", good, "--json").stdout)
    assert (good, True) == (again["id"], again["replayed"] is not None)


def test_replay_without_the_token(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is a question of configuration; a wrong one is refused. Neither is shown."""
    kept = stage.keep(event_body())
    monkeypatch.setenv("INNKEY_API_TOKEN", "hunter2")
    wrong = run("replay", kept)
    monkeypatch.delenv("INNKEY_API_TOKEN")
    none = run("replay", kept)

    assert (1, 2) == (wrong.exit_code, none.exit_code)
    assert "the API refuses the token; set INNKEY_API_TOKEN" in wrong.stderr
    assert none.stderr.startswith("innkey: error: INNKEY_API_TOKEN: is not set")
    assert "hunter2" not in wrong.output


def test_replay_without_a_web_process(stage: Stage) -> None:
    """One line says where it should be, and what to do."""
    result = run("replay", "x", "--url", f"http://127.0.0.1:{free_port()}")

    assert 1 == result.exit_code
    assert "is not to be reached (ConnectError); start it with `innkey up`" in result.stderr

"""What a person does with the endpoints, by API and command line, and what is counted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.cli_kit import stand_in
from tests.integration.outgoing_kit import ENVIRON, Receiver, posted, receiver, table
from tests.integration.web_kit import PROPERTIES, Web, environ_for, wired
from tests.redis_server import redis_server
from worker.bootstrap import bootstrap
from worker.cli import cli
from worker.domain.outgoing import Topic


@dataclass
class Desk:
    """A person's web client and terminal, beside a worker that sends."""

    web: Web
    crm: Receiver
    post: Any

    def run(self, *args: str) -> Result:
        """One command."""
        return CliRunner().invoke(cli, ["outgoing", *args], catch_exceptions=False)

    def json(self, *args: str) -> Any:
        """What a command prints for programs."""
        done = self.run(*args, "--json")
        assert 0 == done.exit_code, done.output
        return json.loads(done.stdout)

    def acts(self) -> list[tuple[str, str, str]]:
        """The ends in the operator log, the latest first."""
        lines = self.web.innkey.store.operators.page(limit=50, cursor=None).items
        return [(line.what, line.on, line.result) for line in lines if line.result != "asked"]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """One endpoint that is on and one that is off."""
    stand_in(tmp_path, monkeypatch)
    with receiver() as crm, redis_server(tmp_path / "redis", fsync="everysec") as server:
        environ = environ_for(tmp_path, server.url, **ENVIRON)
        rest = PROPERTIES.partition("[outgoing.crm]")
        tables = table("crm", crm.url), table("off", crm.url, "enabled = false")
        text = rest[0] + "".join(tables) + rest[2][rest[2].index("[locks.") :]
        (tmp_path / "properties.toml").write_text(text, encoding="utf-8")
        for name, value in environ.items():
            monkeypatch.setenv(name, value)
        web = wired(environ)
        worker = bootstrap(environ, hints=Queueing())
        yield Desk(web, crm, posted(Stub(worker)))  # type: ignore[arg-type]
        for services in (web.innkey, worker):
            services.sender.close()
            services.store.client.close()


class Queueing:
    """Hints of the sender alone."""

    def __init__(self) -> None:
        self.endpoints: list[str] = []

    def outgoing(self, endpoint: str) -> None:
        """Remember an endpoint."""
        self.endpoints.append(endpoint)

    def locks(self, names: list[str]) -> None:
        """Nobody is told."""

    def event(self, event_key: str) -> None:
        """Nobody is told."""

    def alert(self, problem: str) -> None:
        """Nobody is told."""

    def stay(self, ref: str) -> None:
        """Nobody is told."""

    def errands(self, source: str) -> None:
        """Nobody is told."""


class Stub:
    """As much of an engine as the sender needs."""

    def __init__(self, innkey: Any) -> None:
        self.innkey, self.queue = innkey, innkey.hints
        self.housekeeping, self.escalation = innkey.housekeeping(), innkey.escalation()


class TestApi:
    """`/v1/outgoing`."""

    def test_endpoints(self, desk: Desk) -> None:
        """Where they are without the path, and how they do; a page at a time."""
        desk.post.tell(Topic.CODE_SET)
        crm, off = desk.web.get("/v1/outgoing").json["items"]
        origin = desk.crm.url.removesuffix("/hook")
        assert ("crm", origin, "on", 1, False) == tuple(
            crm[name] for name in ("name", "origin", "state", "waiting", "with_pin")
        )
        assert ("off", "off", 0) == (off["name"], off["state"], off["waiting"])
        page = desk.web.get("/v1/outgoing", limit=1).json
        assert ["off"] == [
            one["name"] for one in desk.web.get("/v1/outgoing", cursor=page["next"]).json["items"]
        ]

    def test_deliveries(self, desk: Desk) -> None:
        """The latest first, in pages, each with its attempts."""
        desk.crm.will(500)
        desk.post.tell(Topic.CODE_SET)
        desk.post.work()
        desk.post.tell(Topic.CODE_REMOVED)
        first = desk.web.get("/v1/outgoing/crm/deliveries", limit=1).json
        (newest,) = first["items"]
        assert ("code.removed", "waiting", "direct", "BK-1", []) == tuple(
            newest[name] for name in ("type", "state", "source", "booking", "attempts")
        )
        (older,) = desk.web.get("/v1/outgoing/crm/deliveries", cursor=first["next"]).json["items"]
        (attempt,) = older["attempts"]
        assert ("refused", 500) == (attempt["outcome"], attempt["status"])
        assert older["next"] > older["at"]

    def test_replay(self, desk: Desk) -> None:
        """Answered 202, logged, and sent by a worker."""
        desk.post.tell(Topic.CODE_SET)
        desk.post.work()
        message = desk.post.one().id
        answer = desk.web.post(f"/v1/outgoing/crm/deliveries/{message}/replay")
        assert (202, "waiting") == (answer.status_code, answer.json["state"])
        desk.post.work()
        assert 2 == len(desk.crm.got)
        assert [("outgoing.replay", f"crm {message}", "done")] == desk.acts()

    def test_what_is_not_there(self, desk: Desk) -> None:
        """404 for unknown endpoints and messages, without a line in the log; 409 where nothing is sent."""
        desk.post.tell(Topic.CODE_SET)
        message = desk.post.one().id
        for path in ("crm/deliveries/none/replay", f"off/deliveries/{message}/replay", "other/test"):
            assert 404 == desk.web.post(f"/v1/outgoing/{path}").status_code, path
        assert 404 == desk.web.get("/v1/outgoing/other/deliveries").status_code
        assert [] == desk.acts()
        assert 409 == desk.web.post("/v1/outgoing/off/enable").status_code
        desk.crm.will(410)
        desk.post.work()
        answer = desk.web.post(f"/v1/outgoing/crm/deliveries/{message}/replay")
        assert (409, True) == (answer.status_code, "enable it first" in answer.json["detail"])

    def test_test(self, desk: Desk) -> None:
        """What the endpoint said; nothing of it is kept but the line in the operator log."""
        desk.crm.will(418, b"a teapot")
        answer = desk.web.post("/v1/outgoing/crm/test").json
        assert ("refused", 418, "a teapot") == (answer["outcome"], answer["status"], answer["said"])
        (event,) = desk.crm.events()
        assert ("innkey.test", "crm") == (event["type"], event["data"]["endpoint"])
        assert [] == desk.post.log()
        assert [("outgoing.test", "crm", "refused")] == desk.acts()

    def test_enable(self, desk: Desk) -> None:
        """After a 410 everything that waits is sent."""
        desk.crm.will(410)
        desk.post.tell(Topic.CODE_SET)
        desk.post.work()
        assert "gone" == desk.web.get("/v1/outgoing").json["items"][0]["state"]
        answer = desk.web.post("/v1/outgoing/crm/enable")
        assert (202, "on", 1) == (answer.status_code, answer.json["state"], answer.json["waiting"])
        desk.post.work()
        assert 2 == len(desk.crm.got)

    def test_metrics(self, desk: Desk) -> None:
        """Attempts by outcome, and what waits."""
        desk.crm.will(500)
        desk.post.tell(Topic.CODE_SET, Topic.CODE_REMOVED)
        desk.post.work()
        desk.post.inn.innkey.report_counts()
        text = desk.web.client.get("/metrics").text
        for line in (
            'innkey_deliveries_total{endpoint="crm",outcome="refused"} 1.0',
            'innkey_deliveries_total{endpoint="crm",outcome="delivered"} 1.0',
            'innkey_deliveries_waiting{endpoint="crm"} 1.0',
        ):
            assert line in text


class TestCommands:
    """`innkey outgoing`."""

    def test_list(self, desk: Desk) -> None:
        """For people and for programs; never the path, which may be a secret."""
        desk.post.tell(Topic.CODE_SET)
        assert [("crm", "on", 1), ("off", "off", 0)] == [
            (view["name"], view["state"], view["waiting"]) for view in desk.json("list")
        ]
        text = desk.run("list").stdout
        assert "crm" in text
        assert "/hook" not in text

    def test_deliveries_and_show(self, desk: Desk) -> None:
        """A row for each, and one with its attempts."""
        desk.crm.will(503, Retry_After="60")
        desk.post.tell(Topic.CODE_SET)
        desk.post.work()
        message = desk.post.one().id
        assert [message] == [view["id"] for view in desk.json("deliveries", "crm")["items"]]
        assert "throttled (503)" in desk.run("deliveries", "crm").stdout
        shown = desk.run("show", "crm", message).stdout
        assert all(word in shown for word in ("throttled", "503", "BK-1", "waiting"))
        assert "BK-1" == desk.json("show", "crm", message)["data"]["booking"]

    def test_replay(self, desk: Desk) -> None:
        """One that is not there stops none of the others."""
        desk.post.tell(Topic.CODE_SET)
        desk.post.work()
        message = desk.post.one().id
        done = desk.run("replay", "crm", "none", message)
        assert (1, f"{message}: will be sent again\n") == (done.exit_code, done.stdout)
        assert "delivery none: there is none" in done.stderr
        desk.post.work()
        assert 2 == len(desk.crm.got)
        assert [("outgoing.replay", f"crm {message}", "done")] == desk.acts()

    def test_test(self, desk: Desk) -> None:
        """What it answered, on one line without what could steer a terminal; 1 for anything but 2xx."""
        told = desk.json("test", "crm")
        assert (204, "delivered") == (told["status"], told["outcome"])
        desk.crm.will(400, b"no\x1b[2J")
        done = desk.run("test", "crm")
        assert (1, True) == (done.exit_code, "crm: refused (400), after" in done.stdout)
        assert "\x1b" not in done.stdout

    def test_enable(self, desk: Desk) -> None:
        """Says how it is then."""
        desk.crm.will(410)
        desk.post.tell(Topic.CODE_SET)
        desk.post.work()
        assert "crm: on, 1 waiting\n" == desk.run("enable", "crm").stdout

    @pytest.mark.parametrize(
        ("args", "code", "words"),
        [
            (("test", "other"), 2, "no endpoint 'other' (known: crm, off)"),
            (("deliveries", "other"), 2, "no endpoint 'other'"),
            (("show", "crm", "none"), 1, "there is none"),
            (("enable", "off"), 1, "enabled = false"),
            (("deliveries", "crm", "--cursor", "none"), 2, "cursor"),
        ],
    )
    def test_what_is_not_there(self, desk: Desk, args: tuple[str, ...], code: int, words: str) -> None:
        """A line that says what is in the way."""
        done = desk.run(*args)
        assert (code, True) == (done.exit_code, words in done.stderr), done.stderr

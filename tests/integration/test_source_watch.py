"""From deliveries to a mail: sources that fall silent, or fail their proof of origin."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.cli_kit import stand_in
from tests.integration.engine_kit import Outbox
from tests.integration.web_kit import Web, environ_for, event_body, signed, wired
from tests.redis_server import redis_server
from worker.actors import Pulse
from worker.cli import cli
from worker.domain.notices import About
from worker.domain.source_signs import SourceSigns, with_deliveries
from worker.processes.embedded_redis import EmbeddedRedis
from worker.service.source_watch import SourceWatch

DAY, HOUR, MINUTE = (timedelta(**{name: 1}) for name in ("days", "hours", "minutes"))
DIRECT = "direct"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedRedis]:
    """One Redis for all of these tests; it is emptied for each."""
    with redis_server(tmp_path_factory.mktemp("redis"), fsync="everysec") as made:
        yield made


@pytest.fixture
def kit(server: EmbeddedRedis, tmp_path: Path) -> Iterator[Web]:
    """An app beside an empty record."""
    made = wired(environ_for(tmp_path, server.url))
    made.innkey.store.client.flushall()
    yield made
    made.innkey.store.client.close()


def now_of(kit: Web) -> datetime:
    """Redis' time."""
    return kit.innkey.clock.heard(kit.innkey.store.agenda.now())


def signs(kit: Web, source: str = DIRECT) -> SourceSigns:
    """What is on record of a source."""
    return kit.innkey.store.source_signs.get_many([source])[source]


def put(kit: Web, made: SourceSigns, source: str = DIRECT) -> None:
    """Put signs on record."""
    kit.innkey.store.source_signs.change(source, lambda _: made)


def usual(kit: Web, silent_for: timedelta) -> SourceSigns:
    """Signs of a source that wrote every eight hours for a month, until so long ago."""
    last = now_of(kit) - silent_for
    made = SourceSigns(awake=last - 40 * DAY)
    for number in range(90, -1, -1):
        at = last - number * 8 * HOUR
        made = with_deliveries(replace(made, looked=at), [at], [])
    return replace(made, looked=now_of(kit))


def forged(kit: Web) -> None:
    """A delivery with another signature."""
    other = signed(event_body(), secret="whsec_" + "QUJD" * 8)
    assert 401 == kit.client.post("/webhooks/direct", data=event_body(), headers=other).status_code


def mails(kit: Web, about: About, source: str = DIRECT) -> list[tuple[str, str]]:
    """The mails that are owed now."""
    escalation = kit.innkey.escalation()
    escalation.mailer = outbox = Outbox()
    escalation.alert(f"{about.value}:{source}")
    return outbox.mails


class TestHearing:
    """What reaches the record of deliveries."""

    @pytest.mark.parametrize(
        "body", [event_body(), b'{"type": "x"}', b"{"], ids=["accepted", "ignored", "not understood"]
    )
    def test_proven(self, kit: Web, body: bytes) -> None:
        """Whatever is proven tells that the source is there, at once."""
        before = now_of(kit)
        kit.deliver(body)
        heard = signs(kit).heard
        assert heard is not None
        assert -MINUTE < heard - before < MINUTE

    def test_refused(self, kit: Web) -> None:
        """Refusals alone are reported too, once a minute, and no proof is seen in them."""
        for _ in range(5):
            forged(kit)
        found = signs(kit)
        assert (None, 1) == (found.heard, found.refusals)
        kit.client.post("/webhooks/direct", data=b"{}", content_type="text/plain")
        assert found == signs(kit)

    def test_one_report_a_minute(self, kit: Web) -> None:
        """A busy source costs no round trip for each delivery; what came since is told with the next."""
        kit.deliver(event_body())
        first = signs(kit).heard
        kit.deliver(b'{"type": "x"}')
        assert first == signs(kit).heard
        kit.client.get("/metrics")
        latest = signs(kit).heard
        assert first is not None
        assert latest is not None
        assert latest >= first

    def test_the_next_minute(self, kit: Web) -> None:
        """A minute later the next delivery is told of again, refused or not."""
        now = now_of(kit)
        for minute in range(3):
            kit.innkey.hearing.note(DIRECT, now + minute * MINUTE, is_proven=False)
            assert kit.innkey.hearing.has_news()
            kit.innkey.report_counts()
            assert minute + 1 == signs(kit).refusals

    def test_redis_away(self, tmp_path: Path) -> None:
        """Where Redis is away a refusal is a 401 all the same, and is told of later."""
        with redis_server(tmp_path / "redis", fsync="everysec") as server:
            kit = wired(environ_for(tmp_path, server.url))
            server.kill()
            forged(kit)
            server.restart()
            kit.client.get("/metrics")
            assert (None, 1) == (signs(kit).heard, signs(kit).refusals)
            server.kill()
            assert 503 == kit.deliver(event_body()).status_code
            server.restart()
            kit.client.get("/metrics")
            assert signs(kit).heard is not None

    def test_two_processes_at_once(self, kit: Web) -> None:
        """A report that another one overtakes is made anew: both are kept."""
        now, overtakes = now_of(kit), [True]

        def other(before: SourceSigns) -> SourceSigns:
            return with_deliveries(before, [], [now - HOUR])

        def decide(before: SourceSigns) -> SourceSigns:
            while overtakes:
                overtakes.pop()
                kit.innkey.store.source_signs.change(DIRECT, other)
            return with_deliveries(before, [], [now])

        kit.innkey.store.source_signs.change(DIRECT, decide)
        assert 2 == signs(kit).refusals


class TestWatch:
    """What a worker makes of it."""

    def test_silent_and_heard_again(self, kit: Web) -> None:
        """A mail tells since when; the next delivery settles it, and a mail says so."""
        put(kit, usual(kit, 13 * HOUR))
        kit.innkey.source_watch().judge()
        ((subject, text),) = mails(kit, About.SOURCE_SILENT)
        assert "[Innkey] Source silent: direct" == subject
        assert f"Nothing has come since {signs(kit).heard:%Y-%m-%d at %H:%M} UTC." in text
        kit.innkey.source_watch().judge()
        assert [] == mails(kit, About.SOURCE_SILENT)
        kit.deliver(event_body())
        kit.innkey.source_watch().judge()
        assert ["[Innkey] Cleared: Source silent: direct"] == [s for s, _ in mails(kit, About.SOURCE_SILENT)]

    def test_usual_silence(self, kit: Web) -> None:
        """Half as long again as the longest so far is still usual."""
        put(kit, usual(kit, 11 * HOUR))
        kit.innkey.source_watch().judge()
        assert [] == mails(kit, About.SOURCE_SILENT)

    def test_a_limit_of_its_own(self, kit: Web) -> None:
        """`silence` counts from the first look, even if nothing ever comes."""
        config = replace(kit.innkey.configuration.properties.sources[DIRECT], silence=HOUR)
        watch = SourceWatch(kit.innkey.store, kit.innkey.clock, {DIRECT: config})
        watch.judge()
        assert [] == mails(kit, About.SOURCE_SILENT)
        put(kit, replace(signs(kit), awake=now_of(kit) - 2 * HOUR))
        watch.judge()
        assert 1 == len(mails(kit, About.SOURCE_SILENT))

    def test_unproven_and_proven_again(self, kit: Web) -> None:
        """A secret that was changed at the sender is told of; the next good delivery settles it."""
        now = now_of(kit)
        for minute in range(20, 0, -4):
            kit.innkey.hearing.note(DIRECT, now - minute * MINUTE, is_proven=False)
        forged(kit)
        kit.innkey.source_watch().judge()
        ((subject, text),) = mails(kit, About.SOURCE_UNPROVEN)
        assert "[Innkey] Source unproven: direct" == subject
        assert f"refused since {now - 20 * MINUTE:%Y-%m-%d at %H:%M} UTC." in text
        kit.deliver(event_body())
        kit.innkey.source_watch().judge()
        assert 1 == len(mails(kit, About.SOURCE_UNPROVEN))
        assert signs(kit).unproven is None

    def test_a_source_that_leaves(self, kit: Web) -> None:
        """Disabled, or gone from the file: what was told is taken back, and a gone one is forgotten."""
        for source in ("off", "gone"):
            put(kit, replace(usual(kit, DAY), silent=now_of(kit) - DAY), source)
        kit.innkey.source_watch().judge()
        assert signs(kit, "off").silent is None
        assert SourceSigns() == signs(kit, "gone")
        assert {"off", DIRECT} <= kit.innkey.store.source_signs.known()
        assert "gone" not in kit.innkey.store.source_signs.known()

    def test_one_worker_judges(self, kit: Web) -> None:
        """The pulse of each worker comes by; one of them judges."""
        put(kit, usual(kit, 13 * HOUR))
        Pulse(kit.innkey).beat(1000.0)
        told = signs(kit)
        assert told.silent is not None
        put(kit, replace(told, silent=None))
        Pulse(kit.innkey).beat(2000.0)
        assert signs(kit).silent is None


class TestShown:
    """What people see."""

    def test_api(self, kit: Web) -> None:
        """Each source with what came of its deliveries, and what is wrong with it."""
        kit.deliver(event_body(), event_id="1")
        kit.deliver(event_body(), event_id="1")
        forged(kit)
        store = kit.innkey.store
        store.errands.note(DIRECT, "polled", "2026-12-01T00:00:00+00:00")
        store.errands.note(DIRECT, About.SOURCE_AWAY.value, "no connection")
        store.errands.add(DIRECT, "ask:1", now_of(kit))
        found = {row["source"]: row for row in kit.get("/v1/sources").json["items"]}
        assert [DIRECT, "basic", "tokened", "headed", "off"] == list(found)
        heard = signs(kit).heard
        assert heard is not None
        assert {
            "source": DIRECT,
            "adapter": "innkey",
            "enabled": True,
            "last_heard": heard.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "deliveries": {"accepted": 1, "duplicate": 1, "unproven": 1},
            "last_polled": "2026-12-01T00:00:00Z",
            "errands_waiting": 1,
            "silent_since": None,
            "unproven_since": None,
            "away": True,
            "refuses": False,
        } == found[DIRECT]
        assert (False, None, {}) == tuple(found["off"][k] for k in ("enabled", "last_heard", "deliveries"))

    def test_pages(self, kit: Web) -> None:
        """Like every list of the API."""
        first = kit.get("/v1/sources", limit=4).json
        rest = kit.get("/v1/sources", cursor=first["next"]).json
        assert (4, ["off"], None) == (len(first["items"]), [r["source"] for r in rest["items"]], rest["next"])

    def test_command(
        self, kit: Web, server: EmbeddedRedis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`innkey sources list` says the same, for people and as JSON."""
        put(kit, replace(usual(kit, DAY), silent=now_of(kit) - DAY, unproven=now_of(kit)))
        kit.innkey.store.health.count_all({"webhooks:direct:accepted": 4, "webhooks:direct:unproven": 2})
        stand_in(tmp_path, monkeypatch)
        environ = environ_for(tmp_path, server.url)
        told = CliRunner().invoke(cli, ["sources", "list"], env=environ).stdout
        (row,) = [line.split() for line in told.splitlines() if line.startswith("direct")]
        assert ["direct", "innkey", "silent,", "unproven"] == row[:4]
        assert {"4", "2"} <= set(row)
        (off,) = [line for line in told.splitlines() if line.startswith("off")]
        assert "disabled" in off
        found = json.loads(CliRunner().invoke(cli, ["sources", "list", "--json"], env=environ).stdout)
        assert kit.get("/v1/sources").json == found

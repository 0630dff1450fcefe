"""The webhook receiver: what it answers and records; nothing is answered 200 that is not recorded."""

from __future__ import annotations

import base64
import http.client
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Self

import pytest
from structlog.testing import capture_logs

from tests.integration.sources_kit import a_stay, senders
from tests.integration.web_kit import (
    OLD_SECRET,
    SECRET,
    Web,
    environ_for,
    event_body,
    gunicorn,
    signed,
    stalled_server,
    web,
    wired,
)
from tests.redis_server import redis_server
from webhooks.sources import innkey as innkey_source
from worker.broker import EVENTS, NAMESPACE
from worker.configuration_error import ConfigurationError
from worker.domain.booking import StayKey
from worker.domain.notices import About
from worker.processes.embedded_redis import free_port
from worker.sample_deliveries.delivery import SENDERS
from worker.store import keys

AHEAD = timedelta(hours=1)
PROBLEM = "application/problem+json"
JSON = {"Content-Type": "application/json"}


class Ahead(datetime):
    """The host's clock where it goes an hour ahead of Redis'."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        """An hour too late."""
        return super().now(tz) + AHEAD


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Web]:
    """An app beside an empty Redis."""
    with web(tmp_path) as made:
        yield made


class TestAccepted:
    """What is answered 200."""

    def test_event_is_recorded_and_hinted_at(self, kit: Web) -> None:
        """C05: 200 names the event, which waits in the record; a message tells the workers."""
        answer = kit.deliver(event_body(guest={"name": "John Lee"}), event_id="msg_1")
        assert (200, {"status": "accepted", "event": "msg_1"}) == (answer.status_code, answer.json)
        assert 1 == kit.innkey.store.health.gauges()["inbox"]
        assert 1 == kit.innkey.store.client.llen(f"{NAMESPACE}:{EVENTS}")
        kit.apply()
        stay = kit.innkey.store.stays.get(StayKey("direct", "BK-1001"))
        assert stay is not None
        assert ("beach-house", "John Lee") == (stay.booking.unit, stay.booking.guest_name)

    def test_same_id_is_a_duplicate(self, kit: Web) -> None:
        """An event that comes again changes nothing, also after it was applied."""
        body = event_body()
        kit.deliver(body, event_id="msg_1")
        kit.apply()
        answer = kit.deliver(body, event_id="msg_1")
        assert (200, {"status": "duplicate", "event": "msg_1"}) == (answer.status_code, answer.json)
        assert 0 == kit.innkey.store.health.gauges()["inbox"]

    def test_other_types_are_ignored(self, kit: Web) -> None:
        """C03: what concerns no stay is answered 200 and not kept."""
        answer = kit.deliver(b'{"type": "payment.paid"}', event_id="msg_1")
        assert (200, {"status": "ignored", "event": "msg_1"}) == (answer.status_code, answer.json)
        gauges = kit.innkey.store.health.gauges()
        assert (0, 0) == (gauges["inbox"], gauges["rejected_events"])

    def test_any_secret_of_the_list_will_do(self, kit: Web) -> None:
        """While a secret is replaced, both are good."""
        assert 200 == kit.deliver(event_body(), secret=OLD_SECRET).status_code

    def test_charset_is_no_matter(self, kit: Web) -> None:
        """A parameter of the content type does not make it another one."""
        body = event_body()
        headers = signed(body) | {"Content-Type": "Application/JSON; charset=utf-8"}
        assert 200 == kit.client.post("/webhooks/direct", data=body, headers=headers).status_code

    def test_guest_is_encrypted_in_the_record(self, kit: Web) -> None:
        """Neither an accepted event nor one that is kept for review shows the guest to who reads Redis."""
        kit.deliver(event_body(guest={"name": "Canary"}, pin="482913"))
        kit.deliver(event_body(guest={"name": "Canary", "email": "no"}, pin="482913"))
        client = kit.innkey.store.client
        texts = [
            str(client.get(name)) for name in client.scan_iter("innkey:*") if client.type(name) == "string"
        ]
        assert 2 <= len(texts)
        assert not any("Canary" in text or "482913" in text for text in texts)


class TestClock:
    """Deliveries are stamped by the clock by which fetches are stamped: Redis'."""

    def test_a_host_that_is_ahead_stamps_as_redis_does(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """From the first delivery of a process on: else what is fetched to correct it would seem older."""
        monkeypatch.setattr("worker.service.clock.datetime", Ahead)
        with senders(tmp_path) as kit:
            monkeypatch.setattr("webhooks.receiver.datetime", Ahead)
            events, agenda = kit.web.innkey.store.events, kit.web.innkey.store.agenda
            for booking in ("7001", "7002"):
                before = agenda.now()
                kit.post(kit.sample("hostaway", SENDERS["hostaway"].document(a_stay(booking))))
                found = [events.get(key) for key in events.waiting(agenda.now() + timedelta(days=1))]
                stamp = max(one.version.stamp for one in found if one is not None)
                assert before <= stamp <= agenda.now()

    def test_the_time_costs_no_round_trip_of_its_own(self, kit: Web) -> None:
        """It is asked for once by a process; then each answer of Redis tells it, also of a duplicate."""
        body = event_body()
        client = kit.innkey.store.client
        kit.deliver(body, event_id="msg_0")

        def asked(name: str) -> int:
            return int(client.info("commandstats").get(f"cmdstat_{name}", {"calls": 0})["calls"])

        # Scripts ask too, from within: a delivery that is recorded does so once.
        before, scripts = asked("time"), asked("evalsha")
        for number in range(5):
            assert 200 == kit.deliver(body, event_id=f"msg_{number}").status_code
        assert asked("time") - before <= asked("evalsha") - scripts

    def test_the_age_of_a_signature_is_told_by_the_host(
        self, kit: Web, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A sender's clock agrees with the world, and so does the host's."""
        monkeypatch.setattr("webhooks.receiver.datetime", Ahead)
        assert 401 == kit.deliver(event_body()).status_code
        assert 200 == kit.deliver(event_body(), at=datetime.now(UTC) + AHEAD).status_code


class TestRefused:
    """What is not taken, and why."""

    @pytest.mark.parametrize("source", ["unknown", "off", "direct/some-token", "../healthz"])
    def test_no_such_source(self, kit: Web, source: str) -> None:
        """Unknown and disabled sources, and a token where none is asked for, are 404."""
        answer = kit.deliver(event_body(), source)
        assert (404, PROBLEM) == (answer.status_code, answer.content_type)

    def test_only_post(self, kit: Web) -> None:
        """Other methods are a problem too, which says what is allowed."""
        answer = kit.client.get("/webhooks/direct")
        assert (405, PROBLEM) == (answer.status_code, answer.content_type)
        assert "POST" in answer.headers["Allow"]

    def test_get_is_for_those_that_use_it(self, kit: Web) -> None:
        """An address that is the whole delivery comes by GET from some senders, and from no other."""
        assert 405 == kit.client.get("/webhooks/tokened/token-in-the-address?id=1").status_code

    def test_unproven(self, kit: Web) -> None:
        """C01: without a good, fresh signature nothing is read, kept or counted as anything else."""
        body = event_body()
        for headers in (
            {"Content-Type": "application/json"},
            signed(body) | {"webhook-signature": "v1,ü"},
            signed(body) | {"webhook-id": "another"},
            signed(b"other"),
            signed(body, at=datetime.now(UTC) - timedelta(minutes=6)),
        ):
            answer = kit.client.post("/webhooks/direct", data=body, headers=headers)
            assert (401, PROBLEM) == (answer.status_code, answer.content_type)
        gauges = kit.innkey.store.health.gauges()
        assert (0, 0) == (gauges["inbox"], gauges["rejected_events"])

    @pytest.mark.parametrize(
        "given", ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"]
    )
    def test_content_type(self, kit: Web, given: str) -> None:
        """Only JSON is taken."""
        body = event_body()
        answer = kit.client.post(
            "/webhooks/direct", data=body, headers=signed(body) | {"Content-Type": given}
        )
        assert (415, PROBLEM) == (answer.status_code, answer.content_type)

    def test_size(self, kit: Web) -> None:
        """C02: a mebibyte is taken, a byte more is not, and the connection is closed on it."""
        full = b'{"type": "x", "pad": "' + b"x" * (1024 * 1024 - 24) + b'"}'
        assert 1024 * 1024 == len(full)
        assert 200 == kit.deliver(full).status_code
        answer = kit.deliver(full + b" ")
        assert (413, PROBLEM, "close") == (
            answer.status_code,
            answer.content_type,
            answer.headers["Connection"],
        )

    def test_not_understood_is_kept_once(self, kit: Web) -> None:
        """422 names the fields; the raw body is kept; sent again it is refused again and still one record."""
        body = event_body(check_in="soon", guest={"email": "no"})
        for _ in range(2):
            answer = kit.deliver(body)
            assert (422, PROBLEM) == (answer.status_code, answer.content_type)
            assert answer.json is not None
            assert {"data.check_in", "data.guest.email"} == set(answer.json["errors"])
        page = kit.innkey.store.events.rejected_page(limit=10, cursor=None)
        assert [("direct", body)] == [(one.source, one.body) for one in page.items]

    @pytest.mark.parametrize("body", [b"", b"{", b"[" * 100_000, b'{"type": "booking.\\ud800"}'])
    def test_what_is_no_good_json_is_kept_too(self, kit: Web, body: bytes) -> None:
        """C02: bad JSON from the right sender is for a person to see."""
        assert 422 == kit.deliver(body).status_code
        assert 1 == kit.innkey.store.health.gauges()["rejected_events"]

    def test_a_sender_that_gives_up_on_4xx_gets_200(self, kit: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the adapter says so, what is not understood is answered 200 and kept all the same."""
        monkeypatch.setattr(innkey_source, "answers_kept_with_200", True)
        answer = kit.deliver(b"{")
        assert (200, {"status": "kept"}) == (answer.status_code, answer.json)
        (problem,) = kit.innkey.store.client.zrange(keys.ALERTS, 0, -1)
        assert "bad_event:direct" == problem
        (row,) = kit.innkey.store.alerts.rows(problem)
        (notice,) = kit.innkey.store.notices.get_many([row])
        assert About.BAD_EVENT is notice.about
        assert 1 == kit.innkey.store.health.gauges()["rejected_events"]

    def test_log_names_source_and_reason_and_nothing_of_the_delivery(self, kit: Web) -> None:
        """One line per delivery that is not taken, without its body and headers."""
        with capture_logs() as lines:
            kit.deliver(event_body(guest={"name": "Canary\x00"}), event_id="canary-id")
            kit.client.post("/webhooks/direct", data=b"Canary", headers={"Content-Type": "application/json"})
        assert ["webhook.not_understood", "webhook.refused"] == [line["event"] for line in lines]
        assert {"direct"} == {line["source"] for line in lines}
        assert "canary" not in json.dumps(lines).lower()


class TestOtherProofs:
    """A source whose sender signs nothing proves itself as its table says."""

    def test_basic(self, kit: Web) -> None:
        """User and password; else 401 with the challenge."""
        good = base64.b64encode(f"pms:{SECRET}".encode()).decode()
        bad = base64.b64encode(b"pms:guess").decode()
        headers = JSON | {"Authorization": f"Basic {good}"}
        assert 200 == kit.client.post("/webhooks/basic", data=event_body(), headers=headers).status_code
        for wrong in (f"Basic {bad}", "Basic ***", f"Bearer {good}", ""):
            headers = JSON | {"Authorization": wrong}
            answer = kit.client.post("/webhooks/basic", data=event_body(), headers=headers)
            assert (401, 'Basic realm="Innkey"') == (answer.status_code, answer.headers["WWW-Authenticate"])

    def test_header(self, kit: Web) -> None:
        """A header with a value that only the sender knows."""
        good, bad = JSON | {"x-proof": SECRET}, JSON | {"x-proof": "guess"}
        assert 200 == kit.client.post("/webhooks/headed", data=event_body(), headers=good).status_code
        for headers in (bad, JSON):
            assert 401 == kit.client.post("/webhooks/headed", data=event_body(), headers=headers).status_code

    def test_token_in_the_address(self, kit: Web) -> None:
        """The token stands behind the source's name; without it, or with another one, 401."""
        for path, status in (("/token-in-the-address", 200), ("/guess", 401), ("", 401)):
            address = f"/webhooks/tokened{path}"
            assert status == kit.client.post(address, data=event_body(), headers=JSON).status_code

    def test_unsigned_deliveries_are_told_apart_by_their_body(self, kit: Web) -> None:
        """Without an id of the sender's, the same body twice is the same event."""
        body, found = event_body(), []
        for _ in range(2):
            answer = kit.client.post("/webhooks/tokened/token-in-the-address", data=body, headers=JSON)
            assert answer.json is not None
            found.append(answer.json["status"])
        assert ["accepted", "duplicate"] == found


def timed_post(port: int, body: bytes) -> tuple[float, int, dict[str, str]]:
    """Post a signed delivery: seconds, status, headers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    began = time.monotonic()
    connection.request("POST", "/webhooks/direct", body, signed(body))
    answer = connection.getresponse()
    answer.read()
    took = time.monotonic() - began
    connection.close()
    return took, answer.status, {name.lower(): value for name, value in answer.getheaders()}


class TestRedisAway:
    """Without Redis nothing is accepted, and the sender is told at once."""

    def test_refused_connection_then_back(self, tmp_path: Path) -> None:
        """The process starts without Redis, answers 503 within a second, and accepts once Redis is there."""
        port = free_port()
        with gunicorn(tmp_path, environ_for(tmp_path, f"redis://127.0.0.1:{port}/0")) as web_port:
            best = min(timed_post(web_port, event_body()) for _ in range(3))
            assert (503, "5", PROBLEM) == (best[1], best[2]["retry-after"], best[2]["content-type"])
            assert best[0] < 1
        with redis_server(tmp_path / "redis", fsync="everysec") as server:
            environ = environ_for(tmp_path, server.url)
            with gunicorn(tmp_path, environ) as web_port:
                assert 200 == timed_post(web_port, event_body())[1]
                server.kill()
                assert 503 == timed_post(web_port, event_body())[1]
                server.restart()
                assert 200 == timed_post(web_port, event_body())[1]

    def test_stalled(self, tmp_path: Path) -> None:
        """A Redis that takes the connection and says nothing is no reason to keep the sender waiting."""
        with stalled_server() as url, gunicorn(tmp_path, environ_for(tmp_path, url)) as port:
            best = min(timed_post(port, event_body()) for _ in range(3))
            assert (503, "5") == (best[1], best[2]["retry-after"])
            assert best[0] < 1

    def test_what_needs_no_redis_is_answered_without(self, tmp_path: Path) -> None:
        """A forged delivery is 401 and an unknown source 404 also while Redis is away."""
        kit = wired(environ_for(tmp_path, f"redis://127.0.0.1:{free_port()}/0"))
        assert 401 == kit.client.post("/webhooks/direct", json={}).status_code
        assert 404 == kit.client.post("/webhooks/unknown", json={}).status_code


class TestSizeOnTheWire:
    """Too large a body is refused while it comes, and its sender hears of it."""

    @pytest.fixture(scope="class")
    @staticmethod
    def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
        """A web process without Redis: nothing here comes so far."""
        folder = tmp_path_factory.mktemp("web")
        with gunicorn(folder, environ_for(folder, f"redis://127.0.0.1:{free_port()}/0")) as port:
            yield port

    def test_without_a_length(self, port: int) -> None:
        """A body in chunks that never says how long it is is cut off after a mebibyte."""
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            head = "POST /webhooks/direct HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
            for _ in range(17):
                connection.sendall(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            connection.sendall(b"0\r\n\r\n")
            answer = connection.makefile("rb").read().lower()
        assert answer.startswith(b"http/1.1 413 ")
        assert b"connection: close" in answer

    def test_with_a_length(self, port: int) -> None:
        """A sender that sends all of a body that is too large gets the answer, and no broken connection."""
        _, status, headers = timed_post(port, b"x" * (9 * 512 * 1024))
        assert (413, "close", PROBLEM) == (status, headers["connection"], headers["content-type"])

    def test_announced_and_never_sent(self, port: int) -> None:
        """One that waits to be told to go on is refused by the length that it announces."""
        with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
            head = "POST /webhooks/direct HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}Expect: 100-continue\r\nContent-Length: 2000000\r\n\r\n".encode())
            answer = connection.makefile("rb").read().lower()
        assert b"http/1.1 413 " in answer


def test_bad_configuration_is_told_and_raised(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every problem is printed, and there is no app."""
    environ = environ_for(tmp_path, "redis://127.0.0.1:1/0")
    del environ["INNKEY_SECRET_KEY"], environ["URL_TOKEN"]
    with pytest.raises(ConfigurationError):
        wired(environ)
    said = capsys.readouterr().err
    assert "INNKEY_SECRET_KEY" in said
    assert "URL_TOKEN" in said

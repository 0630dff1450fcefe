"""/healthz, /readyz and /metrics, and the page that explains the metrics."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.web_kit import Web, environ_for, event_body, stalled_server, web, wired
from tests.redis_server import redis_server
from webhooks.metrics import COUNTERS, GAUGES
from worker.domain.signs import Signs
from worker.processes.embedded_redis import free_port
from worker.store import keys
from worker.store.trail import dump_signs

PAGE = (Path(__file__).parents[2] / "docs/reference/metrics.md").read_text(encoding="utf-8")


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Web]:
    """An app beside an empty Redis."""
    with web(tmp_path) as made:
        yield made


def samples(kit: Web) -> dict[tuple[str, str], float]:
    """What /metrics tells: by name, and label values with slashes between them."""
    answer = kit.client.get("/metrics")
    assert 200 == answer.status_code
    assert answer.content_type.startswith("text/plain")
    return {
        (sample.name, "/".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


class TestHealth:
    """Whether the process is up, and whether it can work."""

    def test_up_without_redis(self, tmp_path: Path) -> None:
        """The process is up whatever Redis does; it is not ready."""
        kit = wired(environ_for(tmp_path, f"redis://127.0.0.1:{free_port()}/0"))
        assert 200 == kit.client.get("/healthz").status_code
        for path in ("/readyz", "/metrics"):
            answer = kit.client.get(path)
            assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])

    def test_not_ready_with_a_stalled_redis(self, tmp_path: Path) -> None:
        """A Redis that does not answer is none."""
        with stalled_server() as url:
            kit = wired(environ_for(tmp_path, url))
            assert 503 == kit.client.get("/readyz").status_code

    def test_ready(self, kit: Web) -> None:
        """Ready is told with what an operator wants to know; this server may lose a second."""
        answer = kit.client.get("/readyz")
        assert (200, "no-store") == (answer.status_code, answer.headers["Cache-Control"])
        assert {
            "status": "ready",
            "persists_every_write": False,
            "never_evicts": True,
            "detail": "appendonly yes, appendfsync everysec",
            "oldest_due_seconds": 0.0,
            "workers": 0,
        } == answer.json

    def test_a_server_that_persists_every_write(self, tmp_path: Path) -> None:
        """`appendfsync always` is told."""
        with redis_server(tmp_path / "redis") as server:
            answer = wired(environ_for(tmp_path, server.url)).client.get("/readyz")
        assert answer.json is not None
        assert answer.json["persists_every_write"] is True

    def test_workers_and_work_in_the_future(self, kit: Web) -> None:
        """A worker that was just seen counts; what is due in years is not late."""
        kit.book(check_in="2098-12-01", check_out="2098-12-05")
        kit.innkey.store.health.seen("host:1", datetime.now(UTC))
        found = kit.client.get("/readyz").json
        assert found is not None
        assert (1, 0.0) == (found["workers"], found["oldest_due_seconds"])


class TestMetrics:
    """What is counted."""

    def test_deliveries_by_outcome(self, kit: Web) -> None:
        """Each delivery counts once, by its source and outcome."""
        body = event_body()
        kit.deliver(body, event_id="1")
        kit.deliver(body, event_id="1")
        kit.deliver(b'{"type": "x"}')
        kit.deliver(b"{")
        kit.client.post("/webhooks/direct", data=b"{}", content_type="application/json")
        kit.client.post("/webhooks/direct", data=b"{}", content_type="text/plain")
        kit.deliver(b"x" * 1_100_000)
        kit.client.post("/webhooks/unknown-source", data=b"{}")
        found = {label: value for (name, label), value in samples(kit).items() if "webhooks" in name}
        outcomes = ["accepted", "duplicate", "ignored", "not_understood"]
        outcomes += ["unproven", "wrong_content_type", "too_large"]
        assert {f"{outcome}/direct": 1.0 for outcome in outcomes} == found

    def test_deliveries_while_redis_was_away(self, tmp_path: Path) -> None:
        """What was refused meanwhile is not forgotten."""
        with redis_server(tmp_path / "redis", fsync="everysec") as server:
            kit = wired(environ_for(tmp_path, server.url))
            server.kill()
            assert 503 == kit.deliver(event_body()).status_code
            assert 503 == kit.client.get("/metrics").status_code
            server.restart()
            assert 1.0 == samples(kit)["innkey_webhooks_total", "unavailable/direct"]

    def test_sizes_and_calls(self, kit: Web) -> None:
        """The record's sizes, and the calls that workers counted."""
        kit.innkey.store.health.count_all(
            {"calls:add:done": 3, "calls:list:doubt": 1, "other": 5, "a:b:c": 1}
        )
        kit.book()
        kit.book(id="BK-2", unit="castle")
        kit.deliver(event_body(id="BK-3"))
        found = samples(kit)
        assert (3.0, 1.0) == (
            found["innkey_vendor_calls_total", "add/done"],
            found["innkey_vendor_calls_total", "list/doubt"],
        )
        assert (2.0, 1.0, 1.0) == (
            found["innkey_stays", ""],
            found["innkey_dead_letters_open", ""],
            found["innkey_events_waiting", ""],
        )
        assert ("innkey_calls_out", "default") in found

    def test_no_guest_and_no_booking(self, kit: Web) -> None:
        """Nothing of a booking is in a label."""
        kit.book(id="Canary-1", guest={"name": "Canary"})
        assert "canary" not in kit.client.get("/metrics").text.lower()

    def test_page_lists_what_the_code_has(self, kit: Web) -> None:
        """docs/reference/metrics.md has a row for each metric: name, labels, meaning."""
        rows = re.findall(r"^\| `(innkey_\w+)` \| (.*?) ?\| (.*) \|$", PAGE, flags=re.MULTILINE)
        known = [*COUNTERS.values(), *GAUGES.values()]
        assert [(k.name, ", ".join(f"`{label}`" for label in k.labels), k.says) for k in known] == rows
        kit.deliver(event_body())
        kit.innkey.store.health.count_all(
            {
                "calls:add:done": 1,
                "deliveries:crm:delivered": 1,
                "fetched:a:news": 1,
                "feeds:airbnb:news": 1,
            }
        )
        signs = Signs(battery=64, heard=kit.innkey.store.agenda.now())
        kit.innkey.store.client.set(keys.signs("SS000001"), dump_signs(signs))
        assert {name for name, _, _ in rows} == {name for name, _ in samples(kit)}

    def test_page_lists_the_outcomes_of_deliveries(self) -> None:
        """The outcomes that the receiver counts are those of the page."""
        root = Path(__file__).parents[2]
        source = (root / "webhooks/receiver.py").read_text(encoding="utf-8")
        counted = set(
            re.findall(r'_count_refusal\(config, "(\w+)"|tally\.count\(config\.name, "(\w+)"', source)
        )
        counted_words = {word for pair in counted for word in pair if word}
        words = set(re.findall(r"^\| `(\w+)` \| \d{3} \|", PAGE, flags=re.MULTILINE))
        assert counted_words | {"accepted", "duplicate", "ignored"} == words

"""What `innkey doctor` concludes from what it is told, without asking anybody."""

from __future__ import annotations

import zoneinfo
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from worker.domain.outcomes import Kind, Outcome
from worker.service.checks import Grade, fail, ok, said
from worker.service.doctor import clocks_compared, redis_checks, zones_check, zones_in_use
from worker.store.health import Server

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
INFO = {"redis_version": "7.2.4", "used_memory": 2**20, "maxmemory": 0, "role": "master"}
KEEPS = {"appendonly": "yes", "appendfsync": "always", "maxmemory": "0", "maxmemory-policy": "noeviction"}


def grades(info: dict[str, Any] | None = None, settings: dict[str, str] | None = None) -> dict[str, Grade]:
    """The grades by thing of a server that is good but for what is given."""
    server = Server({**INFO, **(info or {})}, {**KEEPS, **(settings or {})})
    return {check.thing: check.grade for check in redis_checks(server)}


class TestRedis:
    """Promise 1 rests on a server that keeps what it accepted."""

    def test_good(self) -> None:
        """Nothing to complain of, and the version is told."""
        assert {"Redis": Grade.OK, "Redis durability": Grade.OK, "Redis eviction": Grade.OK} == grades()
        (first, *_) = redis_checks(Server({**INFO, "valkey_version": "8.1.0"}, KEEPS))
        assert "ok    Redis: Valkey 8.1.0, 1.0 MiB in use" == str(first)

    @pytest.mark.parametrize(
        ("info", "settings", "thing", "grade"),
        [
            ({}, {"appendonly": "no"}, "Redis durability", Grade.FAIL),
            ({}, {"appendfsync": "everysec"}, "Redis durability", Grade.WARN),
            ({}, {"maxmemory-policy": "allkeys-lru"}, "Redis eviction", Grade.WARN),
            ({}, {"maxmemory-policy": "volatile-ttl", "maxmemory": "100"}, "Redis eviction", Grade.FAIL),
            ({"redis_version": "6.0.16"}, {}, "Redis", Grade.FAIL),
            ({"redis_version": "6.2.0"}, {}, "Redis", Grade.OK),
            ({"maxmemory": 2**20}, {}, "Redis", Grade.WARN),
            ({"maxmemory": 2**30}, {}, "Redis", Grade.OK),
            ({"aof_last_write_status": "err"}, {}, "Redis disk", Grade.FAIL),
            ({"role": "slave"}, {}, "Redis role", Grade.FAIL),
            ({"cluster_enabled": 1}, {}, "Redis mode", Grade.FAIL),
        ],
    )
    def test_bad(self, info: dict[str, Any], settings: dict[str, str], thing: str, grade: Grade) -> None:
        """What loses something fails, what may lose something warns."""
        assert grade is grades(info, settings)[thing]

    def test_hidden(self) -> None:
        """A server that hides its configuration may be good or not."""
        found = {check.thing: check.grade for check in redis_checks(Server(INFO, None))}
        assert Grade.WARN is found["Redis durability"]


@pytest.mark.parametrize(
    ("seconds", "grade"),
    [(0, Grade.OK), (2, Grade.OK), (-2, Grade.OK), (4, Grade.WARN), (-4, Grade.WARN), (90, Grade.FAIL)],
)
def test_clocks(seconds: float, grade: Grade) -> None:
    """The round trip is no difference; beyond it seconds warn and a minute fails."""
    theirs = NOW + timedelta(seconds=seconds)
    assert grade is clocks_compared(NOW, theirs, NOW + timedelta(seconds=1)).grade


@pytest.mark.parametrize(
    ("version", "grade"),
    [("2026a", Grade.OK), ("2025.2", Grade.OK), ("2024b", Grade.WARN), ("", Grade.WARN)],
)
def test_zones(version: str, grade: Grade) -> None:
    """Rules of this year or the one before are recent."""
    assert grade is zones_check(NOW, (version, "somewhere")).grade


def test_zones_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's rules come first, as for the zones themselves; else those of the package."""
    monkeypatch.setattr(zoneinfo, "TZPATH", (str(tmp_path),))
    assert "the package tzdata" == zones_in_use()[1]
    (tmp_path / "UTC").touch()
    assert ("", str(tmp_path)) == zones_in_use()
    (tmp_path / "+VERSION").write_text("2025c\n")
    assert "2025c" == zones_in_use()[0]
    (tmp_path / "tzdata.zi").write_text("# version 2026a\n# more\n")
    assert "2026a" == zones_in_use()[0]


def test_lines() -> None:
    """Grade, thing, cause, cure; an answer with the vendor's words."""
    assert "FAIL  mail: no answer; start it" == str(fail("mail", "no answer", "start it"))
    assert "ok    mail: ready" == str(ok("mail", "ready"))
    outcome = Outcome(Kind.FAILED, ack=4, message="Lock failed")
    assert "failed, ack 4 (Lock failed)" == said(outcome)
    assert "unanswered" == said(Outcome(Kind.UNANSWERED))

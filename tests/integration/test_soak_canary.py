"""The campaign's look into a real Redis, and the shim that breaks Innkey's processes from inside."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from tests.redis_server import redis_server
from tests.soak.canary import Watchdog
from tests.soak.closing import redis_contents
from tests.soak.world import INSIDE

PING = """
import datetime, os, redis, sys
client = redis.Redis.from_url(sys.argv[1], protocol=3)
for _ in range(20):
    client.ping()
print(datetime.datetime.now(datetime.UTC).timestamp())
"""


def test_every_kind_of_key_is_read(tmp_path: Path) -> None:
    """A PIN in a string, hash, set, sorted set or list of Redis, or in a key's name, is found (promise 9)."""
    with redis_server(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        client.set("string", "pin 912345")
        client.hset("hash", "field", "912345")
        client.zadd("zset", {"912345": 1})
        client.sadd("set", "912345")
        client.rpush("list", "912345")
        client.set("name:912345", "")
        client.set("clean", "912346")
        dog = Watchdog([], {"a PIN": "912345"})
        found = {name for name, value in redis_contents(server.url) if dog.found_in(value)}
    assert {"string", "hash", "zset", "set", "list", "name:912345"} == found


def run_inside(folder: Path, url: str, **switch: float) -> subprocess.CompletedProcess[str]:
    """A small program on Redis, with the shim and a switch."""
    path = folder / "switch"
    path.write_text(json.dumps(switch))
    environ = {**os.environ, "PYTHONPATH": str(INSIDE), "SOAK_SWITCH": str(path)}
    command = [sys.executable, "-c", PING, url]
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("hours", [0.0, 1.0, -1.0])
def test_the_clock_of_a_process_jumps(tmp_path: Path, hours: float) -> None:
    """The host's clock as a worker sees it is an hour ahead or behind; without a switch it is right."""
    with redis_server(tmp_path / "data") as server, redis.Redis.from_url(server.url) as client:
        done = run_inside(tmp_path, server.url, hours=hours)
        now = client.time()[0]
    assert 0 == done.returncode, done.stderr
    assert abs(float(done.stdout) - now - hours * 3600) < 30


def test_a_process_dies_between_two_commands(tmp_path: Path) -> None:
    """With the dice at one it dies by SIGKILL at its first command."""
    with redis_server(tmp_path / "data") as server:
        assert -9 == run_inside(tmp_path, server.url, rate=1.0).returncode

"""A real Redis for tests: the embedded one, or with INNKEY_TEST_REDIS=path a redis-server from the PATH."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.processes.embedded_redis import EmbeddedRedis

__all__ = ["redis_server", "server_binary"]


def server_binary() -> Path | None:
    """The server the tests run on: None is the embedded one. Raises RuntimeError if PATH has none."""
    choice = os.environ.get("INNKEY_TEST_REDIS", "")
    if choice in ("", "embedded"):
        return None
    if choice != "path":
        raise RuntimeError(f"INNKEY_TEST_REDIS is {choice!r}; give 'embedded' or 'path'.")
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise RuntimeError(
            "INNKEY_TEST_REDIS is 'path', but the PATH has no redis-server and no valkey-server."
        )
    return Path(found)


@contextmanager
def redis_server(folder: Path, *, fsync: str = "always") -> Iterator[EmbeddedRedis]:
    """A running server in `folder`, ended with the block; `fsync="everysec"` is the faster one.

    It has `url`, `port`, `pid`, `kill()` (kill -9), `launch()`, `wait_ready()` and `restart()`.
    """
    server = EmbeddedRedis(folder, fsync=fsync, binary=server_binary(), die_with_parent=True)
    with server:
        yield server

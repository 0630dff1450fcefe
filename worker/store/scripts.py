"""The Lua scripts: where several keys must change together."""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

import redis

_NAMES = (
    "accept",
    "alert_claim",
    "alert_done",
    "borrow",
    "claim",
    "commit",
    "errand_done",
    "errand_due",
    "errand_leave",
    "errand_next",
    "errand_take",
    "generation",
    "mend",
    "release",
    "take",
    "tick",
    "watch",
)


@cache
def _source(name: str) -> str:
    return (resources.files("worker.store") / "lua" / f"{name}.lua").read_text()


class Scripts:
    """The scripts of one client, sent by their hash."""

    def __init__(self, client: redis.Redis) -> None:
        """Registers; nothing is sent yet."""
        self._scripts = {name: client.register_script(_source("shared") + _source(name)) for name in _NAMES}

    def run(self, name: str, args: list[Any], names: list[str] | None = None) -> Any:
        """Run one script. Raises redis' own errors."""
        return self._scripts[name](keys=names or [], args=args)

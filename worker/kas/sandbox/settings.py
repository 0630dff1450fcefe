"""How a sandbox is set up: its locks, its accounts with their keys, its pace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from worker.kas.sandbox.call_queue import LIMIT
from worker.kas.sandbox.slots import DEFAULT_ZONE, Auth, Latency, Lock
from worker.kas.sandbox.wire import PLAIN

DEFAULT_KEY = "sandbox-key"


@dataclass(frozen=True, slots=True)
class LockSpec:
    """A lock as a set-up names it; the control API can change each of its properties later."""

    name: str
    account: str = "default"
    title: str = ""
    zone: str = DEFAULT_ZONE
    clock_set: bool = True
    gateway_online: bool = True
    auth: Auth = Auth.ADMIN
    latency: Latency | None = None
    list_lag: float = 0.0
    reader: bool = False

    def build(self) -> Lock:
        """A new lock, empty."""
        return Lock(**{part.name: getattr(self, part.name) for part in fields(self)})


def _one_account() -> dict[str, tuple[str, ...]]:
    return {"default": (DEFAULT_KEY,)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """A sandbox's set-up.

    `accounts` maps a name to its valid keys. `data_dir` keeps the state over a restart. `auto_create` makes
    unknown locks on first use. `latency`, if given, goes before what was saved. `clock_set` is the default of
    new locks. A call that is never answered, or cut, keeps its place in the queue for at least `hold_seconds`
    from its start.

    `logins` maps an account to the email and password that fetch a dynamic key. Such a key is valid for
    `key_seconds`, and with `one_dynamic_key` only until the next one is issued.
    """

    locks: Sequence[LockSpec | str] = ()
    accounts: Mapping[str, Sequence[str]] = field(default_factory=_one_account, repr=False)
    logins: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)
    key_seconds: float = 86_400.0
    one_dynamic_key: bool = True
    latency: Latency | None = None
    seed: int = 0
    queue_limit: int = LIMIT
    auto_create: bool = False
    clock_set: bool = True
    hold_seconds: float = 0.0
    post_content_type: str = PLAIN
    data_dir: Path | None = None

    def lock_specs(self) -> list[LockSpec]:
        """The locks, those given by bare name with the defaults of this set-up."""
        return [
            LockSpec(one, clock_set=self.clock_set) if isinstance(one, str) else one for one in self.locks
        ]

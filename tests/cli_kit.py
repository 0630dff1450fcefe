"""For tests of the command line: an environment without any variable of ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

__all__ = ["stand_in"]

_OURS = (
    "ALERT_",
    "BROKER_",
    "DIRECT_",
    "INNKEY_",
    "KAS_",
    "LOG_",
    "PORT",
    "REDIS_",
    "SMTP_",
    "WEB_",
    "WORKER_",
)


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in `folder`, with none of our variables set."""
    for name in [name for name in os.environ if name.startswith(_OURS)]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(folder)

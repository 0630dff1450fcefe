"""Inside the processes of a campaign only: dies between two Redis commands, and lets the host's clock jump.

Python loads this module by itself where the campaign has put its folder on PYTHONPATH. SOAK_SWITCH names a
JSON file, read anew four times a second: `{"rate": 0.001, "hours": 1}`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import time
from datetime import UTC, datetime, timedelta
from typing import Any, cast

_LOOK_SECONDS = 0.25


class _Switch:
    """What the campaign wants of this process just now."""

    def __init__(self, path: str) -> None:
        self._path, self._looked_at, self._hours = path, 0.0, 0.0
        self._rate, self._travel = 0.0, None
        self._dice = random.Random()

    def strikes(self) -> bool:
        """Whether the process dies here."""
        now = time.monotonic()
        if now - self._looked_at > _LOOK_SECONDS:
            self._looked_at = now
            self._obey()
        return bool(self._rate) and self._dice.random() < self._rate

    def pass_by(self) -> None:
        """Between two commands, or two answers of a pipeline: perhaps die."""
        if self.strikes():
            os.kill(os.getpid(), signal.SIGKILL)

    def part_of(self, command: Any) -> bytes:
        """The beginning of what was to be sent."""
        whole = command.encode() if isinstance(command, str) else b"".join(command)
        return whole[: self._dice.randrange(len(whole) + 1)]

    def _obey(self) -> None:
        try:
            with open(self._path, encoding="utf-8") as file:  # noqa: PTH123 - loaded before everything else
                wanted: dict[str, Any] = json.load(file)
        except (OSError, ValueError):
            return
        self._rate, hours = float(wanted.get("rate", 0)), float(wanted.get("hours", 0))
        if hours != self._hours:
            self._hours = hours
            self._jump(hours)

    def _jump(self, hours: float) -> None:
        import time_machine  # noqa: PLC0415 - only where a clock jumps

        if self._travel is not None:
            self._travel.stop()
            self._travel = None
        if hours:
            travel: Any = time_machine.travel(datetime.now(UTC) + timedelta(hours=hours), tick=True)
            travel.start()
            self._travel = travel


def _install(path: str) -> None:
    from redis.connection import AbstractConnection  # noqa: PLC0415 - only inside a campaign

    switch, kind = _Switch(path), cast(Any, AbstractConnection)
    send, read = kind.send_packed_command, kind.read_response

    def sending(self: Any, command: Any, check_health: bool = True) -> Any:  # noqa: FBT001, FBT002
        if switch.strikes():  # in the midst of a command, or of a pipeline
            send(self, [switch.part_of(command)], check_health)
            os.kill(os.getpid(), signal.SIGKILL)
        sent = send(self, command, check_health)
        switch.pass_by()
        return sent

    def reading(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = read(self, *args, **kwargs)
        switch.pass_by()
        return found

    kind.send_packed_command, kind.read_response = sending, reading


if os.environ.get("SOAK_SWITCH"):
    _install(os.environ["SOAK_SWITCH"])

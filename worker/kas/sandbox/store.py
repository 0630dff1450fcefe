"""The sandbox's memory over a restart: one JSON file, replaced as a whole after each change."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from worker.kas.sandbox.commands import Add, AddTag, Command, Delete, DeleteTag, SetClock, Unlock
from worker.kas.sandbox.openings import How, Opening
from worker.kas.sandbox.slots import Auth, Change, Code, Latency, Lock
from worker.kas.sandbox.state import Account, Email, Late, State
from worker.kas.sandbox.tags import Tag

FILE_NAME = "kas-sandbox.json"


def dump(state: State) -> str:
    """The state as JSON."""
    late = [{**asdict(one), "command": _command(one.command)} for one in state.late]
    return json.dumps({**asdict(state), "late": late})


def load(text: str) -> State:
    """The state from its JSON; `ValueError` when the text is not ours."""
    try:
        data = json.loads(text)
        return State(
            accounts={name: Account(**one) for name, one in data["accounts"].items()},
            locks={name: _lock(one) for name, one in data["locks"].items()},
            emails=[Email(**one) for one in data["emails"]],
            late=[Late(**{**one, "command": _command_from(one["command"])}) for one in data["late"]],
            latency=Latency(**data["latency"]),
            revision=data["revision"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a sandbox's state: {type(error).__name__}") from error


class StateFile:
    """Writes the newest state, atomically; threads may come in any order."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE_NAME
        self._lock = threading.Lock()
        self._written = -1

    def read(self) -> State | None:
        """The saved state, or nothing where none is; `ValueError` names a file that cannot be read."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            return load(text)
        except ValueError as error:
            raise ValueError(f"{self.path} is damaged ({error}); move it away to start afresh") from error

    def write(self, revision: int, text: str) -> None:
        """Replace the file, unless a newer revision is already there."""
        with self._lock:
            if revision <= self._written:
                return
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft = self.path.with_suffix(".tmp")
            # It holds PINs and keys, if only of a fake lock: nobody else on this machine needs to read it.
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            draft.replace(self.path)
            self._written = revision


def _command(command: Command) -> dict[str, Any]:
    return {"is": type(command).__name__, **asdict(command)}


def _command_from(data: Mapping[str, Any]) -> Command:
    match data["is"]:
        case "Add":
            return Add(Code(**data["code"]), data["send_email"])
        case "Delete":
            return Delete(data["slot"], data["pin"])
        case "AddTag":
            return AddTag(Tag(**data["tag"]))
        case "DeleteTag":
            return DeleteTag(data["slot"])
        case "Unlock":
            return Unlock()
        case _:
            return SetClock()


def _lock(data: Mapping[str, Any]) -> Lock:
    latency = data["latency"]
    rebuilt = {
        "auth": Auth(data["auth"]),
        "latency": None if latency is None else Latency(**latency),
        "codes": {int(slot): Code(**code) for slot, code in data["codes"].items()},
        "changes": [_change(one) for one in data["changes"]],
        # A file of an older version knows neither tags nor openings.
        "tags": {int(slot): Tag(**tag) for slot, tag in data.get("tags", {}).items()},
        "openings": [Opening(**{**one, "how": How(one["how"])}) for one in data.get("openings", [])],
    }
    return Lock(**{**data, **rebuilt})


def _change(data: Mapping[str, Any]) -> Change:
    before = data["before"]
    return Change(data["at"], data["slot"], None if before is None else Code(**before))

"""Collects what is wrong with the property file, each problem with its key path, while reading goes on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

from marshmallow import Schema, ValidationError

from worker.configuration_error import BadValue, Problem
from worker.environment import Environment
from worker.property_fields import EnvName, Fault
from worker.secret import Secret

__all__ = ["Findings", "Path", "key_path"]

Path = tuple[str | int, ...]

REFERENCE = "see docs/reference/configuration.md"

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_SOURCE_OR_ACCOUNT = re.compile(r"[A-Za-z0-9_-]{1,40}")
_TRANSLATED = {
    "Missing data for required field.": Fault("is missing", "add it"),
    "Not a valid list.": Fault("is not a list", "write it in brackets, with commas"),
    "Invalid input type.": Fault("is not a table", 'write it as { name = "…" }'),
}


def key_path(path: Path) -> str:
    """Write a path as the file would: `units.beach-house.locks[1]`, odd names in quotes."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            name = step if _BARE_KEY.fullmatch(step) else json.dumps(step, ensure_ascii=False)
            text += f".{name}" if text else name
    return text


class Findings:
    """The problems so far, and the ways to find more."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.problems: list[Problem] = []

    def add(self, path: Path, cause: str, cure: str) -> None:
        """Keep one problem."""
        self.problems.append(Problem(key_path(path), cause, cure))

    def load(self, schema: Schema, table: object, path: Path) -> dict[str, Any]:
        """The keys of `table` that are good, as `schema` reads them; problems with the others are kept."""
        if not isinstance(table, Mapping):
            self.add(path, "is not a table", f"write it as [{key_path(path)}] with keys below it")
            return {}
        try:
            loaded: dict[str, Any] = schema.load(table)
        except ValidationError as error:
            for at, message in _flat(error.messages):
                self._add_message(schema, (*path, *at), message)
            return dict(error.valid_data) if isinstance(error.valid_data, dict) else {}
        return loaded

    def _add_message(self, schema: Schema, path: Path, message: str) -> None:
        fault = message if isinstance(message, Fault) else _TRANSLATED.get(message)
        if message == "Unknown field.":
            near = get_close_matches(str(path[-1]), schema.fields, n=1)
            fault = Fault("is not a known key", f'did you mean "{near[0]}"?' if near else REFERENCE)
        fault = fault or Fault(message.rstrip("."), REFERENCE)
        self.add(path, str(fault), fault.cure)

    def named(self, tables: Mapping[str, object], path: Path) -> Iterator[tuple[str, object]]:
        """The tables whose names may stand in an address, such as those of sources; others are problems."""
        for name, table in tables.items():
            if not _SOURCE_OR_ACCOUNT.fullmatch(name):
                cure = "use 1 to 40 letters, digits, hyphens and underscores"
                self.add((*path, name), "is a name that cannot stand in an address", cure)
            yield name, table

    def text(self, value: str | None, path: Path) -> str | None:
        """The value itself, or what the environment variable holds that it names; None when unset."""
        if not isinstance(value, EnvName):
            return value
        try:
            text = self._environment.read(value)
        except BadValue as error:
            self.add(path, f"the environment variable {value} {error.cause}", error.cure)
            return None
        if text is None:
            cause = f"the environment variable {value} is not set"
            self.add(path, cause, f"set {value}, or {value}_FILE to the path of a file that holds the value")
        return text

    def secret(self, name: EnvName | None, path: Path) -> Secret | None:
        """The secret that the environment variable `name` holds; None when unset."""
        text = self.text(name, path)
        return None if text is None else Secret(text)


def _flat(messages: object, path: Path = ()) -> Iterator[tuple[Path, str]]:
    """Walk marshmallow's nested messages; `_schema` is its name for a table as a whole."""
    if isinstance(messages, Mapping):
        for key, below in messages.items():
            yield from _flat(below, path if key == "_schema" else (*path, key))
    elif isinstance(messages, list):
        for message in messages:
            yield from _flat(message, path)
    else:
        yield path, messages if isinstance(messages, str) else str(messages)

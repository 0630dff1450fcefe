"""One way to read a variable: from the environment, or from the file that `NAME_FILE` names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from worker.configuration_error import BadValue

__all__ = ["Environment"]


class Environment:
    """The process's variables, or any mapping in their place. An empty variable counts as unset."""

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = os.environ if values is None else values

    def read(self, name: str) -> str | None:
        """The value of `name` or the content of the file `NAME_FILE` names; None when neither is set.

        Raises BadValue when both are set or the file cannot be read.
        """
        value = self._values.get(name) or None
        path = self._values.get(f"{name}_FILE") or None
        if path is None:
            return value
        if value is not None:
            cause = f"is given twice, as {name} and as {name}_FILE"
            raise BadValue(cause, "keep one of the two")
        return _content(name, path)


def _content(name: str, path: str) -> str | None:
    cure = "give the path of a text file that this process may read"
    try:
        # Editors and `echo` end a file with a line break that is no part of the value.
        return Path(path).read_text(encoding="utf-8").rstrip("\r\n") or None
    except OSError as error:
        cause = f"the file that {name}_FILE names cannot be read ({error.strerror})"
        raise BadValue(cause, cure) from None
    except ValueError:
        cause = f"the file that {name}_FILE names is not UTF-8 text"
        raise BadValue(cause, cure) from None

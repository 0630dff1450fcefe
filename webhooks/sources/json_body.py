"""JSON read strictly: what two readers could read differently, or cannot be stored, is not understood."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from webhooks.sources.adapter import NotUnderstoodError

__all__ = ["read_object"]

_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")


class _NotJson(ValueError):
    """Why, in our own words."""


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`. Raises NotUnderstoodError for all else, however hostile."""
    try:
        document = _read(body)
    except _NotJson as error:
        raise _refusal(str(error)) from None
    except UnicodeDecodeError:
        raise _refusal("is not UTF-8 text") from None
    except json.JSONDecodeError as error:
        raise _refusal(f"is not JSON: {error.msg} (line {error.lineno}, column {error.colno})") from None
    except RecursionError:
        raise _refusal("is nested too deeply") from None
    except ValueError:
        raise _refusal("holds a number of too many digits") from None
    if not isinstance(document, dict):
        raise _refusal("is not a JSON object")
    return document


def _read(body: bytes) -> Any:
    text = body.decode()
    document = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    if "\\u" in text:
        try:
            json.dumps(document, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise _NotJson("holds half a surrogate pair, which is no character") from None
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _NotJson(f"says {name if _WORD.fullmatch(name) else 'a name'} twice in one object")
        found[name] = value
    return found


def _no_constant(_name: str) -> NoReturn:
    raise _NotJson("holds NaN or Infinity, which JSON does not know")


def _refusal(message: str) -> NotUnderstoodError:
    return NotUnderstoodError({"body": [message]})

"""JSON read strictly: what two readers could read differently, or cannot be stored, is not understood."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from webhooks.sources.adapter import Delivery, NotUnderstoodError

__all__ = ["FORM", "JSON", "read_documents", "read_object"]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"

_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")


class _NotJson(ValueError):
    """Why, in our own words."""


def read_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`. Raises NotUnderstoodError for all else, however hostile."""
    document = _read_any(body)
    if not isinstance(document, dict):
        raise _refusal("is not a JSON object")
    return document


def read_documents(delivery: Delivery) -> list[dict[str, Any]]:
    """The JSON objects of a delivery: one, an array of at least one, or one of these in a field of a form.

    Raises NotUnderstoodError for all else.
    """
    body = _form_field(delivery.body) if delivery.content_type == FORM else delivery.body
    document = _read_any(body)
    found = document if isinstance(document, list) else [document]
    objects = [one for one in found if isinstance(one, dict)]
    if not objects or len(objects) != len(found):
        raise _refusal("is neither a JSON object nor an array of them")
    return objects


def _form_field(body: bytes) -> bytes:
    """The one field of a form that holds JSON, whatever it is called."""
    try:
        fields = parse_qsl(body.decode("ascii"), errors="strict", max_num_fields=1000)
    except ValueError:
        raise _refusal("is not a form") from None
    found = [value for _, value in fields if value.lstrip()[:1] in ("{", "[")]
    if len(found) != 1:
        raise _refusal("is a form without one field that holds JSON")
    return found[0].encode()


def _read_any(body: bytes) -> Any:
    try:
        return _read(body)
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

"""What the vendor answers when it is asked for a dynamic key.

The KAS API document, section "Step 2: Retrieve your API Key", names neither address nor form: a plain text,
a JSON text, and the usual names in a JSON object are all understood.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

from worker.domain.outcomes import Kind, Outcome
from worker.kas.answers import Asked, classify

__all__ = ["read_key"]

NAMES: Final = ("token", "apikey", "api_key", "key", "x-auth-token")
# As a header carries it; a page or an object of another form is none.
_KEY: Final = re.compile(r"[!-;=?-z|~]{4,4096}")


def read_key(
    asked: Asked, status: int, body: bytes, retry_after: str | None = None
) -> tuple[Outcome, str | None]:
    """The outcome of a fetch, and the key where it is DONE. No message repeats what a good answer said."""
    if not 200 <= status < 300:
        return classify(asked, status, body, retry_after=retry_after).outcome, None
    key = _key_in(body)
    if key is None:
        return Outcome(
            Kind.DOUBT, http_status=status, message="the answer holds no key that can be read"
        ), None
    return Outcome(Kind.DONE, http_status=status), key


def _key_in(body: bytes) -> str | None:
    text = body.decode("utf-8", "replace").removeprefix("\ufeff").strip()
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        found = text
    if isinstance(found, dict):
        lower = {name.casefold(): value for name, value in found.items()}
        found = next((lower[name] for name in NAMES if isinstance(lower.get(name), str)), None)
    elif isinstance(found, int | float) and not isinstance(found, bool):
        found = text  # a key of digits is JSON too
    key = found.strip() if isinstance(found, str) else ""
    return key if _KEY.fullmatch(key) else None

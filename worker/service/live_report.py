"""What the vendor's cloud really answered in a test of a lock, to settle what its document leaves open.

Redacted: of other people's PINs only their number remains, and no key, name or address of anybody.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from worker.domain.outcomes import Outcome
from worker.kas import Raw, Request, recorded
from worker.kas.answers import presentable
from worker.service.live_test import NAME
from worker.service.views import utc

__all__ = ["LiveReport"]

OPEN_QUESTIONS = (
    "Does a DELETE with the body {password_id} delete the PIN? See the delete and the list after it.",
    "What do acks 3, 5, 7 and 10 come to? Where one was answered, see how long the list takes to show it.",
    "Are start and end times included? See what the list makes of them; try a PIN in its last minute.",
)
_SAFE = frozenset({"ack", "l_factory_name", "message", "error", "ref", "status", "__v"})
_SAFE_OF_OURS = frozenset({"password_id", "password_start_time", "password_end_time", "email_checked"})
_HIDDEN = "[hidden]"
_NUMBER = re.compile(r"[0-9]{1,3}")
MOST_TEXT = 300


@dataclass(slots=True)
class LiveReport:
    """Records every call of a test. `lock` by name."""

    lock: str
    version: str
    calls: list[dict[str, Any]] = field(default_factory=list, repr=False)
    _started: float = field(default_factory=time.monotonic)

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record the calls made meanwhile."""
        self._started = time.monotonic()
        with recorded(self._note):
            yield

    def text(self, checks: list[dict[str, Any]]) -> str:
        """The report as JSON."""
        whole = {
            "what": "innkey doctor --live",
            "innkey": self.version,
            "lock": self.lock,
            "checks": checks,
            "calls": self.calls,
            "open_questions": list(OPEN_QUESTIONS),
        }
        return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"

    def _note(self, request: Request, found: Raw | Outcome) -> None:
        path = urlsplit(request.url).path
        call: dict[str, Any] = {
            "at": utc(datetime.now(UTC), "milliseconds"),
            "since_start_s": round(time.monotonic() - self._started, 2),
            "method": request.method,
            "path": path if "remoteUnlock" not in path else path.rpartition("/")[0],
            "sent": _redacted(request.body, is_ours=True) if request.body is not None else None,
        }
        if isinstance(found, Raw):
            call |= {"status": found.status, "answer": _answer(found.body, request.secrets)}
        else:
            call |= {"status": found.http_status, "answer": None, "failed": found.message}
        self.calls.append(call)


def _answer(body: bytes, secrets: tuple[str, ...]) -> Any:
    text = body.decode("utf-8", "replace")
    try:
        return _redacted(json.loads(text), is_ours=False, secrets=secrets)
    except (ValueError, RecursionError):
        return presentable(text, secrets)


def _redacted(value: Any, *, is_ours: bool, secrets: tuple[str, ...] = (), key: str = "") -> Any:
    """Keys and shapes stay; of values only what is known to be nobody's. `is_ours`: an entry of this test."""
    if isinstance(value, Mapping):
        ours = is_ours or value.get("password_name") == NAME
        return {
            _key(name): _redacted(one, is_ours=ours, secrets=secrets, key=str(name))
            for name, one in value.items()
        }
    if isinstance(value, list):
        return _listed(value, secrets=secrets)
    if value is None or isinstance(value, bool):
        return value
    if key in _SAFE or (is_ours and key in _SAFE_OF_OURS):
        return presentable(value, secrets)[:MOST_TEXT] if key in _SAFE and isinstance(value, str) else value
    return f"{_HIDDEN} {type(value).__name__}"


def _listed(value: list[Any], *, secrets: tuple[str, ...]) -> list[Any]:
    """Entries of this test whole; all others as one line with their number."""
    ours = [one for one in value if isinstance(one, Mapping) and one.get("password_name") == NAME]
    shown = [_redacted(one, is_ours=True, secrets=secrets) for one in ours]
    others = len(value) - len(ours)
    return [*shown, f"{_HIDDEN} {others} more"] if others else shown


def _key(name: object) -> str:
    """A key that is a number could be a PIN."""
    text = str(name)
    return text if re.fullmatch(r"[A-Za-z_][A-Za-z_]{0,40}", text) or _NUMBER.fullmatch(text) else _HIDDEN

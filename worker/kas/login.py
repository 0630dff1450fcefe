"""A login, and the dynamic key that it fetches for a client that is used by itself.

The engine keeps its accounts' keys elsewhere (`worker.service.keys`): there many processes share one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final

from worker.domain.outcomes import Answer, Kind, Outcome

__all__ = ["DynamicKey", "Login"]

# The KAS API document, section "Step 2: Retrieve your API Key": a key is to be refreshed every 24 hours.
GOOD_FOR: Final = timedelta(hours=23)


@dataclass(frozen=True, slots=True)
class Login:
    """What fetches a dynamic key."""

    key_url: str
    email: str = field(repr=False)
    password: str = field(repr=False)


class DynamicKey:
    """A key that is fetched when there is none, when it is 23 hours old, and once when it is refused.

    `fetch` answers an outcome and, where that is DONE, a key. Thread-safe: one thread fetches, the others
    wait.
    """

    def __init__(self, fetch: Callable[[], tuple[Outcome, str | None]]) -> None:
        self._fetch = fetch
        self._lock = threading.Lock()
        self._text: str | None = None
        self._until = 0.0

    def call(self, send: Callable[[str], Answer]) -> Answer:
        """Send with the key; a call that is refused with "Invalid Token." goes once more with a newer one."""
        outcome, text = self._newer_than(None)
        if text is None:
            return Answer(_unsent(outcome))
        answer = send(text)
        if answer.outcome.kind is not Kind.INVALID_TOKEN:
            return answer
        _, newer = self._newer_than(text)
        return answer if newer is None else send(newer)

    def _newer_than(self, refused: str | None) -> tuple[Outcome, str | None]:
        with self._lock:
            now = time.monotonic()
            if self._text is None or self._text == refused or now >= self._until:
                outcome, text = self._fetch()
                if text is None:
                    return outcome, None
                self._text, self._until = text, now + GOOD_FOR.total_seconds()
            return Outcome(Kind.DONE), self._text


def _unsent(outcome: Outcome) -> Outcome:
    """What a key that could not be fetched means to the call that needed it: that was surely not sent."""
    refused = (Kind.INVALID_TOKEN, Kind.REFUSED)
    kind = Kind.INVALID_TOKEN if outcome.kind in refused else Kind.NOT_SENT
    message = f"not sent: no key could be fetched: {outcome.message}"
    return replace(outcome, kind=kind, message=message[:200], retry_after=None)

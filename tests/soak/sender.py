"""The booking system of a campaign: sends signed events, and again until they are accepted."""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from standardwebhooks import Webhook

from tests.soak.layout import SOURCE
from tests.soak.stories import Event

SENDERS = 8
AGAIN_SECONDS = (0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Accepted:
    """An event that was answered with 200, and when (epoch seconds)."""

    event: Event
    at: float


class Sender:
    """Sends in threads; what is to come in order waits for the event before it."""

    def __init__(self, secret: str, addresses: Callable[[], list[str]], origin: datetime) -> None:
        """`addresses` are those of the webs; `origin` is the start that events count from."""
        self._signer, self._addresses, self.origin = Webhook(secret), addresses, origin
        self._http = httpx.Client(timeout=6, trust_env=False)
        self._pool = ThreadPoolExecutor(SENDERS, thread_name_prefix="sender")
        self._lock = threading.Lock()
        self._queues: dict[str, deque[Event]] = {}
        self._over = threading.Event()
        self.accepted: list[Accepted] = []
        self.refused: list[tuple[Event, int]] = []
        self.sent = self.waiting = 0

    def submit(self, event: Event) -> None:
        """Send an event when those before it have been accepted."""
        name = event.booking if event.in_order else event.id
        with self._lock:
            self.waiting += 1
            queue = self._queues.setdefault(name, deque())
            queue.append(event)
            if len(queue) == 1:
                self._pool.submit(self._work, name)

    def close(self) -> None:
        """Send no more."""
        self._over.set()
        self._pool.shutdown(cancel_futures=True)
        self._http.close()

    def _work(self, name: str) -> None:
        while not self._over.is_set():
            with self._lock:
                queue = self._queues.get(name)
                if not queue:
                    self._queues.pop(name, None)
                    return
                event = queue[0]
            self._deliver(event)
            with self._lock:
                queue.popleft()
                self.waiting -= 1
                if not queue:
                    self._queues.pop(name, None)
                    return

    def _deliver(self, event: Event) -> None:
        tries = 0
        while not self._over.is_set():
            status = self._post(event, tries)
            if status == httpx.codes.OK:
                with self._lock:
                    self.accepted.append(Accepted(event, time.time()))
                for copy in range(event.copies - 1):
                    self._post(event, tries + copy + 1)
                return
            if status in (400, 404, 413, 415, 422):
                with self._lock:
                    self.refused.append((event, status))
                return
            self._over.wait(AGAIN_SECONDS[min(tries, len(AGAIN_SECONDS) - 1)])
            tries += 1

    def _post(self, event: Event, tries: int) -> int:
        """One delivery: the answer's status, 0 without an answer."""
        raw, now = json.dumps(body_of(event, self.origin)), datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": event.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer.sign(event.id, now, raw),
        }
        addresses = self._addresses()
        address = addresses[(event.version + len(event.booking) + tries) % len(addresses)]
        with self._lock:
            self.sent += 1
        try:
            answer = self._http.post(f"{address}/webhooks/{SOURCE}", content=raw, headers=headers)
        except httpx.HTTPError:
            return 0
        return answer.status_code


def body_of(event: Event, origin: datetime) -> dict[str, Any]:
    """The event as it is sent: seconds after the start have become moments."""
    data = {"id": event.booking, "version": event.version, **event.data}
    for name in ("check_in", "check_out"):
        if name in data:
            data[name] = moment(origin, data[name]).isoformat()
    stamp = moment(origin, event.at).isoformat()
    return {"type": event.type, "timestamp": stamp, "data": data}


def moment(origin: datetime, seconds: float) -> datetime:
    """A moment on whole seconds."""
    return (origin + timedelta(seconds=seconds)).replace(microsecond=0)

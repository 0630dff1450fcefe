"""The actor that runs errands, and the thread that reminds of those that are due."""

from __future__ import annotations

import threading

import dramatiq
import structlog

from webhooks.errands import Runner
from worker.bootstrap import Innkey
from worker.broker import RUN_ERRANDS, SOURCES
from worker.store.redis_client import RedisError

__all__ = ["Errands", "Reminder"]

MOST_AT_ONCE = 2  # threads of a worker: systems that keep their callers waiting must not take them all
LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)


class Errands:
    """The actor. A source that comes when all its threads are busy is left to the next reminder."""

    def __init__(self, innkey: Innkey) -> None:
        self._runner, self._free = Runner(innkey), threading.BoundedSemaphore(MOST_AT_ONCE)

    def declare(self, broker: dramatiq.Broker) -> None:
        """Declare it on `broker`."""
        dramatiq.actor(actor_name=RUN_ERRANDS, queue_name=SOURCES, broker=broker)(self.run)

    def run(self, source: str) -> None:
        """Run what is due at a source."""
        if self._free.acquire(blocking=False):
            try:
                self._runner.run(source)
            finally:
                self._free.release()


class Reminder:
    """Hints at sources with errands due. One worker's is enough; each is handed out once in five seconds."""

    def __init__(self, innkey: Innkey) -> None:
        self._innkey, self._has_begun = innkey, False

    def start(self) -> None:
        """Remind until the worker stops."""
        threading.Thread(target=self._run, name="errands", daemon=True).start()

    def _run(self) -> None:
        while not self._innkey.stopping.wait(LOOK_SECONDS):
            try:
                self.look()
            except RedisError as error:
                log.warning("errands.no_redis", error=type(error).__name__)
            except Exception as error:  # the reminder must not end
                log.exception("errands.failed", error=type(error).__name__)

    def look(self) -> None:
        """Put the polls on their timetables, once, and hint at what is due."""
        if not self._has_begun:
            Runner(self._innkey).begin()
            self._has_begun = True
        for source in self._innkey.store.errands.due():
            self._innkey.hints.errands(source)

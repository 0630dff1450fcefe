"""The actor that runs errands, and the thread that reminds of those that are due."""

from __future__ import annotations

import threading

import dramatiq
import structlog

from webhooks.errands import Runner
from worker.actors import CappedThreads
from worker.bootstrap import Innkey
from worker.broker import RUN_ERRANDS, SOURCES
from worker.store.redis_client import RedisError

__all__ = ["Reminder", "declare"]

MOST_AT_ONCE = 2  # threads of a worker: systems that keep their callers waiting must not take them all
LOOK_SECONDS = 1.0

log = structlog.get_logger(__name__)


def declare(broker: dramatiq.Broker, innkey: Innkey) -> None:
    """Declare the actor on `broker`."""
    threads = CappedThreads(Runner(innkey), MOST_AT_ONCE)
    dramatiq.actor(actor_name=RUN_ERRANDS, queue_name=SOURCES, broker=broker)(threads.serve)


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

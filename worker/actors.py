"""What `dramatiq worker.actors:start` runs: the actors, and the tick in every worker process.

Messages carry ids.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections import deque
from typing import Protocol

import dramatiq
import structlog
from dramatiq.middleware import Middleware

from worker.bootstrap import Innkey, bootstrap
from worker.broker import (
    APPLY_EVENT,
    DELIVER,
    EVENTS,
    LOCKS,
    LOOK_AT_STAY,
    OUTGOING,
    SEND_ALERT,
    SERVE_LOCK,
    BrokerHints,
    make_broker,
)
from worker.configuration import load_configuration
from worker.configuration_error import ConfigurationError
from worker.logs import set_up_logging
from worker.store.redis_client import RedisError

TICK_SECONDS = 0.5
REPORT_SECONDS = 5.0
SWEEP_SECONDS = 10.0
KEYS_SECONDS = 30.0
SOURCES_SECONDS = 30.0
TIDY_SECONDS = 3600.0
OUTGOING_THREADS = 4

_running: list[Innkey] = []

log = structlog.get_logger(__name__)


def start() -> dramatiq.Broker:
    """Make the broker, the actors and the tick of one worker process. Exits with 2 on a bad configuration."""
    try:
        settings = load_configuration().settings
        set_up_logging(settings.log_format, settings.log_level)
        ticker = Ticker()
        url = settings.broker_url or settings.redis_url
        broker = make_broker(url.reveal() if url is not None else "redis://", [ticker])
        innkey = bootstrap(hints=BrokerHints(broker))
    except ConfigurationError as error:
        raise SystemExit(f"{error}") from None
    ticker.innkey = innkey
    dramatiq.set_broker(broker)
    declare(broker, innkey)
    _running.append(innkey)
    return broker


def running() -> Innkey:
    """The services of this worker process, for further modules of actors; `start` has been called."""
    return _running[-1]


def declare(broker: dramatiq.Broker, innkey: Innkey) -> None:
    """Declare the actors on `broker`."""
    threads = CappedThreads(innkey.lock_server(), innkey.settings.worker_threads)
    applier, escalation, watch = innkey.event_applier(), innkey.escalation(), innkey.stay_watch()
    dramatiq.actor(actor_name=SERVE_LOCK, queue_name=LOCKS, broker=broker)(threads.serve)
    dramatiq.actor(actor_name=APPLY_EVENT, queue_name=EVENTS, broker=broker)(applier.apply)
    dramatiq.actor(actor_name=SEND_ALERT, queue_name=EVENTS, broker=broker)(escalation.alert)
    dramatiq.actor(actor_name=LOOK_AT_STAY, queue_name=EVENTS, broker=broker)(watch.look)
    if innkey.configuration.properties.outgoing:
        senders = CappedThreads(innkey.deliverer(), OUTGOING_THREADS)
        dramatiq.actor(actor_name=DELIVER, queue_name=OUTGOING, broker=broker)(senders.serve)


class Serves(Protocol):
    """Works on what has a name: a lock, or an endpoint."""

    def serve(self, name: str, /) -> None:
        """Work on it."""


class CappedThreads:
    """Keeps one kind of work to `most` threads of this process, so that every other kind always finds one.

    What comes when all are busy is served by the next that becomes free; nothing waits for it.
    """

    def __init__(self, server: Serves, most: int) -> None:
        """For locks `most` is WORKER_THREADS."""
        self._server, self._free = server, threading.BoundedSemaphore(most)
        self._next: deque[str] = deque()

    def serve(self, name: str) -> None:
        """Serve one, and then those that came meanwhile."""
        self._next.append(name)
        while self._next and self._free.acquire(blocking=False):
            try:
                self._server.serve(self._next.popleft())
            except IndexError:
                return
            finally:
                self._free.release()


class Ticker(Middleware):
    """The tick: a thread in each worker process. Any of them is enough; each is atomic in Redis."""

    innkey: Innkey

    def __init__(self) -> None:
        """`innkey` is set once the services are wired."""
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Start with the worker's threads."""
        del broker, worker
        self._thread = threading.Thread(target=self._run, name="tick", daemon=True)
        self._thread.start()

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Let visits end after the call in flight."""
        del broker, worker
        self.innkey.stopping.set()

    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Stop when the last visit has ended."""
        del broker, worker
        self._stop.set()

    def _run(self) -> None:
        work = Pulse(self.innkey)
        while not self._stop.wait(TICK_SECONDS):
            try:
                work.beat(time.monotonic())
            except RedisError as error:
                log.warning("tick.no_redis", error=type(error).__name__)
            except Exception as error:  # the pulse must not end
                log.exception("tick.failed", error=type(error).__name__)


class Pulse:
    """What one tick does, and every so often a report and a sweep."""

    def __init__(self, innkey: Innkey) -> None:
        """Nothing is done yet."""
        self._innkey, self._house, self._deliverer = innkey, innkey.housekeeping(), innkey.deliverer()
        self._worker = f"{socket.gethostname()}:{os.getpid()}"
        self._report_at = self._sweep_at = self._tidy_at = self._keys_at = self._sources_at = 0.0
        self._sources = innkey.source_watch()
        self._position = 0
        self._refresher: threading.Thread | None = None

    def beat(self, now: float) -> None:
        """One tick; `now` is monotonic."""
        self._house.tick()
        self._house.replan()
        self._deliverer.tick()
        if now >= self._report_at:
            self._report_at = now + REPORT_SECONDS
            self._innkey.store.health.seen(self._worker, self._innkey.clock.now())
            self._innkey.report_counts()
            self._innkey.generation.report()
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            self._position = self._house.sweep(self._position)
        if now >= self._keys_at:
            self._keys_at = now + KEYS_SECONDS
            self._refresh_keys()
        if now >= self._sources_at:
            self._sources_at = now + SOURCES_SECONDS
            self._sources.judge_if_due()
        if now >= self._tidy_at:
            self._tidy_at = now + TIDY_SECONDS
            self._house.tidy(list(self._innkey.configuration.properties.sources))
            self._deliverer.tidy()

    def _refresh_keys(self) -> None:
        """See to old keys in a thread: a fetch may take as long as any call, and the pulse must go on."""
        if self._refresher is None or not self._refresher.is_alive():
            self._refresher = threading.Thread(target=self._refresh, name="keys", daemon=True)
            self._refresher.start()

    def _refresh(self) -> None:
        try:
            self._innkey.key_ring().refresh_old()
        except RedisError as error:
            log.warning("keys.no_redis", error=type(error).__name__)
        except Exception as error:  # the next beat tries again
            log.exception("keys.failed", error=type(error).__name__)

"""A burst: every booking system sends as fast as it can over several connections, while the web is killed.

What was answered 200 must be on record in the end: each event in the timeline of its stay, each reservation
that has to be asked for on the timetable of its source.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPException
from itertools import islice
from pathlib import Path

from tests.acceptance.stack_kit import Stack, stack
from tests.integration.sources_kit import ADAPTERS, SECRETS, a_stay, properties
from webhooks.errands import wanted
from webhooks.sources import ADAPTERS as READERS
from webhooks.sources.adapter import Delivery
from worker.bootstrap import Innkey, bootstrap
from worker.domain.booking import StayKey
from worker.property_access import SourceConfig
from worker.sample_deliveries.delivery import SENDERS, Sample, delivery
from worker.sample_deliveries.stay import SampleStay
from worker.store import keys

__all__ = ["Burst", "Figures", "burst"]

EVENTS_OF_A_BOOKING = 3
CONNECTIONS = 3  # of each booking system
AGAIN_SECONDS = 0.2
STUCK_SECONDS = 60.0


@dataclass(slots=True)
class Figures:
    """What a burst came to. Times in seconds."""

    deliveries: int
    sent: float
    applied: float
    answers: list[float]
    again: int

    def __str__(self) -> str:
        """As a person reads it."""
        answers = sorted(self.answers)
        middle, slow = (answers[int(len(answers) * share)] * 1000 for share in (0.5, 0.99))
        rate = self.deliveries / self.sent
        return (
            f"{self.deliveries} deliveries answered in {self.sent:.1f} s: {rate:.0f}/s, "
            f"half within {middle:.0f} ms, 99 % within {slow:.0f} ms, {self.again} sent again; "
            f"all applied {self.applied:.1f} s after the first was sent"
        )


@dataclass(slots=True)
class Burst:
    """A running Innkey with a source of every booking system, and what was answered 200."""

    inn: Stack
    innkey: Innkey
    answered: list[tuple[str, Sample]] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    again: int = 0

    def run(self, per_source: int) -> Figures:
        """Send so many from each source, kill the web in the middle, and wait until all is applied."""
        bookings = per_source // EVENTS_OF_A_BOOKING
        total, began = bookings * EVENTS_OF_A_BOOKING * len(ADAPTERS), time.monotonic()
        with ThreadPoolExecutor(len(ADAPTERS) * CONNECTIONS) as pool:
            work = [
                pool.submit(self._send, adapter, range(first, bookings, CONNECTIONS))
                for adapter in ADAPTERS
                for first in range(CONNECTIONS)
            ]
            self._grow(lambda: len(self.answered), total // 2, "answers")
            self.inn.kill("web")
            self.inn.start("web")
            self._grow(lambda: len(self.answered), total, "answers")
            for one in work:
                one.result()
        sent = time.monotonic() - began
        self._grow(lambda: -self.innkey.store.health.gauges()["inbox"], 0, "applied events")
        return Figures(total, sent, time.monotonic() - began, self.answers, self.again)

    def lost(self) -> list[str]:
        """What was answered 200 and is nowhere: the source, and the event or the reservation."""
        lost: list[str] = []
        said = self._said()
        while some := list(islice(said, 500)):
            stays = self.innkey.store.stays.readable(sorted({str(key) for _, key, _ in some if key}))
            noted = {
                (str(stay.key), note.detail.get("event"))
                for stay in stays
                for note in stay.timeline
                if note.what in ("event.accepted", "event.stale")
            }
            lost += [f"{key} {what}" for _, key, what in some if key and (str(key), what) not in noted]
            lost += [
                f"{source} {what}" for source, key, what in some if not key and not self._waits(source, what)
            ]
        return lost

    def _said(self) -> Iterator[tuple[str, StayKey | None, str]]:
        """By what the adapter itself reads: source, stay and event; without a stay: what is to be asked."""
        for adapter, sample in self.answered:
            config = self._config(adapter)
            read = Delivery(
                body=sample.body,
                received=datetime.now(UTC),
                content_type=sample.headers["content-type"],
                headers=sample.headers,
            )
            parsed = READERS[config.adapter].parse(read, config)
            errands = wanted(parsed)
            assert parsed.events or errands
            for event in parsed.events:
                yield adapter, event.key, event.id
            for errand in errands:
                yield adapter, None, errand

    def _config(self, adapter: str) -> SourceConfig:
        return self.innkey.configuration.properties.sources[adapter]

    def _waits(self, source: str, errand: str) -> bool:
        return self.innkey.store.client.zscore(keys.errands_of(source), errand) is not None

    def _send(self, adapter: str, bookings: range) -> None:
        """One connection of one booking system: its bookings in turn, the events of each in order."""
        connection = HTTPConnection("127.0.0.1", int(self.inn.environ["PORT"]), timeout=30)
        for number in bookings:
            for stay in _story(number):
                self._until_taken(connection, adapter, stay)
        connection.close()

    def _until_taken(self, connection: HTTPConnection, adapter: str, stay: SampleStay) -> None:
        config, document = self._config(adapter), SENDERS[adapter].document(stay)
        while True:
            sample, began = delivery(document, config, datetime.now(UTC)), time.monotonic()
            try:
                connection.request("POST", sample.path, sample.body, dict(sample.headers))
                answer = connection.getresponse()
                answer.read()
            except (OSError, HTTPException):
                connection.close()
            else:
                if answer.status == 200:
                    self.answers.append(time.monotonic() - began)
                    self.answered.append((adapter, sample))
                    return
                assert answer.status == 503, f"{adapter}: {answer.status}"
            self.again += 1
            time.sleep(AGAIN_SECONDS)  # a sender's pause

    def _grow(self, count: Callable[[], int], wanted: int, what: str) -> None:
        """Wait for a number, for as long as it grows."""
        latest, since = count(), time.monotonic()
        while (found := count()) < wanted:
            if found > latest:
                latest, since = found, time.monotonic()
            if time.monotonic() - since > STUCK_SECONDS:
                msg = f"{what} came to a halt at {found} of {wanted}"
                raise AssertionError(msg)
            time.sleep(0.05)


def _story(number: int) -> Iterator[SampleStay]:
    """A booking in a year's time that is changed twice."""
    check_in = datetime.now(UTC) + timedelta(days=365)
    plain = a_stay(str(10_000_000 + number), check_in=f"{check_in:%Y-%m-%d}")
    for change in range(EVENTS_OF_A_BOOKING):
        yield replace(
            plain,
            check_out=f"{check_in + timedelta(days=2 + change):%Y-%m-%d}",
            changed=plain.changed + timedelta(minutes=change),
            kind="updated" if change else "created",
        )


@contextmanager
def burst(folder: Path) -> Iterator[Burst]:
    """The Procfile's web and worker beside a Redis that persists every write."""
    with stack(folder, properties=properties(), **SECRETS) as inn:
        inn.start_all()
        innkey = bootstrap(inn.environ)
        yield Burst(inn, innkey)
        innkey.store.client.close()

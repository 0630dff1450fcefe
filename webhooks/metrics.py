"""What is counted and measured, in Prometheus' text form; docs/reference/metrics.md explains each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from webhooks import tally
from webhooks.services import innkey, now

__all__ = ["COUNTERS", "GAUGES", "blueprint"]

blueprint = Blueprint("metrics", __name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """One metric: its name, what it says, and its labels."""

    name: str
    says: str
    labels: tuple[str, ...] = ()


# By the first word of the record's counters; the words after it are the labels.
COUNTERS: Mapping[str, Kind] = {
    "calls": Kind(
        "innkey_vendor_calls_total",
        "Calls to the vendor's cloud, by their outcome.",
        ("operation", "outcome"),
    ),
    "deliveries": Kind(
        "innkey_deliveries_total",
        "Attempts to send an event to an endpoint of yours, by their outcome.",
        ("endpoint", "outcome"),
    ),
    "fetched": Kind(
        "innkey_fetched_total",
        "Reservations read from a source's own API: `news`, `known`, or `not_understood`.",
        ("source", "outcome"),
    ),
    "feeds": Kind(
        "innkey_feed_reads_total",
        "Reads of calendars: `read`, `unchanged`, `empty` while stays are awaited, or `failed`.",
        ("feed", "outcome"),
    ),
    "webhooks": Kind(
        "innkey_webhooks_total", "Deliveries to configured sources, by their outcome.", ("source", "outcome")
    ),
}

GAUGES: Mapping[str, Kind] = {
    "stays": Kind("innkey_stays", "Stays on record."),
    "open_letters": Kind("innkey_dead_letters_open", "Dead letters that are open or being retried."),
    "inbox": Kind("innkey_events_waiting", "Events accepted and not yet applied."),
    "rejected_events": Kind("innkey_rejected_events", "Deliveries kept because they were not understood."),
    "alerts_owed": Kind("innkey_alerts_waiting", "Problems whose alert mail is not out yet."),
    "deliveries_waiting": Kind(
        "innkey_deliveries_waiting",
        "Events that are to be sent to the endpoint, now or later.",
        ("endpoint",),
    ),
    "calls_out": Kind("innkey_calls_out", "Places taken in the account's share of the queue.", ("account",)),
    "locks_waiting": Kind("innkey_locks_waiting", "Locks in line for a place.", ("account",)),
    "battery": Kind("innkey_lock_battery_percent", "The battery as an opening last told it.", ("lock",)),
    "heard": Kind(
        "innkey_lock_heard_timestamp_seconds",
        "When the lock itself was last heard of, in Unix time.",
        ("lock",),
    ),
    "source_heard": Kind(
        "innkey_source_heard_timestamp_seconds",
        "When a source last sent a delivery that proved its origin, in Unix time.",
        ("source",),
    ),
    "workers": Kind("innkey_workers", "Worker processes seen within the last 15 seconds."),
    "oldest_due": Kind("innkey_oldest_due_seconds", "How late the oldest due work is that nobody took up."),
}

Samples = list[tuple[tuple[str, ...], float]]


@blueprint.get("/metrics")
def metrics() -> Response:
    """All of it, read from the record for this request."""
    moment = now()
    tally.report()
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Reading(moment))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Reading(Collector):
    """One look at the record."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def collect(self) -> Iterator[Metric]:
        """The families with their samples."""
        counted = _counted()
        for word, kind in COUNTERS.items():
            counter = CounterMetricFamily(kind.name, kind.says, labels=kind.labels)
            for labels, value in counted[word]:
                counter.add_metric(labels, value)
            yield counter
        measured = _measured(self._moment)
        for word, kind in GAUGES.items():
            gauge = GaugeMetricFamily(kind.name, kind.says, labels=kind.labels)
            for labels, value in measured[word]:
                gauge.add_metric(labels, value)
            yield gauge


def _counted() -> dict[str, Samples]:
    found: dict[str, Samples] = {word: [] for word in COUNTERS}
    for counter, value in sorted(innkey().store.health.counters().items()):
        word, *labels = counter.split(":")
        if word in COUNTERS and len(labels) == len(COUNTERS[word].labels):
            found[word].append((tuple(labels), float(value)))
    return found


def _measured(moment: datetime) -> dict[str, Samples]:
    services = innkey()
    health = services.store.health
    found: dict[str, Samples] = {word: [((), float(size))] for word, size in health.gauges().items()}
    accounts = health.waiting(list(services.house().accounts))
    found["calls_out"] = [((name,), float(out)) for name, (out, _) in accounts.items()]
    found["locks_waiting"] = [((name,), float(line)) for name, (_, line) in accounts.items()]
    signs = services.store.trails.signs(services.house().locks)
    found["battery"] = [((n,), float(s.battery)) for n, s in signs.items() if s.battery is not None]
    found["heard"] = [((n,), s.heard.timestamp()) for n, s in signs.items() if s.heard is not None]
    sources = services.store.source_signs.get_many(services.configuration.properties.sources)
    found["source_heard"] = [((n,), s.heard.timestamp()) for n, s in sources.items() if s.heard is not None]
    waiting = services.store.deliveries.waiting(list(services.configuration.properties.outgoing))
    found["deliveries_waiting"] = [((name,), float(count)) for name, count in waiting.items()]
    found["workers"] = [((), float(health.workers(moment)))]
    found["oldest_due"] = [((), health.oldest_due(moment, list(innkey().house().accounts)).total_seconds())]
    return found

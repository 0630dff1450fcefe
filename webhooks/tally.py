"""Counts the outcomes of deliveries without a round trip of its own for each."""

from __future__ import annotations

import time

import structlog

from webhooks.services import innkey
from worker.store.redis_client import RedisError

__all__ = ["count", "report", "report_if_due", "report_news"]

REPORT_EVERY_S = 5.0
# What each outcome says of where the delivery came from; the others come before the proof is looked at.
PROVEN = frozenset({"accepted", "duplicate", "ignored", "not_understood", "unavailable"})
UNPROVEN = "unproven"

_reported_at = 0.0

log = structlog.get_logger(__name__)


def count(source: str, outcome: str) -> None:
    """Count one delivery of a configured source."""
    services = innkey()
    services.counts.add(f"webhooks:{source}:{outcome}")
    if outcome in PROVEN or outcome == UNPROVEN:
        services.hearing.note(source, services.clock.now(), is_proven=outcome in PROVEN)


def report() -> None:
    """Add what this process counted and heard to the record. Raises redis' errors."""
    innkey().report_counts()


def report_if_due() -> None:
    """The same every few seconds, or with news; only after Redis has just answered, or counts are lost."""
    global _reported_at  # noqa: PLW0603 - one clock for the threads of a process
    moment = time.monotonic()
    if innkey().hearing.has_news() or moment - _reported_at >= REPORT_EVERY_S:
        _reported_at = moment
        report()


def report_news() -> None:
    """The same where Redis was not asked for anything: once a minute at the most, whoever knocks how often.

    A failure changes no answer; what was heard is told with the next report.
    """
    services = innkey()
    if not services.hearing.has_news():
        return
    try:
        services.hearing.report(services.store.source_signs)
    except RedisError as error:
        log.warning("tally.no_redis", error=type(error).__name__)

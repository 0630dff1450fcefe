"""Counts the outcomes of deliveries without a round trip of its own for each."""

from __future__ import annotations

import time

from webhooks.services import innkey

__all__ = ["count", "report", "report_if_due"]

REPORT_EVERY_S = 5.0

_reported_at = 0.0


def count(source: str, outcome: str) -> None:
    """Count one delivery of a configured source."""
    innkey().counts.add(f"webhooks:{source}:{outcome}")


def report() -> None:
    """Add what this process counted to the record's counters. Raises redis' errors."""
    innkey().report_counts()


def report_if_due() -> None:
    """The same every few seconds; only after Redis has just answered, or a failure would lose the counts."""
    global _reported_at  # noqa: PLW0603 - one clock for the threads of a process
    moment = time.monotonic()
    if moment - _reported_at >= REPORT_EVERY_S:
        _reported_at = moment
        report()

"""For senders that sign nothing: HTTP Basic, a header or a token in the address is their only proof."""

from __future__ import annotations

from datetime import datetime

from webhooks.sources.adapter import Delivery, UnprovenError
from worker.property_access import SourceConfig

__all__ = ["verify"]


def verify(delivery: Delivery, config: SourceConfig, now: datetime) -> None:  # noqa: ARG001 - the protocol's
    """There is no signature to check; the property file refuses `secret` here. Raises UnprovenError."""
    raise UnprovenError("this sender signs nothing")

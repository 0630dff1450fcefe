"""Reads deliveries with an adapter, without a web process."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from webhooks.sources import ADAPTERS
from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from worker.domain.booking import BookingEvent
from worker.property_access import SourceConfig

__all__ = ["JSON", "NOW", "config", "errors", "event", "parse"]

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
JSON = "application/json"


def config(adapter: str, **proof: Any) -> SourceConfig:
    """A source of that name with that adapter."""
    return SourceConfig(name=adapter, adapter=adapter, **proof)


def parse(adapter: str, document: object, *, content_type: str = JSON, query: str = "") -> Parsed:
    """What the adapter makes of a document (bytes as they are, else as JSON). Raises NotUnderstoodError."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    delivery = Delivery(body=body, received=NOW, content_type=content_type, query=query)
    return ADAPTERS[adapter].parse(delivery, config(adapter))


def event(adapter: str, document: object, **how: str) -> BookingEvent:
    """The one event in a document."""
    (found,) = parse(adapter, document, **how).events
    return found


def errors(adapter: str, document: object, **how: str) -> dict[str, list[str]]:
    """Why a document is not understood."""
    with pytest.raises(NotUnderstoodError) as caught:
        parse(adapter, document, **how)
    return caught.value.errors

"""Reads what the APIs of thin systems say, without a web process."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tests.unit.source_kit import config
from webhooks.sources import ADAPTERS
from webhooks.sources.adapter import Answers, NotUnderstoodError, Parsed
from worker.domain.booking import BookingEvent
from worker.sample_deliveries.delivery import SENDERS
from worker.sample_deliveries.stay import Document, SampleStay

__all__ = ["ASKED", "STAY", "answer", "problems", "read", "the_event"]

ASKED = datetime(2026, 11, 22, 10, 5, tzinfo=UTC)
STAY = SampleStay(
    id="40001234",
    unit="40160",
    check_in="2026-12-01",
    check_out="2026-12-05",
    changed=datetime(2026, 11, 22, 10, 0, tzinfo=UTC),
    name="John Lee",
    email="john@example.com",
    phone="+61 400 000 000",
)


def answer(adapter: str, **changed: Any) -> Any:
    """What the API of the adapter's system says of a stay."""
    sender: Any = SENDERS[adapter]
    return cast("Document", sender.answer(replace(STAY, **changed)))


def read(adapter: str, document: Any, asked: datetime = ASKED) -> Parsed:
    """What the adapter makes of it. Raises NotUnderstoodError."""
    return cast("Answers", ADAPTERS[adapter]).read(STAY.id, document, config(adapter), asked)


def the_event(adapter: str, document: Any, asked: datetime = ASKED) -> BookingEvent:
    """The one event in it."""
    (found,) = read(adapter, document, asked).events
    return found


def problems(adapter: str, document: Any) -> dict[str, list[str]]:
    """Why it is not understood."""
    with pytest.raises(NotUnderstoodError) as caught:
        read(adapter, document)
    return caught.value.errors

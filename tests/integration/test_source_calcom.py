"""Cal.com's rescheduled bookings, and Uplisting's addresses, through the web process."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.sources_kit import Senders, a_stay, senders
from worker.domain.booking import Status
from worker.sample_deliveries import calcom, uplisting


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Senders]:
    """An app beside an empty Redis."""
    with senders(tmp_path) as made:
        yield made


def rescheduled(kit: Senders, new: str, old: str, seconds: int) -> dict[str, Any]:
    """What Cal.com writes when `old` becomes `new`."""
    stay = a_stay(new)
    made = calcom.document(replace(stay, changed=stay.changed + timedelta(seconds=seconds)))
    assert isinstance(made, dict)
    made["triggerEvent"] = "BOOKING_RESCHEDULED"
    made["payload"]["rescheduleUid"] = old
    assert 200 == kit.post(kit.sample("calcom", made)).status_code
    kit.web.apply()
    return made


def test_a_rescheduled_stay_is_moved_and_not_doubled(kit: Senders) -> None:
    """D03: however often: one stay has a code, the ones before have none."""
    kit.tell("calcom", a_stay("first"))
    rescheduled(kit, "second", "first", 60)
    rescheduled(kit, "third", "second", 120)
    assert [set(), set(), {"SS000001"}] == [kit.doors("calcom", one) for one in ("first", "second", "third")]


def test_in_the_wrong_order(kit: Senders) -> None:
    """B12: the booking that comes after it was rescheduled does not come to life."""
    made = rescheduled(kit, "second", "first", 60)
    again = kit.post(kit.sample("calcom", made)).json
    assert again is not None
    assert "duplicate" == again["status"]
    kit.tell("calcom", a_stay("first"))
    assert Status.CANCELLED is kit.booking("calcom", "first").status
    assert {"SS000001"} == kit.doors("calcom", "second")


def test_a_webhook_without_a_secret_is_refused(kit: Senders) -> None:
    """C01: Cal.com says itself that it has not signed."""
    good = kit.sample("calcom", calcom.document(a_stay("first")))
    bare = replace(good, headers={**good.headers, "x-cal-signature-256": "no-secret-provided"})
    assert 401 == kit.post(bare).status_code


def test_an_address_says_that_a_booking_was_removed(kit: Senders) -> None:
    """The body calls it confirmed; a slip in the address is kept for a person."""
    stay = a_stay("501")
    kit.tell("uplisting", stay)
    sample = kit.sample("uplisting", uplisting.document(stay))
    slip = kit.post(replace(sample, path=f"{sample.path}?event=booking_deleted"))
    assert {"status": "kept"} == slip.json
    assert {"SS000001"} == kit.doors("uplisting", "501")
    assert 200 == kit.post(replace(sample, path=f"{sample.path}?event=booking_removed")).status_code
    kit.web.apply()
    assert set() == kit.doors("uplisting", "501")

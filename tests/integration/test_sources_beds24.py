"""Beds24's webhook of version 1, which is all address, through the web process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.test import TestResponse

from tests.integration.sources_kit import Senders, senders

PROOF = {"X-Innkey": "s3cret"}


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Senders]:
    """An app beside an empty Redis."""
    with senders(tmp_path) as made:
        yield made


def call(kit: Senders, query: str, method: str = "GET", **headers: str) -> TestResponse:
    """A call as version 1 makes it."""
    return kit.web.client.open(f"/webhooks/beds24?{query}", method=method, headers=headers or PROOF)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_call_is_kept(kit: Senders, method: str) -> None:
    """The next change of a booking has the same address: each call is told, and keeps what it said."""
    for _ in range(2):
        answer = call(kit, "bookid=501&status=modify", method)
        assert (200, {"status": "kept"}) == (answer.status_code, answer.json)
    kept = kit.web.innkey.store.events.rejected_page(limit=10, cursor=None).items
    assert ["bookid=501&status=modify"] * 2 == [one.query for one in kept]
    answer = kit.web.post(f"/v1/rejected-events/{kept[0].id}/replay")
    assert (422, {"bookid"}) == (answer.status_code, set(answer.json["errors"]))


def test_messages_are_ignored(kit: Senders) -> None:
    """C03: a message concerns no stay."""
    answer = call(kit, "bookid=501&status=message")
    assert (200, "ignored") == (answer.status_code, (answer.json or {})["status"])
    assert 0 == kit.gauge("rejected_events")


def test_forged(kit: Senders) -> None:
    """C01: a call without the header is refused; other methods are too."""
    assert 401 == call(kit, "bookid=501&status=cancel", **{"X-Innkey": "guess"}).status_code
    assert 405 == call(kit, "bookid=501", "HEAD").status_code
    assert 0 == kit.gauge("rejected_events")

"""What holds for every booking system: no payload breaks the receiver, no page shows what is not sent."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.source_kit import event, parse
from webhooks.sources import ADAPTERS
from webhooks.sources.adapter import Delivery, NotUnderstoodError, UnprovenError
from webhooks.sources.reservations import content_id
from worker import properties
from worker.domain.booking import Status
from worker.property_access import THIN
from worker.sample_deliveries import guesty
from worker.sample_deliveries.delivery import SENDERS
from worker.sample_deliveries.stay import SampleStay

ROOT = Path(__file__).parents[2]
NAMES = sorted(SENDERS)
WHOLE = [name for name in NAMES if name not in THIN]  # the others: test_thin_sources.py
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
WORDS = ["confirmed", "new", "Booked", "accepted", "2026-12-01", "2026-12-01T00:00:00", "2026-02-30", "15:00"]
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(WORDS)
)
ANYTHING = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def is_harmless(name: str, body: bytes, content_type: str = "application/json", query: str = "") -> None:
    """The body is understood, and can be stored, or refused with reasons that can be shown."""
    try:
        found = parse(name, body, content_type=content_type, query=query)
    except NotUnderstoodError as error:
        assert error.errors  # noqa: PT017 - either outcome is good
        json.dumps(error.errors, ensure_ascii=False).encode()
        return
    for one in found.events:
        assert isinstance(one.changes["status"], str)
        json.dumps([one.id, one.key.id, dict(one.changes), one.version.number], ensure_ascii=False).encode()


def spoilt(document: Any, path: list[int], value: object) -> Any:
    """A document with one place, the one that `path` leads to, replaced by `value`."""
    if not isinstance(document, dict | list) or not document or not path:
        return value
    places = sorted(document) if isinstance(document, dict) else list(range(len(document)))
    at = places[path[0] % len(places)]
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[at] = spoilt(document[at], path[1:], value)
    return copy


def test_every_sender_has_all_of_its_parts() -> None:
    """A name in the property file has an adapter, a sample sender, and a page."""
    assert set(ADAPTERS) == set(properties.ADAPTERS) == {*NAMES, "innkey"}
    # A calendar sends nothing: it is read.
    assert {*NAMES, "ical"} == {page.stem for page in (ROOT / "docs/how-to/sources").glob("*.md")}


@pytest.mark.parametrize("name", NAMES)
class TestAnyPayload:
    """Nothing that a sender writes is answered with 500, and nothing authentic is lost."""

    @given(body=st.binary(max_size=200))
    def test_arbitrary_bytes(self, name: str, body: bytes) -> None:
        """Bytes of any kind, as JSON or as a form."""
        is_harmless(name, body)
        is_harmless(name, body, "application/x-www-form-urlencoded")

    @given(document=ANYTHING)
    def test_arbitrary_json(self, name: str, document: object) -> None:
        """Documents of any form."""
        is_harmless(name, json.dumps(document).encode())

    @given(
        status=st.sampled_from(["confirmed", "tentative", "blocked", "cancelled", "inquiry"]),
        units=st.sampled_from([(), ("1",), ("1", "2")]),
        path=st.lists(st.integers(0, 60), max_size=5),
        value=ANYTHING,
    )
    def test_reservations_with_a_strange_place(
        self, name: str, status: str, units: tuple[str, ...], path: list[int], value: object
    ) -> None:
        """A good reservation in which something strange stands at one place."""
        status = status if status in SENDERS[name].STATUSES else "confirmed"
        document = SENDERS[name].document(replace(STAY, status=status, units=units))
        is_harmless(name, json.dumps(spoilt(document, path, value)).encode())

    @pytest.mark.parametrize("depth", range(300, 3000, 100))
    def test_deep_nesting(self, name: str, depth: int) -> None:
        """However deep a document is nested, it is read or kept."""
        document = SENDERS[name].document(STAY)
        first = document[0] if isinstance(document, list) else document
        text = json.dumps(first)[:-1] + ', "deep": ' + "[" * depth + "]" * depth + "}"
        is_harmless(name, text.encode())

    @given(
        headers=st.dictionaries(st.sampled_from(["signature", "ms-signature", "svix-signature"]), st.text())
    )
    def test_hostile_signatures(self, name: str, headers: dict[str, str]) -> None:
        """Whatever stands for a signature is refused."""
        config = properties.SourceConfig(name=name, adapter=name)
        delivery = Delivery(body=b"{}", received=STAY.changed, headers=headers)
        with pytest.raises(UnprovenError):
            ADAPTERS[name].verify(delivery, config, STAY.changed)


@pytest.mark.parametrize("name", WHOLE)
class TestEnvelopes:
    """The same reservation, packed differently."""

    def test_form(self, name: str) -> None:
        """A form with JSON in one of its fields is read as that JSON."""
        document = SENDERS[name].document(STAY)
        body = urlencode({"version": "1", "payload": json.dumps(document)}).encode()
        found = event(name, body, content_type="application/x-www-form-urlencoded")
        assert event(name, document) == found

    def test_array_or_object(self, name: str) -> None:
        """One document is the same with and without an array around it."""
        document = SENDERS[name].document(STAY)
        bare = document[0] if isinstance(document, list) else document
        assert event(name, bare) == event(name, [bare])


@pytest.mark.parametrize("name", WHOLE)
def test_a_sample_is_read_as_it_was_meant(name: str) -> None:
    """Id, unit and dates of a sample arrive."""
    found = event(name, SENDERS[name].document(STAY))
    assert STAY.id == found.key.id
    assert Status.CONFIRMED == found.changes["status"]
    times = [str(found.changes[at])[:10] for at in ("check_in", "check_out")]
    assert [STAY.check_in, STAY.check_out] == times


@pytest.mark.parametrize("name", NAMES)
def test_messages_hold_no_value(name: str) -> None:
    """Errors name the place and never the value: it may be the guest's."""
    document = SENDERS[name].document(STAY)
    text = json.dumps(document)
    for good in (STAY.check_in, STAY.check_out, STAY.unit, STAY.id):
        try:
            parse(name, text.replace(good, "canary\\u0000").encode())
        except NotUnderstoodError as error:
            assert "canary" not in json.dumps(error.errors)  # noqa: PT017 - either outcome is good


@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_what_is_sent(name: str) -> None:
    """The first JSON of a source's page is what its sample sender makes."""
    page = (ROOT / f"docs/how-to/sources/{name}.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```json\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    assert SENDERS[name].document(STAY) == json.loads(shown[0])


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_its_parts(name: str) -> None:
    """Each page says how to set it up, what is sent, what Innkey does, and what is not certain.

    Where its API can be asked beside the webhooks, the page says how.
    """
    page = (ROOT / f"docs/how-to/sources/{name}.md").read_text(encoding="utf-8")
    wanted = ["Set it up", "What it sends", "What Innkey does with it", "What is certain, and what is not"]
    found = re.findall(r"^## (.*)$", page, flags=re.MULTILINE)
    assert wanted == [part for part in found if part != "Asking its API"]
    assert found[3] == "Asking its API" or not (ROOT / f"webhooks/sources/{name}_api.py").exists()
    assert f"innkey send-test --as {name}" in page


def test_the_page_shows_the_older_version_too() -> None:
    """Guesty's page shows both versions."""
    page = (ROOT / "docs/how-to/sources/guesty.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```json\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    assert guesty.legacy(STAY) == json.loads(shown[1])


def test_half_a_character_has_an_id_too() -> None:
    """Whatever a sender wrote, an id can be made of it."""
    assert content_id({"name": "cut \ud83d"}) != content_id({"name": "cut \ud83c"})

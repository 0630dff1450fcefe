"""Whatever a booking system sends through the web process: never a 500, and nothing authentic is lost."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.integration.sources_kit import ADAPTERS, Senders, a_stay, senders
from tests.integration.web_kit import Web, event_body, signed, web
from webhooks.errands import wanted
from webhooks.sources import ADAPTERS as READERS
from webhooks.sources.adapter import Delivery
from worker.sample_deliveries.delivery import SENDERS, Sample, _proof, delivery
from worker.store import keys
from worker.store.events import rejected_id

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
EXAMPLES = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
ids = count(40_000_001)
known: set[tuple[str, str]] = set()  # source and event of all that was told so far
# The kit is an argument, and long; an example that fails is to be shown all the same.
pytestmark = pytest.mark.filterwarnings("ignore::hypothesis.errors.HypothesisWarning")

NO_TEXT: st.SearchStrategy[object] = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.just([]) | st.just({})
)
WORDS = st.sampled_from(
    [
        "",
        " ",
        "confirmed",
        "cancelled",
        "2026-12-01",
        "0001-01-01",
        "9999-12-31",
        "2026-12-01T25:00",
        "-1",
        "0",
    ]
)
TEXT = (
    WORDS | st.text(max_size=30) | st.sampled_from(["ü" * 300, "\u0000", "\u202e", "𝔘", "x" * 70_000, "/.."])
)
ANYTHING = st.recursive(
    NO_TEXT | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Senders]:
    """One app for all of these tests."""
    with senders(tmp_path_factory.mktemp("any")) as made:
        yield made


@dataclass(slots=True)
class Place:
    """A place in a document that `path` leads to, by turns at each level."""

    path: list[int]

    def changed(self, document: Any, change: Any) -> Any:
        """The document with this place changed: `change` gets its container (a copy) and the key in it."""
        copy = json.loads(json.dumps(document))
        inner, left = copy, list(self.path)
        while True:
            places = sorted(inner) if isinstance(inner, dict) else range(len(inner))
            at = places[left.pop(0) % len(places)]
            below = inner[at]
            if not left or not isinstance(below, dict | list) or not below:
                change(inner, at)
                return copy
            inner = below


PLACES = st.builds(Place, st.lists(st.integers(0, 60), min_size=1, max_size=5))


def proven(kit: Senders, adapter: str, body: bytes, content_type: str = JSON) -> Sample:
    """A body with its proof of origin."""
    config = kit.web.innkey.configuration.properties.sources[adapter]
    plain = delivery({}, config, datetime.now(UTC))
    proof = _proof(body, config, datetime.now(UTC))
    return Sample(path=plain.path, headers={"content-type": content_type, **proof}, body=body)


def sent(kit: Senders, adapter: str, body: bytes, content_type: str = JSON) -> str:
    """Send a proven body, see that it is not lost, and say what was answered."""
    sample = proven(kit, adapter, body, content_type)
    answer = kit.post(sample)
    assert 200 == answer.status_code, answer.text
    status = str((answer.json or {})["status"])
    if status == "kept":
        is_kept(kit.web, adapter, body)
    else:
        is_applied(kit.web, adapter, sample)
    return status


def is_kept(web: Web, source: str, body: bytes) -> None:
    """The body can be replayed as it came."""
    found = web.innkey.store.events.get_rejected(rejected_id(source, body))
    assert found is not None
    assert body == found.body


def is_applied(web: Web, source: str, sample: Sample) -> None:
    """Nothing fails to be applied; the API shows each stay, and what is to be asked for waits."""
    web.apply()
    store, config = web.innkey.store, web.innkey.configuration.properties.sources[source]
    assert 0 == store.health.gauges()["inbox"]
    read = Delivery(
        body=sample.body,
        received=datetime.now(UTC),
        content_type=sample.headers["content-type"],
        headers=sample.headers,
    )
    parsed = READERS[config.adapter].parse(read, config)
    for errand in wanted(parsed):
        assert store.client.zscore(keys.errands_of(source), errand) is not None
    for event in parsed.events:
        if (source, event.id) in known:
            continue  # a duplicate by its sender's own id, whatever else is in it
        known.add((source, event.id))
        path = f"/v1/bookings/{event.key.source}/{quote(event.key.id, safe='')}"
        assert 200 == web.get(path).status_code, path


def a_document(adapter: str) -> Any:
    """A confirmed reservation of an id of its own."""
    return SENDERS[adapter].document(a_stay(str(next(ids))))


@pytest.mark.parametrize("adapter", ADAPTERS)
class TestSpoiltReservations:
    """A good reservation with something wrong in it."""

    @EXAMPLES
    @given(place=PLACES)
    def test_a_field_is_missing(self, kit: Senders, adapter: str, place: Place) -> None:
        """It is applied or kept, and never passes for noise."""

        def drop(inner: Any, at: Any) -> None:
            del inner[at]

        assert sent(kit, adapter, json.dumps(place.changed(a_document(adapter), drop)).encode()) != "ignored"

    @EXAMPLES
    @given(place=PLACES, value=NO_TEXT)
    def test_a_field_of_another_type(self, kit: Senders, adapter: str, place: Place, value: object) -> None:
        """The same for null, a number, an empty list or table in the place of anything."""

        def put(inner: Any, at: Any) -> None:
            inner[at] = value

        assert sent(kit, adapter, json.dumps(place.changed(a_document(adapter), put)).encode()) != "ignored"

    @EXAMPLES
    @given(place=PLACES, value=ANYTHING)
    def test_anything_in_some_place(self, kit: Senders, adapter: str, place: Place, value: object) -> None:
        """Whatever stands there: huge, nested, not of any alphabet."""

        def put(inner: Any, at: Any) -> None:
            inner[at] = value

        sent(kit, adapter, json.dumps(place.changed(a_document(adapter), put)).encode())

    @EXAMPLES
    @given(place=PLACES, wrap=st.sampled_from(["list", "twice", "table", "text"]))
    def test_a_field_in_a_wrapping(self, kit: Senders, adapter: str, place: Place, wrap: str) -> None:
        """A value in a list, in it twice, in a table, or as JSON within a text."""
        wrappings: dict[str, Callable[[object], object]] = {
            "list": lambda value: [value],
            "twice": lambda value: [value, value],
            "table": lambda value: {"value": value},
            "text": json.dumps,
        }

        def put(inner: Any, at: Any) -> None:
            inner[at] = wrappings[wrap](inner[at])

        sent(kit, adapter, json.dumps(place.changed(a_document(adapter), put)).encode())

    @EXAMPLES
    @given(documents=st.lists(st.tuples(st.booleans(), ANYTHING), max_size=4))
    def test_a_list_of_anything(
        self, kit: Senders, adapter: str, documents: list[tuple[bool, object]]
    ) -> None:
        """Reservations among other things: none of them is lost because of its neighbours."""
        made = [a_document(adapter) if is_good else other for is_good, other in documents]
        status = sent(kit, adapter, json.dumps(made).encode())
        assert status != "ignored" or not any(is_good for is_good, _ in documents)

    def test_arbitrary_bytes(self, kit: Senders, adapter: str) -> None:
        """What is no JSON at all."""
        wanted = READERS[adapter].content_types

        @EXAMPLES
        @given(body=st.binary(min_size=1, max_size=300))
        def check(body: bytes) -> None:
            for content_type in {JSON, FORM} & wanted:
                sent(kit, adapter, body, content_type)

        check()

    @EXAMPLES
    @given(field=st.text(max_size=10), place=PLACES, value=ANYTHING)
    def test_forms(self, kit: Senders, adapter: str, field: str, place: Place, value: object) -> None:
        """A form with a spoilt reservation in one of its fields, where the source may send forms."""

        def put(inner: Any, at: Any) -> None:
            inner[at] = value

        document = json.dumps(place.changed(a_document(adapter), put))
        body = urlencode({field: document, "n": "1"}).encode()
        if FORM in READERS[adapter].content_types:
            sent(kit, adapter, body, FORM)
        else:
            assert 415 == kit.post(proven(kit, adapter, body, FORM)).status_code


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """An app with sources of Innkey's own form."""
    with web(tmp_path_factory.mktemp("ours")) as made:
        yield made


class TestOurOwnForm:
    """The same for the adapter `innkey`, which answers 422 to what it keeps."""

    @EXAMPLES
    @given(place=PLACES, value=ANYTHING, kind=st.sampled_from(["created", "updated", "cancelled"]))
    def test_anything_in_some_place(self, ours: Web, place: Place, value: object, kind: str) -> None:
        """An event with anything at some place is applied, known noise, or kept."""

        def put(inner: Any, at: Any) -> None:
            inner[at] = value

        full = {"guest": {"name": "John", "email": "j@example.com"}, "version": 3, "pin": "482913"}
        document = json.loads(event_body(f"booking.{kind}", id=str(next(ids)), **full))
        body = json.dumps(place.changed(document, put)).encode()
        headers = signed(body)
        answer = ours.client.post("/webhooks/direct", data=body, headers=headers)
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code == 422:
            is_kept(ours, "direct", body)
            return
        sample = Sample(path="", headers={name.lower(): value for name, value in headers.items()}, body=body)
        is_applied(ours, "direct", sample)

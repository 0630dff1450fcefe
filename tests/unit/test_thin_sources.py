"""What holds for every system whose deliveries only name a reservation."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.source_kit import parse
from tests.unit.test_sources import ANYTHING, spoilt
from tests.unit.thin_kit import ASKED, STAY, answer, read, the_event
from webhooks.sources import ADAPTERS
from webhooks.sources.adapter import NotUnderstoodError
from webhooks.sources.asking import Asking
from worker.domain.booking import Status
from worker.property_access import THIN, UNSIGNED, SourceConfig
from worker.sample_deliveries.delivery import SENDERS
from worker.secret import Secret

ROOT = Path(__file__).parents[2]
NAMES = sorted(THIN)
WITH_ROOMS = ["apaleo", "cloudbeds", "mews"]


def document(name: str, **changed: Any) -> Any:
    """The sample delivery."""
    return SENDERS[name].document(replace(STAY, **changed))


def test_each_has_what_asking_needs() -> None:
    """The functions by which the runner knows that it may ask, and poll."""
    for name in NAMES:
        assert all(hasattr(ADAPTERS[name], part) for part in ("most_asked", "asking", "fetch", "read"))
        assert hasattr(ADAPTERS[name], "changes")
        assert name in UNSIGNED


@pytest.mark.parametrize("name", NAMES)
class TestDeliveries:
    """What is read of a delivery."""

    @pytest.mark.parametrize("kind", ["created", "updated", "cancelled"])
    def test_it_names_what_to_ask_for(self, name: str, kind: str) -> None:
        """The id of the reservation and nothing else: what it is now, the API tells."""
        found = parse(name, document(name, kind=kind))
        assert (STAY.id,) == found.asks
        assert () == found.events
        assert found.id

    def test_twice_in_one_delivery_is_asked_for_once(self, name: str) -> None:
        """A batch that names a reservation several times."""
        both = [document(name), document(name, kind="updated"), document(name, id="40001235")]
        assert (STAY.id, "40001235") == parse(name, both).asks

    def test_noise_names_nothing(self, name: str) -> None:
        """C03: what concerns no stay is understood, and asks for nothing."""
        found = parse(name, SENDERS[name].noise())
        assert ((), ()) == (found.asks, found.events)

    def test_without_an_id_it_is_for_a_person(self, name: str) -> None:
        """C06: a delivery about a reservation that it does not name."""
        text = json.dumps(document(name)).replace(f'"{STAY.id}"', "null")
        with pytest.raises(NotUnderstoodError):
            parse(name, text.encode())


@pytest.mark.parametrize("name", NAMES)
class TestAnswers:
    """What is read of what the API says."""

    def test_it_is_read_as_it_was_meant(self, name: str) -> None:
        """Id, unit, dates, guest and status of a sample arrive."""
        found = the_event(name, answer(name))
        times = [str(found.changes[at])[:10] for at in ("check_in", "check_out")]
        assert (STAY.id, "confirmed", STAY.unit) == (
            found.key.id,
            found.changes["status"],
            found.changes["unit"],
        )
        assert [STAY.check_in, STAY.check_out] == times
        assert ["John Lee", STAY.email, STAY.phone] == [
            found.changes[f"guest_{detail}"] for detail in ("name", "email", "phone")
        ]

    def test_the_same_again_is_the_same_news(self, name: str) -> None:
        """Whenever it is asked for, and whatever else is in the answer."""
        more = {**answer(name), "balance": 17.5}
        later = the_event(name, more, ASKED + timedelta(hours=1))
        assert the_event(name, answer(name)).id == later.id
        assert read(name, answer(name)).by_content
        assert later.id != the_event(name, answer(name, check_out="2026-12-06")).id

    def test_the_order_is_the_senders_then_that_of_asking(self, name: str) -> None:
        """B12: what was changed later is newer; of two alike the one asked for later."""
        first = the_event(name, answer(name)).version
        again = the_event(name, answer(name), ASKED + timedelta(seconds=1)).version
        after = the_event(
            name, answer(name, changed=STAY.changed + timedelta(minutes=1)), ASKED + timedelta(seconds=2)
        ).version
        assert again.is_newer_than(first)
        assert after.is_newer_than(again)

    def test_an_unknown_status_is_for_a_person(self, name: str) -> None:
        """It neither gives nor takes a code."""
        text = json.dumps(answer(name))
        word = SENDERS[name].STATUSES["confirmed"]
        word = word[0] if isinstance(word, tuple) else word
        with pytest.raises(NotUnderstoodError):
            read(name, json.loads(text.replace(f'"{word}"', '"Strange"')))

    @given(
        status=st.sampled_from(["confirmed", "tentative", "blocked", "cancelled", "inquiry"]),
        path=st.lists(st.integers(0, 60), max_size=6),
        value=ANYTHING,
    )
    def test_a_strange_place(self, name: str, status: str, path: list[int], value: object) -> None:
        """An answer in which something strange stands at one place is read or for a person."""
        status = status if status in SENDERS[name].STATUSES else "confirmed"
        try:
            found = read(name, spoilt(answer(name, status=status), path, value))
        except NotUnderstoodError as error:
            json.dumps(error.errors, ensure_ascii=False).encode()
            return
        for one in found.events:
            assert isinstance(one.changes["status"], str)
            json.dumps([one.id, one.key.id, dict(one.changes)], ensure_ascii=False)

    def test_messages_hold_no_value(self, name: str) -> None:
        """Errors name the place and never the value: it may be the guest's."""
        text = json.dumps(answer(name))
        for good in (STAY.check_in, STAY.check_out, STAY.unit, STAY.id):
            try:
                read(name, json.loads(text.replace(good, "canary\\u0000")))
            except NotUnderstoodError as error:
                assert "canary" not in json.dumps(error.errors)  # noqa: PT017 - either outcome is good


@pytest.mark.parametrize("name", WITH_ROOMS)
class TestRooms:
    """A hotel gives a reservation its room late."""

    def test_without_a_room_it_waits(self, name: str) -> None:
        """No code and no letter: tentative, and what was known of its unit is taken back."""
        found = the_event(name, answer(name, unit=""))
        assert (Status.TENTATIVE, None) == (found.changes["status"], found.changes["unit"])

    def test_close_to_check_in_it_is_a_letter(self, name: str) -> None:
        """A confirmed stay of no unit is for a person in time."""
        found = the_event(name, answer(name, unit=""), ASKED + timedelta(days=8, hours=12))
        assert (Status.CONFIRMED, None) == (found.changes["status"], found.changes["unit"])

    def test_with_a_room_it_is_confirmed(self, name: str) -> None:
        """Which is then its unit."""
        found = the_event(name, answer(name))
        assert (Status.CONFIRMED, STAY.unit) == (found.changes["status"], found.changes["unit"])

    def test_a_cancellation_needs_none(self, name: str) -> None:
        """And clears nothing."""
        found = the_event(name, answer(name, unit="", kind="cancelled"))
        assert Status.CANCELLED == found.changes["status"]
        assert "unit" not in found.changes


@pytest.mark.parametrize("name", NAMES)
def test_no_key_is_seen(name: str) -> None:
    """K03: what is made for asking shows none."""
    adapter: Any = ADAPTERS[name]
    key = Secret("canary-1:canary-2")
    config = SourceConfig(name=name, adapter=name, api_url="https://api.example.com/x", api_key=key)
    with adapter.asking(config) as api:
        assert isinstance(api, Asking)
        assert "canary" not in repr(api)
        assert "canary" not in repr(config)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_shows_what_the_api_says(name: str) -> None:
    """The second JSON of a source's page is what its sample answer is."""
    page = (ROOT / f"docs/how-to/sources/{name}.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```json\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL)
    assert answer(name) == json.loads(shown[1])

"""Each booking system's API over real HTTP: one reservation, all pages of a list, the key in its place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.api_kit import APIS, KEYS, Api, api_of, document
from tests.integration.pms_kit import Answer, Asked
from webhooks.sources.asking import GoneError, LaterError, RefusedError
from worker.domain.booking import BookingEvent, Status

SINCE = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 24, 18, 0, tzinfo=UTC)


@pytest.fixture(params=sorted(APIS))
def api(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API of each in turn."""
    with api_of(request.param, monkeypatch) as made:
        yield made


@pytest.fixture
def guesty(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Guesty's API."""
    with api_of("guesty", monkeypatch) as made:
        yield made


@pytest.fixture
def hostaway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Hostaway's API."""
    with api_of("hostaway", monkeypatch) as made:
        yield made


def event(api: Api, told: Any, asked: datetime = NOW) -> BookingEvent:
    """The one event in a fetched document."""
    (found,) = api.module.read("501", told, api.config(), asked).events
    return found


def test_a_reservation_is_fetched_and_read(api: Api) -> None:
    """The key takes the right place; dates stay as written, unit and guest are found."""
    api.documents["501"] = document(api.adapter, 501)
    with api.asking() as asking:
        found = api.module.fetch(asking, ["501"])
    assert ["501"] == list(found)
    told = event(api, found["501"])
    assert "501" == told.key.id
    expected = {
        "unit": "40160",
        "status": Status.CONFIRMED.value,
        "check_in": "2026-12-01",
        "check_out": "2026-12-05",
        "guest_name": "John Lee",
        "guest_email": "john@example.com",
    }
    assert expected == {name: told.changes[name] for name in expected}


def test_what_does_not_concern_the_stay_is_no_news(api: Api) -> None:
    """A door code written back, a price, a later poll: the same event id; another date is another one."""
    plain = event(api, document(api.adapter, 501))
    again = event(api, document(api.adapter, 501, doorCode="482913", price=3, infoItems=[{"code": "x"}]))
    assert plain.id == again.id
    other = {"hostaway": "departureDate", "hospitable": "departure_date", "guesty": "checkOutDateLocalized"}
    moved = document(api.adapter, 501, **{other.get(api.adapter, "departure"): "2026-12-09"})
    assert plain.id != event(api, moved).id


def test_half_a_character_in_an_answer_loses_nothing(api: Api) -> None:
    """E05: what was cut in an emoji is read all the same, and can be kept."""
    api.documents["501"] = document(api.adapter, 501, note="cut \ud83d")
    with api.asking() as asking:
        found = api.module.fetch(asking, ["501"])["501"]
    assert "cut ?" == found["note"]
    assert "501" == event(api, found).key.id


def test_two_reservations_that_say_the_same_are_two(api: Api) -> None:
    """Their events do not stand in for one another."""
    assert event(api, document(api.adapter, 501)).id != event(api, document(api.adapter, 502)).id


def test_a_later_answer_is_newer(api: Api) -> None:
    """What is asked for later counts, whether or not the system has a moment of change of its own."""
    told = document(api.adapter, 501)
    later = datetime(2026, 11, 24, 18, 5, tzinfo=UTC)
    assert event(api, told, later).version.is_newer_than(event(api, told).version)


@pytest.mark.parametrize("since", [SINCE, None])
def test_all_pages_of_a_list(api: Api, since: datetime | None) -> None:
    """Each reservation once, however many pages there are; the last page ends it."""
    api.page = 50 if api.adapter == "lodgify" else 100
    api.documents = {str(one): document(api.adapter, one) for one in range(1, 2 * api.page + 8)}
    with api.asking() as asking:
        found = [booking for booking, told in api.module.changes(asking, since) if told is not None]
    assert sorted(api.documents) == sorted(found)


def test_a_list_that_ignores_the_page_ends(api: Api) -> None:
    """The same page again and again brings nothing new."""
    api.page = 50 if api.adapter == "lodgify" else 100
    api.documents = {str(one): document(api.adapter, one) for one in range(1, 3 * api.page)}
    first = list(api.documents)[: api.page]
    api.fault = lambda asked: None if "oken" in asked.path else _first_page(api, asked)
    with api.asking() as asking:
        found = {booking for booking, _ in api.module.changes(asking, SINCE)}
    assert set(first) == found


def _first_page(api: Api, asked: Asked) -> Answer:
    query = {name: value for name, value in asked.query.items() if name != "afterId"}
    return APIS[api.adapter](api, replace(asked, query={**query, "page": "1", "skip": "0"}))


def test_an_answer_of_another_form_is_no_empty_list(api: Api) -> None:
    """E05: what cannot be read is tried again, and nothing follows from it."""
    api.fault = lambda asked: None if "oken" in asked.path else Answer({"message": "maintenance"})
    with api.asking() as asking, pytest.raises(LaterError):
        list(api.module.changes(asking, SINCE))


def test_an_unknown_reservation_is_left_out(api: Api) -> None:
    """By an answer without it, or by 404."""
    with api.asking() as asking:
        try:
            found = api.module.fetch(asking, ["nowhere"])
        except GoneError:
            found = {}
    assert {} == dict(found)


def test_a_wrong_key_is_told_as_such(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    """And it shows nowhere."""
    api.fault = lambda _: Answer({"error": "no"}, 401)
    with api.asking() as asking, pytest.raises(RefusedError) as caught:
        api.module.fetch(asking, ["501"])
    assert caught.value.is_key
    shown = f"{caught.value!r}{asking.auth!r}{''.join(capsys.readouterr())}"
    assert KEYS[api.adapter].rpartition(":")[2] not in shown


def test_the_key_goes_where_it_belongs_and_nowhere_else(api: Api) -> None:
    """Never in an address; a key that fetches tokens goes to the tokens' address only."""
    api.documents["501"] = document(api.adapter, 501)
    with api.asking() as asking:
        api.module.fetch(asking, ["501"])
    secret = KEYS[api.adapter].rpartition(":")[2]
    for asked in api.server.asked:
        is_login = "oken" in asked.path
        assert secret not in asked.path
        assert secret not in "".join(asked.query.values())
        sent = "".join([*asked.headers.values(), *asked.form.values()])
        assert (secret in sent) == (is_login or ":" not in KEYS[api.adapter])


def test_an_id_cannot_lead_elsewhere(hostaway: Api) -> None:
    """An id is one step of the path, whatever stands in it."""
    with hostaway.asking() as asking, pytest.raises(GoneError):
        hostaway.module.fetch(asking, ["../accessTokens?x=1"])
    assert "?" not in hostaway.server.paths()[-1]
    assert hostaway.server.paths()[-1].startswith("/v1/reservations/")


def test_guesty_without_its_older_endpoints(guesty: Api) -> None:
    """After their end on 1 March 2027 version 3 is asked, which puts unit and dates into the stay."""
    stay = {"unitId": "40160", "checkInDateLocalized": "2026-12-01", "checkOutDateLocalized": "2026-12-05"}
    row = {"reservationId": "501", "status": "confirmed", "guestId": "g", "stay": [stay]}

    def gone(asked: Any) -> Answer | None:
        if asked.path == "/v1/reservations-v3/search":
            return Answer({"results": [row], "pagination": {"hasMore": False}})
        if asked.path == "/v1/reservations-v3":
            return Answer([{**row, "_id": "501"}] if asked.query["reservationIds[]"] == "501" else [])
        return Answer({}, 404) if asked.path.startswith("/v1/") else None

    guesty.fault = gone
    with guesty.asking() as asking:
        found = dict(guesty.module.changes(asking, SINCE))
        fetched = guesty.module.fetch(asking, ["501"])
        assert {} == guesty.module.fetch(asking, ["502"])
    for told in (found["501"], fetched["501"]):
        changes = event(guesty, told).changes
        assert ("40160", "2026-12-01", "2026-12-05") == (
            changes["unit"],
            changes["check_in"],
            changes["check_out"],
        )

"""What only one of the systems that name reservations does: tokens, batches, deletions, several rooms."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.pms_kit import Answer, Asked
from tests.integration.sources_kit import LISTINGS, a_stay
from tests.integration.thin_kit import CLIENT, SECRET, Hotel, hotel
from webhooks.errands import Runner
from webhooks.sources import client_credentials
from worker.domain.booking import Status
from worker.sample_deliveries.delivery import SENDERS
from worker.store import keys


@pytest.fixture
def apaleo(tmp_path: Path) -> Iterator[Hotel]:
    """The system with tokens."""
    client_credentials.credentials_for.cache_clear()
    with hotel(tmp_path, "apaleo") as made:
        yield made


@pytest.fixture
def mews(tmp_path: Path) -> Iterator[Hotel]:
    """The system with batches."""
    with hotel(tmp_path, "mews") as made:
        yield made


@pytest.fixture
def cloudbeds(tmp_path: Path) -> Iterator[Hotel]:
    """The system with several rooms in a reservation."""
    with hotel(tmp_path, "cloudbeds") as made:
        yield made


@pytest.fixture
def hostfully(tmp_path: Path) -> Iterator[Hotel]:
    """The system with agencies."""
    with hotel(tmp_path, "hostfully") as made:
        yield made


class TestTokens:
    """The token of apaleo's API."""

    def test_one_serves_many_visits(self, apaleo: Hotel) -> None:
        """It is fetched once while it lasts."""
        for number in range(3):
            apaleo.tell(a_stay(f"A-{number}"))
        assert 1 == len(apaleo.asked("/connect/token"))
        basic = apaleo.asked("/connect/token")[0].headers["authorization"]
        assert basic.startswith("Basic ")

    def test_a_refused_one_is_fetched_anew_once(self, apaleo: Hotel) -> None:
        """F25: and the request goes well with the next."""
        apaleo.tell(a_stay("A-1"))
        apaleo.good_tokens = set()
        apaleo.tell(a_stay("A-2"))
        assert {"SS000001"} == apaleo.doors("A-2")
        assert 2 == len(apaleo.asked("/connect/token"))

    def test_one_that_ran_out_is_fetched_anew(self, apaleo: Hotel) -> None:
        """Before it is refused."""
        apaleo.tell(a_stay("A-1"))
        client_credentials.credentials_for(f"{apaleo.api.url}/connect/token", CLIENT, SECRET)._ends = 0.0
        apaleo.tell(a_stay("A-2"))
        assert {"SS000001"} == apaleo.doors("A-2")
        used = [one.headers["authorization"] for one in apaleo.asked("/reservations")]
        assert ["Bearer t0ken-1", "Bearer t0ken-2"] == used
        assert 2 == len(apaleo.asked("/connect/token"))

    @pytest.mark.parametrize("status", [400, 401, 403])
    def test_a_client_that_is_not_known(
        self, apaleo: Hotel, status: int, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """F25: a person is told at once, nothing else is asked, and nothing is lost."""
        good = apaleo.answered
        apaleo.api.answer = lambda asked: (
            Answer({"error": "invalid_client"}, status) if asked.path.endswith("token") else good(asked)
        )
        apaleo.tell(a_stay("A-1"))
        told = apaleo.web.innkey.store.alerts.rows("source_refuses:apaleo")
        assert ["new"] == list(told.values())
        assert ["/connect/token"] == apaleo.api.paths()
        assert SECRET not in "".join(capsys.readouterr())
        apaleo.api.answer = good
        apaleo.pass_time()
        apaleo.run()
        assert {"SS000001"} == apaleo.doors("A-1")

    def test_refused_for_good(self, apaleo: Hotel) -> None:
        """F25: a new token that is refused too is the key's fault, and is not fetched again and again."""
        good = apaleo.answered
        apaleo.api.answer = lambda asked: good(asked) if asked.path.endswith("token") else Answer({}, 401)
        apaleo.tell(a_stay("A-1"))
        apaleo.pass_time()
        apaleo.run()
        assert 2 == len(apaleo.asked("/connect/token"))
        told = apaleo.web.innkey.store.alerts.rows("source_refuses:apaleo")
        assert ["new"] == list(told.values())

    @pytest.mark.parametrize(
        "answer",
        [
            Answer({"error": "busy"}, 503, {"Retry-After": "90"}),
            Answer({}, 404),
            Answer({}, 302),
            Answer(b"<html>"),
            Answer({"token": "x"}),
            Answer({"access_token": "t0\nken"}),
        ],
    )
    def test_no_token_now(self, apaleo: Hotel, answer: Answer) -> None:
        """The source waits, and the reservation is asked for later, not given up."""
        good = apaleo.answered
        apaleo.api.answer = lambda asked: answer if asked.path.endswith("token") else good(asked)
        for _ in range(7):
            apaleo.tell(a_stay("A-1"))
            apaleo.pass_time()
        assert [] == apaleo.kept()
        apaleo.api.answer = good
        apaleo.pass_time()
        apaleo.run()
        assert {"SS000001"} == apaleo.doors("A-1")


class TestApaleo:
    """What apaleo sends."""

    @pytest.mark.parametrize("content_type", ["application/json", None])
    def test_a_health_check(self, apaleo: Hotel, content_type: str | None) -> None:
        """A subscription comes about only if the check is answered 200, with or without a body."""
        sample = apaleo.sample(a_stay("1"))
        headers = {**sample.headers, "content-type": content_type} if content_type else dict(sample.headers)
        if content_type is None:
            del headers["content-type"]
        answer = apaleo.web.client.post(sample.path, data=b"", headers=headers)
        assert (200, "ignored") == (answer.status_code, (answer.json or {})["status"])
        assert [] == apaleo.kept()

    def test_deleted(self, apaleo: Hotel) -> None:
        """It is off at once; nothing is asked, also when the delivery comes twice."""
        stay = a_stay("A-1")
        apaleo.tell(stay)
        asked = len(apaleo.api.asked)
        sample = apaleo.sample(replace(stay, changed=stay.changed + timedelta(minutes=1)))
        body = {**json.loads(sample.body), "type": "deleted"}
        gone = replace(sample, body=json.dumps(body).encode())
        answers = [apaleo.post(gone).json for _ in range(2)]
        assert ["accepted", "duplicate"] == [one["status"] for one in answers if one is not None]
        apaleo.run()
        assert set() == apaleo.doors("A-1")
        assert asked == len(apaleo.api.asked)

    def test_the_reservations_of_a_booking(self, apaleo: Hotel) -> None:
        """They are stays of their own."""
        apaleo.tell(a_stay("XPGM-1"))
        apaleo.tell(a_stay("XPGM-2", unit=LISTINGS[1]))
        assert ({"SS000001"}, {"SS000002"}) == (apaleo.doors("XPGM-1"), apaleo.doors("XPGM-2"))

    def test_what_a_poll_asks_for(self, apaleo: Hotel) -> None:
        """What was modified, and who arrives; once a day all that is to come."""
        Runner(apaleo.web.innkey).begin()
        apaleo.pass_time()
        apaleo.run()
        kinds = [one.query["dateFilter"] for one in apaleo.asked("/reservations")]
        assert ["Arrival", "Modification", "Stay"] == sorted(kinds)


def message(names: list[str]) -> dict[str, Any]:
    """A message of Mews."""
    events = [{"Discriminator": "ServiceOrderUpdated", "Value": {"Id": one}} for one in names]
    return {"EnterpriseId": "e", "IntegrationId": "i", "Events": events}


class TestMews:
    """What Mews sends, and how it is asked."""

    def deliver(self, mews: Hotel, names: list[str]) -> None:
        """Send one message about all of them."""
        sample = mews.sample(a_stay("1"))
        body = json.dumps(message(names)).encode()
        assert 200 == mews.post(replace(sample, body=body)).status_code

    def test_a_batch_is_one_request(self, mews: Hotel) -> None:
        """B05: hundreds of reservations in a message, two requests; all become stays."""
        names = [f"m-{number}" for number in range(200)]
        for one in names:
            mews.put(a_stay(one))
        self.deliver(mews, names)
        mews.run()
        assert 1 == len(mews.asked("reservations/getAll"))
        assert 1 == len(mews.asked("customers/getAll"))
        assert all({"SS000001"} == mews.doors(one) for one in names)
        assert sorted(names) == sorted(mews.asked("reservations/getAll")[0].body["ReservationIds"])

    def test_more_than_a_request_may_name(self, mews: Hotel) -> None:
        """Some at a time, and never more than the API takes."""
        names = [f"m-{number}" for number in range(1001)]
        self.deliver(mews, names)
        mews.run()
        sizes = [len(one.body["ReservationIds"]) for one in mews.asked("reservations/getAll")]
        assert [200, 200, 200, 200, 200, 1] == sizes

    def test_one_that_is_refused_holds_up_no_other(self, mews: Hotel) -> None:
        """It is kept for a person, and the others of its batch become stays."""
        names = [f"m-{number}" for number in range(20)]
        for one in names:
            mews.put(a_stay(one))
        mews.refuses = {"m-7"}
        self.deliver(mews, names)
        mews.run()
        assert [{"SS000001"}] * 19 == [mews.doors(one) for one in names if one != "m-7"]
        (kept,) = mews.kept()
        assert ["reservation"] == list(kept["errors"])
        waiting = mews.web.innkey.store.client.zrange(keys.errands_of("mews"), 0, -1)
        assert [] == list(waiting)

    def test_an_order_refused_as_a_whole_is_not_asked_twice(self, mews: Hotel) -> None:
        """A key that is refused is nobody's fault among them: one request, and the source waits."""
        names = [f"m-{number}" for number in range(20)]
        self.deliver(mews, names)
        mews.status = 401
        mews.run()
        assert 1 == len(mews.api.asked)

    def test_what_a_poll_asks_for(self, mews: Hotel) -> None:
        """What was updated, and who starts; once a day all of the next months, in intervals it takes."""
        Runner(mews.web.innkey).begin()
        mews.pass_time()
        mews.run()
        spans = [
            (name, datetime.fromisoformat(span["EndUtc"]) - datetime.fromisoformat(span["StartUtc"]))
            for one in mews.asked("reservations/getAll")
            for name, span in one.body.items()
            if name.endswith("Utc")
        ]
        assert ["CollidingUtc"] * 4 + ["ScheduledStartUtc", "UpdatedUtc"] == sorted(name for name, _ in spans)
        assert all(span < timedelta(days=89) for _, span in spans)

    def test_a_company_is_no_customer(self, mews: Hotel) -> None:
        """It is not asked for among them: an id that Mews does not know there is refused."""
        good = mews.answered

        def owned(asked: Asked) -> Answer:
            found = good(asked)
            if asked.path.endswith("2023-06-06"):
                found.body["Reservations"][0]["AccountType"] = "Company"
            return found

        mews.api.answer = owned
        mews.tell(a_stay("m-1"))
        assert [] == mews.asked("customers/getAll")
        stay = mews.stay("m-1")
        assert stay is not None
        assert None is stay.booking.guest_name

    def test_tokens_go_in_the_body_only(self, mews: Hotel) -> None:
        """K03: not in an address, which others may note."""
        mews.tell(a_stay("m-1"))
        for one in mews.api.asked:
            assert (CLIENT, SECRET) == (one.body["ClientToken"], one.body["AccessToken"])
            assert {} == one.query
            assert "authorization" not in one.headers


class TestCloudbeds:
    """What Cloudbeds sends."""

    def test_several_rooms(self, cloudbeds: Hotel) -> None:
        """One stay for each room; a room less loses its code, a cancellation takes all along."""
        stay = a_stay("7000", units=LISTINGS)
        cloudbeds.tell(stay)
        assert ({"SS000001"}, {"SS000002"}) == (cloudbeds.doors("7000"), cloudbeds.doors("7000.7000-1"))
        cloudbeds.tell(replace(stay, units=LISTINGS[:1]))
        assert ({"SS000001"}, set()) == (cloudbeds.doors("7000"), cloudbeds.doors("7000.7000-1"))
        cloudbeds.tell(stay)
        assert ({"SS000001"}, {"SS000002"}) == (cloudbeds.doors("7000"), cloudbeds.doors("7000.7000-1"))
        cloudbeds.tell(replace(stay, kind="cancelled"))
        assert (set(), set()) == (cloudbeds.doors("7000"), cloudbeds.doors("7000.7000-1"))

    def test_one_room_of_two(self, cloudbeds: Hotel) -> None:
        """The other waits, and gets its code with its room; the first keeps its PIN."""
        stay = a_stay("7000", units=(LISTINGS[0], ""), check_in=_day(8), check_out=_day(9))
        cloudbeds.tell(stay)
        first, second = cloudbeds.stay("7000"), cloudbeds.stay("7000.7000-1")
        assert first is not None
        assert second is not None
        assert (Status.TENTATIVE, None) == (second.booking.status, second.letter)
        cloudbeds.tell(replace(stay, units=LISTINGS))
        again = cloudbeds.stay("7000")
        assert again is not None
        assert first.pin == again.pin
        assert {"SS000002"} == cloudbeds.doors("7000.7000-1")

    def test_deleted(self, cloudbeds: Hotel) -> None:
        """It is off at once, all of its rooms with it; nothing is asked."""
        stay = a_stay("7000", units=LISTINGS)
        cloudbeds.tell(stay)
        asked = len(cloudbeds.api.asked)
        body = {"event": "reservation/deleted", "reservationId": "7000", "propertyId": 1, "timestamp": 1.5}
        cloudbeds.post(replace(cloudbeds.sample(stay), body=json.dumps(body).encode()))
        cloudbeds.run()
        assert (set(), set()) == (cloudbeds.doors("7000"), cloudbeds.doors("7000.7000-1"))
        assert asked == len(cloudbeds.api.asked)

    def test_pages(self, cloudbeds: Hotel) -> None:
        """A poll goes on to the last page, and each reservation is asked for by itself."""
        for number in range(101):
            cloudbeds.put(a_stay(f"c-{number}"))
        Runner(cloudbeds.web.innkey).begin()
        cloudbeds.pass_time()
        cloudbeds.run()
        assert all(cloudbeds.doors(f"c-{number}") for number in range(101))
        pages = [one.query["pageNumber"] for one in cloudbeds.asked("getReservations")]
        assert {"1", "2"} == set(pages)

    def test_a_list_that_is_refused(self, cloudbeds: Hotel) -> None:
        """Cloudbeds refuses with 200: that is no empty list, and the poll is tried again."""
        good = cloudbeds.answered

        def refusing(asked: Asked) -> Answer:
            is_list = asked.path.endswith("getReservations")
            return Answer({"success": False, "message": "scope"}) if is_list else good(asked)

        cloudbeds.api.answer = refusing
        Runner(cloudbeds.web.innkey).begin()
        cloudbeds.pass_time()
        cloudbeds.run()
        assert {} == cloudbeds.web.innkey.store.errands.notes("cloudbeds")
        assert 0 < cloudbeds.web.innkey.store.client.pttl(keys.errand_pause("cloudbeds"))


def test_all_agencies_of_a_key(hostfully: Hotel) -> None:
    """Leads are listed agency by agency, page by page, and only those that are not past."""
    for number in range(101):
        hostfully.put(a_stay(f"h-{number}"))
    Runner(hostfully.web.innkey).begin()
    hostfully.pass_time()
    hostfully.run()
    assert all(hostfully.doors(f"h-{number}") for number in range(101))
    lists = hostfully.asked("/leads")
    assert {"agency-1"} == {one.query["agencyUid"] for one in lists}
    assert all(one.query["checkOutFrom"] <= _day(0) for one in lists)
    assert "updatedSince" in [name for one in lists for name in one.query]


def test_a_cursor_that_leads_back_is_the_last(hostfully: Hotel) -> None:
    """Hostfully gives a cursor with each page: one seen before ends the list."""
    for number in range(100):
        hostfully.put(a_stay(f"h-{number}"))
    good = hostfully.answered

    def circling(asked: Asked) -> Answer:
        if not asked.path.endswith("/leads"):
            return good(asked)
        leads = [SENDERS["hostfully"].answer(one) for one in hostfully.stays.values()]  # type: ignore[attr-defined]
        return Answer({"leads": leads, "_paging": {"_nextCursor": "again"}})

    hostfully.api.answer = circling
    Runner(hostfully.web.innkey).begin()
    hostfully.pass_time()
    hostfully.run()
    assert hostfully.doors("h-99")
    assert 4 == len(hostfully.asked("/leads"))


def _day(days: int) -> str:
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"


def test_a_message_as_long_as_the_receiver_takes(mews: Hotel) -> None:
    """Promise 1: whatever fits into a delivery is on the timetable when it is answered."""
    names = [f"{number:08}-0000-4000-8000-000000000000" for number in range(9000)]
    sample = mews.sample(a_stay("1"))
    body = json.dumps(message(names)).encode()
    assert 2**19 < len(body) < 2**20
    assert 200 == mews.post(replace(sample, body=body)).status_code
    assert len(names) == mews.web.innkey.store.errands.waiting("mews")

"""Systems that only name a reservation: through the web process, their API, and on to the record."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner
from werkzeug.serving import make_server

from tests.cli_kit import stand_in
from tests.integration.pms_kit import Answer
from tests.integration.sources_kit import LISTINGS, a_stay
from tests.integration.thin_kit import CLIENT, SECRET, Hotel, hotel, soon
from webhooks.errands import ASK, FULL, POLL, Runner
from worker.cli import cli
from worker.domain.booking import Status
from worker.property_access import THIN
from worker.sample_deliveries.delivery import SENDERS
from worker.sample_deliveries.stay import SampleStay
from worker.store import keys

NAMES = sorted(THIN)
ids = count(70001)


@pytest.fixture(scope="module", params=NAMES)
def shared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotel]:
    """One system of each kind; each test has a booking of its own."""
    with hotel(tmp_path_factory.mktemp(request.param), request.param) as made:
        yield made


@pytest.fixture
def house(shared: Hotel) -> Hotel:
    """The system as it is when all is well."""
    shared.stays.clear()
    shared.status, shared.headers = 200, {}
    shared.api.answer = shared.answered
    store = shared.web.innkey.store
    for name in store.client.zrange(keys.errands_of(shared.adapter), 0, -1):
        store.errands.drop(shared.adapter, str(name))
    store.client.delete(keys.errand_pause(shared.adapter), keys.errand_fails(shared.adapter))
    shared.api.asked.clear()
    return shared


@pytest.fixture
def stay() -> SampleStay:
    """A new reservation of a booking id of its own."""
    return a_stay(str(next(ids)))


def later(stay: SampleStay, seconds: int = 60, **changed: object) -> SampleStay:
    """The same reservation after a change."""
    moved = {"kind": "updated", "changed": stay.changed + timedelta(seconds=seconds), **changed}
    return replace(stay, **moved)  # type: ignore[arg-type]


class TestStory:
    """What happens to a reservation, each time told by its name only."""

    def test_created(self, house: Hotel, stay: SampleStay) -> None:
        """Promise 1: a confirmed reservation becomes a stay of the aliased unit, with its guest and times."""
        assert "accepted" == house.tell(stay)
        found = house.stay(stay.id)
        assert found is not None
        booking = found.booking
        assert (Status.CONFIRMED, LISTINGS[0]) == (booking.status, booking.unit)
        assert ("Test Guest", stay.email) == (booking.guest_name, booking.guest_email)
        times = [(at or "")[:10] for at in (booking.check_in, booking.check_out)]
        assert [stay.check_in, stay.check_out] == times
        assert {"SS000001"} == house.doors(stay.id)
        assert None is house.letter(stay.id)

    def test_changed(self, house: Hotel, stay: SampleStay) -> None:
        """D01: other dates of the same reservation are the same stay; taken back they are the old ones."""
        house.tell(stay)
        house.tell(later(stay, check_out=soon(9)))
        found = house.stay(stay.id)
        assert found is not None
        assert soon(9) == (found.booking.check_out or "")[:10]
        house.tell(later(stay, 120))
        found = house.stay(stay.id)
        assert found is not None
        assert stay.check_out == (found.booking.check_out or "")[:10]

    def test_moved(self, house: Hotel, stay: SampleStay) -> None:
        """D09: another unit, the same stay: its code goes to the other door."""
        house.tell(stay)
        house.tell(later(stay, unit=LISTINGS[1]))
        assert {"SS000002"} == house.doors(stay.id)

    def test_cancelled_and_reinstated(self, house: Hotel, stay: SampleStay) -> None:
        """D21: a cancelled reservation has no code; confirmed again it has one."""
        house.tell(stay)
        house.tell(later(stay, kind="cancelled"))
        assert set() == house.doors(stay.id)
        house.tell(later(stay, 120))
        assert {"SS000001"} == house.doors(stay.id)

    def test_a_cancellation_may_come_first(self, house: Hotel, stay: SampleStay) -> None:
        """A reservation that is first heard of as cancelled gets no code."""
        house.tell(replace(stay, kind="cancelled"))
        found = house.stay(stay.id)
        assert found is not None
        assert Status.CANCELLED is found.booking.status
        assert set() == house.doors(stay.id)

    def test_disordered(self, house: Hotel, stay: SampleStay) -> None:
        """B12: in whatever order the deliveries come, what counts is what the reservation is now."""
        house.put(later(stay, kind="cancelled"))
        for one in (later(stay, kind="cancelled"), stay):
            assert 200 == house.post(house.sample(one)).status_code
        house.run()
        assert set() == house.doors(stay.id)

    def test_an_older_answer_undoes_nothing(self, house: Hotel, stay: SampleStay) -> None:
        """B12: nor where the API itself is behind, if it says how old its answer is; Cloudbeds does not."""
        house.tell(later(stay, kind="cancelled"))
        house.tell(stay)
        expected = {"SS000001"} if house.adapter == "cloudbeds" else set()
        assert expected == house.doors(stay.id)

    def test_unknown_unit(self, house: Hotel, stay: SampleStay) -> None:
        """J05: a unit that the property file does not name is a letter."""
        house.tell(replace(stay, unit="99999"))
        assert "unknown_unit" == house.letter(stay.id)


class TestAsking:
    """How the API is asked."""

    def test_many_deliveries_are_one_request(self, house: Hotel, stay: SampleStay) -> None:
        """B03: coalesced per reservation, however often it is told."""
        house.put(stay)
        for _ in range(5):
            assert 200 == house.post(house.sample(stay)).status_code
        house.run()
        first = len(house.api.asked)
        house.run()
        assert first == len(house.api.asked)
        asked = [one for one in house.api.asked if not one.path.endswith(("token", "customers/getAll"))]
        assert 1 == len(asked)
        assert {"SS000001"} == house.doors(stay.id)

    def test_retry_after(self, house: Hotel, stay: SampleStay) -> None:
        """F26: the system is left alone for as long as it asks, and nothing is lost."""
        house.status, house.headers = 429, {"Retry-After": "120"}
        house.tell(stay)
        left = house.web.innkey.store.client.pttl(keys.errand_pause(house.adapter))
        assert 110_000 < left <= 120_000
        house.status = 200
        house.pass_time()
        house.run()
        assert {"SS000001"} == house.doors(stay.id)

    def test_what_it_does_not_know_is_for_a_person(self, house: Hotel, stay: SampleStay) -> None:
        """It is asked for five times, since the delivery may be faster than the API."""
        before = len(house.kept())
        assert 200 == house.post(house.sample(stay)).status_code
        for _ in range(5):
            house.pass_time()
            house.run()
        kept = house.kept()
        assert before + 1 == len(kept)
        assert ["reservation"] == list(kept[0]["errors"])

    def test_an_answer_that_is_not_understood(self, house: Hotel, stay: SampleStay) -> None:
        """It is kept, and its replay asks anew."""
        house.put(stay)
        good = house.answered
        house.api.answer = lambda asked: _spoilt(good(asked))
        assert 200 == house.post(house.sample(stay)).status_code
        house.run()
        kept = house.kept()[0]
        assert {"status", "State"} & set(kept["errors"])
        house.api.answer = good
        assert 202 == house.web.post(f"/v1/rejected-events/{kept['id']}/replay").status_code
        house.run()
        assert {"SS000001"} == house.doors(stay.id)

    def test_no_key_in_a_log(
        self, house: Hotel, stay: SampleStay, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Promise 9: neither while all is well nor while the key is refused, and a person learns of that."""
        house.tell(stay)
        house.status = 401
        house.tell(later(stay))
        house.status = 500
        house.pass_time()
        house.run()
        said = "".join(capsys.readouterr())
        assert not any(one in said for one in (CLIENT, SECRET, "t0ken-", "Bearer"))
        told = house.web.innkey.store.alerts.rows(f"source_refuses:{house.adapter}")
        assert ["new"] == list(told.values())


@pytest.mark.parametrize("shared", ["apaleo", "cloudbeds", "mews"], indirect=True)
class TestRooms:
    """A hotel gives a reservation its room late."""

    def test_it_waits_for_its_room(self, house: Hotel, stay: SampleStay) -> None:
        """Promise 8: no code and no letter until the room is known; when it is taken back the code goes."""
        far = replace(stay, check_in=soon(8), check_out=soon(9))
        house.tell(replace(far, unit=""))
        assert (set(), None) == (house.doors(stay.id), house.letter(stay.id))
        house.tell(later(far))
        assert ({"SS000001"}, None) == (house.doors(stay.id), house.letter(stay.id))
        house.tell(later(far, 120, unit=""))
        assert (set(), None) == (house.doors(stay.id), house.letter(stay.id))

    def test_close_to_check_in_a_person_is_told(self, house: Hotel, stay: SampleStay) -> None:
        """Promise 8: early enough to act; the letter is settled by the room."""
        near = replace(stay, check_in=soon(0.5), check_out=soon(3))
        house.tell(replace(near, unit=""))
        assert (set(), "bad_event") == (house.doors(stay.id), house.letter(stay.id))
        house.tell(later(near))
        assert ({"SS000001"}, None) == (house.doors(stay.id), house.letter(stay.id))

    def test_a_poll_finds_out_that_it_has_none(self, house: Hotel, stay: SampleStay) -> None:
        """Promise 8: though nothing is told of it meanwhile."""
        house.put(replace(stay, unit="", check_in=soon(0.5), check_out=soon(3)))
        Runner(house.web.innkey).begin()
        for _ in range(2):
            house.pass_time()
            house.run()
        assert "bad_event" == house.letter(stay.id)


class TestPolls:
    """What finds the reservations that no delivery told."""

    def test_a_full_pass_and_the_polls_after_it(self, house: Hotel, stay: SampleStay) -> None:
        """A reservation whose delivery was lost is found, page after page, and a later change of it too."""
        many = [a_stay(str(next(ids))) for _ in range(205)] if house.adapter != "cloudbeds" else []
        for one in [*many, stay]:
            house.put(one)
        Runner(house.web.innkey).begin()
        house.pass_time()
        house.run()
        assert {"SS000001"} == house.doors(stay.id)
        house.put(later(stay, unit=LISTINGS[1]))
        house.pass_time()
        house.run()
        assert {"SS000002"} == house.doors(stay.id)
        waiting = house.web.innkey.store.client.zrange(keys.errands_of(house.adapter), 0, -1)
        assert {POLL, FULL} == set(waiting)

    def test_what_is_known_already_is_no_news(self, house: Hotel, stay: SampleStay) -> None:
        """The same answer again changes nothing on record."""
        house.tell(stay)
        before = house.stay(stay.id)
        Runner(house.web.innkey).begin()
        house.pass_time()
        house.run()
        assert before == house.stay(stay.id)

    def test_nothing_there(self, house: Hotel) -> None:
        """A system without reservations is asked and nothing comes of it."""
        Runner(house.web.innkey).begin()
        house.pass_time()
        house.run()
        waiting = house.web.innkey.store.client.zrange(keys.errands_of(house.adapter), 0, -1)
        assert not [one for one in waiting if str(one).startswith(ASK)]
        assert house.api.asked


class TestDeliveries:
    """What is answered to deliveries."""

    def test_noise(self, house: Hotel) -> None:
        """C03: what concerns no stay is acknowledged, asks for nothing, and is counted."""
        before = _counted(house, "ignored")
        noise = house.sample(a_stay("1"))
        noise = replace(noise, body=json.dumps(SENDERS[house.adapter].noise()).encode())
        answer = house.post(noise)
        assert (200, "ignored") == (answer.status_code, (answer.json or {})["status"])
        assert before + 1 == _counted(house, "ignored")
        house.run()
        assert [] == house.api.asked

    def test_forged(self, house: Hotel, stay: SampleStay) -> None:
        """C01: without the proof, or with another one, nothing is asked for."""
        good = house.sample(stay)
        bare = replace(good, path=f"/webhooks/{house.adapter}", headers={"content-type": "application/json"})
        spoilt = {n: v if n == "content-type" else f"{v}x" for n, v in good.headers.items()}
        other = replace(good, headers=spoilt, path=good.path + ("x" if good.path.count("/") == 3 else ""))
        assert [401, 401] == [house.post(one).status_code for one in (bare, other)]
        house.run()
        assert [] == house.api.asked

    @pytest.mark.parametrize("text", ["{", "[]", "{}", "[1]", '"x"', '{"a": "\\ud800"}', "[" * 9000])
    def test_garbage(self, house: Hotel, text: str) -> None:
        """What is proven and not understood is answered 200 and kept as it came."""
        answer = house.post(replace(house.sample(a_stay("1")), body=text.encode()))
        assert (200, {"status": "kept"}) == (answer.status_code, answer.json)
        kept = house.web.innkey.store.events.rejected_page(limit=1000, cursor=None).items
        assert text.encode() in {one.body for one in kept}

    def test_other_content_types(self, house: Hotel, stay: SampleStay) -> None:
        """Another content type is refused by its name."""
        good = house.sample(stay)
        assert (
            415 == house.post(replace(good, headers={**good.headers, "content-type": "text/xml"})).status_code
        )

    def test_a_sample_by_command_line(
        self, house: Hotel, stay: SampleStay, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`innkey send-test --as` names a reservation, and Innkey asks for it."""
        house.put(stay)
        server = make_server("127.0.0.1", 0, house.web.app, threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            stand_in(tmp_path, monkeypatch)
            for name, value in house.environ.items():
                monkeypatch.setenv(name, value)
            url = f"http://127.0.0.1:{server.server_port}"
            result = CliRunner().invoke(
                cli, ["send-test", "--as", house.adapter, "--id", stay.id, "--url", url]
            )
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
        assert 0 == result.exit_code, result.output
        house.run()
        assert {"SS000001"} == house.doors(stay.id)


def _counted(house: Hotel, outcome: str) -> int:
    pattern = f'innkey_webhooks_total{{outcome="{outcome}",source="{house.adapter}"}} '
    lines = house.web.client.get("/metrics").text.splitlines()
    return sum(int(float(line.removeprefix(pattern))) for line in lines if line.startswith(pattern))


def _spoilt(answer: Answer) -> Answer:
    text = json.dumps(answer.body)
    for word in ('"Confirmed"', '"confirmed"', '"BOOKED"'):
        text = text.replace(word, '"Strange"')
    return replace(answer, body=text.encode())

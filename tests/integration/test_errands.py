"""What is asked of a booking system's own API: once, politely, and until it answers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.integration.pms_kit import Answer, Asked, Pms, pms
from tests.integration.web_kit import Web, environ_for, wired
from tests.redis_server import redis_server
from webhooks import errands, sources
from webhooks.errands import FULL, POLL, Runner, ask
from webhooks.sources import smoobu
from webhooks.sources.adapter import Delivery, Parsed
from webhooks.sources.asking import Asking
from webhooks.sources.json_body import JSON, read_object
from webhooks.sources.reading import name_of
from worker.domain.booking import Status, StayKey
from worker.property_access import SourceConfig
from worker.store import keys

KEY = "k3y-of-the-api"
NAME = "office"


def _parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    found = name_of(read_object(delivery.body), "id")
    return Parsed(f"told:{found}", asks=(found,))


def _asking(config: SourceConfig) -> Asking:
    assert config.api_url is not None
    assert config.api_key is not None
    return Asking(config.api_url, headers={"X-Key": config.api_key.reveal()})


def _fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    return {one["data"]["id"]: one for one in api.get("reservations", {"ids": ",".join(ids)})}


def _read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002
    return smoobu.parse(
        Delivery(body=json.dumps(document).encode(), received=asked, content_type=JSON), config
    )


def _changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    told = api.get("changes", {"since": since.isoformat() if since else "all"})
    yield from ((one, None) for one in told)


THIN = SimpleNamespace(
    content_types=frozenset({JSON}),
    answers_kept_with_200=True,
    parse=_parse,
    most_asked=3,
    asking=_asking,
    fetch=_fetch,
    read=_read,
    changes=_changes,
)


@dataclass
class Office:
    """A booking system that tells ids only, and the Innkey that it tells them."""

    web: Web
    api: Pms
    reservations: dict[str, dict[str, Any]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)

    def put(self, booking: str, **changed: object) -> None:
        """Write a reservation down in the booking system."""
        today = datetime.now(UTC)
        data = {
            "id": booking,
            "apartment": {"id": "40160"},
            "arrival": f"{today + timedelta(days=2):%Y-%m-%d}",
            "departure": f"{today + timedelta(days=4):%Y-%m-%d}",
            "modifiedAt": f"{today:%Y-%m-%d %H:%M:%S.%f}",
            **changed,
        }
        self.reservations[booking] = {"action": "updateReservation", "user": 1, "data": data}

    def tell(self, booking: str) -> str:
        """Deliver that something about a reservation has changed; the answer's status."""
        answer = self.web.client.post(
            f"/webhooks/{NAME}", json={"id": booking}, headers={"X-Innkey": "s3cret"}
        )
        assert 200 == answer.status_code
        assert answer.json is not None
        return str(answer.json["status"])

    def run(self) -> None:
        """What a worker does at a hint; then it applies what came of it."""
        Runner(self.web.innkey).serve(NAME)
        self.web.apply()

    def unit(self, booking: str) -> str | None:
        """The unit of a stay on record; None without one."""
        stay = self.web.innkey.store.stays.get(StayKey(NAME, booking))
        return stay.booking.unit if stay is not None else None

    def pass_time(self) -> None:
        """Bring everything on the timetable forward, and end a pause."""
        client = self.web.innkey.store.client
        client.delete(keys.errand_pause(NAME))
        for errand in client.zrange(keys.errands_of(NAME), 0, -1):
            client.zadd(keys.errands_of(NAME), {str(errand): 1})

    def answered(self, asked: Asked) -> Answer:
        """Answer as the booking system's API."""
        if self.status != 200:
            return Answer({"error": "no"}, self.status, self.headers)
        if asked.path == "/api/changes":
            return Answer([one for one in self.reservations if one not in self.hidden])
        wanted = asked.query["ids"].split(",")
        return Answer([self.reservations[one] for one in wanted if one in self.reservations])


@pytest.fixture
def office(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Office]:
    """A booking system of the kind that only names reservations, by the name of a known adapter.

    Its parameter: further lines for its table.
    """
    monkeypatch.setattr(errands, "ADAPTERS", {**sources.ADAPTERS, "beds24": THIN})
    monkeypatch.setattr("webhooks.receiver.ADAPTERS", {**sources.ADAPTERS, "beds24": THIN})
    with redis_server(tmp_path / "redis", fsync="everysec") as server, pms(lambda _: Answer()) as api:
        environ = environ_for(tmp_path, server.url, PROOF="s3cret", API=KEY)
        properties = tmp_path / "properties.toml"
        properties.write_text(
            f"""
            [sources.{NAME}]
            adapter = "beds24"
            header = {{ name = "X-Innkey", value = {{ env = "PROOF" }} }}
            api_url = "{api.url}/api/"
            api_key = {{ env = "API" }}
            {getattr(request, "param", "")}
            [locks.SS000001]
            [units.beach-house]
            locks = ["SS000001"]
            aliases = {{ {NAME} = "40160" }}
            """,
            encoding="utf-8",
        )
        made = Office(wired(environ), api)
        api.answer = made.answered
        yield made
        made.web.innkey.store.client.close()


def test_a_thin_delivery_becomes_a_stay(office: Office) -> None:
    """Promise 1: the delivery only says which reservation; what it is now is asked for, with the key."""
    office.put("R-1")
    assert "accepted" == office.tell("R-1")
    office.run()
    assert "40160" == office.unit("R-1")
    assert [KEY] == [one.headers["x-key"] for one in office.api.asked]


def test_many_deliveries_about_one_reservation_are_one_request(office: Office) -> None:
    """Coalesced per reservation, and several reservations in one request."""
    for booking in ("R-1", "R-2"):
        office.put(booking)
        for _ in range(5):
            office.tell(booking)
    office.run()
    assert [{"ids": "R-1,R-2"}] == [one.query for one in office.api.asked]
    office.run()
    assert 1 == len(office.api.asked)


def test_news_while_it_is_asked_for_is_asked_for_again(office: Office) -> None:
    """The answer may be older than the delivery that came meanwhile."""
    office.put("R-1")
    office.tell("R-1")
    answered = office.answered

    def tell_meanwhile(asked: Asked) -> Answer:
        if len(office.api.asked) == 1:
            found = answered(asked)
            office.put("R-1", departure=f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}")
            office.tell("R-1")
            return found
        return answered(asked)

    office.api.answer = tell_meanwhile
    office.run()
    assert 2 == len(office.api.asked)
    stay = office.web.innkey.store.stays.get(StayKey(NAME, "R-1"))
    assert stay is not None
    assert f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}" == stay.booking.check_out


@pytest.mark.parametrize("status", [429, 500, 503, 302])
def test_a_system_that_does_not_answer_is_asked_again_after_a_pause(office: Office, status: int) -> None:
    """Promise 1: nothing is lost while the system is away, and it is left alone meanwhile."""
    office.put("R-1")
    office.tell("R-1")
    office.status = status
    office.run()
    office.run()
    assert 1 == len(office.api.asked)
    office.status = 200
    office.pass_time()
    office.run()
    assert "40160" == office.unit("R-1")


def test_retry_after_is_kept_to(office: Office) -> None:
    """The pause is what the system asked for."""
    office.tell("R-1")
    office.status, office.headers = 429, {"Retry-After": "120"}
    office.run()
    left = office.web.innkey.store.client.pttl(keys.errand_pause(NAME))
    assert 115_000 < left <= 120_000


def test_a_system_that_is_away_for_long_is_told_of_and_so_is_its_return(office: Office) -> None:
    """A person learns of it once; the mail that clears it follows."""
    office.put("R-1")
    office.tell("R-1")
    office.status = 503
    for _ in range(7):
        office.pass_time()
        office.run()
    alerts = office.web.innkey.store.alerts
    assert ["new"] == list(alerts.rows(f"source_away:{NAME}").values())
    office.status = 200
    office.pass_time()
    office.run()
    assert ["cleared"] == list(alerts.rows(f"source_away:{NAME}").values())
    office.tell("R-1")
    office.run()
    assert {} == office.web.innkey.store.errands.notes(NAME)


def test_a_system_that_is_away_is_left_alone_for_longer_whatever_waits(office: Office) -> None:
    """Each errand fails but once: the pause grows all the same, and a person is told after five."""
    store = office.web.innkey.store
    for number in range(30):
        office.tell(f"R-{number:02}")
    office.status = 503
    pauses = []
    for _ in range(6):
        store.client.delete(keys.errand_pause(NAME))
        office.run()
        pauses.append(store.client.pttl(keys.errand_pause(NAME)))
    assert pauses == sorted(pauses)
    assert pauses[-1] > 5 * 60_000
    assert ["new"] == list(store.alerts.rows(f"source_away:{NAME}").values())


def test_one_reservation_that_cannot_be_read_holds_up_no_other(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours with one document: it is kept for a person, and those beside it become stays."""

    def read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002
        if id == "R-1":
            raise ZeroDivisionError
        return _read(id, document, config, asked)

    monkeypatch.setattr(THIN, "read", read)
    for booking in ("R-0", "R-1", "R-2"):
        office.put(booking)
        office.tell(booking)
    office.run()
    assert ["40160", None, "40160"] == [office.unit(one) for one in ("R-0", "R-1", "R-2")]
    (kept,) = office.web.get("/v1/rejected-events").json["items"]
    assert {"reservation": ["could not be read: a fault of Innkey's own"]} == kept["errors"]
    monkeypatch.setattr(THIN, "read", _read)
    office.web.post(f"/v1/rejected-events/{kept['id']}/replay")
    office.run()
    assert "40160" == office.unit("R-1")


@pytest.mark.parametrize("wrong", [Answer({}, 500), Answer(b"<html>"), Answer({}, 422)])
def test_one_reservation_that_fails_its_batch_holds_up_no_other(office: Office, wrong: Answer) -> None:
    """Those that failed together are asked for in smaller groups, until only the one is left."""
    for booking in ("R-0", "R-1", "R-2"):
        office.put(booking)
        office.tell(booking)
    answered = office.answered
    office.api.answer = lambda asked: wrong if "R-1" in asked.query.get("ids", "") else answered(asked)
    office.run()
    office.pass_time()
    office.run()
    assert ["40160", None, "40160"] == [office.unit(one) for one in ("R-0", "R-1", "R-2")]
    assert 0 == office.web.innkey.store.client.exists(keys.errand_pause(NAME))


def test_a_reservation_that_fails_for_ever_by_itself_is_put_before_a_person(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While others are answered it is its own failure: nobody waits for it, and its asking ends."""
    monkeypatch.setattr(THIN, "most_asked", 1)
    office.put("R-1")
    office.tell("R-1")
    answered = office.answered
    office.api.answer = lambda asked: (
        Answer({}, 500) if "R-1" in asked.query.get("ids", "") else answered(asked)
    )
    for number in range(2, 8):
        office.put(f"R-{number}")
        office.pass_time()
        office.tell(f"R-{number}")
        office.run()
        assert "40160" == office.unit(f"R-{number}")
    (kept,) = office.web.get("/v1/rejected-events").json["items"]
    assert ["reservation"] == list(kept["errors"])
    assert 0 == office.web.innkey.store.errands.waiting(NAME)
    assert {} == office.web.innkey.store.alerts.rows(f"source_away:{NAME}")
    office.api.answer = answered
    office.web.post(f"/v1/rejected-events/{kept['id']}/replay")
    office.run()
    assert "40160" == office.unit("R-1")


def test_a_long_outage_puts_no_reservation_before_a_person(office: Office) -> None:
    """What fails while nothing is answered is no failure of its own."""
    for number in range(4):
        office.put(f"R-{number}")
        office.tell(f"R-{number}")
    office.status = 500
    for _ in range(20):
        office.pass_time()
        office.run()
    assert [] == office.web.get("/v1/rejected-events").json["items"]
    office.status = 200
    office.pass_time()
    office.run()
    assert ["40160"] * 4 == [office.unit(f"R-{number}") for number in range(4)]
    assert {} == office.web.innkey.store.client.hgetall(keys.errand_fails(NAME))


def test_polls_that_fail_are_told_of_though_reservations_are_answered(office: Office) -> None:
    """A person learns of it once, and that it is over by the poll that goes well."""
    answered = office.answered
    office.api.answer = lambda asked: Answer({}, 500) if asked.path.endswith("changes") else answered(asked)
    office.web.innkey.store.errands.add(NAME, POLL, datetime.now(UTC))
    rows = []
    for _ in range(7):
        office.put("R-1")
        office.pass_time()
        office.tell("R-1")
        office.run()
        rows.append(list(office.web.innkey.store.alerts.rows(f"source_away:{NAME}").values()))
    assert [*[[]] * 4, *[["new"]] * 3] == rows
    office.api.answer = answered
    office.pass_time()
    office.run()
    assert ["cleared"] == list(office.web.innkey.store.alerts.rows(f"source_away:{NAME}").values())


def test_what_was_told_and_mailed_is_not_told_again_until_it_is_over(office: Office) -> None:
    """A key that stays refused is one mail, whatever the status becomes."""
    alerts = office.web.innkey.store.alerts
    problem = f"source_refuses:{NAME}"
    office.put("R-1")
    office.tell("R-1")
    for status in (401, 401, 403, 401):
        office.status = status
        office.pass_time()
        office.run()
        rows = list(alerts.rows(problem))
        assert 1 == len(rows)
        alerts.mailed(problem, rows, [], datetime.now(UTC))
        assert ["mailed"] == list(alerts.rows(problem).values())
    office.status = 200
    office.pass_time()
    office.run()
    assert ["cleared"] == list(alerts.rows(problem).values())


def test_a_worker_killed_between_counting_and_telling_loses_no_mail(office: Office) -> None:
    """The sixth failure tells what the fifth did not."""
    office.tell("R-1")
    office.web.innkey.store.client.hset(keys.errand_fails(NAME), "#source", 5)
    office.status = 503
    office.run()
    assert ["new"] == list(office.web.innkey.store.alerts.rows(f"source_away:{NAME}").values())


@pytest.mark.parametrize("most", [1, 3])
def test_a_single_reservation_that_is_forbidden_is_not_taken_for_a_refused_key(
    office: Office, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """A 403 while others are answered: they go on, and the one is put before a person."""
    monkeypatch.setattr(THIN, "most_asked", most)
    office.put("R-1")
    office.tell("R-1")
    answered = office.answered
    office.api.answer = lambda asked: (
        Answer({}, 403) if "R-1" in asked.query.get("ids", "") else answered(asked)
    )
    for number in range(2, 7):
        office.put(f"R-{number}")
        office.tell(f"R-{number}")
        office.run()
        office.pass_time()
        office.run()
        assert "40160" == office.unit(f"R-{number}")
    (kept,) = office.web.get("/v1/rejected-events").json["items"]
    assert ["reservation"] == list(kept["errors"])
    assert {} == office.web.innkey.store.alerts.rows(f"source_refuses:{NAME}")


def test_a_key_that_is_forbidden_everything_is_told_of(office: Office) -> None:
    """A second request that is refused too: it is the key, and no reservation is kept for it."""
    for number in range(8):
        office.tell(f"R-{number}")
    office.status = 403
    office.run()
    assert ["new"] == list(office.web.innkey.store.alerts.rows(f"source_refuses:{NAME}").values())
    assert 0 < office.web.innkey.store.client.pttl(keys.errand_pause(NAME))
    assert [] == office.web.get("/v1/rejected-events").json["items"]
    assert 5 >= len(office.api.asked)


def test_a_visit_ends_after_its_time_and_the_source_stays_due(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Busy sources hold no thread for hours."""
    monkeypatch.setattr(errands, "VISIT_SECONDS", 0.0)
    for number in range(5):
        office.put(f"R-{number}")
        office.tell(f"R-{number}")
    office.run()
    assert 1 == len(office.api.asked)
    due = office.web.innkey.store.client.zscore(keys.ERRANDS, NAME)
    assert due is not None
    assert due / 1000 <= datetime.now(UTC).timestamp()
    office.run()
    assert 2 == len(office.api.asked)


def _long_changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    """Pages without a row for us."""
    for page in range(3):
        api.get("changes", {"page": page})
    yield from ()


def test_what_is_due_does_not_wait_for_the_end_of_a_poll(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reservation that is told of while a pass over everything goes on is asked for between its pages."""
    monkeypatch.setattr(errands, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(THIN, "changes", _long_changes)
    answered = office.answered

    def tell_meanwhile(asked: Asked) -> Answer:
        if asked.query.get("page") == "0":
            office.put("R-1")
            office.tell("R-1")
        return answered(asked)

    office.api.answer = tell_meanwhile
    office.web.innkey.store.errands.add(NAME, FULL, datetime.now(UTC))
    office.run()
    kinds = [one.rpartition("/")[2] for one in office.api.paths()]
    assert ["changes", "reservations", "changes", "changes"] == kinds
    assert "40160" == office.unit("R-1")


def test_the_lease_is_renewed_with_each_request(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list of many pages outlasts no lease, and asks nothing once another worker has the source."""
    monkeypatch.setattr(THIN, "changes", _long_changes)
    store = office.web.innkey.store
    left = []

    def age(asked: Asked) -> Answer:
        left.append(store.client.pttl(keys.errand_lease(NAME)))
        store.client.pexpire(keys.errand_lease(NAME), 60_000)
        if asked.query["page"] == "1":
            store.client.set(keys.errand_lease(NAME), "another worker")
        return Answer([])

    office.api.answer = age
    store.errands.add(NAME, FULL, datetime.now(UTC))
    office.run()
    assert 2 == len(left)
    assert all(one > 100_000 for one in left)
    assert "another worker" == store.client.get(keys.errand_lease(NAME))
    assert [FULL] == store.client.zrange(keys.errands_of(NAME), 0, -1)


def test_a_refused_key_is_told_of_at_once(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    """And nobody reads it in a log."""
    office.tell("R-1")
    office.status = 401
    office.run()
    assert ["new"] == list(office.web.innkey.store.alerts.rows(f"source_refuses:{NAME}").values())
    assert KEY not in "".join(capsys.readouterr())


def test_a_reservation_that_is_not_understood_is_kept_and_its_replay_asks_anew(office: Office) -> None:
    """Bad input gets a clear error, and nothing is lost."""
    office.put("R-1", arrival="soon")
    office.tell("R-1")
    office.run()
    (kept,) = office.web.get("/v1/rejected-events").json["items"]
    assert ["data.arrival"] == list(kept["errors"])
    office.put("R-1")
    assert 202 == office.web.post(f"/v1/rejected-events/{kept['id']}/replay").status_code
    office.run()
    assert "40160" == office.unit("R-1")


def test_a_reservation_that_the_system_does_not_know_is_put_before_a_person(office: Office) -> None:
    """It is asked for a few times, since the webhook may be faster than the API; then it is kept."""
    office.tell("R-1")
    for _ in range(5):
        office.pass_time()
        office.run()
    (kept,) = office.web.get("/v1/rejected-events").json["items"]
    assert ["reservation"] == list(kept["errors"])
    office.pass_time()
    office.run()
    assert 5 == len(office.api.asked)


def test_what_was_cancelled_and_then_deleted_is_nobodys_task(office: Office) -> None:
    """Its stay is off: there is nothing for a person to do."""
    office.put("R-1", type="cancellation")
    office.tell("R-1")
    office.run()
    del office.reservations["R-1"]
    office.tell("R-1")
    for _ in range(6):
        office.pass_time()
        office.run()
    assert [] == office.web.get("/v1/rejected-events").json["items"]
    assert 0 == office.web.innkey.store.errands.waiting(NAME)


def test_a_worker_that_dies_in_a_request_leaves_it_to_the_next(office: Office) -> None:
    """The errand stays on the timetable until its answer is on record; the lease runs out by itself."""
    office.put("R-1")
    office.tell("R-1")

    store = office.web.innkey.store
    assert store.errands.take(NAME) is not None
    office.run()
    assert [] == office.api.asked
    store.client.delete(keys.errand_lease(NAME))  # as its end does
    office.run()
    assert "40160" == office.unit("R-1")


@pytest.mark.parametrize("answer", [Answer(b"<html>"), Answer([7]), Answer({"data": 1}), Answer(None)])
def test_an_answer_of_no_known_shape_is_asked_for_again_later(office: Office, answer: Answer) -> None:
    """Whatever a system answers, it is not asked in a loop, and nothing is lost."""
    office.put("R-1")
    office.tell("R-1")
    office.api.answer = lambda _: answer
    office.run()
    office.run()
    assert 1 == len(office.api.asked)
    office.api.answer = office.answered
    office.pass_time()
    office.run()
    assert "40160" == office.unit("R-1")


def test_a_source_that_left_the_property_file_is_left_alone(office: Office) -> None:
    """Its errands stay, should it come back, and nobody is hinted at them every few seconds."""
    errands = office.web.innkey.store.errands
    errands.add("gone", ask("R-1"), datetime.now(UTC))
    Runner(office.web.innkey).serve("gone")
    later = office.web.innkey.store.client.zscore(keys.ERRANDS, "gone")
    assert later is not None
    assert 500 < later / 1000 - datetime.now(UTC).timestamp() < 700
    assert 1 == errands.waiting("gone")


def test_a_poll_finds_what_no_webhook_told(office: Office) -> None:
    """A booking whose delivery was lost is found by the first full pass, and a later one by the next poll."""
    office.put("R-1")
    Runner(office.web.innkey).begin()
    office.run()
    assert "40160" == office.unit("R-1")
    assert "all" == next(one for one in office.api.asked if one.path.endswith("changes")).query["since"]
    office.put("R-2")
    office.pass_time()
    office.run()
    assert "40160" == office.unit("R-2")
    since = [one.query["since"] for one in office.api.asked if one.path.endswith("changes")][-1]
    assert "all" == since or datetime.now(UTC) - datetime.fromisoformat(since) > timedelta(minutes=4)
    waiting = office.web.innkey.store.client.zrange(keys.errands_of(NAME), 0, -1)
    assert {POLL, FULL} == set(waiting)


def test_a_poll_that_finds_nothing_new_changes_nothing(office: Office) -> None:
    """The same document again is a duplicate: no line on the timeline, no event."""
    office.put("R-1")
    office.tell("R-1")
    office.run()
    before = office.web.innkey.store.stays.raw(StayKey(NAME, "R-1"))
    office.web.innkey.store.errands.add(NAME, ask("R-1"), datetime.now(UTC))
    office.run()
    assert 2 == len(office.api.asked)
    assert before == office.web.innkey.store.stays.raw(StayKey(NAME, "R-1"))


def asked_for(office: Office) -> list[str]:
    """Which reservations were asked for so far, in order."""
    return [one.query["ids"] for one in office.api.asked if one.path.endswith("reservations")]


def test_a_full_pass_asks_for_what_its_list_does_not_show(office: Office) -> None:
    """E04: a stay that the list leaves out is asked for by itself, and what that says counts."""
    for booking in ("R-1", "R-2"):
        office.put(booking)
    Runner(office.web.innkey).begin()
    office.run()
    office.hidden = {"R-1"}
    office.put("R-1", type="cancellation")
    before = len(asked_for(office))
    office.pass_time()
    office.run()
    assert "R-1" in ",".join(asked_for(office)[before:]).split(",")
    stay = office.web.innkey.store.stays.get(StayKey(NAME, "R-1"))
    assert stay is not None
    assert Status.CANCELLED is stay.booking.status
    before = len(asked_for(office))
    office.pass_time()
    office.run()
    assert "R-1" not in ",".join(asked_for(office)[before:]).split(",")


def test_a_list_that_comes_back_empty_cancels_nothing(office: Office) -> None:
    """E05: each stay is asked for, and each is as it was."""
    office.put("R-1")
    Runner(office.web.innkey).begin()
    office.run()
    before = office.web.innkey.store.stays.raw(StayKey(NAME, "R-1"))
    office.hidden = {"R-1"}
    office.pass_time()
    office.run()
    assert 2 == len(asked_for(office))
    assert before == office.web.innkey.store.stays.raw(StayKey(NAME, "R-1"))


def test_a_reservation_that_is_gone_is_put_before_a_person(office: Office) -> None:
    """Innkey takes no code away because it finds nothing: a person may know better."""
    office.put("R-1")
    Runner(office.web.innkey).begin()
    office.run()
    del office.reservations["R-1"]
    for _ in range(6):
        office.pass_time()
        office.run()
    (kept,) = office.web.get("/v1/rejected-events").json["items"]
    assert ["reservation"] == list(kept["errors"])
    assert "cancel the stay with innkey bookings cancel" in kept["errors"]["reservation"][0]
    assert "confirmed" == office.web.get(f"/v1/bookings/{NAME}/R-1").json["status"]
    assert 202 == office.web.post(f"/v1/bookings/{NAME}/R-1/cancel").status_code
    assert "cancelled" == office.web.get(f"/v1/bookings/{NAME}/R-1").json["status"]


def test_what_was_cancelled_by_hand_is_not_brought_back_by_the_list(office: Office) -> None:
    """The daily list shows what it showed before, a detail more perhaps; a change after it counts."""
    office.put("R-1")
    Runner(office.web.innkey).begin()
    office.run()
    office.web.post(f"/v1/bookings/{NAME}/R-1/cancel")
    modified = office.reservations["R-1"]["data"]["modifiedAt"]
    office.put("R-1", modifiedAt=modified, adults=3)
    office.pass_time()
    office.run()
    assert "cancelled" == office.web.get(f"/v1/bookings/{NAME}/R-1").json["status"]
    changed = datetime.now(UTC) + timedelta(hours=1)
    office.put("R-1", modifiedAt=f"{changed:%Y-%m-%d %H:%M:%S}")
    office.pass_time()
    office.run()
    assert "confirmed" == office.web.get(f"/v1/bookings/{NAME}/R-1").json["status"]


@pytest.mark.parametrize("office", ['poll = "0s"'], indirect=True)
def test_a_source_that_is_never_polled_is_asked_all_the_same(office: Office) -> None:
    """No poll and no full pass; an errand of an earlier property file goes away."""
    store = office.web.innkey.store
    store.errands.begin(NAME, FULL, datetime.now(UTC))
    Runner(office.web.innkey).begin()
    office.put("R-1")
    office.tell("R-1")
    office.run()
    assert ["/api/reservations"] == office.api.paths()
    assert [] == store.client.zrange(keys.errands_of(NAME), 0, -1)


@pytest.mark.parametrize("office", ['poll = "17m"'], indirect=True)
def test_the_time_between_polls_is_the_sources(office: Office) -> None:
    """From its table."""
    store = office.web.innkey.store
    Runner(office.web.innkey).begin()
    office.pass_time()
    office.run()
    due = store.client.zscore(keys.errands_of(NAME), POLL)
    assert due is not None
    left = due / 1000 - datetime.now(UTC).timestamp()
    assert 16 * 60 < left <= 17 * 60

"""The PIN in the booking system: written once it is on the door, read back, and never in a circle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from tests.integration.api_kit import KEYS, TOKEN, Api, api_of, document
from tests.integration.pms_kit import Answer
from tests.integration.web_kit import Web, environ_for, wired
from tests.redis_server import redis_server
from webhooks.errands import Runner, ask
from webhooks.sources import ADAPTERS
from webhooks.sources.asking import Asking
from webhooks.write_back import MOST_FAILURES
from worker.domain.access_code import AccessCode, Phase
from worker.domain.booking import Status, StayKey
from worker.domain.goals import Wish
from worker.domain.record import Stay
from worker.domain.wanted import goals
from worker.property_access import WRITES_PINS
from worker.service.ledger import Known
from worker.store import keys
from worker.store.errands import pin_errand

NAME = "pms"
PINS = {"501": "482913", "501.2": "771204"}


@dataclass
class House:
    """A booking system with a field for the door code, and the Innkey that writes into it."""

    web: Web
    api: Api

    def put(self, booking: int, **changed: Any) -> None:
        """Write a reservation down in the booking system, and have Innkey ask for it."""
        today = datetime.now(UTC)
        names = self.dates()
        days = {
            name: f"{today + timedelta(days=days):%Y-%m-%d}" for name, days in zip(names, (2, 4), strict=True)
        }
        self.api.documents[str(booking)] = document(self.api.adapter, booking, **days, **changed)
        self.fetch(booking)

    def dates(self) -> tuple[str, str]:
        """What it calls arrival and departure."""
        if self.api.adapter == "hostaway":
            return ("arrivalDate", "departureDate")
        return ("arrival", "departure")

    def change(self, booking: int, **changed: Any) -> None:
        """Change it there, and have Innkey ask for it."""
        later = f"{datetime.now(UTC) + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
        order = dict.fromkeys(("modifiedTime", "latestActivityOn", "updated_utc"), later)
        self.api.documents[str(booking)] |= {**order, **changed}
        self.fetch(booking)

    def fetch(self, booking: int) -> None:
        """Ask for a reservation and apply what comes."""
        self.web.innkey.store.errands.add(NAME, ask(str(booking)), datetime.now(UTC))
        self.run()

    def cancel(self, booking: int) -> None:
        """Cancel it there."""
        self.change(booking, status="cancelled")

    def run(self) -> None:
        """What a worker does at a hint; then it applies what came of it."""
        Runner(self.web.innkey).serve(NAME)
        self.web.apply()

    def pass_time(self) -> None:
        """Bring everything on the timetable forward, and end a pause."""
        client = self.web.innkey.store.client
        client.delete(keys.errand_pause(NAME))
        for errand in client.zrange(keys.errands_of(NAME), 0, -1):
            client.zadd(keys.errands_of(NAME), {str(errand): 1})

    def set(self, booking: str = "501") -> str:
        """Put the stay's PIN on all its doors, as visits would; the PIN."""
        known = self.change_codes(booking, _on)
        assert known.stay is not None
        assert known.stay.pin is not None
        return known.stay.pin

    def take_off(self, booking: str = "501") -> None:
        """Take its codes off the doors, as visits would."""
        self.change_codes(booking, lambda code, _: code.removed())

    def change_codes(self, booking: str, change: Any) -> Known:
        """Change what is on record of all codes of a stay."""
        innkey = self.web.innkey

        def changed(stay: Stay | None, now: datetime) -> Stay:
            assert stay is not None
            stay = replace(stay, pin=stay.pin or PINS[booking])  # the first visit chooses it
            for lock, goal in goals(stay, innkey.house(), now).items():
                code = stay.code(lock)
                assert code is not None
                stay = stay.with_code(change(code, goal))
            return stay

        return innkey.ledger.change(StayKey(NAME, booking), changed)

    def stay(self, booking: str = "501") -> Stay:
        """The stay on record."""
        found = self.web.innkey.store.stays.get(StayKey(NAME, booking))
        assert found is not None
        return found

    def shown(self, booking: int = 501) -> str:
        """What the booking system shows as the door code."""
        told = self.api.documents[str(booking)]
        if self.api.adapter == "hostaway":
            return told["doorCode"] or ""
        if self.api.adapter == "ownerrez":
            return " ".join(one["code"] for one in told["door_codes"])
        return " ".join(one["text"] for one in told["infoItems"])

    def writes(self) -> int:
        """How often something was written into it."""
        is_token = "oken"
        return sum(one.method != "GET" and is_token not in one.path for one in self.api.server.asked)

    def waiting(self) -> list[str]:
        """The errands on its timetable."""
        found = self.web.innkey.store.client.zrange(keys.errands_of(NAME), 0, -1)
        return [str(one) for one in found]

    def notes(self) -> list[str]:
        """What the timeline says of write-back."""
        return [note.what for note in self.stay().timeline if note.what.startswith("pin.")]


def _on(code: AccessCode, wish: Wish) -> AccessCode:
    assert wish.written is not None
    return replace(code, phase=Phase.SET, slot=code.slot or 120, writes=(wish.written,), proven=True)


@pytest.fixture(params=sorted(WRITES_PINS))
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[House]:
    """Each booking system that has a field, in turn."""
    adapter = request.param
    with (
        redis_server(tmp_path / "redis", fsync="everysec") as server,
        api_of(adapter, monkeypatch) as api,
    ):
        environ = environ_for(tmp_path, server.url, PROOF="s3cret", API=KEYS[adapter])
        (tmp_path / "properties.toml").write_text(
            f"""
            [sources.{NAME}]
            adapter = "{adapter}"
            header = {{ name = "X-Innkey", value = {{ env = "PROOF" }} }}
            api_url = "{api.config().api_url}"
            api_key = {{ env = "API" }}
            write_pin = true
            [locks.SS000001]
            [locks.SS000002]
            [locks.SS000003]
            [units.beach-house]
            locks = ["SS000001", "SS000002"]
            aliases = {{ {NAME} = "40160" }}
            [units.attic]
            locks = ["SS000003"]
            aliases = {{ {NAME} = "40160/2" }}
            """,
            encoding="utf-8",
        )
        made = House(wired(environ), api)
        yield made
        made.web.innkey.store.client.close()


@pytest.fixture
def ready(house: House) -> House:
    """One whose stay 501 is ready and written back."""
    house.put(501)
    house.set()
    house.run()
    return house


def test_a_pin_is_written_once_it_is_on_the_door(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    """Not before; then once, read back, with a line on the timeline and no PIN in a log."""
    house.put(501)
    assert [] == house.waiting()
    assert "" == house.shown()
    pin = house.set()
    assert [pin_errand("501")] == house.waiting()
    house.run()
    assert (pin, pin, 1) == (house.shown(), house.stay().written_pin, house.writes())
    assert ["pin.written_back"] == house.notes()
    assert [] == house.waiting()
    assert pin not in "".join(capsys.readouterr())


def test_our_own_write_comes_to_nothing(ready: House) -> None:
    """The booking system tells of the change that we made: by webhook and by poll that is no news."""
    before = ready.stay()
    told = ready.api.documents["501"]
    delivery = {
        "hostaway": {"object": "reservation", "event": "reservation.updated", "accountId": 1, "data": told},
        "beds24": {"timeStamp": "2026-11-24T18:00:00Z", "booking": told, "retries": 0},
        "ownerrez": {"id": 7, "action": "entity_update", "entity_type": "booking", "entity": told},
    }[ready.api.adapter]
    for _ in range(2):
        answer = ready.web.client.post(
            f"/webhooks/{NAME}",
            data=json.dumps(delivery),
            headers={"X-Innkey": "s3cret", "Content-Type": "application/json"},
        )
        assert 200 == answer.status_code
        ready.web.apply()
        ready.fetch(501)
    assert 1 == ready.writes()
    assert [] == ready.waiting()
    assert (before.codes, before.pin) == (ready.stay().codes, ready.stay().pin)


def test_a_rotated_pin_is_written_once_the_own_door_has_it(ready: House) -> None:
    """Until then the old one stays there."""
    old = ready.shown()
    assert 202 == ready.web.post(f"/v1/bookings/{NAME}/501/rotate-pin").status_code
    ready.run()
    assert old == ready.shown()
    new = ready.set()
    ready.run()
    assert new != old
    assert (new, 2) == (ready.shown(), ready.notes().count("pin.written_back"))


def test_a_cancelled_stay_is_cleared(ready: House) -> None:
    """At once: the PIN is no longer the guest's."""
    ready.cancel(501)
    ready.run()
    assert ("", None) == (ready.shown(), ready.stay().written_pin)
    assert ["pin.written_back", "pin.cleared"] == ready.notes()


def test_a_stay_that_is_over_is_cleared(ready: House) -> None:
    """With its last code off the doors."""
    past = [f"{datetime.now(UTC) - timedelta(days=days):%Y-%m-%d}" for days in (3, 2)]
    ready.change(501, **dict(zip(ready.dates(), past, strict=True)))
    assert ready.shown() != ""
    ready.take_off()
    ready.run()
    assert ("", None) == (ready.shown(), ready.stay().written_pin)


@pytest.mark.parametrize("words", ["the key is under the mat", "{pin}, garage 9999"])
def test_somebody_elses_words_are_not_cleared(ready: House, words: str) -> None:
    """What a person has put there instead, or beside it, stays there."""
    told = ready.api.documents["501"]
    text = words.format(pin=ready.shown())
    told["doorCode"] = text
    told["door_codes"] = [{"code": text}]
    for item in told.get("infoItems", []):
        item["text"] = text
    ready.cancel(501)
    ready.run()
    assert text == ready.shown()
    assert [] == ready.waiting()


def test_a_worker_that_dies_between_write_and_read_back_leaves_the_errand(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one reads first: it finds the PIN there and writes nothing."""
    house.put(501)
    pin = house.set()
    real, calls = ADAPTERS[house.api.adapter].read_pin, []  # type: ignore[attr-defined]

    def killed_at_the_second(api: Asking, reservation: str) -> str:
        calls.append(reservation)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return str(real(api, reservation))

    monkeypatch.setattr(ADAPTERS[house.api.adapter], "read_pin", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        house.run()
    assert (pin, None) == (house.shown(), house.stay().written_pin)
    assert [pin_errand("501")] == house.waiting()
    house.run()
    assert (1, pin) == (house.writes(), house.stay().written_pin)
    assert [] == house.waiting()


def test_what_was_written_and_never_read_back_is_cleared_with_its_stay(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record does not know of the write; the booking system must not go on showing a dead PIN."""
    house.put(501)
    pin = house.set()
    read = ADAPTERS[house.api.adapter].read_pin  # type: ignore[attr-defined]
    calls: list[str] = []

    def killed_at_the_second(api: Asking, reservation: str) -> str:
        calls.append(reservation)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return str(read(api, reservation))

    monkeypatch.setattr(ADAPTERS[house.api.adapter], "read_pin", killed_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        house.run()
    house.web.innkey.requests.cancel(StayKey(NAME, "501"))
    assert (pin, None) == (house.shown(), house.stay().written_pin)
    house.run()
    assert ("", []) == (house.shown(), house.waiting())


def _at_writes(answer: Answer, house: House) -> None:
    house.api.fault = lambda asked: (
        answer if asked.method in ("PUT", "POST", "PATCH") and "oken" not in asked.path else None
    )


def test_a_write_that_is_not_kept_is_tried_again_and_told(house: House) -> None:
    """What the system answers is not believed; after a while a person hears of it, and when it is mended."""
    house.put(501)
    pin = house.set()
    _at_writes(Answer({"status": "success"}), house)
    alerts, client = house.web.innkey.store.alerts, house.web.innkey.store.client
    for count in range(1, MOST_FAILURES + 1):
        house.pass_time()
        house.run()
        assert count == house.writes()
    rows = alerts.rows(f"pin_not_written:{NAME}")
    assert ["new"] == list(rows.values())
    assert pin not in "".join(rows)
    for _ in range(3):
        house.pass_time()
        house.run()
    assert MOST_FAILURES == house.writes()  # each is a change in the booking system: now it only reads
    assert pin not in str(client.hgetall(keys.source_notes(NAME)))
    name, yesterday = "tried:501", datetime.now(UTC) - timedelta(days=1)
    digest = str(client.hget(keys.source_notes(NAME), name)).split()[0]
    client.hset(keys.source_notes(NAME), name, f"{digest} {yesterday.isoformat()}")
    house.pass_time()
    house.run()
    assert MOST_FAILURES + 1 == house.writes()  # once a day
    client.hset(keys.source_notes(NAME), name, f"another {datetime.now(UTC).isoformat()}")
    house.api.fault = lambda _: None
    house.pass_time()
    house.run()
    assert (pin, MOST_FAILURES + 2) == (house.shown(), house.writes())  # another text, at once
    assert not client.hexists(keys.source_notes(NAME), name)
    assert ["cleared"] == list(alerts.rows(f"pin_not_written:{NAME}").values())


def test_a_key_that_may_not_write_holds_up_nothing(house: House) -> None:
    """The refusal is this errand's: the source is not paused, and its reservations are asked for."""
    house.put(501)
    house.set()
    _at_writes(Answer({"error": "read only"}, 403), house)
    house.run()
    assert [pin_errand("501")] == house.waiting()
    house.put(502)
    assert "502" == house.stay("502").key.id


@pytest.mark.parametrize("answer", [Answer({}, 429, {"Retry-After": "120"}), Answer({}, 503)])
def test_a_system_that_is_busy_is_left_alone(house: House, answer: Answer) -> None:
    """As long as it asks for; then it is written."""
    house.put(501)
    pin = house.set()
    _at_writes(answer, house)
    house.run()
    house.run()
    assert 1 == house.writes()
    if answer.status == 429:
        assert 115_000 < house.web.innkey.store.client.pttl(keys.errand_pause(NAME)) <= 120_000
    house.api.fault = lambda _: None
    house.pass_time()
    house.run()
    assert pin == house.shown()


def test_an_errand_that_got_lost_is_found_by_the_full_pass(house: House) -> None:
    """Also a source that was given `write_pin` later comes to have the PINs of its stays."""
    house.put(501)
    pin = house.set()
    house.web.innkey.store.client.delete(keys.errands_of(NAME), keys.errand_news(NAME))
    Runner(house.web.innkey).begin()
    house.run()
    assert pin == house.shown()


@pytest.mark.parametrize("house", ["hostaway"], indirect=True)
def test_a_reservation_over_several_units_shows_the_pin_of_each(house: House) -> None:
    """Hostaway has one field for all; each PIN stands behind its unit's name."""
    units = [{"listingUnitId": 1}, {"listingUnitId": 2}]
    house.put(501, reservationUnit=units)
    first = house.set("501")
    house.run()
    assert f"beach-house: {first}" == house.shown()
    second = house.set("501.2")
    assert [pin_errand("501.2")] == house.waiting()
    house.run()
    assert f"beach-house: {first}, attic: {second}" == house.shown()
    assert second == house.stay("501.2").written_pin
    house.change(501, reservationUnit=units[:1])
    house.run()
    assert (first, None) == (house.shown(), house.stay("501.2").written_pin)


@pytest.mark.parametrize("house", ["hostaway"], indirect=True)
def test_a_cancelled_reservation_over_several_units_is_cleared(house: House) -> None:
    """However many PINs its field held."""
    house.put(501, reservationUnit=[{"listingUnitId": 1}, {"listingUnitId": 2}])
    house.set("501")
    house.set("501.2")
    house.run()
    house.cancel(501)
    house.run()
    assert "" == house.shown()
    assert [None, None] == [house.stay(one).written_pin for one in PINS]
    assert [] == house.waiting()


def test_a_reservation_that_is_gone_is_nothing_to_clear(ready: House) -> None:
    """Its field went with it."""
    ready.cancel(501)
    del ready.api.documents["501"]
    ready.run()
    assert ([], None) == (ready.waiting(), ready.stay().written_pin)


def test_the_adapters_that_write_are_those_of_the_configuration() -> None:
    """What the property file allows is what the adapters can."""
    assert {name for name, one in ADAPTERS.items() if hasattr(one, "write_pin")} == set(WRITES_PINS)


@pytest.mark.parametrize("house", ["beds24", "hostaway"], indirect=True)
def test_a_token_is_kept_for_the_next_worker(ready: House) -> None:
    """Systems count those that they give out. It is encrypted; if nobody can read it, another is fetched."""
    assert 1 == ready.api.tokens
    client = ready.web.innkey.store.client
    kept = str(client.get(keys.source_token(NAME)))
    assert TOKEN not in kept
    assert client.pttl(keys.source_token(NAME)) > 0
    ready.fetch(501)
    assert 1 == ready.api.tokens
    client.set(keys.source_token(NAME), Fernet(Fernet.generate_key()).encrypt(b"[]").decode())
    ready.fetch(501)
    assert 2 == ready.api.tokens


@pytest.mark.parametrize("read", [1, 2])
def test_a_worker_that_stood_still_writes_and_notes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, read: int
) -> None:
    """Another has its lease: neither the old PIN, nor a note, nor a failure comes of it."""
    house.put(501)
    house.set()
    real, calls = ADAPTERS[house.api.adapter].read_pin, []  # type: ignore[attr-defined]

    def stood_still(api: Asking, reservation: str) -> str:
        calls.append(reservation)
        if len(calls) == read:
            house.web.innkey.store.client.set(keys.errand_lease(NAME), "another")
        return str(real(api, reservation))

    monkeypatch.setattr(ADAPTERS[house.api.adapter], "read_pin", stood_still)
    house.run()
    assert (read - 1, None) == (house.writes(), house.stay().written_pin)
    assert [pin_errand("501")] == house.waiting()
    assert 0 == house.web.innkey.store.errands.failures(NAME, pin_errand("501"))


def test_a_stay_that_changes_as_its_field_is_read_is_decided_anew(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PIN that is no longer the guest's is not written."""
    house.put(501)
    house.set()
    real, calls = ADAPTERS[house.api.adapter].read_pin, []  # type: ignore[attr-defined]

    def cancelled(api: Asking, reservation: str) -> str:
        calls.append(reservation)
        if len(calls) == 1:
            house.web.innkey.ledger.change(StayKey(NAME, "501"), _cancelled)
        return str(real(api, reservation))

    monkeypatch.setattr(ADAPTERS[house.api.adapter], "read_pin", cancelled)
    house.run()
    house.pass_time()
    house.run()
    assert (0, [], "") == (house.writes(), house.waiting(), house.shown())


def _cancelled(stay: Stay | None, _now: datetime) -> Stay:
    assert stay is not None
    return replace(stay, booking=replace(stay.booking, status=Status.CANCELLED))


def test_a_stay_that_is_not_on_record_owes_nothing(house: House) -> None:
    """Its errand goes away."""
    house.web.innkey.store.errands.add(NAME, pin_errand("nowhere"), datetime.now(UTC))
    house.run()
    assert [] == house.waiting()
    assert 0 == house.writes()

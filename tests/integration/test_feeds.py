"""Calendars over real HTTP: read again and again, and nothing is cancelled for a fault of the site's."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from tests.integration.pms_kit import Answer, Asked, Pms, pms
from tests.integration.web_kit import Web, environ_for, wired
from tests.redis_server import redis_server
from tests.unit.calendar_kit import AIRBNB, airbnb, booking, calendar, event
from webhooks.errands import Runner
from webhooks.feeds import fetching
from webhooks.feeds.visit import FEED
from webhooks.sources.asking import LaterError
from worker.domain.booking import Status, StayKey
from worker.domain.record import Stay
from worker.secret import Secret
from worker.store import keys
from worker.store.feeds import FeedRecord

NAME = "beach"
CANARY = "canary-in-the-address"
ZONE = ZoneInfo("Australia/Brisbane")
PROPERTIES = f"""
timezone = "Australia/Brisbane"
[feeds.{NAME}]
url = {{ env = "CALENDAR" }}
unit = "beach-house"
[locks.SS000001]
[units.beach-house]
locks = ["SS000001"]
policy = {{ pin_source = "phone", pin_length = 4 }}
"""


def day(offset: int) -> str:
    """A date so many days from today at the unit, as calendars write it."""
    return f"{datetime.now(ZONE) + timedelta(days=offset):%Y%m%d}"


def dates(begins: int, nights: int = 3) -> dict[str, str]:
    """When a stay is, for the events of the kit."""
    return {"starts": day(begins), "ends": day(begins + nights)}


@dataclass
class Site:
    """A booking site that hands a calendar out, and the Innkey that reads it."""

    web: Web
    http: Pms
    events: list[str] = field(default_factory=list)
    answer: Answer | None = None
    etag: str = ""

    def answered(self, asked: Asked) -> Answer:
        """As the site answers: 304 to who has it, unless a test says otherwise."""
        if self.answer is not None:
            return self.answer
        if self.etag and asked.headers.get("if-none-match") == self.etag:
            return Answer(b"", 304)
        headers = {"Content-Type": "text/calendar; charset=utf-8"} | (
            {"ETag": self.etag} if self.etag else {}
        )
        return Answer(calendar(*self.events, maker=AIRBNB), headers=headers)

    def says(self, *events: str) -> None:
        """What the calendar says from now on."""
        self.events, self.answer = list(events), None

    def run(self) -> None:
        """What a worker does at a hint; then it applies what came of it."""
        Runner(self.web.innkey).serve(NAME)
        self.web.apply()

    def read(self, times: int = 1) -> None:
        """Read it, each time a quarter of an hour later."""
        for _ in range(times):
            self.pass_time()
            self.run()

    def pass_time(self, by: timedelta = timedelta(minutes=15)) -> None:
        """Date what is known of the calendar back, and bring everything on the timetable forward."""
        store = self.web.innkey.store
        before = store.feeds.get(NAME)
        if before.raw:
            taken = store.errands.take(NAME)
            assert taken is not None
            store.feeds.put(taken, before, _older(before, by), [])
            store.errands.leave(taken)
        for errand in store.client.zrange(keys.errands_of(NAME), 0, -1):
            store.client.zadd(keys.errands_of(NAME), {str(errand): 1})

    def next_read(self) -> datetime:
        """When it is read next."""
        at = self.web.innkey.store.client.zscore(keys.errands_of(NAME), FEED)
        assert at is not None
        return datetime.fromtimestamp(float(at) / 1000, UTC)

    def stay(self, booking_id: str = "HMABCDEFGH") -> Stay | None:
        """A stay on record; None without one."""
        return self.web.innkey.store.stays.get(StayKey(NAME, booking_id))

    def status(self, booking_id: str = "HMABCDEFGH") -> Status | None:
        """Its status."""
        stay = self.stay(booking_id)
        return stay.booking.status if stay is not None else None

    def stays(self) -> set[str]:
        """All stays on record that are confirmed."""
        return {
            one["id"] for one in self.web.get("/v1/bookings").json["items"] if one["status"] == "confirmed"
        }

    def told(self, about: str) -> list[str]:
        """What people were told of the calendar."""
        rows = self.web.innkey.store.alerts.rows(f"{about}:{NAME}")
        return [row for name, row in rows.items() if not name.startswith("#")]


def _older(record: FeedRecord, by: timedelta) -> FeedRecord:
    known = tuple(
        replace(one, missed_since=one.missed_since - by if one.missed_since is not None else None)
        for one in record.remembered.known
    )
    read_at = record.remembered.read_at
    assert read_at is not None
    return replace(record, remembered=replace(record.remembered, known=known, read_at=read_at - by))


@contextmanager
def a_site(folder: Path, path: str = f"/{CANARY}.ics?s=1") -> Iterator[Site]:
    """A site, and an Innkey that reads its calendar at `path`."""
    with redis_server(folder / "redis", fsync="everysec") as server, pms(lambda _: Answer()) as http:
        environ = environ_for(folder, server.url, CALENDAR=f"{http.url}{path}")
        (folder / "properties.toml").write_text(PROPERTIES, encoding="utf-8")
        made = Site(wired(environ), http)
        http.answer = made.answered
        Runner(made.web.innkey).begin()
        try:
            yield made
        finally:
            made.web.innkey.store.client.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """A site whose calendar has two bookings."""
    with a_site(tmp_path) as made:
        made.says(airbnb(**dates(5)), airbnb("HM22222222", "u2", **dates(20)))
        yield made


def test_a_booking_becomes_a_stay_with_the_digits_of_the_telephone(site: Site) -> None:
    """H02, promise 1: from the calendar to the door's PIN, which the guest can be told before any message."""
    site.run()
    stay = site.stay()
    assert stay is not None
    booking_of = stay.booking
    assert ("beach-house", "1234") == (booking_of.unit, booking_of.guest_phone)
    assert f"{datetime.now(ZONE) + timedelta(days=5):%Y-%m-%d}" == booking_of.check_in
    assert {"HMABCDEFGH", "HM22222222"} == site.stays()


def test_it_is_read_as_often_as_the_property_file_says(site: Site) -> None:
    """Once, and then a quarter of an hour later: a hint in between reads nothing."""
    site.run()
    site.run()
    assert 1 == len(site.http.asked)
    left = site.next_read() - datetime.now(UTC)
    assert timedelta(minutes=14) < left <= timedelta(minutes=15)


def test_a_calendar_that_has_not_changed_is_not_sent_again(site: Site) -> None:
    """E04: the site is asked with the ETag of the last good read, and its 304 counts as one."""
    site.etag = '"1"'
    site.run()
    before = site.web.innkey.store.stays.raw(StayKey(NAME, "HMABCDEFGH"))
    site.read(2)
    assert [None, '"1"', '"1"'] == [one.headers.get("if-none-match") for one in site.http.asked]
    assert before == site.web.innkey.store.stays.raw(StayKey(NAME, "HMABCDEFGH"))
    site.says(airbnb("HM22222222", "u2", **dates(20)))
    site.etag = '"2"'
    site.read(3)
    assert [Status.CANCELLED, Status.CONFIRMED] == [site.status(), site.status("HM22222222")]
    assert '"2"' == site.http.asked[-1].headers["if-none-match"]


def test_the_date_of_a_calendar_does_as_well(site: Site) -> None:
    """Where a site gives no ETag."""
    when = "Tue, 24 Nov 2026 10:00:00 GMT"
    body = calendar(airbnb(**dates(5)))
    site.answer = Answer(body, headers={"Content-Type": "text/calendar", "Last-Modified": when})
    site.run()
    site.answer = Answer(b"", 304)
    site.read()
    assert when == site.http.asked[-1].headers["if-modified-since"]
    assert ["innkey_feed_reads_total"] == [
        line.split("{")[0] for line in metrics(site).splitlines() if 'outcome="unchanged"' in line
    ]


def metrics(site: Site) -> str:
    """What `/metrics` shows."""
    site.web.innkey.report_counts()
    return site.web.client.get("/metrics").text


def test_another_unit_in_the_property_file_reads_the_calendar_anew(site: Site, tmp_path: Path) -> None:
    """D09: then a 304 would tell nothing of what has changed."""
    site.etag = '"1"'
    site.run()
    changed = PROPERTIES.replace('unit = "beach-house"', 'unit = "barn"')
    (tmp_path / "properties.toml").write_text(
        changed + '[units.barn]\nlocks = ["SS000001"]\n', encoding="utf-8"
    )
    environ = {
        "REDIS_URL": site.web.innkey.settings.redis_url.reveal(),  # type: ignore[union-attr]
        "INNKEY_SECRET_KEY": site.web.innkey.settings.secret_keys[0].reveal(),
        "INNKEY_PROPERTIES": str(tmp_path / "properties.toml"),
        "INNKEY_API_TOKEN": "test-token",
        "CALENDAR": f"{site.http.url}/{CANARY}.ics?s=1",
    }
    site.web.innkey.store.client.close()
    site.web = wired(environ)
    site.read()
    stay = site.stay()
    assert stay is not None
    assert "barn" == stay.booking.unit
    assert "if-none-match" not in site.http.asked[-1].headers


def test_a_stay_is_cancelled_after_three_reads_without_it(site: Site) -> None:
    """E04: not after one, not after two; its return before the third begins anew."""
    other = airbnb("HM22222222", "u2", **dates(20))
    site.run()
    site.says(other)
    site.read(2)
    assert Status.CONFIRMED == site.status()
    site.says(airbnb(**dates(5)), other)
    site.read()
    site.says(other)
    site.read(2)
    assert Status.CONFIRMED == site.status()
    site.read()
    assert Status.CANCELLED == site.status()
    site.says(airbnb(**dates(5)), other)
    site.read()
    assert Status.CONFIRMED == site.status()


BAD = {
    "an error": Answer(b"", 500),
    "too many requests": Answer(b"", 429, {"Retry-After": "60"}),
    "gone": Answer(b"", 404),
    "a page": Answer(b"<html>Log in</html>", headers={"Content-Type": "text/html"}),
    "a page by another name": Answer(b"<html>Log in</html>", headers={"Content-Type": "text/calendar"}),
    "a calendar as JSON": Answer(calendar(airbnb()), headers={"Content-Type": "application/json"}),
    "a part": Answer(calendar(airbnb())[:-20], headers={"Content-Type": "text/calendar"}),
    "nothing": Answer(b"", headers={"Content-Type": "text/calendar"}),
    "no events": Answer(calendar(), headers={"Content-Type": "text/calendar"}),
    "not changed, unasked": Answer(b"", 304),
    "no content": Answer(b"", 204),
    "an endless redirect": Answer(b"", 302, {"Location": "/again"}),
    "a redirect elsewhere": Answer(b"", 302, {"Location": "file:///etc/passwd"}),
    "a redirect to nowhere": Answer(b"", 302, {"Location": "http://"}),
    "too much": Answer(b"x" * (fetching.MOST_BYTES + 1), headers={"Content-Type": "text/calendar"}),
    "a wrong length": Answer(
        calendar(airbnb()), headers={"Content-Type": "text/calendar", "Content-Length": "9"}
    ),
    "no zip": Answer(calendar(), headers={"Content-Type": "text/calendar", "Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_failed_read_cancels_nothing(site: Site, bad: str, caplog: pytest.LogCaptureFixture) -> None:
    """E05, promise 9: whatever comes in its place, however often; and no log shows the address."""
    caplog.set_level(logging.DEBUG)
    site.run()
    site.answer = BAD[bad]
    site.read(8)
    assert {"HMABCDEFGH", "HM22222222"} == site.stays()
    site.says(airbnb("HM22222222", "u2", **dates(20)))
    site.read(2)
    assert Status.CONFIRMED == site.status()
    site.read()
    assert Status.CANCELLED == site.status()
    assert CANARY not in caplog.text


def test_a_calendar_that_cannot_be_read_for_long_is_told_and_so_is_its_return(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """F32: a person hears of it once, without the address, and again when it is over."""
    site.run()
    site.answer = BAD["gone"]
    site.read(5)
    assert [] == site.told("feed_away")
    site.read(3)
    assert ["new"] == site.told("feed_away")
    client = site.web.innkey.store.client
    (notice,) = [client.get(key) for key in client.scan_iter(f"{keys.PREFIX}notice:feed_away*")]
    assert "HTTP 404" in str(notice)
    site.says(airbnb(**dates(5)), airbnb("HM22222222", "u2", **dates(20)))
    site.read()
    assert ["cleared"] == site.told("feed_away")
    assert {} == site.web.innkey.store.errands.notes(NAME)
    assert CANARY not in "".join(capsys.readouterr())


def test_not_changed_is_no_answer_to_who_has_nothing(site: Site) -> None:
    """E05: a first read that is answered 304 is a failed one."""
    site.answer = Answer(b"", 304)
    site.run()
    assert "" == site.web.innkey.store.feeds.get(NAME).raw
    assert 'innkey_feed_reads_total{feed="beach",outcome="failed"} 1' in metrics(site)


def test_thousands_of_bookings_are_one_write(site: Site) -> None:
    """A calendar as long as any: all of it is accepted at once, and the same again is no news."""
    site.says(*(airbnb(f"HM{n:08}", f"u{n}", **dates(n)) for n in range(1, 2000)))
    Runner(site.web.innkey).serve(NAME)
    store = site.web.innkey.store
    assert 1999 == store.client.zcard(keys.INBOX)
    site.pass_time()
    Runner(site.web.innkey).serve(NAME)
    assert 1999 == store.client.zcard(keys.INBOX)


def test_a_site_that_does_not_answer_is_left_alone_meanwhile(site: Site) -> None:
    """The pause grows, and is what the site asks for where it asks."""
    site.answer = Answer(b"", 429, {"Retry-After": "1200"})
    site.run()
    site.run()
    assert 1 == len(site.http.asked)
    left = site.next_read() - datetime.now(UTC)
    assert timedelta(minutes=19) < left <= timedelta(minutes=20)


def test_an_empty_calendar_is_told_and_settles(site: Site) -> None:
    """E05: at the second time; a person may have to say on the site that it is right."""
    site.run()
    site.says()
    site.read()
    assert [] == site.told("feed_doubted")
    site.read(3)
    assert ["new"] == site.told("feed_doubted")
    site.says(event("SUMMARY:Airbnb (Not available)", **dates(90)))
    site.read(5)
    assert set() == site.stays()
    site.read()
    assert {"cleared"} == set(site.told("feed_doubted"))


def test_most_stays_gone_at_once_are_told_and_waited_for(site: Site) -> None:
    """E05: more than half at once are cancelled only after an hour, if they do not return."""
    site.says(*(airbnb(f"HM0000000{n}", f"u{n}", **dates(5 * n)) for n in range(1, 5)))
    site.run()
    site.says(airbnb("HM00000001", "u1", **dates(5)))
    site.read(4)
    assert ["new"] == site.told("feed_doubted")
    assert 4 == len(site.stays())
    site.read()
    assert {"HM00000001"} == site.stays()
    assert ["cleared"] == site.told("feed_doubted")


def test_an_event_that_is_not_understood_is_kept_for_a_person(site: Site) -> None:
    """Bad input gets a clear error and nothing is lost: the others are stays, and its replay reads anew."""
    odd = event("SUMMARY:Reserved", "RRULE:FREQ=WEEKLY", uid="odd", **dates(40))
    site.says(airbnb(**dates(5)), odd)
    site.read(3)
    assert {"HMABCDEFGH"} == site.stays()
    (kept,) = site.web.get("/v1/rejected-events").json["items"]
    assert (NAME, ["RRULE"]) == (kept["source"], list(kept["errors"]))
    site.says(airbnb(**dates(5)), event("SUMMARY:Reserved", uid="odd", **dates(40)))
    asked = len(site.http.asked)
    assert 202 == site.web.post(f"/v1/rejected-events/{kept['id']}/replay").status_code
    site.run()
    assert asked + 1 == len(site.http.asked)
    assert {"HMABCDEFGH", "odd"} == site.stays()
    assert [FEED] == site.web.innkey.store.client.zrange(keys.errands_of(NAME), 0, -1)


def test_redirects_are_followed(site: Site) -> None:
    """Booking.com's addresses redirect."""
    answered = site.answered

    def redirecting(asked: Asked) -> Answer:
        if asked.path == "/there":
            return answered(asked)
        return Answer(b"", 302, {"Location": "/there"})

    site.http.answer = redirecting
    site.run()
    assert {"HMABCDEFGH", "HM22222222"} == site.stays()


def test_guests_are_encrypted(site: Site) -> None:
    """Promise 9, K04: what is known of a calendar holds names and digits."""
    site.says(airbnb(phone="8642", **dates(5)))
    site.run()
    raw = site.web.innkey.store.client.get(keys.feed(NAME))
    assert "8642" not in str(raw)
    assert "8642" == site.web.innkey.store.feeds.get(NAME).remembered.known[0].phone
    assert site.web.innkey.store.client.ttl(keys.feed(NAME)) > 0


def test_a_stay_whose_uid_changes_daily_has_one_code(site: Site) -> None:
    """G02: as Booking.com writes who is in the house."""
    site.says(booking("a@booking.com", **dates(0, 3)), booking("z@booking.com", **dates(9)))
    site.answer = None
    site.http.answer = lambda _: Answer(calendar(*site.events), headers={"Content-Type": "text/calendar"})
    site.run()
    assert {"a@booking.com", "z@booking.com"} == site.stays()
    _began_yesterday(site)
    site.says(booking("b@booking.com", **dates(0, 3)), booking("z@booking.com", **dates(9)))
    site.read(5)
    assert {"a@booking.com", "z@booking.com"} == site.stays()


def _began_yesterday(site: Site) -> None:
    """As if the first stay had begun a day ago."""
    store = site.web.innkey.store
    before, taken = store.feeds.get(NAME), store.errands.take(NAME)
    assert taken is not None
    yesterday = f"{datetime.now(ZONE) - timedelta(days=1):%Y-%m-%d}"
    first, *others = before.remembered.known
    known = (replace(first, starts=yesterday), *others)
    store.feeds.put(taken, before, replace(before, remembered=replace(before.remembered, known=known)), [])
    store.errands.leave(taken)


def test_a_worker_killed_before_the_write_has_done_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 1, G01: what is known and the events are one write; the next worker reads again."""

    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patch:
        patch.setattr("worker.store.commit.Commit.run", killed)
        with pytest.raises(SystemExit):
            site.run()
    site.web.apply()
    assert set() == site.stays()
    assert "" == site.web.innkey.store.feeds.get(NAME).raw
    site.read()
    assert {"HMABCDEFGH", "HM22222222"} == site.stays()


def test_a_worker_killed_after_the_write_is_followed_by_one_that_finds_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 1, B01: the same read again tells nothing twice, and misses nothing twice."""

    def killed(*_: object) -> None:
        raise SystemExit

    site.run()
    site.says(airbnb("HM22222222", "u2", **dates(20)), airbnb("HM33333333", "u3", **dates(30)))
    for _ in range(4):
        site.web.innkey.store.client.delete(keys.errand_lease(NAME))
        site.web.innkey.store.client.zadd(keys.errands_of(NAME), {FEED: 1})
        with monkeypatch.context() as patch:
            patch.setattr("webhooks.feeds.visit.FeedVisit._done", killed)
            with pytest.raises(SystemExit):
                site.run()
    site.web.apply()
    assert {"HMABCDEFGH", "HM22222222", "HM33333333"} == site.stays()
    stay = site.stay("HM33333333")
    assert stay is not None
    assert ["event.accepted"] == [note.what for note in stay.timeline if note.what.startswith("event")]


def test_two_workers_do_not_read_at_once(site: Site) -> None:
    """The lease is one; a reader that has lost it writes nothing."""
    store, answered = site.web.innkey.store, site.answered

    def lost(asked: Asked) -> Answer:
        store.client.set(keys.errand_lease(NAME), "another")
        return answered(asked)

    site.http.answer = lost
    site.run()
    assert "" == store.feeds.get(NAME).raw
    site.http.answer = answered
    site.run()
    assert 1 == len(site.http.asked)
    store.client.delete(keys.errand_lease(NAME))
    site.run()
    assert {"HMABCDEFGH", "HM22222222"} == site.stays()


def test_a_feed_that_is_off_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its stays stay as they are."""
    monkeypatch.setattr(f"{__name__}.PROPERTIES", PROPERTIES.replace("unit =", "enabled = false\nunit =", 1))
    with a_site(tmp_path) as site:
        site.run()
        assert [] == site.http.asked
        assert [] == site.web.innkey.store.client.zrange(keys.errands_of(NAME), 0, -1)


@contextmanager
def dripping(said: bytes) -> Iterator[str]:
    """A server that says `said` and then one byte after another for as long as it is listened to."""
    stop = threading.Event()

    def serve(server: socket.socket) -> None:
        with server.accept()[0] as client:
            client.recv(65536)
            client.sendall(said)
            while not stop.wait(0.01):
                try:
                    client.sendall(b"x")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, args=(server,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/{CANARY}"
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Type: text/calendar\r\n\r\n"]
)
def test_a_site_that_never_comes_to_an_end_holds_no_thread(
    said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One deadline for all: look-up, headers, body and redirects."""
    monkeypatch.setattr(fetching, "SECONDS", 0.3)

    with dripping(said) as url, pytest.raises(LaterError) as caught:
        fetching.fetch(Secret(url))
    assert CANARY not in str(caught.value)


def test_https_is_not_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A redirect to http would send the address in the clear; one to https is fine."""
    there = httpx.URL("https://example.com/1.ics")
    with pytest.raises(LaterError):
        fetching._led(there, "http://example.com/1.ics")
    assert httpx.URL("https://example.org/2") == fetching._led(there, "https://example.org/2")
    plain = there.copy_with(scheme="http")
    assert "https" == fetching._led(plain, "https://example.com/1.ics").scheme

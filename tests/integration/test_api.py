"""The JSON API: who may ask, what is shown, what is filtered, and what a person can do."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from cryptography.fernet import Fernet
from structlog.testing import capture_logs

from tests.integration.web_kit import SECRET, TOKEN, Web, environ_for, event_body, signed, web, wired
from webhooks.api import paging
from webhooks.api.paging import fitting
from worker.domain.access_code import GaveUp, Phase, Try, Written
from worker.domain.booking import StayKey
from worker.domain.outcomes import Kind, Outcome
from worker.domain.reasons import Job, Reason
from worker.domain.signs import Signs
from worker.processes.embedded_redis import free_port
from worker.store import keys
from worker.store.codec import from_millis, to_millis
from worker.store.events import RejectedEvent, rejected_id
from worker.store.pages import Page
from worker.store.trail import dump_signs

PROBLEM = "application/problem+json"
CALLS = [
    ("GET", "/v1/bookings"),
    ("GET", "/v1/bookings?state=ready"),
    ("GET", "/v1/bookings/direct/BK-1"),
    ("GET", "/v1/dead-letters"),
    ("GET", "/v1/dead-letters/x"),
    ("POST", "/v1/dead-letters/x/retry"),
    ("POST", "/v1/dead-letters/x/resolve"),
    ("GET", "/v1/locks"),
    ("GET", "/v1/locks/SS000001"),
    ("POST", "/v1/locks/SS999999/unlock"),
    ("POST", "/v1/locks/SS999999/clock"),
    ("GET", "/v1/locks/SS999999/events"),
    ("GET", "/v1/locks/SS999999/codes"),
    ("GET", "/v1/operator-log"),
    ("GET", "/v1/rejected-events"),
    ("POST", "/v1/rejected-events/x/replay"),
]


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Web]:
    """An app beside an empty Redis."""
    with web(tmp_path) as made:
        yield made


def call(kit: Web, method: str, path: str) -> Any:
    """Make one of the calls, as one who may."""
    return kit.post(path, {"note": "done"}) if method == "POST" else kit.get(path)


class TestWhoMayAsk:
    """The API is closed but for bearers of a token."""

    @pytest.mark.parametrize(("method", "path"), [*CALLS, ("GET", "/v1/nothing"), ("DELETE", "/v1/locks")])
    def test_without_a_token(self, kit: Web, method: str, path: str) -> None:
        """Nobody learns what exists below /v1, or whether it takes that method."""
        answer = kit.client.open(path, method=method)
        assert (401, PROBLEM) == (answer.status_code, answer.content_type)
        assert "Bearer" == answer.headers["WWW-Authenticate"]

    @pytest.mark.parametrize(
        ("given", "status"),
        [
            (f"Bearer {TOKEN}", 200),
            (f"bearer {TOKEN}", 200),
            ("Bearer another-token", 200),
            ("Bearer", 401),
            ("Bearer ", 401),
            (f"Basic {TOKEN}", 401),
            (f"Bearer {TOKEN}x", 401),
            ("Bearer täst", 401),
            (f"Bearer another-token,{TOKEN}", 401),
        ],
    )
    def test_tokens(self, kit: Web, given: str, status: int) -> None:
        """Any of the tokens is good, and nothing else."""
        assert status == kit.client.get("/v1/locks", headers={"Authorization": given}).status_code

    def test_off_without_tokens(self, tmp_path: Path) -> None:
        """Without INNKEY_API_TOKEN there is no API, and the answer says how to switch it on."""
        kit = wired(environ_for(tmp_path, "redis://127.0.0.1:1/0", INNKEY_API_TOKEN=""))
        answer = kit.get("/v1/bookings")
        assert (404, PROBLEM) == (answer.status_code, answer.content_type)
        assert "INNKEY_API_TOKEN" in answer.json["detail"]


class TestBookings:
    """Bookings and their codes."""

    def test_none(self, kit: Web) -> None:
        """Without bookings the list is empty."""
        assert {"items": [], "next": None} == kit.get("/v1/bookings").json

    def test_shape(self, kit: Web) -> None:
        """A new booking: planned on both doors, its times in the unit's zone, its PIN known to nobody."""
        kit.book(
            version=1, check_in="2098-12-01T15:00", check_out="2098-12-05", guest={"email": "j@example.com"}
        )
        answer = kit.get("/v1/bookings/direct/BK-1001")
        found: Any = answer.json
        assert "accepted" in found["timeline"][0].pop("what")
        assert {"at", "detail"} == set(found["timeline"][0])
        # The own door sends the e-mail, and waits for the gate.
        dues = [code.pop("due") for code in found["codes"]]
        assert ["2098-11-17T05:00:00Z", "2098-11-17T05:10:00Z"] == dues
        code: dict[str, Any] = {
            "medium": "pin",
            "slot": None,
            "state": "planned",
            "starts": "9812011500",
            "ends": "9812051000",
        }
        code |= {"attempts": 0, "last": None}
        assert {
            "source": "direct",
            "id": "BK-1001",
            "unit": "beach-house",
            "status": "confirmed",
            "version": "1",
            "check_in": "2098-12-01T15:00:00+10:00",
            "check_out": "2098-12-05T10:00:00+10:00",
            "arrived": None,
            "state": "planned",
            "at_risk": False,
            "pin": None,
            "email": "waiting",
            "codes": [{"lock": lock, **code} for lock in ("SS000001", "SS000002")],
        } == {name: value for name, value in found.items() if name != "timeline"}
        assert [found["id"]] == [item["id"] for item in kit.get("/v1/bookings").json["items"]]

    def test_order_of_fields_and_headers(self, kit: Web) -> None:
        """Fields come in the documented order; what may hold a PIN is stored by no one on the way."""
        kit.book()
        answer = kit.get("/v1/bookings/direct/BK-1001")
        found = list(json.loads(answer.data))
        assert ["source", "id", "unit"] == found[:3]
        assert ("no-store", "nosniff") == (
            answer.headers["Cache-Control"],
            answer.headers["X-Content-Type-Options"],
        )

    def test_pin_that_the_event_brought(self, kit: Web) -> None:
        """It was told before Innkey heard of it, so it is shown."""
        kit.book(pin="0482")
        assert "0482" == kit.get("/v1/bookings/direct/BK-1001").json["pin"]

    def test_set_code(self, kit: Web) -> None:
        """What is on the lock is shown as it is there, with the vendor's last answer."""
        kit.book(pin="482913", check_in="2098-12-01", check_out="2098-12-05")
        written = Written("482913", "9812011500", "9812051000")
        last = Outcome(Kind.DONE, 1, 200, "Success")
        kit.change_code(
            "direct/BK-1001",
            "SS000001",
            lambda code: replace(
                code, phase=Phase.SET, slot=120, writes=(written,), proven=True, last=last, attempts=1
            ),
        )
        code = kit.get("/v1/bookings/direct/BK-1001").json["codes"][0]
        assert (120, "9812011500", "9812051000", 1) == (
            code["slot"],
            code["starts"],
            code["ends"],
            code["attempts"],
        )
        assert {"outcome": "done", "ack": 1, "message": "Success", "ref": None} == code["last"]

    @pytest.mark.parametrize("given", ["a/b", "a//b", "/a", "a/", "a b?c#d%2F", "ü", "..."])
    def test_ids_of_any_form(self, kit: Web, given: str) -> None:
        """An id holds what its source puts there."""
        kit.book(id=given)
        answer = kit.get(f"/v1/bookings/direct/{quote(given, safe='/')}")
        assert (200, given) == (answer.status_code, answer.json.get("id"))
        assert 200 == kit.get(f"/v1/bookings/direct/{quote(given, safe='')}").status_code

    def test_unit_by_its_own_name(self, kit: Web) -> None:
        """What a PMS calls 40160 is shown by its name in the property file; an unknown one as given."""
        headers = {"Authorization": f"Basic {b64encode(f'pms:{SECRET}'.encode()).decode()}"}
        headers["Content-Type"] = "application/json"
        for unit in ("40160", "else"):
            kit.client.post("/webhooks/basic", data=event_body(id=unit, unit=unit), headers=headers)
        kit.apply()
        assert "beach-house" == kit.get("/v1/bookings/basic/40160").json["unit"]
        assert "else" == kit.get("/v1/bookings/basic/else").json["unit"]

    def test_unknown_check_in_is_null(self, kit: Web) -> None:
        """A cancel before its booking has no times, and fits no filter on them."""
        kit.book("booking.cancelled", unit=..., check_in=..., check_out=...)
        found = kit.get("/v1/bookings").json["items"]
        assert [(None, None, "cancelled")] == [(i["check_in"], i["check_out"], i["state"]) for i in found]
        for query in ({"to": "2099-01-01"}, {"from": "1970-01-01"}):
            assert [] == kit.get("/v1/bookings", **query).json["items"]

    def test_unknown_booking(self, kit: Web) -> None:
        """No such booking, or no such source."""
        for path in ("/v1/bookings/direct/nope", "/v1/bookings/nope/BK-1001"):
            answer = kit.get(path)
            assert (404, PROBLEM) == (answer.status_code, answer.content_type)

    def test_from_and_to(self, kit: Web) -> None:
        """A date is that day in the property file's zone, both ends included; a time is that moment."""
        for number, check_in in enumerate(["2098-12-01T00:00", "2098-12-01T23:59", "2098-12-02T00:00"]):
            kit.book(id=str(number), check_in=check_in, check_out="2098-12-09")

        def ids(**query: str) -> str:
            return "".join(item["id"] for item in kit.get("/v1/bookings", **query).json["items"])

        assert "01" == ids(**{"from": "2098-12-01", "to": "2098-12-01"})
        assert "2" == ids(**{"from": "2098-12-02"})
        assert "01" == ids(to="2098-12-01")
        assert "12" == ids(**{"from": "2098-12-01T00:01"})
        assert "12" == ids(**{"from": "2098-12-01T13:59Z"})
        assert "12" == ids(**{"from": "2098-12-01T23:59 10:00"})
        assert "" == ids(**{"from": "2098-12-03", "to": "2098-12-01"})
        assert "012" == ids(**{"from": "", "to": "", "state": "", "cursor": "", "limit": ""})

    def test_pages(self, kit: Web) -> None:
        """Following `next` shows each booking once, by check-in."""
        start = datetime(2098, 1, 1, tzinfo=UTC)
        for number in range(7):
            day = start + timedelta(days=number // 2)
            kit.book(id=str(number), check_in=f"{day:%Y-%m-%d}", check_out="2098-12-09")
        seen, cursor, pages = "", "", 0
        while cursor is not None:
            page = kit.get("/v1/bookings", limit=3, cursor=cursor).json
            seen, cursor, pages = seen + "".join(i["id"] for i in page["items"]), page["next"], pages + 1
        assert ("0123456", 3) == (seen, pages)

    def test_state_is_filtered_over_pages(self, kit: Web) -> None:
        """Pages are filled from as many of the index as it takes, and nothing is left out or shown twice."""
        for number in range(30):
            kind = "booking.cancelled" if number % 3 else "booking.created"
            kit.book(kind, id=f"{number:02}", check_in=f"2098-01-{number + 1:02}", check_out="2098-12-09")
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = kit.get("/v1/bookings", limit=4, cursor=cursor, state="planned").json
            seen, cursor = seen + [i["id"] for i in page["items"]], page["next"]
            assert cursor is None or 4 == len(page["items"])
        assert [f"{number:02}" for number in range(0, 30, 3)] == seen

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("limit", "0"),
            ("limit", "1001"),
            ("limit", "x"),
            ("cursor", "zz"),
            ("cursor", "ü"),
            ("cursor", "W1tb" * 300),
            ("from", "soon"),
            ("from", "2026-02-30"),
            ("from", "0001-01-01"),
            ("to", "9999-12-31"),
            ("state", "sleeping"),
        ],
    )
    def test_bad_filters(self, kit: Web, field: str, value: str) -> None:
        """A filter that is not understood is named."""
        answer = kit.get("/v1/bookings", **{field: value})
        assert (422, PROBLEM) == (answer.status_code, answer.content_type)
        assert {field} == set(answer.json["errors"])

    def test_no_round_trip_for_each_booking(self, kit: Web) -> None:
        """A page takes a handful of commands, however many bookings it has."""
        for number in range(40):
            kit.book(id=str(number))
        client = kit.innkey.store.client
        client.config_resetstat()
        assert 40 == len(kit.get("/v1/bookings").json["items"])
        stats: Any = client.info("commandstats")
        assert 8 >= sum(row["calls"] for row in stats.values())

    def test_cancel(self, kit: Web) -> None:
        """Cancelled at once; once, and only while there is something to cancel."""
        kit.book(version=3)
        answer = kit.post("/v1/bookings/direct/BK-1001/cancel")
        assert (202, "cancelled", "cancelled", "3") == (
            answer.status_code,
            *(answer.json[name] for name in ("status", "state", "version")),
        )
        assert "booking.cancelled" == answer.json["timeline"][-1]["detail"]["type"]
        kit.book("booking.updated", version=3, status="confirmed")
        again = kit.post("/v1/bookings/direct/BK-1001/cancel")
        assert (409, PROBLEM) == (again.status_code, again.content_type)
        assert "cancelled already" in again.json["detail"]
        kit.book("booking.updated", version=4, status="confirmed")
        assert "confirmed" == kit.get("/v1/bookings/direct/BK-1001").json["status"]

    def test_cancel_of_a_booking_versioned_by_time(self, kit: Web) -> None:
        """It is shown as of the time at which it was cancelled."""
        kit.book(version="2026-01-01T10:00:00Z")
        before = datetime.now(UTC) - timedelta(seconds=1)
        answer = kit.post("/v1/bookings/direct/BK-1001/cancel")
        assert before < datetime.fromisoformat(answer.json["version"])
        kit.book("booking.updated", version=before.isoformat(), status="confirmed")
        assert "cancelled" == kit.get("/v1/bookings/direct/BK-1001").json["status"]
        kit.book(version=(datetime.now(UTC) + timedelta(seconds=1)).isoformat())
        assert "confirmed" == kit.get("/v1/bookings/direct/BK-1001").json["status"]

    def test_cancel_comes_after_what_waits(self, kit: Web) -> None:
        """An accepted event that no worker has applied yet is applied first, and may be the stay's first."""
        kit.deliver(event_body(version=5))
        assert "cancelled" == kit.post("/v1/bookings/direct/BK-1001/cancel").json["status"]
        kit.apply()
        assert "cancelled" == kit.get("/v1/bookings/direct/BK-1001").json["status"]

    def test_cancel_comes_after_what_could_not_be_applied(self, kit: Web) -> None:
        """An event that failed stays for a person, and brings nothing back when it is applied at last."""
        kit.book(version=5)
        kit.deliver(event_body("booking.updated", version=6, status="confirmed"))
        (event,) = kit.innkey.store.events.pending(StayKey("direct", "BK-1001"))
        kit.innkey.store.events.failed(event)
        kit.post("/v1/bookings/direct/BK-1001/cancel")
        kit.innkey.event_applier().apply(event)
        found = kit.get("/v1/bookings/direct/BK-1001").json
        assert ("cancelled", "event.stale") == (found["status"], found["timeline"][-1]["what"])

    def test_cancel_of_what_is_not_there_or_over(self, kit: Web) -> None:
        """404 and 409."""
        assert 404 == kit.post("/v1/bookings/direct/BK-404/cancel").status_code
        kit.book(check_in="2024-12-01", check_out="2024-12-05")
        answer = kit.post("/v1/bookings/direct/BK-1001/cancel")
        assert (409, True) == (answer.status_code, "over" in answer.json["detail"])


class TestFilteredPages:
    """A filter that the index does not know, over an index of a thousand numbers."""

    @staticmethod
    def read(limit: int, cursor: str | None) -> Page[int]:
        """A page of the numbers below 1000."""
        first = int(cursor or 0)
        rows = list(range(1000))[first : first + limit]
        return Page(rows, str(first + limit) if first + limit < 1000 else None)

    @pytest.mark.parametrize("limit", [1, 7, 33, 1000])
    @pytest.mark.parametrize("step", [1, 13, 300, 5000])
    def test_each_once(self, limit: int, step: int) -> None:
        """Whatever the sizes are, each number that fits is shown once, and full pages are full."""
        seen: list[int] = []
        cursor: str | None = None
        while True:
            page = fitting(self.read, lambda n: n % step == 0, limit=limit, cursor=cursor)
            seen, cursor = seen + page.items, page.next
            assert limit >= len(page.items)
            if cursor is None:
                break
            assert limit == len(page.items)
        assert list(range(0, 1000, step)) == seen

    def test_a_page_never_reads_without_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where next to nothing fits, the page is short and says where to go on."""
        monkeypatch.setattr(paging, "MOST_READ", 400)
        page = fitting(self.read, lambda n: n == 999, limit=10, cursor=None)
        assert ([], "400") == (page.items, page.next)


class TestLetters:
    """What waits for a person."""

    @staticmethod
    def fail(kit: Web, booking: str = "BK-1001", lock: str = "SS000001") -> str:
        """A code that gave up after two attempts; the id of its letter."""
        now = datetime.now(UTC).replace(microsecond=0)
        tries = (
            Try(now, Job.SET, Outcome(Kind.DOUBT, None, 504, "", None)),
            Try(now, Job.SET, Outcome(Kind.FAILED, 2, 200, "Operation failed", "UOWS-Xmuj")),
        )
        known = kit.change_code(
            f"direct/{booking}",
            lock,
            lambda code: replace(
                code, slot=121, gave_up=GaveUp(Reason.LOCK_FAILED, Job.SET), tries=tries, phase=Phase.SETTING
            ),
        )
        assert known.stay is not None
        code = known.stay.code(lock)
        assert code is not None
        assert code.letter is not None
        return code.letter.id

    def test_none(self, kit: Web) -> None:
        """Without letters the list is empty."""
        assert {"items": [], "next": None} == kit.get("/v1/dead-letters").json

    def test_shape(self, kit: Web) -> None:
        """A letter tells each attempt, and the last one's answer in the vendor's words."""
        kit.book()
        letter = kit.get(f"/v1/dead-letters/{self.fail(kit)}").json
        times = {letter.pop("opened"), *(one.pop("at") for one in letter["attempts"]), letter.pop("id")}
        assert None not in times
        assert {
            "state": "open",
            "reason": "lock_failed",
            "source": "direct",
            "booking": "BK-1001",
            "lock": "SS000001",
            "slot": 121,
            "step": "set",
            "ack": 2,
            "http_status": 200,
            "message": "Operation failed",
            "ref": "UOWS-Xmuj",
            "attempts": [
                {
                    "step": "set",
                    "outcome": "doubt",
                    "ack": None,
                    "http_status": 504,
                    "message": "",
                    "ref": None,
                },
                {
                    "step": "set",
                    "outcome": "failed",
                    "ack": 2,
                    "http_status": 200,
                    "message": "Operation failed",
                    "ref": "UOWS-Xmuj",
                },
            ],
            "resolved": None,
            "note": None,
        } == letter
        assert "review" == kit.get("/v1/bookings/direct/BK-1001").json["codes"][0]["state"]

    def test_without_attempts_it_says_its_own_cause(self, kit: Web) -> None:
        """A letter that no call led to explains itself."""
        kit.book(unit="castle")
        letter = kit.get("/v1/dead-letters").json["items"][0]
        assert ("unknown_unit", "event", []) == (letter["reason"], letter["step"], letter["attempts"])
        assert "castle" in letter["message"]

    def test_retry(self, kit: Web) -> None:
        """A retry is the same letter, at work again; it is listed among the open ones and among its own."""
        kit.book()
        letter_id = self.fail(kit)
        answer = kit.post(f"/v1/dead-letters/{letter_id}/retry")
        assert (202, "retrying") == (answer.status_code, answer.json["state"])
        for state, number in (("open", 1), ("retrying", 1), ("resolved", 0)):
            assert number == len(kit.get("/v1/dead-letters", state=state).json["items"]), state

    def test_resolve(self, kit: Web) -> None:
        """Settled by hand: the note stays, it is open no more, and cannot be settled again."""
        kit.book()
        letter_id = self.fail(kit)
        answer = kit.post(f"/v1/dead-letters/{letter_id}/resolve", {"note": " typed by hand "})
        assert (202, "resolved", "typed by hand") == (
            answer.status_code,
            answer.json["state"],
            answer.json["note"],
        )
        assert answer.json["resolved"]
        for action in ("resolve", "retry"):
            again = kit.post(f"/v1/dead-letters/{letter_id}/{action}", {"note": "x"})
            assert (409, PROBLEM) == (again.status_code, again.content_type)
        for state, number in (("open", 0), ("retrying", 0), ("resolved", 1), ("", 1)):
            assert number == len(kit.get("/v1/dead-letters", state=state).json["items"]), state

    @pytest.mark.parametrize("body", [None, {}, [], {"note": ""}, {"note": "  "}, {"note": 5}])
    def test_resolve_needs_a_note(self, kit: Web, body: object) -> None:
        """Who settles by hand says what was done."""
        kit.book()
        answer = kit.post(f"/v1/dead-letters/{self.fail(kit)}/resolve", body)
        assert (422, PROBLEM) == (answer.status_code, answer.content_type)

    @pytest.mark.parametrize(
        "body", [b'{"note": "\\ud800"}', b'{"note": "' + b"x" * 501 + b'"}', b"{", b"\xff", b"[" * 100_000]
    )
    def test_hostile_notes(self, kit: Web, body: bytes) -> None:
        """What cannot be kept as a note is refused."""
        kit.book()
        path = f"/v1/dead-letters/{self.fail(kit)}/resolve"
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        answer = kit.client.post(path, data=body, headers=headers)
        assert (422, PROBLEM) == (answer.status_code, answer.content_type)

    def test_unknown(self, kit: Web) -> None:
        """There is nothing to show, retry or resolve."""
        for method, path in (("GET", ""), ("POST", "/retry"), ("POST", "/resolve")):
            assert 404 == call(kit, method, f"/v1/dead-letters/nope{path}").status_code

    def test_pages(self, kit: Web) -> None:
        """The latest first, each once."""
        kit.book()
        made = [self.fail(kit, lock=lock) for lock in ("SS000001", "SS000002")]
        first = kit.get("/v1/dead-letters", limit=1).json
        second = kit.get("/v1/dead-letters", limit=1, cursor=first["next"]).json
        assert set(made) == {first["items"][0]["id"], second["items"][0]["id"]}
        assert second["next"] is None


class TestLocks:
    """The locks of the property file."""

    def test_list(self, kit: Web) -> None:
        """Each lock with its units, in the file's order, seen or not."""
        kit.innkey.store.client.set(keys.lock_facts("SS000002"), json.dumps({"list": 1_000, "clock": 2_000}))
        kit.innkey.store.client.hset(keys.lock_slots("SS000002"), "120", "direct/a")
        heard = Signs(battery=64, battery_at=from_millis(3_000), heard=from_millis(4_000))
        kit.innkey.store.client.set(keys.signs("SS000002"), dump_signs(heard))
        page = kit.get("/v1/locks").json
        never = dict.fromkeys(["clock", "battery", "battery_at", "last_seen", "last_heard"])
        common = {"account": "default", "units": ["beach-house"]}
        assert [
            {"lock": "SS000001", "title": "Front gate", **common, "slots_in_use": 0, **never},
            {
                "lock": "SS000002",
                "title": "",
                **common,
                "slots_in_use": 1,
                "clock": "1970-01-01T00:00:02Z",
                "battery": 64,
                "battery_at": "1970-01-01T00:00:03Z",
                "last_seen": "1970-01-01T00:00:01Z",
                "last_heard": "1970-01-01T00:00:04Z",
            },
            {
                "lock": "SS000003",
                "title": "Shed",
                "account": "default",
                "units": [],
                "slots_in_use": 0,
                **never,
            },
        ] == page["items"]
        assert page["next"] is None

    def test_pages(self, kit: Web) -> None:
        """The list is paged as all lists are."""
        first = kit.get("/v1/locks", limit=2).json
        second = kit.get("/v1/locks", limit=2, cursor=first["next"]).json
        assert ["SS000003"] == [row["lock"] for row in second["items"]]
        assert second["next"] is None
        assert 422 == kit.get("/v1/locks", cursor="nope").status_code

    def test_slots(self, kit: Web) -> None:
        """Who holds which slot, and which is kept only until a list shows it empty."""
        kit.innkey.store.client.hset(
            keys.lock_slots("SS000001"), mapping={"121": "!direct/b", "120": "direct/a/c"}
        )
        found = kit.get("/v1/locks/SS000001").json
        assert 2 == found["slots_in_use"]
        assert [
            {"slot": 120, "holder": "direct/a/c", "fenced": False},
            {"slot": 121, "holder": "direct/b", "fenced": True},
        ] == found["slots"]

    def test_battery_history(self, kit: Web) -> None:
        """One level a day, in the order of the days."""
        days: dict[Any, Any] = {"2026-12-02": 63, "2026-11-30": 64}
        kit.innkey.store.client.hset(keys.battery("SS000001"), mapping=days)
        assert [{"date": "2026-11-30", "level": 64}, {"date": "2026-12-02", "level": 63}] == (
            kit.get("/v1/locks/SS000001").json["battery_history"]
        )

    def test_openings(self, kit: Web) -> None:
        """L03: what the doors did stands in the timeline of the booking whose PIN it was."""
        kit.book()
        at = datetime(2099, 1, 1, tzinfo=UTC)
        kit.innkey.store.client.zadd(keys.openings("direct/BK-1001"), {"SS000002 evt": to_millis(at)})
        expected = {"at": "2099-01-01T00:00:00Z", "what": "door.opened", "detail": {"lock": "SS000002"}}
        assert expected == kit.get("/v1/bookings/direct/BK-1001").json["timeline"][-1]

    def test_unknown(self, kit: Web) -> None:
        """A lock that the file does not name."""
        assert 404 == kit.get("/v1/locks/SS999999").status_code


class TestRejectedEvents:
    """Deliveries that were not understood."""

    def test_listed_without_the_guest(self, kit: Web) -> None:
        """Which fields were at fault, and nothing of what they held."""
        body = event_body(guest={"name": "Canary", "email": "canary"})
        kit.deliver(body)
        answer = kit.get("/v1/rejected-events")
        assert "canary" not in answer.text.lower()
        row = answer.json["items"][0]
        assert row.pop("received")
        assert {
            "id": rejected_id("direct", body),
            "source": "direct",
            "asked": None,
            "content_type": "application/json",
            "errors": {"data.guest.email": ["is not an e-mail address"]},
            "size": len(body),
            "replayed": None,
        } == row

    @staticmethod
    def keep(kit: Web, body: bytes, source: str = "direct") -> str:
        """Keep a delivery as if an older Innkey had not understood it."""
        rejected = RejectedEvent(
            id=rejected_id(source, body),
            source=source,
            received=datetime.now(UTC),
            content_type="application/json",
            errors={"data": ["was not understood"]},
            body=body,
        )
        assert kit.innkey.store.events.keep_rejected(rejected)
        return rejected.id

    def test_replay(self, kit: Web) -> None:
        """Understood now: accepted as an event of its own, once, and marked."""
        kept = self.keep(kit, event_body())
        for _ in range(2):
            answer = kit.post(f"/v1/rejected-events/{kept}/replay")
            assert 202 == answer.status_code
            assert answer.json["replayed"]
        assert 1 == kit.innkey.store.health.gauges()["inbox"]
        kit.apply()
        found = kit.get("/v1/bookings/direct/BK-1001").json
        assert f"replay:{kept}" == found["timeline"][0]["detail"]["event"]
        assert kit.get("/v1/rejected-events").json["items"][0]["replayed"]

    def test_replay_of_what_is_still_not_understood(self, kit: Web) -> None:
        """The errors of now; it stays as it was."""
        kept = self.keep(kit, event_body(pin="x"))
        answer = kit.post(f"/v1/rejected-events/{kept}/replay")
        assert (422, PROBLEM) == (answer.status_code, answer.content_type)
        assert {"data.pin"} == set(answer.json["errors"])
        assert kit.get("/v1/rejected-events").json["items"][0]["replayed"] is None

    def test_replay_of_a_source_that_is_gone(self, kit: Web) -> None:
        """Without the source's table nobody knows how to read it."""
        kept = self.keep(kit, event_body(), source="gone")
        answer = kit.post(f"/v1/rejected-events/{kept}/replay")
        assert (422, {"source"}) == (answer.status_code, set(answer.json["errors"]))

    def test_unknown(self, kit: Web) -> None:
        """Nothing is kept under that id."""
        assert 404 == kit.post("/v1/rejected-events/nope/replay").status_code


class TestTrouble:
    """What goes wrong is a problem too, and says no more than it should."""

    @pytest.mark.parametrize(("method", "path"), CALLS)
    def test_redis_away(self, tmp_path: Path, method: str, path: str) -> None:
        """Each call answers 503 and when to come again."""
        kit = wired(environ_for(tmp_path, f"redis://127.0.0.1:{free_port()}/0"))
        answer = call(kit, method, path)
        assert (503, "5", PROBLEM) == (
            answer.status_code,
            answer.headers["Retry-After"],
            answer.content_type,
        )

    def test_lost_key(self, kit: Web, tmp_path: Path) -> None:
        """A record that another key wrote: 500, with the cure."""
        kit.book()
        url = kit.innkey.settings.redis_url
        assert url is not None
        folder = tmp_path / "other"
        folder.mkdir()
        environ = environ_for(folder, url.reveal(), INNKEY_SECRET_KEY=Fernet.generate_key().decode())
        answer = wired(environ).get("/v1/bookings/direct/BK-1001")
        assert (500, PROBLEM) == (answer.status_code, answer.content_type)
        assert "INNKEY_SECRET_KEY" in answer.json["detail"]

    def test_bug(self, kit: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        """What nobody foresaw is 500; log and answer name neither the message nor a value."""

        def fail(*_args: object, **_kwargs: object) -> None:
            guest = "Canary"
            raise ValueError(guest)

        monkeypatch.setattr(type(kit.innkey.store.letters), "page", fail)
        with capture_logs() as lines:
            answer = kit.get("/v1/dead-letters")
        assert (500, PROBLEM) == (answer.status_code, answer.content_type)
        assert [("web.failed", "ValueError")] == [(line["event"], line["error"]) for line in lines]
        assert "in fail" in lines[0]["traceback"]
        assert "Canary" not in answer.text
        assert "ValueError: Canary" not in lines[0]["traceback"]

    @pytest.mark.parametrize("path", ["/v1/locks", "/v1/dead-letters/x/retry", "/openapi.json", "/healthz"])
    def test_wrong_method(self, kit: Web, path: str) -> None:
        """A method that a call does not know: 405, and which it does."""
        answer = kit.client.delete(path, headers={"Authorization": f"Bearer {TOKEN}"})
        assert (405, PROBLEM) == (answer.status_code, answer.content_type)
        assert answer.headers["Allow"]

    @pytest.mark.parametrize(
        ("body", "kind", "status", "field"),
        [
            (b"{", "application/json", 422, "body"),
            (b"\xff\xfe", "application/json", 422, "body"),
            (b"[1]", "application/json", 422, "body"),
            (b"[" * 100_000, "application/json", 422, "body"),
            (b'{"note": "done"}', "text/plain", 422, "note"),
            (b'{"note": "' + b"x" * 1024 * 1024 + b'"}', "application/json", 413, None),
        ],
    )
    def test_bad_body(self, kit: Web, body: bytes, kind: str, status: int, field: str | None) -> None:
        """What is no JSON, no object, not declared as JSON, or too much."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
        answer: Any = kit.client.post("/v1/dead-letters/x/resolve", data=body, headers=headers)
        assert (status, PROBLEM) == (answer.status_code, answer.content_type)
        assert ([field] if field else []) == list(answer.json.get("errors", {}))

    @pytest.mark.parametrize("path", ["bookings", "dead-letters", "locks", "rejected-events"])
    def test_unknown_parameter(self, kit: Web, path: str) -> None:
        """A slip in the name of a filter is told; else the answer would be everything."""
        for query in ("stat=open", "stat="):
            answer = kit.get(f"/v1/{path}?{query}")
            assert (422, {"stat": ["Unknown field."]}) == (answer.status_code, answer.json["errors"])

    def test_no_such_page(self, kit: Web) -> None:
        """An address that means nothing is a problem as well."""
        for path in ("/nothing", "/v1/nothing"):
            answer = kit.get(path)
            assert (404, PROBLEM) == (answer.status_code, answer.content_type)


class TestDescription:
    """/openapi.json says what the API is."""

    def test_open_and_complete(self, kit: Web) -> None:
        """It needs no token, and describes each call with its problems."""
        assert 200 == kit.client.get("/openapi.json").status_code
        answer = kit.get("/openapi.json")
        described = {
            (method.upper(), path)
            for path, operations in answer.json["paths"].items()
            for method in operations
            if method != "parameters"
        }
        rules = {
            (
                method,
                rule.rule.replace("<stay_id:", "<").replace("<int:", "<").replace("<", "{").replace(">", "}"),
            )
            for rule in kit.app.url_map.iter_rules()
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
            if rule.rule.startswith("/v1/")
        }
        assert rules == described
        assert 27 == len(described)
        for operations in answer.json["paths"].values():
            for method, operation in operations.items():
                if method != "parameters":
                    assert {"401", "404", "503"} <= set(operation["responses"])
        assert {"bearer"} == set(answer.json["components"]["securitySchemes"])

    def test_references_lead_somewhere(self, kit: Web) -> None:
        """Each shape that is referred to is described."""
        text = kit.client.get("/openapi.json").text
        shapes = json.loads(text)["components"]["schemas"]
        referred = set(re.findall(r'"#/components/schemas/(\w+)"', text))
        assert referred
        assert referred <= set(shapes)

    def test_a_booking_is_what_is_described(self, kit: Web) -> None:
        """The fields that are answered are those of the description."""
        kit.book()
        shapes = kit.get("/openapi.json").json["components"]["schemas"]
        found = kit.get("/v1/bookings/direct/BK-1001").json
        assert set(shapes["Booking"]["properties"]) == set(found)
        assert set(shapes["Code"]["properties"]) == set(found["codes"][0])


def test_signed_and_listed(kit: Web) -> None:
    """From a signed delivery to the list, through nothing but the doors of the product."""
    body = event_body(id="BK-7")
    assert 200 == kit.client.post("/webhooks/direct", data=body, headers=signed(body)).status_code
    kit.apply()
    assert ["BK-7"] == [row["id"] for row in kit.get("/v1/bookings").json["items"]]

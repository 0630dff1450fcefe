"""Calls to one lock through the API, against the sandbox; and the log of what people have done."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.web_kit import TOKEN, Web, environ_for, event_body, wired
from tests.redis_server import redis_server
from webhooks.api import lock_calls
from worker.domain.access_code import GaveUp, Phase
from worker.domain.reasons import Job, Reason
from worker.kas.sandbox import DEFAULT_KEY, LockSpec, SandboxControl, Setup, running_sandbox
from worker.service.lock_desk import LockDesk
from worker.store import keys
from worker.store.events import RejectedEvent, rejected_id

GATE = "SS000001"
PROBLEM = "application/problem+json"


@pytest.fixture
def vendor() -> Iterator[SandboxControl]:
    """A vendor's cloud with the two locks of the house."""
    setup = Setup(locks=[LockSpec(GATE), LockSpec("SS000002")])
    with running_sandbox(setup) as sandbox, SandboxControl(sandbox.control_url) as control:
        control.url = sandbox.url  # type: ignore[attr-defined]
        yield control


@pytest.fixture
def kit(tmp_path: Path, vendor: Any) -> Iterator[Web]:
    """An app whose account is the vendor's."""
    with redis_server(tmp_path / "redis", fsync="everysec") as server:
        kas = {"KAS_BASE_URL": vendor.url, "KAS_API_KEY": DEFAULT_KEY}
        made = wired(environ_for(tmp_path, server.url, **kas))
        yield made
        for client in made.innkey.key_ring().clients.values():
            client.close()
        made.innkey.store.client.close()


def log(kit: Web) -> list[tuple[str, str, str, str]]:
    """Who, what, on what and result, the oldest first."""
    items = kit.get("/v1/operator-log").json["items"]
    return [(line["who"], line["what"], line["on"], line["result"]) for line in reversed(items)]


class TestUnlock:
    """A door, opened while the request waits."""

    def test_good(self, kit: Web, vendor: SandboxControl) -> None:
        """202 with the vendor's answer; logged before and after, by the token's position."""
        answer = kit.post(f"/v1/locks/{GATE}/unlock")
        found: Any = answer.json
        assert 202 == answer.status_code, found
        assert {"lock", "outcome", "ack", "message", "ref", "at"} == set(found)
        assert (GATE, "done", 1) == (found["lock"], found["outcome"], found["ack"])
        who = "api token 2"
        assert [
            (who, "lock.unlock", GATE, "asked"),
            (who, "lock.unlock", GATE, "done"),
        ] == log(kit)

    def test_refused_by_the_lock(self, kit: Web, vendor: SandboxControl) -> None:
        """502 with the vendor's ack and words; it does not say that the door was perhaps opened."""
        vendor.set_lock(GATE, gateway_online=False)
        answer = kit.post(f"/v1/locks/{GATE}/unlock")
        found: Any = answer.json
        assert (502, PROBLEM) == (answer.status_code, answer.content_type)
        assert (8, "offline", GATE) == (found["ack"], found["outcome"], found["lock"])
        assert "perhaps" not in found["detail"]
        assert "gateway" in found["detail"].lower()

    def test_in_doubt(self, kit: Web, vendor: SandboxControl) -> None:
        """Promise 6: 504, perhaps opened, with the vendor's reference."""
        vendor.add_fault("status", op="unlock", status=504, times=None)
        answer = kit.post(f"/v1/locks/{GATE}/unlock")
        found: Any = answer.json
        assert (504, "doubt") == (answer.status_code, found["outcome"])
        assert found["detail"].startswith("The door was perhaps opened.")
        assert found["ref"]
        assert log(kit)[-1][3].startswith("perhaps done; doubt")

    def test_pending(self, kit: Web, vendor: SandboxControl) -> None:
        """An ack that says that it is under way is no success."""
        vendor.add_fault("ack", op="unlock", ack=5)
        assert 504 == kit.post(f"/v1/locks/{GATE}/unlock").status_code

    def test_busy(self, kit: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        """503 with Retry-After where the lock is busy for too long; nothing was sent."""
        monkeypatch.setattr(
            type(kit.innkey), "lock_desk", with_patience(type(kit.innkey).lock_desk, timedelta(0))
        )
        kit.innkey.store.client.set(keys.lease(GATE), "somebody", px=600_000)
        answer = kit.post(f"/v1/locks/{GATE}/unlock")
        assert (503, "5") == (answer.status_code, answer.headers["Retry-After"])
        assert "busy" in answer.json["detail"]
        assert "not done: OccupiedError" == log(kit)[-1][3]

    def test_quiet(self, kit: Web) -> None:
        """Promise 5: it says for how long the lock is left alone."""
        kit.innkey.store.client.set(keys.quiet(GATE), "1", px=40_000)
        answer = kit.post(f"/v1/locks/{GATE}/unlock")
        assert 503 == answer.status_code
        assert 38 <= int(answer.headers["Retry-After"]) <= 40
        assert "was never answered; the next one may go out in" in answer.json["detail"]

    def test_unknown_lock(self, kit: Web, vendor: SandboxControl) -> None:
        """404, and nothing reaches the vendor or the log."""
        assert 404 == kit.post("/v1/locks/SS999999/unlock").status_code
        assert ([], []) == (vendor.calls(), log(kit))

    def test_threads_are_left(
        self, kit: Web, vendor: SandboxControl, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """As many calls as may wait at a time; the next one is refused at once."""
        for _ in range(lock_calls.MOST_AT_ONCE):
            assert lock_calls._free.acquire(blocking=False)
        try:
            answer = kit.post(f"/v1/locks/{GATE}/unlock")
        finally:
            for _ in range(lock_calls.MOST_AT_ONCE):
                lock_calls._free.release()
        assert (503, []) == (answer.status_code, vendor.calls())
        assert 202 == kit.post(f"/v1/locks/{GATE}/unlock").status_code

    def test_cut_off(self, kit: Web, monkeypatch: pytest.MonkeyPatch) -> None:
        """A process that dies in the act leaves the line that it was asked for."""

        def dies(*_: object) -> None:
            assert ("api token 2", "lock.unlock", GATE, "asked") == log_of(kit)[-1]
            raise SystemExit

        monkeypatch.setattr(LockDesk, "unlock", dies)
        with pytest.raises(SystemExit):
            kit.post(f"/v1/locks/{GATE}/unlock")


def with_patience(make: Any, span: timedelta) -> Any:
    """The desk of a process that waits no longer than this."""

    def made(self: Any) -> Any:
        desk = make(self)
        desk.within = span
        return desk

    return made


def log_of(kit: Web) -> list[tuple[str, str, str, str]]:
    """The log as it is stored, the oldest first."""
    lines = kit.innkey.store.operators.page(limit=100, cursor=None).items
    return [(line.who, line.what, line.on, line.result) for line in reversed(lines)]


class TestOtherCalls:
    """The clock, the events, the list."""

    def test_clock(self, kit: Web) -> None:
        """Set, and seen at the lock."""
        assert 202 == kit.post(f"/v1/locks/{GATE}/clock").status_code
        assert kit.get(f"/v1/locks/{GATE}").json["clock"] is not None

    def test_codes(self, kit: Web, vendor: SandboxControl) -> None:
        """The vendor's list with PINs; a mark of a booking on record is resolved, any other is not."""
        kit.book()
        vendor.hand(GATE, 130, "482913", name="John Lee direct/BK-1001")
        vendor.hand(GATE, 131, "5512", name="direct/BK-9")
        vendor.hand(GATE, 101, "0953", name="Cleaner")
        answer = kit.get(f"/v1/locks/{GATE}/codes")
        found: Any = answer.json["items"]
        assert "no-store" == answer.headers["Cache-Control"]
        assert [(101, "0953", None), (130, "482913", "direct/BK-1001"), (131, "5512", None)] == [
            (row["slot"], row["pin"], row["booking"]) for row in found
        ]
        assert {"slot", "pin", "name", "starts", "ends", "booking"} == set(found[0])

    def test_pages(self, kit: Web, vendor: SandboxControl) -> None:
        """Slot by slot, with a cursor."""
        for slot in (101, 102, 103):
            vendor.hand(GATE, slot, f"09{slot}", name="Cleaner")
        first: Any = kit.get(f"/v1/locks/{GATE}/codes", limit=2).json
        rest: Any = kit.get(f"/v1/locks/{GATE}/codes", cursor=first["next"]).json
        assert ([101, 102], [103], None) == (
            [row["slot"] for row in first["items"]],
            [row["slot"] for row in rest["items"]],
            rest["next"],
        )
        assert 422 == kit.get(f"/v1/locks/{GATE}/codes", cursor="nonsense").status_code

    def test_events(self, kit: Web, vendor: SandboxControl) -> None:
        """Promise 9: the latest first, without PIN and name of whoever it was."""
        kit.post(f"/v1/locks/{GATE}/unlock")
        kit.post(f"/v1/locks/{GATE}/unlock")
        answer = kit.get(f"/v1/locks/{GATE}/events")
        found: Any = answer.json["items"]
        assert 2 == len(found)
        assert {"id", "lock", "at", "type", "label", "by", "slot", "battery"} == set(found[0])
        assert found[0]["at"] >= found[1]["at"]

    def test_no_pin_in_events(self, kit: Web, vendor: SandboxControl) -> None:
        """What a guest typed is in the vendor's trail, and not in ours."""
        vendor.hand(GATE, 130, "482913", name="John Lee")
        kit.post(f"/v1/locks/{GATE}/clock")
        assert vendor.type_pin(GATE, "482913")["opened"]
        text = kit.get(f"/v1/locks/{GATE}/events").text
        assert 130 == json.loads(text)["items"][0]["slot"]
        assert "482913" not in text
        assert "John" not in text

    @pytest.mark.parametrize("what", ["codes", "events"])
    def test_unreadable(self, kit: Web, vendor: SandboxControl, what: str) -> None:
        """A list that cannot be read is an error, never an empty one."""
        vendor.add_fault("status", op="list", status=500, times=None)
        vendor.add_fault("status", op="events", status=500, times=None)
        answer = kit.get(f"/v1/locks/{GATE}/{what}")
        assert (502, "doubt") == (answer.status_code, answer.json["outcome"])

    def test_wrong_key(self, kit: Web, vendor: SandboxControl) -> None:
        """A refused key is the vendor's error, and pauses no account."""
        vendor.add_fault("text", op="list", text="Invalid Token.", status=400, times=None)
        answer = kit.get(f"/v1/locks/{GATE}/codes")
        assert (502, "invalid_token") == (answer.status_code, answer.json["outcome"])
        assert not kit.innkey.store.client.exists(keys.paused("default"))


class TestLog:
    """Every act of a person is logged."""

    def test_every_act(self, kit: Web) -> None:
        """Whatever the API can do by POST is logged, before and after."""
        kit.book(guest={"name": "John Lee", "email": "john@example.com"})
        kit.book(id="BK-2")
        kit.change_code("direct/BK-2", GATE, gave_up)
        body = event_body(id="BK-3")
        kept = RejectedEvent(
            id=rejected_id("direct", body),
            source="direct",
            received=datetime.now(UTC),
            content_type="application/json",
            errors={},
            body=body,
        )
        kit.innkey.store.events.keep_rejected(kept)
        letter = kit.get("/v1/dead-letters").json["items"][0]["id"]
        given = {"source": "direct", "lock": GATE}
        ids = {"bookings": "BK-1001", "dead-letters": letter, "rejected-events": kept.id}
        acts = {
            "rotate-pin": "pin.rotate",
            "resend": "email.resend",
            "cancel": "booking.cancel",
            "retry": "letter.retry",
            "resolve": "letter.resolve",
            "unlock": "lock.unlock",
            "clock": "lock.clock",
            "replay": "event.replay",
        }
        tags = {"rfids", "{rfid_id}"}  # logged too: see TestTags
        paths = kit.client.get("/openapi.json").json["paths"]  # type: ignore[index]
        acting = [path for path, calls in paths.items() if set(calls) - {"get", "parameters"}]
        # What is done to endpoints is logged too: see test_outgoing_by_hand.
        acting = [path for path in acting if not path.startswith("/v1/outgoing/")]
        posts = [path for path in acting if path.rpartition("/")[2] not in tags]
        assert tags == {path.rpartition("/")[2] for path in acting} - set(acts)
        assert set(acts) == {path.rpartition("/")[2] for path in posts}
        for path in sorted(posts, reverse=True):  # a letter is retried before it is resolved
            kind = path.split("/")[2]
            address = path.format(**given, id=ids.get(kind, ""))
            before = len(log_of(kit))
            answer = kit.post(address, {"note": "done"})
            assert 202 == answer.status_code, (address, answer.text)
            lines = log_of(kit)[before:]
            assert [acts[path.rpartition("/")[2]]] * 2 == [what for _, what, _, _ in lines]
            assert ["asked", "done"] == [result for *_, result in lines]

    def test_what_could_not_be_done(self, kit: Web) -> None:
        """It is logged too, by the name of the error."""
        kit.post("/v1/dead-letters/none/retry")
        who = "api token 2"
        assert [
            (who, "letter.retry", "none", "asked"),
            (who, "letter.retry", "none", "not done: UnknownLetterError"),
        ] == log_of(kit)

    def test_pages(self, kit: Web) -> None:
        """The latest first; the two lines of one act share its id."""
        for lock in ("SS000001", "SS000002"):
            kit.post(f"/v1/locks/{lock}/clock")
        first: Any = kit.get("/v1/operator-log", limit=3).json
        rest: Any = kit.get("/v1/operator-log", limit=3, cursor=first["next"]).json
        acts = [line["act"] for line in [*first["items"], *rest["items"]]]
        assert (4, None) == (len(acts), rest["next"])
        assert (acts[0], acts[2]) == (acts[1], acts[3])
        assert acts[0] != acts[2]
        assert 422 == kit.get("/v1/operator-log", cursor="1-1-1").status_code

    def test_without_redis(self, kit: Web, vendor: SandboxControl) -> None:
        """What cannot be logged is not done."""
        kit.innkey.store.client.set(keys.OPERATORS, "no stream")
        assert 503 == kit.post(f"/v1/locks/{GATE}/unlock").status_code
        assert [] == vendor.calls()

    def test_is_closed(self, kit: Web) -> None:
        """Only bearers of a token read it."""
        assert 401 == kit.client.get("/v1/operator-log").status_code
        good = {"Authorization": f"Bearer {TOKEN}"}
        assert 200 == kit.client.get("/v1/operator-log", headers=good).status_code


def gave_up(code: Any) -> Any:
    """The code after its last attempt."""
    tried = replace(code, phase=Phase.SETTING, slot=120, attempts=4, failures=4)
    return replace(tried, gave_up=GaveUp(Reason.LOCK_FAILED, Job.SET))


TAG = {
    "id": "cleaner-1",
    "number": "a1b2c3d4",
    "name": "Cleaner",
    "starts": "2026-01-01",
    "ends": "2098-12-31",
}


class TestTags:
    """RFID tags by the API."""

    def test_add_is_work_that_follows(self, kit: Web) -> None:
        """202 with the tag as a booking, on this lock and the others named; no number in it."""
        answer = kit.post(f"/v1/locks/{GATE}/rfids", {**TAG, "locks": ["SS000002"]})
        assert 202 == answer.status_code
        assert ("staff", "cleaner-1") == (answer.json["source"], answer.json["id"])
        codes = [(code["lock"], code["medium"]) for code in answer.json["codes"]]
        assert [(GATE, "rfid"), ("SS000002", "rfid")] == codes
        assert "A1B2C3D4" not in answer.text.upper()

    def test_list_and_delete_what_is_not_ours(self, kit: Web, vendor: SandboxControl) -> None:
        """Read through the gateway; a tag that was added by hand is taken off now."""
        vendor.hand_tag(GATE, 150, "FEEDBEEF", "By hand")
        (row,) = kit.get(f"/v1/locks/{GATE}/rfids").json["items"]
        assert (150, "FEEDBEEF", None) == (row["rfid_id"], row["number"], row["booking"])
        answer = kit.client.delete(
            f"/v1/locks/{GATE}/rfids/150", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert (202, "removed") == (answer.status_code, answer.json and answer.json["state"])
        assert {} == vendor.tags(GATE)
        logged = [(what, result) for _, what, _, result in log(kit)]
        assert [("rfids.list", "done"), ("rfids.delete", "done")] == logged[1::2]

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"number": "xyz"}, "number"),
            ({"id": "a/b"}, "id"),
            ({"starts": "soon"}, "starts"),
            ({"ends": "2025-01-01"}, "ends"),
            ({"name": ""}, "name"),
        ],
    )
    def test_bad_fields(self, kit: Web, changes: dict[str, Any], field: str) -> None:
        """422 names the field; nothing is on record."""
        answer = kit.post(f"/v1/locks/{GATE}/rfids", TAG | changes)
        assert (422, PROBLEM, [field]) == (
            answer.status_code,
            answer.content_type,
            list(answer.json["errors"]),
        )
        assert 0 == kit.innkey.store.stays.count()

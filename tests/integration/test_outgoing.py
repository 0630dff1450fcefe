"""Events to other systems: real Redis, real HTTP receivers that check signatures with the library."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import structlog
from standardwebhooks.webhooks import WebhookVerificationError

from tests.integration import until
from tests.integration.engine_kit import DOOR, GATE, Engine
from tests.integration.outgoing_kit import (
    NEW_SECRET,
    OLD_SECRET,
    Post,
    Receiver,
    post,
    posted,
    receiver,
    table,
)
from worker.bootstrap import bootstrap
from worker.domain.booking import StayKey
from worker.domain.deliveries import SCHEDULE, DeliveryState, Verdict
from worker.domain.notices import About
from worker.domain.outcomes import Kind, Outcome
from worker.domain.outgoing import TOPICS, Topic
from worker.domain.record import Stay
from worker.outgoing import Sender
from worker.property_outgoing import EndpointConfig
from worker.secret import Secret
from worker.service.accounts import Accounts
from worker.service.review import Review
from worker.store import keys
from worker.store.commit import ConflictError
from worker.store.deliveries import dump_delivery

GUEST: dict[str, Any] = {
    "guest_name": "Wilhelmina Canary",
    "guest_email": "wilhelmina@canary.example",
    "guest_phone": "+61400777123",
}
PIN, NEW_PIN = "482913", "730518"


@pytest.fixture
def crm() -> Iterator[Receiver]:
    """An endpoint."""
    with receiver() as made:
        yield made


@pytest.fixture
def mail(tmp_path: Path, crm: Receiver) -> Iterator[Post]:
    """An engine that sends everything to it."""
    with post(tmp_path, table("crm", crm.url)) as made:
        yield made


def problems(inn: Engine) -> list[str]:
    """What owes the operations inbox a mail."""
    return [str(name) for name in inn.innkey.store.client.zrange(keys.ALERTS, 0, -1)]


def everything(inn: Engine) -> str:
    """Every value in Redis that a person could read."""
    client = inn.innkey.store.client
    found: list[Any] = []
    for name in client.scan_iter():
        kind = client.type(name)
        if kind == "string":
            found.append(client.get(name))
        elif kind == "hash":
            found.append(client.hgetall(name))
        elif kind == "set":
            found.append(client.smembers(name))
        elif kind == "zset":
            found.append(client.zrange(name, 0, -1))
        found.append(name)
    return repr(found)


class TestFromTheDoors:
    """What the engine does is told, by the write that it does it with."""

    def test_a_stay_from_set_to_removed(self, mail: Post, crm: Receiver) -> None:
        """Each door's code, the stay, and their end; once each, signed, without a PIN nobody asked for."""
        mail.inn.book(unit="house", pin=PIN, **GUEST)
        mail.inn.settle(lambda: mail.inn.state() == "ready")
        mail.work()
        told = [(event["type"], event["data"].get("lock")) for event in crm.events()]
        assert [("booking.ready", None), ("code.set", GATE), ("code.set", DOOR)] == sorted(
            told, key=lambda row: (row[0], row[1] or "")
        )
        mail.work()
        assert 3 == len(crm.got)
        mail.inn.send(kind="booking.cancelled")
        mail.inn.settle(lambda: mail.inn.state() == "cancelled")
        mail.work()
        assert ["code.removed", "code.removed"] == [event["type"] for event in crm.events()[3:]]
        text = b"".join(one.body for one in crm.got).decode()
        assert not [word for word in (PIN, *GUEST.values()) if word in text]
        assert 5 == len({one.id for one in crm.got})

    def test_the_pin_where_it_is_asked_for(self, tmp_path: Path, crm: Receiver) -> None:
        """Promise 9: one endpoint gets it, the other does not; it lies nowhere in Redis, in no log."""
        with (
            receiver() as desk,
            post(tmp_path, table("crm", crm.url), table("desk", desk.url, "with_pin = true")) as mail,
            structlog.testing.capture_logs() as lines,
        ):
            mail.inn.book(unit="cabin", pin=PIN, **GUEST)
            mail.inn.settle(lambda: mail.inn.state() == "ready")
            text = everything(mail.inn)
            assert keys.outgoing_log("desk") in text
            mail.work()
            text += everything(mail.inn)
        by_type = {event["type"]: event["data"].get("pin") for event in desk.events()}
        assert {"code.set": PIN, "booking.ready": PIN} == by_type
        assert ["pin" in event["data"] for event in crm.events()] == [False, False]
        assert PIN not in text
        assert PIN not in repr(lines)
        assert "Wilhelmina" not in text + repr(lines)
        assert not [line for line in lines if crm.url in repr(line) or NEW_SECRET in repr(line)]

    def test_a_rotation_under_way_leaks_nothing(self, tmp_path: Path, crm: Receiver) -> None:
        """Promise 3: the gate has the new PIN, the guest knows the old one; the new one comes at the end."""
        with post(tmp_path, table("crm", crm.url, "with_pin = true")) as mail:
            mail.inn.book(unit="house", pin=PIN)
            mail.inn.settle(lambda: mail.inn.state() == "ready")
            mail.work()
            before = len(crm.got)
            mail.inn.vendor.add_fault("ack", ack=8, op="add", lock=DOOR, times=1)
            mail.inn.innkey.requests.rotate_pin(StayKey("direct", "BK-1"))
            mail.inn.settle(lambda: mail.inn.stay().code(GATE).proven and mail.inn.stay().shown_pin == PIN)  # type: ignore[union-attr]
            until_told(mail, crm, before + 1)
            (gate,) = crm.events()[before:]
            assert ("code.set", GATE, False) == (gate["type"], gate["data"]["lock"], "pin" in gate["data"])
            mail.inn.settle(lambda: mail.inn.state() == "ready")
            mail.work()
            told = {event["type"]: event["data"]["pin"] for event in crm.events()[before + 1 :]}
            assert {"code.set", "booking.ready"} == set(told)
            assert {mail.inn.stay().pin} == set(told.values())
            assert PIN not in told.values()

    def test_an_endpoint_that_asks_no_more(self, tmp_path: Path, crm: Receiver) -> None:
        """What was put down while it asked for PINs is sent without them; without asking no tag is kept."""
        with (
            receiver() as desk,
            post(tmp_path, table("crm", crm.url, "with_pin = true"), table("desk", desk.url)) as mail,
        ):
            mail.inn.book(unit="cabin", pin=PIN)
            mail.inn.settle(lambda: mail.inn.state() == "ready")
            assert [True, True] == [one.pin_tag is not None for one in mail.log("crm")]
            assert [None, None] == [one.pin_tag for one in mail.log("desk")]
            endpoints = mail.deliverer.endpoints
            mail.deliverer.endpoints = {"crm": replace(endpoints["crm"], with_pin=False)}
            mail.work()
        assert [False, False] == ["pin" in event["data"] for event in crm.events()]

    def test_a_pin_that_is_another_one_by_then_is_left_out(self, tmp_path: Path, crm: Receiver) -> None:
        """A delivery that comes late tells what happened, and not a PIN that it is not about."""
        with post(tmp_path, table("crm", crm.url, "with_pin = true", 'events = ["booking.ready"]')) as mail:
            mail.inn.book(unit="cabin", pin=PIN)
            mail.inn.settle(lambda: mail.inn.state() == "ready")
            mail.inn.innkey.requests.rotate_pin(StayKey("direct", "BK-1"))
            mail.inn.settle(lambda: mail.inn.state() == "ready" and mail.inn.stay().pin != PIN)
            mail.work()
            assert [None, mail.inn.stay().pin] == [event["data"].get("pin") for event in crm.events()]

    def test_a_letter_that_opens_and_is_settled_by_hand(self, mail: Post, crm: Receiver) -> None:
        """With our words; the person's note is left out."""
        mail.inn.vendor.add_fault("ack", ack=4, op="add", lock=DOOR, times=None, message="Wilhelmina's lock")
        mail.inn.book(unit="cabin", **GUEST)
        mail.inn.settle(lambda: mail.inn.state() == "review")
        (letter,) = mail.inn.innkey.store.letters.page(is_open=True, limit=5, cursor=None).items
        Review(mail.inn.innkey.store, mail.inn.innkey.ledger).resolve(letter.id, "Wilhelmina has a key.")
        mail.work()
        told = [event for event in crm.events() if event["type"].startswith("dead_letter")]
        assert [("dead_letter.opened", "open"), ("dead_letter.resolved", "resolved")] == sorted(
            (event["type"], event["data"]["state"]) for event in told
        )
        assert {letter.id} == {event["data"]["id"] for event in told}
        assert b"Wilhelmina" not in b"".join(one.body for one in crm.got)

    def test_letters_of_an_account_and_of_an_event(self, mail: Post, crm: Receiver) -> None:
        """Those that belong to no stay are told too, once each, however many settle them."""
        accounts, ledger = Accounts(mail.inn.innkey.store, mail.inn.innkey.ledger), mail.inn.innkey.ledger
        for _ in range(2):
            accounts.key_refused("default", Outcome(Kind.INVALID_TOKEN))
        account = mail.inn.innkey.store.agenda.pause_letter("default")
        ledger.open_event_letter("direct:abc", StayKey("direct", "BK-9"))
        mail.work()
        opened = {event["data"]["id"]: event["data"]["booking"] for event in crm.events()}
        assert {account: None, "event-direct-abc": "BK-9"} == opened
        letter = mail.inn.innkey.store.letters.get("event-direct-abc")
        assert letter is not None
        for _ in range(2):
            ledger.settle_letter(letter, "Applied.")
        accounts.key_accepted("default")
        mail.work()
        resolved = sorted((event["type"], event["data"]["id"]) for event in crm.events()[2:])
        assert sorted(("dead_letter.resolved", name) for name in opened) == resolved

    def test_at_risk_and_arrived(self, mail: Post, crm: Receiver) -> None:
        """What the record comes to know without a command of its own."""
        mail.inn.innkey.store.client.set(keys.paused("default"), "letter")
        mail.inn.innkey.store.client.set(keys.probe("default"), "1")
        mail.inn.book(unit="cabin", begins=-1)
        mail.inn.settle()

        def change(stay: Stay | None, now: datetime) -> Stay | None:
            assert stay is not None
            assert stay.planned_at is not None
            return replace(stay, planned_at=stay.planned_at - timedelta(minutes=11), arrived_at=now)

        mail.inn.innkey.ledger.change(StayKey("direct", "BK-1"), change)
        mail.work()
        assert {"booking.at_risk", "booking.arrived"} == {event["type"] for event in crm.events()}

    def test_nothing_is_kept_where_nobody_listens(self, tmp_path: Path, crm: Receiver) -> None:
        """Without an endpoint there is no row; one that is off, or wants other events, has none either."""
        tables = (
            table("off", crm.url, "enabled = false"),
            table("other", crm.url, 'events = ["code.removed"]'),
        )
        with post(tmp_path, *tables) as mail:
            mail.inn.book(unit="cabin")
            mail.inn.settle(lambda: mail.inn.state() == "ready")
            mail.work()
            assert [] == list(mail.inn.innkey.store.client.scan_iter("innkey:outgoing*"))
        assert [] == crm.got


def until_told(mail: Post, crm: Receiver, count: int) -> None:
    """Work until the endpoint has got so many."""

    def is_told() -> bool:
        mail.work()
        return len(crm.got) >= count

    until(is_told, f"{count} deliveries")


class TestAnswers:
    """What each answer leads to."""

    def test_delivered_once_with_a_right_signature(self, mail: Post, crm: Receiver) -> None:
        """Type, timestamp and data, under an id; nothing is sent twice."""
        mail.tell(Topic.CODE_SET)
        mail.work()
        mail.work()
        (got,) = crm.got
        event = got.event()
        assert {"type", "timestamp", "data"} == event.keys()
        assert (DeliveryState.DELIVERED, [204], got.id) == (
            mail.one().state,
            mail.statuses(),
            mail.one().id,
        )
        assert "application/json" == got.headers["content-type"]
        age = datetime.now(UTC) - datetime.fromisoformat(event["timestamp"])
        assert abs(age) < timedelta(minutes=2)

    def test_500_then_good(self, mail: Post, crm: Receiver) -> None:
        """The same id at the second attempt, five seconds later, with a timestamp of its own."""
        crm.will(500)
        mail.tell(Topic.CODE_SET)
        mail.work()
        assert (DeliveryState.WAITING, 1) == (mail.one().state, len(crm.got))
        mail.forward(seconds=4)
        assert 1 == len(crm.got)
        mail.forward(seconds=2)
        assert (DeliveryState.DELIVERED, [500, 204]) == (mail.one().state, mail.statuses())
        first, second = crm.got
        assert first.id == second.id
        assert first.body == second.body
        assert int(second.headers["webhook-timestamp"]) - int(first.headers["webhook-timestamp"]) >= 5
        assert first.event() == second.event()

    def test_given_up_after_three_days_and_told_once(self, mail: Post, crm: Receiver) -> None:
        """Ten attempts; both messages are kept as failed, and one mail is owed, until one is taken."""
        for _ in range(20):
            crm.will(500)
        mail.tell(Topic.CODE_SET, Topic.CODE_REMOVED)
        mail.work()
        for wait in SCHEDULE[1:]:
            assert [] == problems(mail.inn)
            mail.forward(seconds=wait.total_seconds() + 1)
        assert [DeliveryState.FAILED] * 2 == [one.state for one in mail.log()]
        assert [10, 10] == [len(one.attempts) for one in mail.log()]
        assert ["outgoing_failed:crm"] == problems(mail.inn)
        mail.inn.settle(lambda: bool(mail.inn.outbox.mails))
        assert "[Innkey] Outgoing failed: crm" == mail.inn.outbox.mails[0][0]
        mail.tell(Topic.CODE_SET)
        mail.work()
        mail.inn.settle(lambda: len(mail.inn.outbox.mails) > 1)
        assert "[Innkey] Cleared: Outgoing failed: crm" == mail.inn.outbox.mails[1][0]

    def test_410_switches_it_off(self, tmp_path: Path, mail: Post, crm: Receiver) -> None:
        """Nothing more is sent, what comes is kept; enabled, all of it is sent."""
        crm.will(410)
        mail.tell(Topic.CODE_SET, Topic.CODE_REMOVED)
        mail.work()
        mail.forward(days=2)
        assert 1 == len(crm.got)
        assert {DeliveryState.GONE, DeliveryState.WAITING} == {one.state for one in mail.log()}
        mail.inn.settle(lambda: bool(mail.inn.outbox.mails))
        assert "[Innkey] Outgoing gone: crm" == mail.inn.outbox.mails[0][0]
        assert "innkey outgoing enable" in mail.inn.outbox.mails[0][1]
        desk = mail.inn.innkey.outgoing_desk()
        assert "gone" == desk.endpoint_views()[0]["state"]
        assert "on" == desk.enable("crm")["state"]
        mail.work()
        assert [DeliveryState.DELIVERED] * 2 == [one.state for one in mail.log()]
        assert crm.got[0].id in {one.id for one in crm.got[1:]}
        mail.inn.settle(lambda: len(mail.inn.outbox.mails) > 1)
        assert "[Innkey] Cleared: Outgoing gone: crm" == mail.inn.outbox.mails[1][0]

    def test_another_address_ends_it_too(self, mail: Post, crm: Receiver) -> None:
        """An endpoint that said 410 is asked again once its URL has changed."""
        crm.will(410)
        mail.tell(Topic.CODE_SET)
        mail.work()
        config = mail.deliverer.endpoints["crm"]
        moved = replace(config, url=Secret(crm.url + "?moved=1"))
        mail.deliverer.endpoints = {"crm": moved}
        mail.work()
        assert ["/hook", "/hook?moved=1"] == [one.path for one in crm.got]
        assert DeliveryState.DELIVERED == mail.one().state

    @pytest.mark.parametrize("form", ["seconds", "date"])
    def test_429_with_retry_after(self, mail: Post, crm: Receiver, form: str) -> None:
        """The whole endpoint is left alone for so long: no other message is sent to it either."""
        at = mail.clock.now() + timedelta(hours=1)
        crm.will(429, Retry_After="3600" if form == "seconds" else format_datetime(at, usegmt=True))
        mail.tell(Topic.CODE_SET, Topic.CODE_REMOVED)
        mail.work()
        mail.forward(minutes=59)
        assert 1 == len(crm.got)
        assert "paused" == mail.inn.innkey.outgoing_desk().endpoint_views()[0]["state"]
        mail.forward(minutes=2)
        assert 3 == len(crm.got)
        assert [DeliveryState.DELIVERED] * 2 == [one.state for one in mail.log()]

    @pytest.mark.parametrize("status", [429, 502, 503, 504])
    def test_throttled(self, mail: Post, crm: Receiver, status: int) -> None:
        """One message is tried, the others wait."""
        crm.will(status)
        mail.tell(Topic.CODE_SET, Topic.CODE_REMOVED)
        mail.work()
        assert 1 == len(crm.got)
        mail.forward(seconds=6)
        assert 3 == len(crm.got)

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_is_not_followed(self, mail: Post, crm: Receiver, status: int) -> None:
        """It is a failure: an address in the answer is nobody's choice of ours."""
        with receiver() as other:
            crm.will(status, Location=other.url)
            mail.tell(Topic.CODE_SET)
            mail.work()
            assert ([status], []) == (mail.statuses(), other.got)
        assert DeliveryState.WAITING == mail.one().state

    def test_nobody_is_there(self, mail: Post, crm: Receiver) -> None:
        """The kind of the error, and nothing of its text."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        moved = replace(mail.deliverer.endpoints["crm"], url=Secret(f"http://127.0.0.1:{port}/"))
        mail.deliverer.endpoints = {"crm": moved}
        mail.tell(Topic.CODE_SET)
        mail.work()
        assert [Verdict.UNREACHABLE] == [attempt.verdict for attempt in mail.one().attempts]

    def test_a_long_answer_is_not_read(self, mail: Post, crm: Receiver) -> None:
        """Some kilobytes at the most: the status has told all."""
        crm.will(200, b"x" * 30_000_000)
        answered = mail.inn.innkey.sender.send(
            mail.deliverer.endpoints["crm"], "msg_1", "{}", mail.clock.now()
        )
        assert (Verdict.DELIVERED, 4096) == (answered.reply.verdict, len(answered.said))

    def test_rotation_of_secrets(self, tmp_path: Path, crm: Receiver) -> None:
        """Every secret signs: a receiver that knows either of them takes it."""
        secret = "[{ env = 'HOOK_NEW' }, { env = 'HOOK_OLD' }]"
        with post(tmp_path, table("crm", crm.url, secret=secret)) as mail:
            mail.tell(Topic.CODE_SET)
            mail.work()
        (got,) = crm.got
        assert got.event(NEW_SECRET) == got.event(OLD_SECRET)
        with pytest.raises(WebhookVerificationError):
            got.event("whsec_" + "A" * 32)

    def test_the_environment_has_no_say(
        self, mail: Post, crm: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A proxy would be told every event, and where the endpoints are."""
        with receiver() as proxy:
            for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
                monkeypatch.setenv(name, proxy.url)
            mail.tell(Topic.CODE_SET)
            mail.work()
            assert (1, 0) == (len(crm.got), len(proxy.got))


class TestHanging:
    """An endpoint that takes a connection and never answers."""

    def test_it_holds_up_no_other(self, tmp_path: Path, crm: Receiver) -> None:
        """While one hangs, the other gets its message."""
        with receiver() as slow, post(tmp_path, table("slow", slow.url), table("crm", crm.url)) as mail:
            slow.is_hanging = True
            mail.tell(Topic.CODE_SET)
            hanging = threading.Thread(target=mail.deliverer.serve, args=("slow",))
            hanging.start()
            until(lambda: slow.got, "the message to the slow endpoint")
            mail.deliverer.tick()
            assert ["crm"] == mail.inn.queue.endpoints
            mail.deliverer.serve("crm")
            assert ([Topic.CODE_SET], []) == (
                [e["type"] for e in crm.events()],
                mail.one("slow").attempts or [],
            )
            slow.released.set()
            hanging.join()
            assert DeliveryState.DELIVERED == mail.one("slow").state

    def test_two_workers_do_not_send_the_same(self, mail: Post, crm: Receiver) -> None:
        """The endpoint has a lease: whoever comes second ends at once."""
        crm.is_hanging = True
        mail.tell(Topic.CODE_SET)
        first = threading.Thread(target=mail.deliverer.serve, args=("crm",))
        first.start()
        until(lambda: crm.got, "the message")
        mail.deliverer.serve("crm")
        crm.released.set()
        first.join()
        assert (1, [204]) == (len(crm.got), mail.statuses())

    def test_an_attempt_has_a_deadline(self, mail: Post, crm: Receiver) -> None:
        """In all, whatever comes meanwhile; then the endpoint is left alone."""
        crm.is_hanging = True
        mail.deliverer.sender = Sender(seconds=0.3)
        mail.tell(Topic.CODE_SET, Topic.CODE_REMOVED)
        started = time.monotonic()
        mail.work()
        assert time.monotonic() - started < 45  # the receiver would hang for a minute
        assert len(crm.got) <= 1
        assert [Verdict.TIMEOUT] == [a.verdict for one in mail.log() for a in one.attempts]


class TestAddresses:
    """Private addresses are refused unless the endpoint may have one."""

    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "0x7f.1", "[::ffff:127.0.0.1]"])
    def test_refused_by_default(self, tmp_path: Path, crm: Receiver, host: str) -> None:
        """However it is written, and also where a name leads there."""
        url = crm.url.replace("127.0.0.1", host)
        with post(tmp_path, table("crm", url, "allow_private = false")) as mail:
            mail.tell(Topic.CODE_SET)
            mail.work()
            assert [Verdict.NOT_ALLOWED] == [attempt.verdict for attempt in mail.one().attempts]
        assert [] == crm.got

    def test_what_was_checked_is_what_is_connected_to(
        self, crm: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A name that leads elsewhere at the next look-up gains nothing: there is none."""
        port = crm.url.rpartition(":")[2].partition("/")[0]
        looked_up: list[str] = []
        real = socket.getaddrinfo

        def rebinding(host: Any, *args: Any, **kwargs: Any) -> Any:
            if host != "rebinding.example":
                return real(host, *args, **kwargs)
            looked_up.append(host)
            return real("127.0.0.2" if len(looked_up) == 1 else "127.0.0.1", *args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        endpoint = EndpointConfig(
            name="crm", url=Secret(f"http://rebinding.example:{port}/hook"), secrets=(Secret(NEW_SECRET),)
        )
        asked: list[str] = []

        def admits(address: str) -> bool:
            asked.append(address)
            return address == "127.0.0.2"

        answered = Sender(admits=admits).send(endpoint, "msg_1", "{}", datetime.now(UTC))
        assert Verdict.UNREACHABLE == answered.reply.verdict  # nobody listens at 127.0.0.2
        assert (["rebinding.example"], ["127.0.0.2"], []) == (looked_up, asked, crm.got)

    def test_an_allowed_address_beside_a_refused_one(
        self, crm: Receiver, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of several addresses only those are tried that are allowed; the endpoint is told its own name."""
        port = crm.url.rpartition(":")[2].partition("/")[0]
        real = socket.getaddrinfo

        def two(host: Any, *args: Any, **kwargs: Any) -> Any:
            if host != "two.example":
                return real(host, *args, **kwargs)
            return [*real("127.0.0.2", *args, **kwargs), *real("127.0.0.1", *args, **kwargs)]

        monkeypatch.setattr(socket, "getaddrinfo", two)
        endpoint = EndpointConfig(
            name="crm", url=Secret(f"http://two.example:{port}/hook"), secrets=(Secret(NEW_SECRET),)
        )
        sender = Sender(admits=lambda address: address == "127.0.0.1")
        assert Verdict.DELIVERED == sender.send(endpoint, "m", "{}", datetime.now(UTC)).reply.verdict
        assert f"two.example:{port}" == crm.got[0].headers["host"]
        sender.close()


class TestCrashes:
    """Promise 1: what was put down is sent, by whoever comes next."""

    def test_killed_between_the_write_and_the_send(self, mail: Post, crm: Receiver) -> None:
        """The next worker finds the message by itself: no hint of the first one is needed."""
        mail.inn.book(unit="cabin")
        mail.inn.settle(lambda: mail.inn.state() == "ready")
        again = bootstrap(mail.inn.environ, hints=mail.inn.queue)
        try:
            following = posted(replace_innkey(mail.inn, again))
            following.work()
        finally:
            again.store.client.close()
            again.sender.close()
        assert {"code.set", "booking.ready"} == {event["type"] for event in crm.events()}

    def test_killed_between_the_send_and_its_note(self, mail: Post, crm: Receiver) -> None:
        """It is sent once more, under the same id, once the lease of the dead worker has run out."""
        mail.tell(Topic.CODE_SET)
        deliveries, config = mail.inn.innkey.store.deliveries, mail.deliverer.endpoints["crm"]
        assert deliveries.take("crm") is not None
        mail.inn.innkey.sender.send(config, mail.one().id, "{}", mail.clock.now())
        mail.work()
        assert 1 == len(crm.got)
        mail.inn.innkey.store.client.delete(keys.outgoing_lease("crm"))  # what time does
        mail.work()
        assert 2 == len(crm.got)
        assert crm.got[0].id == crm.got[1].id
        assert DeliveryState.DELIVERED == mail.one().state

    def test_a_frozen_worker_writes_nothing(self, mail: Post, crm: Receiver) -> None:
        """What it learns after its lease has gone to another one is dropped: that one tries anew."""
        crm.is_hanging = True
        crm.will(500)
        mail.tell(Topic.CODE_SET)
        frozen = threading.Thread(target=mail.deliverer.serve, args=("crm",))
        frozen.start()
        until(lambda: crm.got, "the message")
        mail.inn.innkey.store.client.set(keys.outgoing_lease("crm"), "somebody else")
        crm.released.set()
        frozen.join()
        assert () == mail.one().attempts
        assert "somebody else" == mail.inn.innkey.store.client.get(keys.outgoing_lease("crm"))

    def test_a_stay_that_is_gone_from_the_record(self, tmp_path: Path, crm: Receiver) -> None:
        """The message is sent without its PIN."""
        with post(tmp_path, table("crm", crm.url, "with_pin = true")) as mail:
            mail.inn.book(unit="cabin", pin=PIN)
            mail.inn.settle(lambda: mail.inn.state() == "ready")
            mail.inn.innkey.store.client.delete(keys.stay("direct/BK-1"))
            mail.work()
        assert [False, False] == ["pin" in event["data"] for event in crm.events()]


def replace_innkey(inn: Engine, innkey: Any) -> Engine:
    """The engine as another process has it."""
    return Engine(innkey, inn.sandbox, inn.vendor, inn.queue, inn.outbox, inn.folder, inn.environ)


class TestLog:
    """What is kept of the messages, and for how long."""

    def test_replay(self, mail: Post, crm: Receiver) -> None:
        """A message that was delivered is sent again under its id; the log has both attempts."""
        mail.tell(Topic.CODE_SET)
        mail.work()
        mail.inn.innkey.outgoing_desk().replay("crm", mail.one().id)
        mail.work()
        assert (2, 1, [204, 204]) == (len(crm.got), len({one.id for one in crm.got}), mail.statuses())

    def test_replay_while_it_is_sent(self, mail: Post, crm: Receiver) -> None:
        """Neither the replay nor what came of the attempt is lost."""
        crm.is_hanging = True
        crm.will(500)
        mail.tell(Topic.CODE_SET)
        sending = threading.Thread(target=mail.deliverer.serve, args=("crm",))
        sending.start()
        until(lambda: crm.got, "the message")
        mail.inn.innkey.outgoing_desk().replay("crm", mail.one().id)
        crm.released.set()
        sending.join()
        assert ([500], DeliveryState.WAITING) == (mail.statuses(), mail.one().state)
        mail.forward(seconds=6)
        assert DeliveryState.DELIVERED == mail.one().state

    def test_a_change_of_what_was_changed_meanwhile(self, mail: Post) -> None:
        """It is refused, and whoever wanted it decides anew."""
        mail.tell(Topic.CODE_SET)
        deliveries, message = mail.inn.innkey.store.deliveries, mail.one()
        raw = deliveries.raw(message.id)
        assert raw is not None
        deliveries.change(raw, replace(message, failures=3))
        with pytest.raises(ConflictError):
            deliveries.change(raw, message)
        assert 3 == mail.one().failures

    def test_old_messages_are_forgotten(self, mail: Post, monkeypatch: pytest.MonkeyPatch) -> None:
        """After thirty days; of the settled ones beyond the limit, the oldest. Waiting ones stay."""
        mail.tell(Topic.CODE_SET, Topic.CODE_SET, Topic.CODE_SET)
        mail.work()
        mail.tell(Topic.CODE_REMOVED)
        monkeypatch.setattr("worker.store.deliveries.MOST_KEPT", 2)
        mail.deliverer.tidy()
        assert [Topic.CODE_REMOVED, Topic.CODE_SET] == [one.topic for one in mail.log()]
        mail.clock.ahead = timedelta(days=31)
        mail.deliverer.tidy()
        assert [] == list(mail.inn.innkey.store.client.scan_iter("innkey:outgoing*"))

    def test_a_message_that_has_expired(self, mail: Post, crm: Receiver) -> None:
        """What the timetable still names is passed over."""
        mail.tell(Topic.CODE_SET, Topic.CODE_REMOVED)
        mail.inn.innkey.store.client.delete(keys.outgoing_message(mail.log()[-1].id))
        mail.work()
        assert 1 == len(crm.got)

    def test_a_message_that_cannot_be_read(self, mail: Post, crm: Receiver) -> None:
        """It holds up no other one, is not lost, and the log names it."""
        mail.tell(Topic.CODE_SET, Topic.CODE_REMOVED)
        broken = mail.log()[-1]
        mail.inn.innkey.store.client.set(keys.outgoing_message(broken.id), "{}", keepttl=True)
        with structlog.testing.capture_logs() as lines:
            mail.work()
        assert (1, [broken.id]) == (
            len(crm.got),
            [line["message"] for line in lines if line["event"] == "outgoing.failed"],
        )
        store = mail.inn.innkey.store
        store.client.set(keys.outgoing_message(broken.id), dump_delivery(broken), keepttl=True)
        mail.forward(minutes=6)
        assert 2 == len(crm.got)

    def test_messages_expire_by_themselves(self, mail: Post) -> None:
        """An attempt leaves the thirty days as they are."""
        mail.tell(Topic.CODE_SET)
        name = keys.outgoing_message(mail.one().id)
        mail.work()
        left = mail.inn.innkey.store.client.ttl(name)
        assert 29 * 86_400 < int(left) <= 30 * 86_400

    def test_every_notice_has_words(self) -> None:
        """The mails say what to do with commands that exist (held by the documentation's tests)."""
        assert {"outgoing_failed", "outgoing_gone"} <= {about.value for about in About}

    def test_every_topic_can_be_kept(self, mail: Post, crm: Receiver) -> None:
        """Put down, sent, and shown."""
        mail.tell(*TOPICS)
        mail.work()
        assert sorted(map(str, TOPICS)) == sorted(event["type"] for event in crm.events())
        assert json.loads(crm.got[0].body)["data"] == {"source": "direct", "booking": "BK-1"}

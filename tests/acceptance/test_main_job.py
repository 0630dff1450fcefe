"""The whole of Innkey by its Procfile: real processes, signed events in, doors and inbox out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import redis

from tests.acceptance.stack_kit import DOOR, GATE, SECRET, TOKEN, Stack, stack, until
from worker.broker import (
    APPLY_EVENT,
    EVENTS,
    LOCKS,
    SEND_ALERT,
    SERVE_LOCK,
    BrokerHints,
    make_broker,
)
from worker.kas.sandbox import DEFAULT_KEY

GUEST = {"name": "Wilhelmina Canary", "email": "wilhelmina@canary.example", "phone": "+61 400 777 123"}


@pytest.fixture
def inn(tmp_path: Path) -> Iterator[Stack]:
    """Redis, sandbox and inbox; the test starts the processes."""
    with stack(tmp_path) as made:
        yield made


def test_booking_in_pin_on_two_doors_gone_after_cancel(inn: Stack) -> None:
    """An event becomes one PIN on two doors and one e-mail; a cancel removes it, unlogged (promise 9)."""
    inn.start_all()
    inn.book("BK-1", unit="beach-house", guest=GUEST, email_message="Watch out for the dog.")
    booking = inn.until_state("BK-1", "ready")
    pin = booking["pin"]
    assert {pin} == {inn.vendor.codes(lock)[120]["pin"] for lock in (GATE, DOOR)}
    assert ["set", "set"] == [code["state"] for code in booking["codes"]]
    until(lambda: inn.booking("BK-1")["email"] == "requested", "the e-mail")
    assert [GUEST["email"]] == [mail["to"] for mail in inn.vendor.emails()]
    inn.event("BK-1", kind="booking.cancelled")
    inn.until_state("BK-1", "cancelled")
    assert {} == inn.vendor.codes(GATE) | inn.vendor.codes(DOOR)
    for lock in (GATE, DOOR):
        assert ["add", "clock", "delete", "list", "list"] == sorted(c["op"] for c in inn.calls(lock=lock))
    inn.stop_all()
    logs = inn.logs()
    for secret in (pin, *GUEST.values(), DEFAULT_KEY, SECRET, TOKEN, inn.environ["INNKEY_SECRET_KEY"]):
        assert secret not in logs


def test_failure_reaches_the_inbox_and_a_retry_heals_it(inn: Stack) -> None:
    """Acks that fail to the last attempt become a letter and a mail; the retry resolves it (promise 8)."""
    inn.start_all()
    inn.vendor.add_fault("ack", ack=4, op="add", lock=DOOR, times=4)
    inn.book("BK-1", pin="482913")
    inn.until_state("BK-1", "review")
    (letter,) = inn.get("/v1/dead-letters?state=open")["items"]
    assert ("lock_failed", "set", DOOR, 4) == (
        letter["reason"],
        letter["step"],
        letter["lock"],
        letter["ack"],
    )
    until(lambda: inn.inbox.mails, "the alert", seconds=20)
    assert "482913" not in inn.inbox.mails[0].as_string()
    assert httpx.codes.ACCEPTED == inn.act(f"/v1/dead-letters/{letter['id']}/retry").status_code
    inn.until_state("BK-1", "ready")
    assert "resolved" == inn.get(f"/v1/dead-letters/{letter['id']}")["state"]
    until(lambda: any("Cleared" in subject for subject in inn.inbox.subjects()), "the mail that it cleared")


def test_worker_killed_in_a_call(inn: Stack) -> None:
    """After `kill -9` in a call the command is read back, not sent blindly (promise 1, G01)."""
    inn.vendor.set_latency(base=4.0)
    inn.start_all()
    inn.book("BK-1")
    until(lambda: [c for c in inn.calls("add") if c["outcome"] == "running"], "the push to be under way")
    inn.kill("worker")
    inn.vendor.set_latency(base=0.0)
    inn.start("worker")
    inn.until_state("BK-1", "ready")
    assert [120] == list(inn.vendor.codes(DOOR))
    assert 1 == len(inn.calls("add"))
    assert {} == inn.vendor.stats()["overlaps"]


def test_sigterm_lets_the_call_end_and_hands_the_rest_back(inn: Stack) -> None:
    """SIGTERM in a call: its answer counts, and another worker has the lock before a lease ends (G06)."""
    inn.vendor.set_latency(base=6.0)
    inn.start_all()
    inn.book("BK-1")
    inn.book("BK-2")
    until(lambda: [c for c in inn.calls("add") if c["outcome"] == "running"], "a push to be under way")
    inn.start("second", "worker")
    until(lambda: inn.get("/readyz")["workers"] >= 2, "a second worker")
    worker = inn.processes.pop("worker")
    worker.terminate()
    assert 0 == worker.wait(timeout=30)
    inn.vendor.set_latency(base=0.0)
    for booking in ("BK-1", "BK-2"):
        inn.until_state(booking, "ready")
    first, second = inn.calls("add")
    assert "ok" == first["outcome"]
    assert 0 <= second["at_epoch"] - first["ended_epoch"] < 5


def test_all_messages_lost(inn: Stack) -> None:
    """With every broker message deleted, the record says what is still to do (promise 1)."""
    inn.start("web")
    until(lambda: _answers(inn), "the web process")
    for number in range(5):
        inn.book(f"BK-{number}")
    client = redis.Redis.from_url(inn.redis.url)
    with client:
        for key in client.scan_iter("dramatiq:*"):
            client.delete(key)
    inn.start("worker")
    for number in range(5):
        inn.until_state(f"BK-{number}", "ready")


def test_redis_killed_and_restarted(inn: Stack) -> None:
    """What was answered with 200 survives `kill -9` of Redis; meanwhile the answer is 503 (promise 1)."""
    inn.start("web")
    until(lambda: _answers(inn), "the web process")
    inn.book("BK-1")
    inn.redis.kill()
    body = {"type": "booking.created", "timestamp": datetime.now(UTC).isoformat(), "data": {"id": "BK-2"}}
    refused = inn.post(body)
    assert httpx.codes.SERVICE_UNAVAILABLE == refused.status_code
    assert "retry-after" in refused.headers
    inn.redis.restart()
    inn.start("worker")
    inn.until_state("BK-1", "ready")
    inn.book("BK-2")
    inn.until_state("BK-2", "ready")


def test_redis_restarted_under_the_workers(inn: Stack) -> None:
    """Web and worker go on by themselves after Redis was killed and came back."""
    inn.start_all()
    inn.book("BK-1")
    inn.until_state("BK-1", "ready")
    inn.redis.kill()
    inn.redis.restart()
    inn.book("BK-2")
    inn.until_state("BK-2", "ready")


def test_check_out_by_the_clock(inn: Stack) -> None:
    """At check-out the code is removed by itself."""
    inn.start_all()
    now = datetime.now(UTC)
    soon = (now + timedelta(seconds=5)).replace(microsecond=0)
    inn.event(
        "BK-1",
        unit="studio",
        check_in=(now - timedelta(hours=2)).isoformat(),
        check_out=soon.isoformat(),
    )
    inn.until_state("BK-1", "ready")
    inn.until_state("BK-1", "ended")
    assert {} == inn.vendor.codes(DOOR)


def test_every_queue_is_consumed(inn: Stack) -> None:
    """Each declared queue has a consumer, and each actor answers to its name."""
    inn.start_all()
    client = redis.Redis.from_url(inn.redis.url)
    with client:
        for queue, actor in ((EVENTS, APPLY_EVENT), (EVENTS, SEND_ALERT), (LOCKS, SERVE_LOCK)):
            _enqueue(inn, queue, actor)
        until(lambda: not any(client.llen(f"dramatiq:{queue}") for queue in (EVENTS, LOCKS)), "empty queues")
        until(lambda: not client.hlen(f"dramatiq:{LOCKS}.msgs"), "every message to be acknowledged")
    assert "ActorNotFound" not in inn.logs()


def test_hanging_vendor_calls_stop_neither_events_nor_alerts(tmp_path: Path) -> None:
    """With all places taken by calls that hang, events are applied and mails go out (promise 4)."""
    names = [f"SS9{number:05d}" for number in range(40)]
    extra = "\n".join(f'[locks.{n}]\n[units.u{n}]\nlocks = ["{n}"]' for n in names)
    properties = (Path(__file__).parent / "hanging.toml").read_text() + extra
    with stack(tmp_path, properties=properties) as inn:
        for name in names:
            inn.vendor.set_lock(name, account="default")
        inn.vendor.add_fault("hang", op="list", times=None)
        inn.start_all()
        for name in names:
            inn.book(f"BK-{name}", unit=f"u{name}")
        until(lambda: inn.vendor.stats()["max_outstanding"] >= 26, "a full window")
        inn.book("BK-castle", unit="castle")
        until(lambda: any("castle" in subject for subject in inn.inbox.subjects()), "the mail", seconds=15)
        assert 26 == inn.vendor.stats()["max_outstanding"]
        assert 0 == inn.vendor.stats()["dropped"]


def _answers(inn: Stack) -> bool:
    try:
        return inn.http.get(f"{inn.url}/healthz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _enqueue(inn: Stack, queue: str, actor: str) -> None:
    hints = BrokerHints(make_broker(inn.environ["REDIS_URL"], []))
    if queue == LOCKS:
        hints.locks(["SS000001"])
    elif actor == APPLY_EVENT:
        hints.event("direct:unknown")
    else:
        hints.alert("unknown:problem")

"""Dynamic keys: fetched by one worker for all, renewed before they end, and never shown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import structlog

from tests.integration import until
from tests.integration.engine_kit import DOOR, GATE, Engine, Queue, engine
from worker.actors import Pulse
from worker.bootstrap import bootstrap
from worker.domain.outcomes import Kind, Outcome
from worker.domain.reasons import Reason
from worker.kas.sandbox import DEFAULT_KEY
from worker.service.accounts import Accounts
from worker.service.keys import ApiKey, KeyRing, Renewal
from worker.store import keys

EMAIL, PASSWORD = "canary-login@example.com", "canary-password-7f3a"
LOCKS = tuple(f"SS{n:06}" for n in range(1, 21))
ROOMS = "".join(f'[units.room{n}]\nlocks = ["{lock}"]\n' for n, lock in enumerate(LOCKS, start=1))


@contextmanager
def dynamic(folder: Path, *, stage: Mapping[str, Any] | None = None, **more: Any) -> Iterator[Engine]:
    """An engine that must fetch its key."""
    login = {"KAS_API_KEY": "", "KAS_EMAIL": EMAIL, "KAS_PASSWORD": PASSWORD}
    extras = {"logins": {"default": (EMAIL, PASSWORD)}, "accounts": {}, **(stage or {})}
    with engine(folder, environ=login, stage=extras, **more) as made:
        yield made


@pytest.fixture
def inn(tmp_path: Path) -> Iterator[Engine]:
    """An engine with a login for its key."""
    with dynamic(tmp_path) as made:
        yield made


@contextmanager
def ring_of_another(inn: Engine) -> Iterator[KeyRing]:
    """The key ring of a second process."""
    ring = bootstrap(inn.environ, hints=Queue()).key_ring()
    yield ring
    for client in ring.clients.values():
        client.close()
    ring.store.client.close()


def letters(inn: Engine) -> list[Any]:
    """The open letters about keys."""
    ids = inn.innkey.store.client.zrange(keys.OPEN_LETTERS, 0, -1)
    found = [inn.innkey.store.letters.get(str(one)) for one in ids]
    return [letter for letter in found if letter is not None and letter.reason is Reason.INVALID_KEY]


def probe_now(inn: Engine) -> None:
    """Let the next probe of a paused account go out soon, as a person's retry does.

    What a refused key put off is due at the next whole second: a probe before it would find nothing to do.
    """
    due = inn.innkey.store.agenda.now() + timedelta(seconds=1)
    until(lambda: inn.innkey.store.agenda.now() > due, "the next second")
    inn.innkey.store.client.delete(keys.probe("default"), keys.refreshing("default"))


def is_paused(inn: Engine) -> bool:
    """Whether the account is paused."""
    return inn.innkey.store.agenda.pause_letter("default") is not None


def fetches(inn: Engine) -> int:
    """How often a key was asked for."""
    return len(inn.calls("key"))


def test_the_first_key_is_fetched_when_it_is_needed(inn: Engine) -> None:
    """Without a key the first visit fetches one; all locks of the account go on with it."""
    inn.book()
    inn.settle(lambda: inn.state() == "ready")
    assert 1 == fetches(inn)
    assert [] == [call for call in inn.calls() if call["outcome"] == "invalid_token"]
    assert 0 == inn.innkey.store.letters.open_count()


def test_a_key_that_ends_costs_one_fetch_for_all(tmp_path: Path) -> None:
    """F25: when the key ends, 20 due locks on 8 threads share one fetch, and no attempt is lost."""
    with dynamic(tmp_path, locks=LOCKS, units=ROOMS) as inn:
        inn.book("BK-0", unit="room1")
        inn.settle(lambda: inn.state("BK-0") == "ready")
        inn.vendor.set_keys(end_issued=True)
        inn.vendor.add_fault("slow", op="key", seconds=0.5)
        names = [f"BK-{n}" for n in range(1, 21)]
        for n, name in enumerate(names, start=1):
            inn.book(name, unit=f"room{n}")
        inn.settle(lambda: all(inn.state(name) == "ready" for name in names))
        assert 2 == fetches(inn)
        assert not is_paused(inn)
        assert {1} == {code.attempts for name in names for code in inn.stay(name).codes}
        refused = [call for call in inn.calls() if call["outcome"] == "invalid_token"]
        assert 1 <= len(refused) <= 20
        assert 26 >= inn.vendor.stats()["max_outstanding"]


def test_no_place_is_given_while_a_key_is_fetched(inn: Engine) -> None:
    """While one worker fetches, the others' locks wait in line without a thread, and go on afterwards."""
    client = inn.innkey.store.client
    client.set(keys.refreshing("default"), "another-worker", px=60_000)
    inn.book()
    inn.settle()
    assert [] == inn.queue.locks_due
    assert 0 == client.zcard(keys.window("default"))
    assert {GATE, DOOR} == set(client.zrange(keys.line("default"), 0, -1))
    client.delete(keys.refreshing("default"))
    inn.settle(lambda: inn.state() == "ready")


def test_only_one_of_many_rings_fetches(inn: Engine) -> None:
    """While one process fetches another one is told that it is busy; afterwards there is a newer key."""
    ring = inn.innkey.key_ring()
    inn.vendor.add_fault("slow", op="key", seconds=1)
    found: list[Renewal] = []
    thread = Thread(target=lambda: found.append(ring.renew("default", 0)[0]))
    thread.start()
    until(lambda: fetches(inn) == 1, "the fetch")
    with ring_of_another(inn) as other:
        assert (Renewal.BUSY, None) == other.renew("default", 0)
        thread.join()
        assert [Renewal.FETCHED] == found
        assert (Renewal.RENEWED, None) == other.renew("default", 0)
        current = other.current("default")
    assert current == ring.current("default")
    assert current is not None
    assert 1 == current.generation
    assert 1 == fetches(inn)


def test_a_call_with_an_older_key_goes_again_with_the_newer(inn: Engine) -> None:
    """A process that still holds the old key learns the new one by the refusal: no fetch, no attempt."""
    inn.book("BK-1", unit="cabin")
    inn.settle(lambda: inn.state("BK-1") == "ready")
    ring = inn.innkey.key_ring()
    old = ring.current("default")
    with ring_of_another(inn) as other:
        assert (Renewal.FETCHED, None) == other.renew("default", 1)
    stored = ring._read["default"][1]
    assert stored is not None
    assert old == ApiKey(str(stored.text), 1)
    ring._read["default"] = (float("inf"), stored)
    inn.book("BK-2", unit="cabin")
    inn.settle(lambda: inn.state("BK-2") == "ready")
    assert 2 == fetches(inn)
    assert 1 == len([call for call in inn.calls() if call["outcome"] == "invalid_token"])
    assert 1 == inn.stay("BK-2").codes[0].attempts
    current = ring.current("default")
    assert current is not None
    assert 2 == current.generation


def test_a_key_that_ends_amid_a_visit_is_renewed_for_the_command(inn: Engine) -> None:
    """Refused at the add itself, the visit fetches a key, records the intent anew, and sends it again."""
    inn.vendor.add_fault("text", op="add", text="Invalid Token.")
    inn.book(unit="cabin")
    inn.settle(lambda: inn.state() == "ready")
    assert 2 == fetches(inn)
    assert ["add", "add"] == [call["op"] for call in inn.calls("add")]
    assert 1 == inn.stay().codes[0].attempts


def test_a_wrong_password_pauses_the_account_until_it_works(tmp_path: Path) -> None:
    """F25: one letter for all bookings, few fetches, and it resumes by itself when the login works again."""
    with dynamic(tmp_path, locks=LOCKS, units=ROOMS) as inn:
        inn.vendor.set_keys(password="another-one")
        names = [f"BK-{n}" for n in range(1, 21)]
        for n, name in enumerate(names, start=1):
            inn.book(name, unit=f"room{n}")
        inn.settle(lambda: is_paused(inn))
        inn.settle()
        assert 1 == len(letters(inn))
        assert "Wrong email or password." == letters(inn)[0].tries[0].outcome.message
        assert 1 == fetches(inn)
        probe_now(inn)
        inn.settle(lambda: fetches(inn) == 2)
        inn.settle()
        assert is_paused(inn)
        assert 1 == len(letters(inn))
        inn.vendor.set_keys(password=PASSWORD)
        probe_now(inn)
        inn.settle(lambda: all(inn.state(name) == "ready" for name in names))
        assert 3 == fetches(inn)
        assert not is_paused(inn)
        assert [] == letters(inn)
        assert {1} == {code.attempts for name in names for code in inn.stay(name).codes}


def test_who_pauses_an_account_first_says_why(inn: Engine) -> None:
    """F25, M02: workers that find the account without a key meanwhile do not talk over the vendor's words."""
    accounts = Accounts(inn.innkey.store, inn.innkey.ledger)
    for words in ("Wrong email or password.", "Account 'default' has no API key."):
        accounts.key_refused("default", Outcome(Kind.INVALID_TOKEN, message=words))
    assert ["Wrong email or password."] == [letter.tries[0].outcome.message for letter in letters(inn)]


def test_a_fresh_key_that_is_refused_pauses_the_account(tmp_path: Path) -> None:
    """F25: one refresh, then stop: a key that is refused at its first use is not fetched again at once."""
    with dynamic(tmp_path) as inn:
        inn.vendor.add_fault("text", op="list", text="Invalid Token.", times=None)
        inn.book()
        inn.settle(lambda: is_paused(inn))
        inn.settle()
        assert 1 == fetches(inn)
        assert 1 == len(letters(inn))
        inn.vendor.clear_faults()
        probe_now(inn)
        inn.settle(lambda: inn.state() == "ready")
        assert [] == letters(inn)


def test_a_visit_that_the_pause_overtook_does_not_fetch_again(tmp_path: Path) -> None:
    """F25: a lock that was woken before the pause and claimed after it is no probe: no second fetch."""
    with dynamic(tmp_path) as inn:
        inn.vendor.add_fault("text", op="list", text="Invalid Token.", times=None)
        inn.book(unit="cabin")
        inn.settle(lambda: is_paused(inn))
        ring = inn.server.vendor.keys
        current = ring.current("default")
        assert current is not None
        assert Renewal.REFUSED is ring.renew("default", current.generation, is_probe=True)[0]
        assert 1 == fetches(inn)


def test_a_static_key_that_is_revoked_for_a_while(tmp_path: Path) -> None:
    """A refused static key pauses the account, one letter; all goes on when the key is valid again."""
    with engine(tmp_path) as inn:
        inn.vendor.set_keys(revoke=[DEFAULT_KEY])
        inn.book()
        inn.settle(lambda: is_paused(inn))
        inn.settle()
        assert 1 == len(letters(inn))
        assert 0 == fetches(inn)
        inn.vendor.set_keys(add=[DEFAULT_KEY])
        probe_now(inn)
        inn.settle(lambda: inn.state() == "ready")
        assert [] == letters(inn)


def test_an_address_out_of_reach_is_asked_now_and_then(inn: Engine) -> None:
    """Where the fetch does not get through nobody asks again for a while; then it goes on, no letter."""
    inn.vendor.add_fault("status", op="key", status=503, times=1)
    inn.book()
    inn.settle(lambda: fetches(inn) == 1)
    inn.settle()
    assert 1 == fetches(inn)
    left = inn.innkey.store.client.pttl(keys.refreshing("default"))
    assert 0 < left <= 10_000
    inn.innkey.store.client.delete(keys.refreshing("default"))
    inn.settle(lambda: inn.state() == "ready")
    assert 2 == fetches(inn)
    assert not is_paused(inn)


def test_an_address_out_of_reach_for_long_becomes_a_letter(inn: Engine) -> None:
    """After some fetches in a row that did not get through people are told."""
    inn.vendor.add_fault("status", op="key", status=503, times=None)
    inn.book(unit="cabin")

    def hurried() -> bool:
        inn.innkey.store.client.delete(keys.refreshing("default"))
        return is_paused(inn)

    inn.settle(hurried)
    assert 6 == fetches(inn)
    assert 1 == len(letters(inn))
    inn.vendor.clear_faults()
    probe_now(inn)
    inn.settle(lambda: inn.state() == "ready")
    assert [] == letters(inn)


def test_an_old_key_is_renewed_ahead_of_time(inn: Engine) -> None:
    """At 23 hours one worker fetches the next key; calls go on with it, and none is refused."""
    inn.book("BK-1", unit="cabin")
    inn.settle(lambda: inn.state("BK-1") == "ready")
    ring = inn.innkey.key_ring()
    with ring_of_another(inn) as other:
        for one in (ring, other):
            one.refresh_old()
            one.clock.heard(one.clock.now() + timedelta(hours=22, minutes=59))
            one.refresh_old()
            assert 1 == fetches(inn)
            one.clock.heard(one.clock.now() + timedelta(minutes=1))
        ring.refresh_old()
        other.refresh_old()
    assert 2 == fetches(inn)
    client = inn.innkey.store.client
    assert 0 == client.zcard(keys.window("default")) == client.exists(keys.refreshing("default"))
    inn.settle(lambda: inn.innkey.clock.now() < inn.innkey.store.agenda.now() + timedelta(hours=1))
    inn.book("BK-2", unit="cabin")
    inn.settle(lambda: inn.state("BK-2") == "ready")
    assert [] == [call for call in inn.calls() if call["outcome"] == "invalid_token"]


def test_a_refresh_ahead_of_time_waits_for_a_place(inn: Engine) -> None:
    """The early fetch takes a place of the window like any call, and waits where none is free."""
    inn.book("BK-1", unit="cabin")
    inn.settle(lambda: inn.state("BK-1") == "ready")
    ring, client = inn.innkey.key_ring(), inn.innkey.store.client
    ring.clock.heard(ring.clock.now() + timedelta(hours=24))
    ends = inn.innkey.store.agenda.now().timestamp() * 1000 + 60_000
    client.zadd(keys.window("default"), {f"SS{n}#busy": ends for n in range(26)})
    ring.refresh_old()
    assert 1 == fetches(inn)
    client.zrem(keys.window("default"), "SS0#busy")
    inn.vendor.add_fault("slow", op="key", seconds=1)
    thread = Thread(target=ring.refresh_old)
    thread.start()
    until(lambda: client.zcard(keys.window("default")) == 26, "the place")
    thread.join()
    assert 2 == fetches(inn)
    assert 25 == client.zcard(keys.window("default"))


def test_an_early_refresh_that_fails_harms_nobody(inn: Engine) -> None:
    """The old key is used on, nobody is told, and the next try waits ten minutes."""
    inn.book("BK-1", unit="cabin")
    inn.settle(lambda: inn.state("BK-1") == "ready")
    inn.vendor.set_keys(password="another-one")
    ring = inn.innkey.key_ring()
    ring.clock.heard(ring.clock.now() + timedelta(hours=23, minutes=30))
    ring.refresh_old()
    ring.refresh_old()
    assert 2 == fetches(inn)
    assert not is_paused(inn)
    assert 0 == inn.innkey.store.client.exists(keys.refreshing("default"))
    ring.clock.heard(ring.clock.now() + timedelta(minutes=11))
    ring.refresh_old()
    assert 3 == fetches(inn)


def test_neither_login_nor_key_is_ever_shown(inn: Engine, capfd: pytest.CaptureFixture[str]) -> None:
    """Promise 9: password and key stand in no log, no letter and, in the clear, nowhere in Redis."""
    with structlog.testing.capture_logs() as lines:
        inn.book()
        inn.settle(lambda: inn.state() == "ready")
        inn.vendor.set_keys(end_issued=True, password="another-one")
        inn.send(kind="booking.cancelled")
        inn.settle(lambda: is_paused(inn))
    key = inn.innkey.key_ring().current("default")
    assert key is not None
    ring = inn.innkey.key_ring()
    shown = [repr(lines), *capfd.readouterr(), repr(key), repr(ring), repr(letters(inn))]
    shown += [repr(dump(inn))]
    assert "key.fetched" in repr(lines)
    for secret in (PASSWORD, key.text, EMAIL):
        assert [] == [text[:80] for text in shown if secret in text]


def dump(inn: Engine) -> dict[str, Any]:
    """All of Redis as text."""
    client = inn.innkey.store.client
    found: dict[str, Any] = {}
    for name in client.scan_iter():
        kind = client.type(name)
        if kind == "string":
            found[name] = client.get(name)
        elif kind == "hash":
            found[name] = client.hgetall(name)
        elif kind == "zset":
            found[name] = client.zrange(name, 0, -1)
    assert keys.key("default") in found
    return found


def test_the_pulse_sees_to_old_keys(inn: Engine) -> None:
    """Every worker's tick looks after keys that grow old, without waiting for the fetch."""
    inn.book(unit="cabin")
    inn.settle(lambda: inn.state() == "ready")
    ring = inn.innkey.key_ring()
    stored = ring._fresh("default")
    assert stored is not None
    ring._keys().change("default", stored, refresh_at=inn.innkey.store.agenda.now())
    ring._fresh("default")
    Pulse(inn.innkey).beat(1000.0)
    until(lambda: fetches(inn) == 2, "the fetch")
    until(lambda: (key := ring.current("default")) is not None and key.generation == 2, "the newer key")
    assert 2 == fetches(inn)

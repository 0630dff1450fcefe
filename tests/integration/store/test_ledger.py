"""The ledger: writers of one stay never undo each other, and all that follows changes in the same write."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Barrier, Event
from typing import cast

import pytest

from tests.integration.store.conftest import Desk, ago, make_house, schedule
from worker.domain.access_code import AccessCode, Phase, Written
from worker.domain.booking import EventType, StayKey
from worker.domain.house import House, Policy, Unit
from worker.domain.record import Stay
from worker.domain.slots import View
from worker.service import new_pin
from worker.service.ledger import Extras
from worker.service.lock_calls import LockCalls
from worker.service.new_pin import with_new_pin
from worker.service.visit import Visit
from worker.store import keys
from worker.store.agenda import Claim
from worker.store.commit import Commit, ConflictError, FencedError, TakenError
from worker.store.store import Store

KEY = StayKey("direct", "BK-1")
LEASE = timedelta(seconds=30)
PIN = "480213"


def _on_lock(stay: Stay, slot: int = 120, pin: str = PIN) -> Stay:
    """The stay with its code set in a slot."""
    wish = Written(pin, "2612010500", "2612040100")
    code = stay.code("SS1")
    assert code is not None
    return stay.with_code(replace(code, phase=Phase.SET, slot=slot, writes=(wish,), proven=True))


def _cancel(desk: Desk, booking: str = "BK-1") -> Stay:
    return desk.book(booking, kind=EventType.CANCELLED)


def _removed(stay: Stay) -> Stay:
    code = stay.code("SS1")
    assert code is not None
    return stay.with_code(replace(code, phase=Phase.REMOVED, slot=None, writes=(), proven=False))


def _claim(desk: Desk, lock: str, ref: str) -> Claim:
    desk.woken.clear()
    schedule(desk.store, desk.house, [(lock, ref, ago(desk.store), ago(desk.store))])
    claim = desk.store.agenda.claim(desk.house.locks[lock], LEASE)
    assert claim is not None
    return claim


def _pins(store: Store, lock: str) -> dict[str, str]:
    return {str(tag): str(ref) for tag, ref in store.client.hgetall(keys.lock_pins(lock)).items()}


def test_all_changes_of_a_contended_stay_take_effect(opened: Callable[[], Store]) -> None:
    """Twenty writers of two processes change one stay at once: each leaves its two lines, none is lost."""
    house = make_house("SS1")
    desks = [Desk(opened(), house), Desk(opened(), house)]
    desks[0].book()
    together = Barrier(20)

    def note(number: int) -> None:
        together.wait()
        for step in range(2):
            desks[number % 2].ledger.change(
                KEY,
                lambda stay, now: stay.noted(now, f"line-{number}-{step}") if stay else None,  # noqa: B023
            )

    with ThreadPoolExecutor(20) as pool:
        for job in [pool.submit(note, number) for number in range(20)]:
            job.result()
    stay = desks[0].store.stays.get(KEY)
    assert stay is not None
    lines = [line.what for line in stay.timeline if line.what.startswith("line-")]
    assert {f"line-{number}-{step}" for number in range(20) for step in range(2)} == set(lines)
    assert 40 == len(lines)


def test_a_write_on_a_stale_record_is_decided_anew(store: Store) -> None:
    """What a process remembers of a record may be old: the change is applied to what is stored."""
    desk = Desk(store, make_house("SS1"))
    desk.book()
    known = desk.ledger.change(KEY, lambda _stay, _now: None)
    desk.change("BK-1", lambda stay: replace(stay, told=True))
    after = desk.ledger.change(
        KEY, lambda stay, now: stay.noted(now, "late") if stay else None, known=known
    ).stay
    assert after is not None
    assert after.told
    stored = store.stays.get(KEY)
    assert stored is not None
    assert (True, "late") == (stored.told, stored.timeline[-1].what)


def test_a_change_to_nothing_writes_nothing(store: Store) -> None:
    """A change that wants nothing leaves no key behind."""
    desk = Desk(store, make_house("SS1"))
    known = desk.ledger.change(KEY, lambda _stay, _now: None)
    assert ("", None) == (known.raw, known.stay)
    assert [] == store.client.keys("*")


def test_a_record_changed_under_every_try_is_a_conflict(store: Store) -> None:
    """A writer that never gets its turn says so, instead of overwriting."""
    desk = Desk(store, make_house("SS1"))
    desk.book()
    tries: list[int] = []

    def interfere(stay: Stay | None, now: datetime) -> Stay | None:
        tries.append(1)
        store.client.append(keys.stay(str(KEY)), " ")
        return stay.noted(now, "mine") if stay else None

    with pytest.raises(ConflictError):
        desk.ledger.change(KEY, interfere)
    assert 50 == len(tries)


def test_the_timetable_follows_the_stay(store: Store) -> None:
    """A planned stay is due before its check-in; a date change moves the entry, a cancel takes it off."""
    policy = Policy(push_ahead=timedelta(days=14))
    desk = Desk(store, make_house("SS1", policy=policy))
    desk.book(starts_in=timedelta(days=30))
    first = store.client.zscore(keys.DUE, "SS1")
    desk.book(starts_in=timedelta(days=40))
    second = store.client.zscore(keys.DUE, "SS1")
    assert first is not None
    assert second is not None
    assert abs((second - first) - 10 * 86_400_000) < 120_000
    _cancel(desk)
    assert store.client.zscore(keys.DUE, "SS1") is None
    assert 0 == store.client.exists(keys.lock_due("SS1"), keys.lock_deadline("SS1"), keys.line("default"))
    assert [] == desk.woken


def test_a_stay_that_is_due_wakes_its_lock(store: Store) -> None:
    """A booking within `push_ahead` makes its lock's turn come at once, on the next tick at the latest."""
    desk = Desk(store, make_house("SS1"))
    desk.book(starts_in=timedelta(hours=1))
    assert ["SS1"] == desk.woken + store.agenda.tick(desk.house).woken


def test_slots_are_claimed_and_given_back_with_the_stay(store: Store) -> None:
    """Promise 2: a slot is taken in the write that claims it, and free in the write that sees it gone."""
    desk = Desk(store, make_house("SS1"))
    desk.book(pin=PIN)
    desk.change("BK-1", _on_lock)
    assert {120: "direct/BK-1"} == store.locks.slots("SS1")
    _cancel(desk)
    assert {120: "direct/BK-1"} == store.locks.slots("SS1")
    desk.change("BK-1", _removed)
    assert {} == store.locks.slots("SS1")


def test_the_pin_index_lets_go_with_the_removal(store: Store) -> None:
    """A PIN is taken from planning until it is off the lock, and free then."""
    desk = Desk(store, make_house("SS1"))
    desk.book(pin=PIN)
    tag = store.vault.tag(PIN)
    assert {tag: "direct/BK-1"} == _pins(store, "SS1")
    desk.change("BK-1", _on_lock)
    _cancel(desk)
    assert store.locks.pin_is_taken(tag, ["SS1"], "direct/BK-2")
    assert not store.locks.pin_is_taken(tag, ["SS1"], "direct/BK-1")
    desk.change("BK-1", _removed)
    assert {} == _pins(store, "SS1")


def test_a_changed_pin_frees_the_old_one(store: Store) -> None:
    """A PIN that was never on the lock is free as soon as the stay has another."""
    desk = Desk(store, make_house("SS1"))
    desk.book(pin=PIN)
    desk.book(pin="735190")
    assert {store.vault.tag("735190"): "direct/BK-1"} == _pins(store, "SS1")


def test_a_shared_pin_is_indexed_for_whoever_still_has_it(store: Store) -> None:
    """Two events may bring one PIN; when the first stay is gone, it is still taken, by the second."""
    desk = Desk(store, make_house("SS1"))
    desk.book("BK-1", pin=PIN)
    desk.book("BK-2", pin=PIN)
    _cancel(desk, "BK-1")
    desk.change("BK-2", lambda stay: stay)
    assert store.locks.pin_is_taken(store.vault.tag(PIN), ["SS1"], "direct/BK-3")


def test_a_pin_taken_in_the_last_moment_is_not_used(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the write another stay took the PIN: the write is refused, another PIN chosen."""
    desk = Desk(store, make_house("SS1"))
    desk.book("BK-2", pin=PIN)
    desk.book("BK-1", starts_in=timedelta(hours=1))
    offered = iter([PIN, PIN, "735190"])
    monkeypatch.setattr(new_pin, "choose", lambda *_: next(offered))
    known = with_new_pin(desk.ledger, KEY, desk.house, _claim(desk, "SS1", str(KEY)), None)
    assert known.stay is not None
    assert "735190" == known.stay.pin
    assert store.vault.tag("735190") in _pins(store, "SS1")
    assert store.locks.pin_is_taken(store.vault.tag(PIN), ["SS1"], str(KEY))


def test_no_pin_is_chosen_that_stays_taken(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """When every choice is taken there is an error and no PIN, rather than one PIN for two stays."""
    desk = Desk(store, make_house("SS1"))
    desk.book("BK-2", pin=PIN)
    desk.book("BK-1", starts_in=timedelta(hours=1))
    monkeypatch.setattr(new_pin, "choose", lambda *_: PIN)
    with pytest.raises(TakenError):
        with_new_pin(desk.ledger, KEY, desk.house, _claim(desk, "SS1", str(KEY)), None)
    stay = store.stays.get(KEY)
    assert stay is not None
    assert stay.pin is None


def _with_shared_gate(count: int) -> House:
    house = make_house("GATE", *(f"SS{n}" for n in range(count)), places=count + 1)
    units = {f"SS{n}": Unit(name=f"SS{n}", zone=house.zone, locks=("GATE", f"SS{n}")) for n in range(count)}
    return replace(house, units=units)


def test_pins_chosen_at_once_differ_on_a_shared_door(
    opened: Callable[[], Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten stays choose at the same moment among twelve PINs: no two have the same on their common door."""
    few = [101112 + 10_101 * n for n in range(12)]
    chance = iter(few[n % 12] for n in range(10_000))
    monkeypatch.setattr("worker.domain.pins.secrets.randbelow", lambda _: next(chance))
    monkeypatch.setattr(new_pin, "_TRIES", 40)
    house = _with_shared_gate(10)
    desks = [Desk(opened(), house) for _ in range(10)]
    for number, desk in enumerate(desks):
        desk.book(f"BK-{number}", unit=f"SS{number}", starts_in=timedelta(hours=1))
    claims = [_claim(desk, f"SS{n}", f"direct/BK-{n}") for n, desk in enumerate(desks)]
    together = Barrier(10)

    def choose(number: int) -> str | None:
        together.wait()
        key = StayKey("direct", f"BK-{number}")
        stay = with_new_pin(desks[number].ledger, key, house, claims[number], None).stay
        return stay.pin if stay is not None else None

    with ThreadPoolExecutor(10) as pool:
        pins = list(pool.map(choose, range(10)))
    assert None not in pins
    assert 10 == len(set(pins))
    assert 10 == len(_pins(desks[0].store, "GATE"))


def _waits(stay: Stay) -> Stay:
    code = stay.code("SS1")
    assert code is not None
    return stay.with_code(replace(code, waiting=True))


def test_a_stay_that_waits_for_a_slot_is_known_by_its_check_in(store: Store) -> None:
    """Promise 10: the index of those who wait bears each one's check-in, and follows when that is moved."""
    desk = Desk(store, make_house("SS1"))
    desk.book(starts_in=timedelta(days=5))
    desk.change("BK-1", _waits)
    moved = desk.book(starts_in=timedelta(hours=2))
    assert moved.check_in is not None
    code = moved.code("SS1")
    assert code is not None
    assert code.waiting
    score = store.client.zscore(keys.lock_waiting("SS1"), "direct/BK-1")
    assert round(moved.check_in.timestamp() * 1000) == score


def test_a_cancelled_stay_waits_no_longer(store: Store) -> None:
    """A stay that is no longer wanted lends its urgency to nothing."""
    desk = Desk(store, make_house("SS1"))
    desk.book(starts_in=timedelta(days=5))
    desk.change("BK-1", _waits)
    assert store.client.exists(keys.lock_waiting("SS1"))
    _cancel(desk)
    assert not store.client.exists(keys.lock_waiting("SS1"))


def test_a_fenced_write_says_so(store: Store) -> None:
    """Without the lease nothing is written, neither record nor index."""
    desk = Desk(store, make_house("SS1"))
    desk.book(starts_in=timedelta(hours=1))
    claim = _claim(desk, "SS1", str(KEY))
    store.client.delete(keys.lease("SS1"))
    with pytest.raises(FencedError):
        desk.ledger.change(
            KEY, lambda stay, _now: _on_lock(stay) if stay else None, extras=Extras(claim=claim)
        )
    assert {} == store.locks.slots("SS1")


def test_a_stale_visit_unfences_no_slot_of_another(store: Store) -> None:
    """Promise 2: a holder without its lease gives back no slot which another stay claimed meanwhile."""
    desk = Desk(store, make_house("SS1"))
    store.client.hset(keys.lock_slots("SS1"), "120", "!direct/BK-0")
    claim = _claim(desk, "SS1", str(KEY))
    visit = Visit(
        store=store,
        ledger=desk.ledger,
        clock=desk.clock,
        stopping=Event(),
        house=desk.house,
        lock=desk.house.locks["SS1"],
        claim=claim,
        calls=cast(LockCalls, None),
    )
    store.client.set(keys.lease("SS1"), "another holder")
    Commit(commands=[["HSET", keys.lock_slots("SS1"), "120", "direct/BK-2"]]).run(store.scripts, desk.house)
    with suppress(FencedError):
        visit.record.unfence(View(datetime.now(UTC), {}))
    assert {120: "direct/BK-2"} == store.locks.slots("SS1")


def test_a_record_comes_back_as_it_was_written(store: Store) -> None:
    """A stay with a code in every detail that the store writes is the same after a round trip."""
    desk = Desk(store, make_house("SS1"))
    desk.book(pin="004821", guest_name="Zoë Ω", guest_email="z@example.com", send_email=False)
    after = desk.change("BK-1", lambda stay: _on_lock(stay, pin="004821"))
    found = store.stays.get(KEY)
    assert found is not None
    assert "004821" == found.pin
    assert after.booking == found.booking
    assert [AccessCode] == [type(code) for code in found.codes]
    assert store.stays.dump(found) != ""
    assert found == store.stays.load(store.stays.dump(found))

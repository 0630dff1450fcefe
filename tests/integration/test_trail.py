"""Audit trails, arrivals, batteries and lost locks: the engine, a real Redis and doors that open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.engine_kit import DOOR, GATE, Engine, engine
from worker.domain.outcomes import Kind
from worker.domain.signs import Signs
from worker.domain.trail import AFTER_FAILURE, GIVES_WAY, SOON, TRAIL
from worker.store import keys
from worker.store.codec import from_millis
from worker.store.trail import dump_signs

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
GUEST = "Wilhelmina Canary"


@pytest.fixture
def inn(tmp_path: Path) -> Iterator[Engine]:
    """A running engine."""
    with engine(tmp_path, policy={"alert_gather": '"0s"', "offline_delays": '["30m"]'}) as made:
        yield made


def due(inn: Engine, lock: str = DOOR) -> datetime | None:
    """When the lock's trail is to be read."""
    found = inn.innkey.store.client.zscore(keys.lock_due(lock), TRAIL)
    return None if found is None else from_millis(int(found))


def bring(inn: Engine, lock: str = DOOR) -> None:
    """Let the time of the lock's next reading come."""
    client = inn.innkey.store.client
    client.zadd(keys.lock_due(lock), {TRAIL: 1}, xx=True)
    client.zadd(keys.DUE, {lock: 1})


def read(inn: Engine, *locks: str) -> None:
    """Let the trails be read."""
    for lock in locks or (DOOR,):
        bring(inn, lock)
    inn.settle()


def is_about(expected: datetime, found: datetime | None) -> bool:
    """Whether it is that moment, give or take the test's own time."""
    return found is not None and abs(found - expected) < timedelta(minutes=2)


def what(inn: Engine, booking: str = "BK-1") -> list[str]:
    """The timeline's words about guest and doors."""
    words = [note["what"] for note in inn.view(booking)["timeline"]]
    return [word for word in words if word.startswith(("guest.", "door."))]


def subjects(inn: Engine) -> list[str]:
    """The subjects of the mails so far."""
    return [subject for subject, _ in inn.outbox.mails]


def moved_in(inn: Engine, **more: Any) -> str:
    """A guest whose codes are on gate and door; the PIN."""
    inn.book(**{"begins": -1, **more})
    inn.settle(lambda: inn.state() == "ready")
    return str(inn.view()["pin"])


def test_the_first_unlock_over_all_doors_is_the_arrival(inn: Engine) -> None:
    """L01, L03: gate and door at the same time are one arrival; later unlocks never change the stay."""
    pin = moved_in(inn, guest_name=GUEST)
    assert [inn.vendor.type_pin(lock, pin)["opened"] for lock in (GATE, DOOR)] == [True, True]
    read(inn, DOOR, GATE)
    arrived = inn.view()["arrived"]
    assert arrived is not None
    assert ["door.opened", "door.opened", "guest.arrived"] == sorted(what(inn))
    before = inn.stay()
    inn.vendor.type_pin(DOOR, pin)
    read(inn, DOOR, GATE)
    after = inn.stay()
    assert (arrived, before.check_out, before.codes) == (inn.view()["arrived"], after.check_out, after.codes)
    assert 3 == what(inn).count("door.opened")
    assert 1 == what(inn).count("guest.arrived")


def test_what_the_doors_tell_holds_no_secret(inn: Engine) -> None:
    """Promise 9: the vendor's events hold PIN and name; neither is anywhere in Redis in the clear."""
    pin = moved_in(inn, guest_name=GUEST)
    inn.vendor.type_pin(DOOR, pin)
    read(inn)
    client = inn.innkey.store.client
    held = str(client.hgetall(keys.trail_rows(DOOR))) + str(client.get(keys.signs(DOOR)))
    assert "password" in held
    assert (False, False) == (pin in held, GUEST in held)
    assert (False, False) == (pin in str(client.get(keys.stay("direct/BK-1"))), GUEST in held)


def test_a_lock_in_use_is_read_every_six_hours(inn: Engine) -> None:
    """One call to the vendor each time, and none beside it; six hours later it counts as urgent."""
    moved_in(inn, begins=-30)
    at = due(inn)
    assert is_about(inn.innkey.clock.now() + 6 * HOUR, at)
    assert at is not None
    deadline = inn.innkey.store.client.zscore(keys.lock_deadline(DOOR), TRAIL)
    assert at + GIVES_WAY == from_millis(int(deadline or 0))
    calls = len(inn.calls(lock=DOOR))
    read(inn)
    assert ["events"] == [call["op"] for call in inn.calls(lock=DOOR)[calls:]]
    assert is_about(inn.innkey.clock.now() + 6 * HOUR, due(inn))


def test_until_the_guest_has_arrived_it_is_read_every_hour(inn: Engine) -> None:
    """L01: on the day of the arrival, so that it is known soon."""
    pin = moved_in(inn)
    assert is_about(inn.innkey.clock.now() + HOUR, due(inn))
    read(inn)
    assert is_about(inn.innkey.clock.now() + HOUR, due(inn))
    inn.vendor.type_pin(DOOR, pin)
    read(inn)
    assert is_about(inn.innkey.clock.now() + 6 * HOUR, due(inn))


@pytest.mark.parametrize(("begins", "expected"), [(5 * HOUR, 6 * HOUR), (10 * DAY, 10 * DAY - SOON)])
def test_a_day_with_an_arrival_is_read(inn: Engine, begins: timedelta, expected: timedelta) -> None:
    """An hour after check-in; three days ahead for the battery."""
    inn.book(unit="cabin", begins=begins / HOUR)
    inn.settle(lambda: inn.state() == "ready")
    inn.settle()
    assert is_about(inn.innkey.clock.now() + expected, due(inn))
    assert [] == inn.calls("events")


def test_where_nobody_is_near_no_call_is_made(inn: Engine) -> None:
    """A booking that was cancelled leaves an entry behind, which goes without a call."""
    inn.book(unit="cabin", begins=24 * 8)
    inn.settle(lambda: inn.state() == "ready")
    inn.send(kind="booking.cancelled")
    inn.settle(lambda: inn.state() == "cancelled")
    assert due(inn) is not None
    read(inn)
    assert due(inn) is None
    assert [] == inn.calls("events")


def test_the_last_openings_are_read_before_the_code_is_taken_off(inn: Engine) -> None:
    """A guest's way out belongs to their booking, not to whoever has the slot next."""
    pin = moved_in(inn, unit="cabin")
    inn.vendor.type_pin(DOOR, pin)
    now = inn.innkey.store.agenda.now()
    inn.applier.apply(inn.send(kind="booking.updated", check_out=(now - timedelta(minutes=2)).isoformat()))
    bring(inn)
    inn.settle(lambda: inn.state() == "ended")
    assert ["events", "list", "delete"] == [call["op"] for call in inn.calls(lock=DOOR)][-3:]
    assert ["guest.arrived", "door.opened"] == what(inn)


@pytest.mark.parametrize("fault", ["status", "cut"])
def test_a_reading_that_fails_holds_up_nothing(inn: Engine, fault: str) -> None:
    """Promise 6: nothing is concluded, no letter opened; it comes again, and codes are served meanwhile."""
    moved_in(inn)
    details = {"status": 504} if fault == "status" else {}
    inn.vendor.add_fault(fault, op="events", lock=DOOR, **details)
    inn.book("BK-2", unit="cabin", begins=5)
    read(inn)
    assert "ready" == inn.state("BK-2")
    assert is_about(inn.innkey.clock.now() + AFTER_FAILURE, due(inn))
    assert 0 == inn.innkey.store.letters.open_count()


def test_a_low_battery_is_told_and_cleared(inn: Engine) -> None:
    """Promise 8: one mail while it lasts, with the level; one when the batteries were changed."""
    pin = moved_in(inn)
    for level in (20, 19, 90):
        inn.vendor.set_battery(DOOR, level)
        inn.vendor.type_pin(DOOR, pin)
        read(inn)
    assert [
        f"[Innkey] Low battery: Door {DOOR} ({DOOR})",
        f"[Innkey] Cleared: Low battery: Door {DOOR} ({DOOR})",
    ] == subjects(inn)
    assert "It is at " in inn.outbox.mails[0][1]
    assert [90] == list(inn.innkey.store.trails.battery(DOOR).values())


def test_a_battery_is_low_earlier_before_an_arrival(inn: Engine) -> None:
    """Promise 8: the push of a stay that begins within three days tells it, without another reading."""
    pin = moved_in(inn)
    inn.vendor.set_battery(DOOR, 28)
    inn.vendor.type_pin(DOOR, pin)
    read(inn)
    assert [] == subjects(inn)
    inn.book("BK-2", unit="cabin", begins=60)
    inn.settle(lambda: bool(inn.outbox.mails))
    assert [f"[Innkey] Low battery: Door {DOOR} ({DOOR})"] == subjects(inn)
    assert 1 == len(inn.calls("events", DOOR))


def silent(inn: Engine, span: timedelta = timedelta(days=8)) -> None:
    """Have the lock not heard of for so long, and its clock set just as long ago."""
    store = inn.innkey.store
    now = store.agenda.now()
    store.client.set(keys.signs(DOOR), dump_signs(Signs(heard=now - span)))
    store.client.set(keys.lock_facts(DOOR), "{}")


def test_a_lock_that_is_lost_is_told_and_cleared(inn: Engine) -> None:
    """F32: reached then lost is an alarm, told once; recovery dismisses it."""
    pin = moved_in(inn)
    silent(inn)
    inn.vendor.set_lock(DOOR, gateway_online=False)
    for _ in range(2):
        read(inn)
    assert [f"[Innkey] Not seen: Door {DOOR} ({DOOR})"] == subjects(inn)
    assert "last heard of on" in inn.outbox.mails[0][1]
    inn.vendor.set_lock(DOOR, gateway_online=True)
    inn.vendor.type_pin(DOOR, pin)
    read(inn)
    assert f"[Innkey] Cleared: Not seen: Door {DOOR} ({DOOR})" == subjects(inn)[-1]


def test_a_command_that_was_carried_out_dismisses_it_too(inn: Engine) -> None:
    """F32: an ack 1 went through the gateway; no reading is needed for that."""
    moved_in(inn)
    silent(inn)
    inn.vendor.set_lock(DOOR, gateway_online=False)
    read(inn)
    inn.vendor.set_lock(DOOR, gateway_online=True)
    inn.book("BK-2", unit="cabin", begins=5)
    inn.settle(lambda: len(inn.outbox.mails) > 1)
    assert f"[Innkey] Cleared: Not seen: Door {DOOR} ({DOOR})" == subjects(inn)[-1]


def test_a_lock_where_nobody_was_is_not_missed(inn: Engine) -> None:
    """F32: no door was opened for a week, but the lock sets its clock when it is asked: no alarm."""
    moved_in(inn)
    silent(inn)
    clocks = len(inn.calls("clock", DOOR))
    for _ in range(2):
        read(inn)
    assert [] == subjects(inn)
    assert [] == list(inn.innkey.store.client.scan_iter(keys.notice("*")))
    assert clocks + 1 == len(inn.calls("clock", DOOR))


def test_a_lock_that_was_never_reached_is_no_alarm(inn: Engine) -> None:
    """F32: with its gateway away from the first day there is a letter for the code, and no more."""
    inn.vendor.set_lock(DOOR, gateway_online=False)
    inn.book(unit="cabin", begins=24 * 5)
    inn.settle(lambda: inn.stay().codes[0].offline > 0)
    store = inn.innkey.store
    assert store.trails.signs([DOOR])[DOOR].heard is None
    assert [] == subjects(inn)


def test_a_trail_is_read_on_demand(inn: Engine) -> None:
    """A person asks: one call in a place of the window, and what is new is taken in as by a visit."""
    pin = moved_in(inn)
    inn.vendor.type_pin(DOOR, pin)
    innkey = inn.innkey
    lock = innkey.house().locks[DOOR]
    for _ in range(2):
        assert Kind.DONE is innkey.lock_desk().list_events(lock).outcome.kind
    assert ["guest.arrived", "door.opened"] == what(inn)
    (row,) = innkey.store.trails.rows(DOOR, 10)
    assert ("direct/BK-1", "password") == (row.ref, row.kind)
    assert 0 == innkey.store.client.zcard(keys.window("default"))


def test_a_trail_that_cannot_be_read_on_demand_changes_nothing(inn: Engine) -> None:
    """The vendor's words come back to whoever asked."""
    innkey = inn.innkey
    unknown = replace(innkey.house().locks[DOOR], name="SS999999")
    answer = innkey.lock_desk().list_events(unknown)
    assert (Kind.LOCK_NOT_FOUND, None) == (answer.outcome.kind, answer.events)
    assert [] == innkey.store.trails.rows("SS999999", 10)


def test_a_door_that_a_person_opened_is_there(inn: Engine) -> None:
    """F32: an ack 1 to somebody at the command line dismisses the alarm too."""
    moved_in(inn)
    silent(inn)
    inn.vendor.set_lock(DOOR, gateway_online=False)
    read(inn)
    inn.vendor.set_lock(DOOR, gateway_online=True)
    assert inn.innkey.lock_desk().unlock(inn.innkey.house().locks[DOOR]).is_done
    inn.settle(lambda: len(inn.outbox.mails) > 1)
    assert f"[Innkey] Cleared: Not seen: Door {DOOR} ({DOOR})" == subjects(inn)[-1]

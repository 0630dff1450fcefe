"""A changed property file: who plans by which state of it, over several processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from tests.integration.engine_kit import DOOR, GATE, Engine, engine
from worker.bootstrap import bootstrap
from worker.domain.booking import StayKey
from worker.kas.sandbox import DEFAULT_KEY
from worker.service.generation import OlderFileError
from worker.store import keys
from worker.store.generations import ALIVE, Role

SHED = "SS000003"
LOCKS = (GATE, DOOR, SHED)


@pytest.fixture
def inn(tmp_path: Path) -> Iterator[Engine]:
    """A running engine, with a third lock that no unit has."""
    with engine(tmp_path, locks=LOCKS) as made:
        yield made


@contextmanager
def another(inn: Engine, old: str, new: str, *, age: float = 0, role: Role = Role.WORKER) -> Iterator[Engine]:
    """A second process whose property file reads `new` for `old`; written `age` s before the first one."""
    path = inn.folder / f"other-{len(list(inn.folder.iterdir()))}.toml"
    first = inn.folder / "properties.toml"
    text = first.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    written = first.stat().st_mtime - age
    os.utime(path, (written, written))
    environ = {**inn.environ, "INNKEY_PROPERTIES": str(path)}
    innkey = bootstrap(environ, hints=inn.queue, role=role)
    made = Engine(innkey, inn.sandbox, inn.vendor, inn.queue, inn.outbox, inn.folder, environ, inn.sent)
    try:
        yield made
    finally:
        for client in made.server.vendor.clients.values():
            client.close()
        innkey.store.client.close()


def apply_file(inn: Engine) -> None:
    """What the ticks do after the file has changed."""
    for _ in range(3):
        inn.housekeeping.replan()


CABIN = f'[units.cabin]\nlocks = ["{DOOR}"]'


def test_a_unit_that_gets_another_door_moves_its_stays(inn: Engine) -> None:
    """J04: a changed mapping re-plans future stays: on the new door first, off the old one then, same PIN."""
    inn.book(unit="cabin", begins=5)
    inn.settle(lambda: inn.state() == "ready")
    pin = inn.view()["pin"]
    with another(inn, CABIN, CABIN.replace(DOOR, SHED)) as newer:
        apply_file(newer)
        newer.settle(lambda: newer.state() == "ready" and not inn.vendor.codes(DOOR))
        assert [pin] == [code["pin"] for code in inn.vendor.codes(SHED).values()]
        assert 2 == newer.stay().generation
        order = [(call["op"], call["lock"]) for call in inn.calls() if call["op"] in ("add", "delete")]
        assert [("add", DOOR), ("add", SHED), ("delete", DOOR)] == order


def test_a_changed_policy_moves_windows_in_place(inn: Engine) -> None:
    """A grace that is added moves the window of codes that are set: same slot, same PIN (promise 3)."""
    inn.book(unit="cabin", begins=5)
    inn.settle(lambda: inn.state() == "ready")
    before = inn.vendor.codes(DOOR)[120]
    with another(inn, "[policy]", '[policy]\ngrace_after = "1h"') as newer:
        apply_file(newer)
        newer.settle(
            lambda: newer.state() == "ready" and inn.vendor.codes(DOOR)[120]["ends"] != before["ends"]
        )
        after = inn.vendor.codes(DOOR)[120]
        assert (before["pin"], before["starts"]) == (after["pin"], after["starts"])


def test_an_older_file_never_plans_what_a_newer_one_has(inn: Engine) -> None:
    """A process that did not get the newer file yet leaves its stays alone, and loses no event of theirs."""
    inn.book(unit="cabin", begins=5)
    inn.settle(lambda: inn.state() == "ready")
    with another(inn, CABIN, CABIN.replace(DOOR, SHED)) as newer:
        apply_file(newer)
        newer.settle(lambda: newer.state() == "ready" and not inn.vendor.codes(DOOR))
        calls = len(inn.calls())
        with pytest.raises(OlderFileError):
            inn.innkey.requests.resend(StayKey("direct", "BK-1"))
        key = inn.send(kind="booking.cancelled")
        inn.applier.apply(key)
        inn.housekeeping.replan()
        inn.server.serve(SHED)
        assert "confirmed" == newer.view()["status"]
        assert calls == len(inn.calls())
        newer.applier.apply(key)
        newer.settle(lambda: newer.state() == "cancelled")
        assert {} == inn.vendor.codes(SHED)


def test_a_visit_of_an_older_process_leaves_the_stay_to_a_newer_one(inn: Engine) -> None:
    """The lock's other codes go on; the stay is looked at again soon, by whoever may."""
    inn.book("BK-1", unit="cabin", begins=5)
    inn.settle(lambda: inn.state("BK-1") == "ready")
    with another(inn, "[policy]", "[policy]\npin_length = 5") as newer:
        newer.innkey.ledger.change(StayKey("direct", "BK-1"), lambda stay, _: stay)
        newer.send("BK-1", kind="booking.cancelled")
        newer.settle(lambda: newer.state("BK-1") == "cancelled")
        newer.book("BK-2", unit="cabin", begins=5)
        for event in list(inn.queue.events):
            newer.applier.apply(event)
        inn.server.serve(DOOR)
        assert "planned" == newer.stay("BK-2").codes[0].phase.value
        newer.housekeeping.tick()
        inn.innkey.store.client.zadd(keys.lock_due(DOOR), {"direct/BK-2": 1})
        newer.innkey.ledger.change(StayKey("direct", "BK-2"), lambda stay, _: stay)
        newer.settle(lambda: newer.state("BK-2") == "ready")


def test_a_known_file_that_is_younger_is_the_newest_again(inn: Engine) -> None:
    """A change that is taken back is a change: the file's old content, written later, plans anew."""
    assert 1 == inn.innkey.generation.number()
    with another(inn, "[policy]", "[policy]\npin_length = 5") as changed:
        assert 2 == changed.innkey.generation.number()
        with another(inn, "[policy]", "[policy]", age=-60) as back:
            assert 3 == back.innkey.generation.number()
            assert back.innkey.generation.is_newest()
    with another(inn, "[policy]", "[policy]", age=-60) as same:
        assert 3 == same.innkey.generation.number()


def test_an_old_file_takes_over_when_nobody_works_by_the_newest(inn: Engine) -> None:
    """After a roll-back to an image with an old file Innkey works on; it waits for no file that is gone."""
    assert 1 == inn.innkey.generation.number()
    with another(inn, "[policy]", "[policy]\npin_length = 5") as newer:
        newer.innkey.generation.report()
    with another(inn, "[policy]", "[policy]") as old:
        assert (1, False) == (old.innkey.generation.number(), old.innkey.generation.is_newest())
        long_ago = inn.innkey.store.agenda.now() - ALIVE - timedelta(seconds=1)
        inn.innkey.store.client.hset(keys.GENERATION, "seen", round(long_ago.timestamp() * 1000))
        old.innkey.generation.report()
        assert (3, True) == (old.innkey.generation.number(), old.innkey.generation.is_newest())


def test_a_reader_s_file_plans_nothing(inn: Engine) -> None:
    """A command with another property file than the workers' changes no plan, and is told so."""
    inn.book(unit="cabin", begins=5)
    inn.settle(lambda: inn.state() == "ready")
    with another(inn, CABIN, CABIN.replace(DOOR, SHED), role=Role.READER) as reader:
        assert 0 == reader.innkey.generation.number()
        with pytest.raises(OlderFileError):
            reader.innkey.requests.rotate_pin(StayKey("direct", "BK-1"))
    assert 1 == inn.stay().generation


def test_a_lock_that_left_the_file_is_served_to_its_last_code(tmp_path: Path) -> None:
    """Served by its own account, in its own zone, until its last code is off."""
    account = 'max_in_flight = 5\n[accounts.second]\napi_key = { env = "SECOND_KEY" }'
    key, stage = {"SECOND_KEY": "k2"}, {"accounts": {"default": (DEFAULT_KEY,), "second": ("k2",)}}
    door = f'[locks.{DOOR}]\ntitle = "Door {DOOR}"'
    with engine(tmp_path, locks=LOCKS, account=account, environ=key, stage=stage) as inn:
        with another(inn, door, f'{door}\naccount = "second"\ntimezone = "Australia/Perth"') as before:
            inn.vendor.set_lock(DOOR, account="second")
            before.book(unit="cabin", begins=5)
            before.settle(lambda: before.state() == "ready")
        text = (tmp_path / "properties.toml").read_text()
        without = text.replace(f"{door}\n", "").replace(f'"{DOOR}"', f'"{SHED}"')
        (tmp_path / "properties.toml").write_text(without)
        with another(inn, "[policy]", "[policy]", age=-5) as after:
            assert DOOR not in after.innkey.configuration.properties.house.locks
            assert "second" == after.innkey.house().former[DOOR].account
            assert "Australia/Perth" == str(after.innkey.house().zone_of(DOOR))
            apply_file(after)
            after.settle(lambda: after.state() == "ready" and not inn.vendor.codes(DOOR))
            assert ["second"] == list({call["account"] for call in inn.calls("delete", DOOR)})


def test_a_unit_that_becomes_known_is_planned(inn: Engine) -> None:
    """J05: its letter settles by itself when the file names it."""
    inn.book(unit="shed", begins=5)
    inn.settle(lambda: inn.state() == "review")
    with another(inn, CABIN, f'{CABIN}\n[units.shed]\nlocks = ["{SHED}"]') as newer:
        apply_file(newer)
        newer.settle(lambda: newer.state() == "ready")
        assert 0 == inn.innkey.store.letters.open_count()
        assert [120] == list(inn.vendor.codes(SHED))


def test_the_sweep_finds_whom_the_change_missed(inn: Engine) -> None:
    """A worker that died amid the re-planning leaves stays behind: the sweep comes by (promise 1)."""
    inn.book(unit="cabin", begins=5)
    inn.settle(lambda: inn.state() == "ready")
    with another(inn, CABIN, CABIN.replace(DOOR, SHED)) as newer:
        assert newer.innkey.generation.is_newest()
        inn.innkey.store.client.hset(keys.GENERATION, "position", -1)
        newer.housekeeping.sweep(0)
        assert 2 == newer.stay().generation


def test_stays_that_are_over_are_not_written_again(inn: Engine) -> None:
    """Years of past stays cost a change of the file nothing but a look."""
    inn.book(unit="cabin", begins=-50, days=1)
    inn.settle()
    with another(inn, CABIN, CABIN.replace(DOOR, SHED)) as newer:
        apply_file(newer)
        assert 1 == newer.stay().generation

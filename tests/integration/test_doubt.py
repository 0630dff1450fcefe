"""Calls that are never answered, against the sandbox over HTTP: who may conclude what, and when.

All cells run together in one engine, a lock for each; then each test looks at how its cell ended.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest

from tests.integration.answer_kit import SLACK, Cell, Plan, Spoil, World, bad, good, spoil
from tests.integration.engine_kit import Engine, engine

LAST = 3  # `retry_delays` plus one
TIMEOUT, HOLD = 2.0, 4.0
POLICY = {
    "retry_delays": '["0s", "0s"]',
    "offline_delays": '["1s", "1s"]',
    "pending_poll": '"1s"',
    "pending_for": '"3s"',
}
ACCOUNT = 'call_timeout = "2s"\nvendor_hold = "4s"'


def hang(op: str, times: int | None = 1, **more: Any) -> Spoil:
    """Never answered; the vendor keeps its place for most of what we call `vendor_hold`."""
    return spoil(op, "hang", times, hold_seconds=3.0, **more)


def lagging(seconds: float) -> Any:
    """The cloud's list shows a change only later."""
    return lambda inn, lock: inn.vendor.set_lock(lock, list_lag=seconds)


def neighbour(inn: Engine, lock: str) -> None:
    """Another stay on the same lock, that has all its time."""
    inn.book(f"neighbour-of-{lock}", unit=lock, begins=24)


SETS = [
    good("add", "executed", [hang("add", executed=True)], lists=2),
    good("add", "late", [hang("add", executed="late", late_seconds=3.0)]),
    good("add", "lagging-list", [hang("add", executed=True)], prepare=lagging(3.0)),
    good("add", "lost", [hang("add")], sent=2, gap=HOLD),
    good("add", "lost-twice", [hang("add", 2)], sent=3, gap=HOLD),
    good("add", "lost-then-504", [hang("add"), spoil("add", "status", executed=True)], sent=2, gap=HOLD),
    bad("add", "to-the-last", [hang("add", None)], "unconfirmed", sent=LAST, gap=HOLD),
]
REMOVALS = [
    good("delete", "executed", [hang("delete", executed=True)], sent=2, gap=HOLD),
    good("delete", "lost", [hang("delete")], sent=2, gap=HOLD),
    bad("delete", "to-the-last", [hang("delete", None)], "unconfirmed", sent=LAST, gap=HOLD),
]
BESIDE = good("add", "beside-another", [hang("add")], sent=2, holds=None, prepare=neighbour)
READS = [
    good("add", "list-unanswered", [hang("list")], lists=2),
    good("delete", "list-unanswered", [hang("list")], lists=2),
    good("add", "read-back-unanswered", [hang("add", executed=True), hang("list", skip=1)], lists=3),
    bad(
        "add",
        "list-to-the-last",
        [hang("list", None)],
        "",
        letter=("unconfirmed", "list"),
        sent=0,
        lists=LAST,
    ),
]
CLOCK = good("add", "clock-unanswered", [hang("clock")])
ON_TIME = good("add", "elsewhere")

CELLS = [*SETS, *REMOVALS, BESIDE, *READS, CLOCK, ON_TIME]
PLAN = Plan(
    sets=[cell for cell in CELLS if cell.id.startswith("add")],
    removals=[cell for cell in CELLS if cell.id.startswith("delete")],
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All cells, run to their ends."""
    folder = tmp_path_factory.mktemp("doubt")
    with engine(folder, policy=POLICY, account=ACCOUNT, locks=PLAN.locks, units=PLAN.units) as inn:
        made = World(inn, PLAN)
        made.run(seconds=100, workers=len(CELLS))
        inn.settle(lambda: inn.state(f"neighbour-of-{PLAN.lock(BESIDE)}") == "ready")
        yield made


def each(cells: list[Cell]) -> pytest.MarkDecorator:
    """A test for each cell, by its name."""
    return pytest.mark.parametrize("cell", cells, ids=lambda cell: cell.id)


@each(SETS)
def test_unanswered_set(world: World, cell: Cell) -> None:
    """A list confirms at once; only one read `vendor_hold` after its start refutes (promise 6, F24)."""
    world.check(cell)


@each(REMOVALS)
def test_unanswered_removal(world: World, cell: Cell) -> None:
    """The same for a removal, which is sent once more even where the code is gone (promise 6, F24)."""
    world.check(cell)


def test_confirmed_at_once(world: World) -> None:
    """An executed set is read back as soon as its time is out, not first after `vendor_hold` (promise 6)."""
    (command,) = world.calls(SETS[0], "add")
    read = world.calls(SETS[0], "list")[-1]
    assert TIMEOUT - SLACK <= read["at_epoch"] - command["at_epoch"] < HOLD


def test_no_other_command_to_that_lock(world: World) -> None:
    """After an unanswered command another stay's waits as well, until `vendor_hold` after it (promise 5)."""
    commands = world.calls(BESIDE, "add", "delete", "clock")
    silent = [n for n, call in enumerate(commands) if call["outcome"] == "fault:hang"]
    assert 1 == len(silent)
    after = commands[silent[0] + 1]
    assert HOLD - SLACK <= after["at_epoch"] - commands[silent[0]]["at_epoch"]
    assert 2 == len(world.inn.vendor.codes(world.plan.lock(BESIDE)))
    assert "ready" == world.inn.state(BESIDE.id)


@each(READS)
def test_unanswered_read(world: World, cell: Cell) -> None:
    """Nothing is concluded from a read without an answer, and it is tried again (F10, F27)."""
    world.check(cell)


def test_unanswered_clock(world: World) -> None:
    """A clock that is never confirmed does not stop the push, but keeps the lock quiet (promise 5)."""
    world.check(CLOCK)
    clock, add = world.calls(CLOCK, "clock", "add")
    assert ("clock", "add") == (clock["op"], add["op"])
    assert HOLD - SLACK <= add["at_epoch"] - clock["at_epoch"]


def test_other_locks_go_on(world: World) -> None:
    """A lock in trouble holds up no other: this one was done before any call's time was out (F08)."""
    world.check(ON_TIME)
    (done,) = world.calls(ON_TIME, "add")
    first = min(call["at_epoch"] for cell in CELLS for call in world.calls(cell, "add", "clock", "list"))
    assert done["at_epoch"] < first + TIMEOUT


def test_one_command_at_a_time(world: World) -> None:
    """No lock ever had two commands at once, those that hang at the vendor included (promise 5)."""
    assert {} == world.inn.vendor.stats()["overlaps"]


def test_no_call_too_many(world: World) -> None:
    """No call was dropped for a full queue, with all those that hung in it (promise 4, F22)."""
    assert 0 == world.inn.vendor.stats()["dropped"]


def test_commands_of_a_lock_keep_their_distance(world: World) -> None:
    """On every lock the command after an unanswered one left `vendor_hold` after it, or later (promise 5)."""
    for cell in CELLS:
        for before, after in pairwise(world.calls(cell, "add", "delete", "clock")):
            if before["outcome"] == "fault:hang":
                assert HOLD - SLACK <= after["at_epoch"] - before["at_epoch"]

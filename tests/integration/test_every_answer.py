"""Every answer of the vendor's cloud, to a set and to a removal, against the sandbox over HTTP.

All cells run together in one engine, a lock for each; then each test looks at how its cell ended. What is
never answered at all is in `test_doubt`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.answer_cells import (
    ABSENT,
    CELLS,
    DONE,
    DOUBT,
    EXISTS,
    FAILED,
    KEYS,
    OFFLINE,
    PENDING,
    PINS,
    PLAN,
    POLICY,
    READS,
    REFUSED,
    THROTTLED,
    TOLD,
    UNCLEAR,
    refusal,
    unwanted_holder,
)
from tests.integration.answer_kit import Cell, World
from tests.integration.engine_kit import DOOR, GATE, engine


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """All cells, run to their ends."""
    folder = tmp_path_factory.mktemp("answers")
    # A cut call keeps its place for `vendor_hold`: with the usual minute, a few would hold up all others.
    hold = 'vendor_hold = "2s"'
    with engine(
        folder, policy=POLICY, account=hold, locks=PLAN.locks, units=PLAN.units, environ=PLAN.environ
    ) as inn:
        made = World(inn, PLAN)
        made.run(seconds=100, workers=16)
        yield made


def each(cells: list[Cell]) -> pytest.MarkDecorator:
    """A test for each cell, by its name."""
    return pytest.mark.parametrize("cell", cells, ids=lambda cell: cell.id)


@each(DONE)
def test_done(world: World, cell: Cell) -> None:
    """Ack 1 to a set is believed once a list shows it; to a removal at once (promise 6, F10)."""
    world.check(cell)


@each(FAILED)
def test_failed(world: World, cell: Cell) -> None:
    """Acks 2, 4, 6: the list decides, then again; the last failure is one letter (promise 8, F01)."""
    world.check(cell)


@each(PENDING)
def test_pending(world: World, cell: Cell) -> None:
    """Acks 3, 5, 7, 10: read back and never sent again while pending; at the end a failed attempt (F03)."""
    world.check(cell)


@each(OFFLINE)
def test_offline(world: World, cell: Cell) -> None:
    """Ack 8: again after each of `offline_delays`, counted apart, then a letter (F06, F08)."""
    world.check(cell)


@each(UNCLEAR)
def test_unclear(world: World, cell: Cell) -> None:
    """200 with another ack, or none: unconfirmed, only the list counts (promise 6, F10)."""
    world.check(cell)


@each(DOUBT)
def test_doubt(world: World, cell: Cell) -> None:
    """5xx, a cut connection, a body nobody can read: read back; sent again only to the same slot (F24, F27).

    A removal is repeated once even where the list no longer shows the code.
    """
    world.check(cell)


@each(REFUSED)
def test_refused(world: World, cell: Cell) -> None:
    """What trying again cannot help is a letter at once, in the vendor's words (F05).

    A removal that was refused keeps its slot, so that it can be tried again (F19).
    """
    world.check(cell)
    slots = world.inn.innkey.store.locks.slots(world.plan.lock(cell))
    assert (cell.id.startswith("delete")) <= (f"direct/{cell.id}" in slots.values())


@each(PINS)
def test_pin_exists(world: World, cell: Cell) -> None:
    """A PIN that the lock holds already: another one if nobody was told, else a letter (promise 3)."""
    world.check(cell)
    if cell.prepare is unwanted_holder:
        assert [120] == list(world.inn.vendor.codes(world.plan.lock(cell)))
    pins = [call["body"].get("password") for call in world.calls(cell, "add")]
    assert (1 if cell.booking else len(pins)) == len(set(pins))


def test_untold_pin_changes_on_both_doors(tmp_path: Path) -> None:
    """One door refuses a PIN that nobody was told: both get the same other one, in place (promise 3, J01)."""
    with engine(tmp_path, policy=POLICY) as inn:
        inn.vendor.add_fault(**refusal("add", EXISTS), lock=DOOR)
        inn.book()
        inn.settle(lambda: inn.state() == "ready")
        gate, door, told = inn.vendor.codes(GATE), inn.vendor.codes(DOOR), inn.view()["pin"]
        assert [(120, told)] == [(slot, code["pin"]) for slot, code in gate.items()]
        assert [(120, told)] == [(slot, code["pin"]) for slot, code in door.items()]
        assert inn.calls("add", DOOR)[0]["body"]["password"] != told


def test_told_pin_stays_on_the_other_door(tmp_path: Path) -> None:
    """One door holds a told PIN already: a letter there, and the other door goes on (promises 2, 3)."""
    with engine(tmp_path, policy=POLICY) as inn:
        inn.vendor.hand(DOOR, 150, TOLD, name="Cleaner")
        inn.book(pin=TOLD)
        inn.settle(lambda: inn.state() == "partial")
        (letter,) = inn.innkey.store.letters.page(is_open=True, limit=10, cursor=None).items
        assert ("pin_taken", "set", DOOR) == (letter.reason.value, letter.step.value, letter.lock)
        assert [(120, TOLD)] == [(slot, code["pin"]) for slot, code in inn.vendor.codes(GATE).items()]
        assert [(150, "Cleaner")] == [(slot, code["name"]) for slot, code in inn.vendor.codes(DOOR).items()]
        assert 1 == len(inn.calls("add", DOOR))


@each(THROTTLED)
def test_throttled(world: World, cell: Cell) -> None:
    """429: again after `Retry-After`, and no attempt (F26)."""
    world.check(cell)
    calls = world.calls(cell, "add", "delete", "list")
    ends = [call["at_epoch"] for call in calls if call["status"] == 429]
    assert all(not 0 < call["at_epoch"] - end < 1.9 for call in calls for end in ends if call["op"] != "list")


@each(READS)
def test_reads_that_fail(world: World, cell: Cell) -> None:
    """Nothing is concluded from a read that failed: tried again, then a letter with step list (F10, F27)."""
    world.check(cell)


@each(ABSENT)
def test_absent(world: World, cell: Cell) -> None:
    """To remove what is not there costs a read and no command (F12)."""
    world.check(cell)


@each(KEYS)
def test_invalid_token(world: World, cell: Cell) -> None:
    """A refused key pauses its account alone, is one letter, and is probed after 30 s (F05, promise 8)."""
    world.check(cell)
    letters = world.inn.innkey.store.letters.page(is_open=False, limit=500, cursor=None).items
    ours = [one for one in letters if one.problem == f"invalid_key:{cell.account}"]
    assert ["resolved"] == [one.state.value for one in ours]


def test_one_command_at_a_time(world: World) -> None:
    """No lock ever had two commands at once, whatever went wrong (promise 5)."""
    assert {} == world.inn.vendor.stats()["overlaps"]


def test_no_call_too_many(world: World) -> None:
    """No call was dropped for a full queue (promise 4, F22)."""
    assert 0 == world.inn.vendor.stats()["dropped"]


def test_no_letter_too_many(world: World) -> None:
    """The cells that end well leave no letter; the others one each (promise 8)."""
    found = world.inn.innkey.store.letters.open_count()
    assert sum(cell.letter is not None for cell in CELLS) == found

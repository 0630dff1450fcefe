"""`innkey kas rfids`: tags of the house, by a person, with a worker's care."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.cli_kit import stand_in
from tests.integration.engine_kit import DOOR, GATE, Engine, engine
from worker.cli import cli

CARD = "A1B2C3D4"
WHEN = ("--from", "2026-01-01", "--to", "2098-12-31", "--name", "Cleaner", "--id", "cleaner-1")


@pytest.fixture
def inn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """A running engine, whose record the commands find in the environment."""
    stand_in(tmp_path, monkeypatch)
    with engine(tmp_path) as made:
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        assert made.innkey.generation.is_newest()
        yield made


def run(*args: str, given: str | None = None) -> Result:
    """Run `innkey kas rfids` in this process."""
    return CliRunner().invoke(cli, ["kas", "rfids", *args], input=given)


def test_a_tag_comes_and_goes(inn: Engine) -> None:
    """Added to two doors at once, listed with its number masked, deleted from one; all of it is logged."""
    added = run("add", GATE, DOOR, *WHEN, given=f"{CARD.lower()}\n")
    assert (0, "") == (added.exit_code, added.stderr)
    inn.settle(lambda: bool(inn.vendor.tags(GATE)) and bool(inn.vendor.tags(DOOR)))
    inn.settle()
    listed = run("list", DOOR, "--json")
    (row,) = json.loads(listed.stdout)
    assert ("********", "staff/cleaner-1", "9812312359") == (row["number"], row["booking"], row["ends"])
    assert CARD == json.loads(run("list", DOOR, "--json", "--show-number").stdout)[0]["number"]
    assert CARD not in added.output + listed.output
    deleted = run("delete", DOOR, str(row["rfid_id"]), "--yes", "--json")
    assert {"lock": DOOR, "rfid_id": 120, "state": "removing"} == json.loads(deleted.stdout)
    inn.settle(lambda: not inn.vendor.tags(DOOR))
    assert 1 == len(inn.vendor.tags(GATE))
    what = [line.what for line in inn.innkey.store.operators.page(limit=50, cursor=None).items]
    assert {"rfids.add", "rfids.list", "rfids.delete"} == set(what)


def test_a_tag_by_hand_is_deleted_at_once(inn: Engine) -> None:
    """What nothing of ours holds goes now, after a look; what is not there counts as gone."""
    inn.vendor.hand_tag(DOOR, 150, "FEEDBEEF", "By hand")
    asked = run("delete", DOOR, "150", given="n\n")
    assert 1 == asked.exit_code
    assert [150] == list(inn.vendor.tags(DOOR))
    for _ in range(2):
        assert 0 == run("delete", DOOR, "150", "--yes").exit_code
    assert {} == inn.vendor.tags(DOOR)
    assert 1 == len(inn.calls("rfid_delete"))


def test_a_guest_s_card_is_left_to_its_booking(inn: Engine) -> None:
    """Promise 3: the command says whose it is."""
    inn.book(unit="cabin", rfid=CARD, begins=5)
    inn.settle(lambda: inn.state() == "ready")
    refused = run("delete", DOOR, "120", "--yes")
    assert 1 == refused.exit_code
    assert "booking direct/BK-1" in refused.stderr
    assert [120] == list(inn.vendor.tags(DOOR))


@pytest.mark.parametrize(
    ("args", "given", "words"),
    [
        ((DOOR, *WHEN), "xyz\n", "8 hexadecimal digits"),
        ((DOOR, "SS999999", *WHEN), f"{CARD}\n", "no lock SS999999"),
        ((DOOR, *WHEN, "--to", "2025-01-01"), f"{CARD}\n", "not after starts"),
        ((DOOR, *WHEN, "--to", "soon"), f"{CARD}\n", "no date like"),
    ],
)
def test_bad_input_is_one_line(inn: Engine, args: tuple[str, ...], given: str, words: str) -> None:
    """Each names the field and the cure; nothing is written."""
    result = run("add", *args, given=given)
    assert 2 == result.exit_code
    assert words in result.stderr
    assert 0 == inn.innkey.store.stays.count()


def test_a_gateway_that_is_away(inn: Engine) -> None:
    """M02: the vendor's own words, and exit code 1."""
    inn.vendor.set_lock(DOOR, gateway_online=False)
    result = run("list", DOOR)
    assert 1 == result.exit_code
    assert "Gateway offline" in result.stderr

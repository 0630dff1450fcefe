"""`innkey kas`: what a person does with one lock, with a worker's care; and `innkey operator-log`."""

from __future__ import annotations

import getpass
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from tests.cli_kit import stand_in
from tests.integration.engine_kit import DOOR, Engine, engine
from worker.cli import cli
from worker.service.hand_pins import HandPins
from worker.service.vendor import Vendor
from worker.store import keys

WHEN = ("--from", "2026-01-01", "--to", "2098-12-31", "--name", "Cleaner")


@pytest.fixture
def inn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine whose vendor lets go of an unanswered call after two seconds."""
    stand_in(tmp_path, monkeypatch)
    with engine(tmp_path, account='call_timeout = "1s"\nvendor_hold = "2s"') as made:
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        yield made


def run(*args: str, given: str | None = None) -> Result:
    """Run `innkey` in this process."""
    return CliRunner().invoke(cli, list(args), input=given)


def log(inn: Engine) -> list[tuple[str, str, str]]:
    """What, on what and with which result, the oldest first."""
    lines = inn.innkey.store.operators.page(limit=100, cursor=None).items
    return [(line.what, line.on, line.result) for line in reversed(lines)]


class TestUnlock:
    """`kas unlock`."""

    def test_asks_first(self, inn: Engine) -> None:
        """Without --yes a person says yes or no; where nobody answers it is wrong usage."""
        command = ("kas", "unlock", DOOR)
        refused, nobody = run(*command, given="n\n"), run(*command, given="")
        assert (1, 2, []) == (refused.exit_code, nobody.exit_code, inn.calls())
        assert "--yes" in nobody.stderr
        agreed = run(*command, given="y\n")
        assert (0, f"{DOOR}: opened\n") == (agreed.exit_code, agreed.stdout)
        assert [("lock.unlock", DOOR, "asked"), ("lock.unlock", DOOR, "done")] == log(inn)

    def test_json(self, inn: Engine) -> None:
        """The answer, for programs."""
        found = json.loads(run("kas", "unlock", DOOR, "--yes", "--json").stdout)
        assert (DOOR, "done", 1, False) == (found["lock"], found["outcome"], found["ack"], found["perhaps"])

    def test_in_doubt(self, inn: Engine) -> None:
        """Promise 6: it says that the door is perhaps open."""
        inn.vendor.add_fault("status", op="unlock", status=504, times=None)
        result = run("kas", "unlock", DOOR, "--yes")
        assert 1 == result.exit_code
        assert "perhaps opened" in result.stderr

    def test_no_gateway(self, inn: Engine) -> None:
        """In the vendor's words."""
        inn.vendor.set_lock(DOOR, gateway_online=False)
        result = run("kas", "unlock", DOOR, "--yes")
        assert 1 == result.exit_code
        assert "not done: offline (ack 8" in result.stderr
        assert "perhaps" not in result.stderr

    def test_left_alone(self, inn: Engine) -> None:
        """Promise 5: after a command that was never answered it says when the next one may go out."""
        inn.innkey.store.client.set(keys.quiet(DOOR), "1", px=60_000)
        result = run("kas", "unlock", DOOR, "--yes")
        assert (1, []) == (result.exit_code, inn.calls())
        assert "was never answered; the next one may go out in" in result.stderr

    def test_unknown_lock(self, inn: Engine) -> None:
        """Only locks of the property file."""
        result = run("kas", "unlock", "SS999999", "--yes")
        assert (2, []) == (result.exit_code, log(inn))
        assert DOOR in result.stderr


class TestClockAndEvents:
    """`kas clock`, `kas events`."""

    def test_clock(self, inn: Engine) -> None:
        """Set."""
        result = run("kas", "clock", DOOR)
        assert (0, f"{DOOR}: clock set\n") == (result.exit_code, result.stdout)

    def test_events(self, inn: Engine) -> None:
        """Promise 9: who typed what is not shown."""
        run("kas", "clock", DOOR)
        inn.vendor.hand(DOOR, 130, "482913", name="John Lee")
        assert inn.vendor.type_pin(DOOR, "482913")["opened"]
        table, listed = run("kas", "events", DOOR), run("kas", "events", DOOR, "--json")
        assert 130 == json.loads(listed.stdout)[0]["slot"]
        assert "130" in table.stdout
        assert "482913" not in table.output + listed.output
        assert "John" not in table.output + listed.output


class TestPinsList:
    """`kas pins list`."""

    def test_masked(self, inn: Engine) -> None:
        """PINs are shown where that is asked for."""
        inn.vendor.hand(DOOR, 101, "0953", name="Cleaner")
        masked, open_ = run("kas", "pins", "list", DOOR), run("kas", "pins", "list", DOOR, "--show-pin")
        assert "Cleaner" in masked.stdout
        assert "0953" not in masked.output
        assert "0953" in open_.stdout

    def test_unreadable(self, inn: Engine) -> None:
        """A list that cannot be read is no empty one."""
        inn.vendor.add_fault("status", op="list", status=500, times=None)
        assert 1 == run("kas", "pins", "list", DOOR).exit_code


class TestPinsAdd:
    """`kas pins add`."""

    def test_given(self, inn: Engine) -> None:
        """From the standard input, into the first slot below those of bookings; it is not told again."""
        result = run("kas", "pins", "add", DOOR, *WHEN, given="0953\n")
        assert 0 == result.exit_code, result.output
        code = inn.vendor.codes(DOOR)[101]
        assert ("0953", "Cleaner", "2601010000", "9812312359") == (
            code["pin"],
            code["name"],
            code["starts"],
            code["ends"],
        )
        assert "0953" not in result.output
        assert ("pins.add", DOOR, "slot 101: done, ack 1 (Success); the list shows it") == log(inn)[-1]

    def test_from_a_file(self, inn: Engine, tmp_path: Path) -> None:
        """A file that only its owner may read is no argument that everybody sees."""
        (tmp_path / "pin").write_text("0953\n")
        result = run("kas", "pins", "add", DOOR, *WHEN, "--pin-file", str(tmp_path / "pin"), "--slot", "150")
        assert 0 == result.exit_code, result.output
        assert "0953" == inn.vendor.codes(DOOR)[150]["pin"]

    def test_made(self, inn: Engine) -> None:
        """With --random it is made, put on the lock and told."""
        found = json.loads(run("kas", "pins", "add", DOOR, *WHEN, "--random", "--json").stdout)
        code = inn.vendor.codes(DOOR)[101]
        assert (101, True, code["pin"]) == (found["slot"], found["on_lock"], found["pin"])

    @pytest.mark.parametrize("given", ["", "12\n", "x953\n", "1234567\n"])
    def test_no_pin(self, inn: Engine, given: str) -> None:
        """What is no PIN reaches nobody."""
        assert 2 == run("kas", "pins", "add", DOOR, *WHEN, given=given).exit_code
        assert [] == inn.calls()

    @pytest.mark.parametrize("holder", ["direct/A", "!direct/A", "", "typed"])
    def test_taken_slot(self, inn: Engine, holder: str) -> None:
        """Promise 2: a slot that the list shows full, or that something of ours claims, is not written."""
        client = inn.innkey.store.client
        if holder == "typed":
            inn.vendor.hand(DOOR, 150, "7788", name="Owner")
        elif holder:
            client.hset(keys.lock_slots(DOOR), "150", holder)
        result = run("kas", "pins", "add", DOOR, *WHEN, "--slot", "150", given="0953\n")
        assert (0 if holder == "" else 1) == result.exit_code
        assert (1 if holder == "" else 0) == len(inn.calls("add"))

    def test_unreadable_list(self, inn: Engine) -> None:
        """Promise 2: what is not read is not empty."""
        inn.vendor.add_fault("status", op="list", status=500, times=None)
        result = run("kas", "pins", "add", DOOR, *WHEN, given="0953\n")
        assert 1 == result.exit_code
        assert "what is not read is not empty" in result.stderr
        assert [] == inn.calls("add")

    def test_taken_pin(self, inn: Engine) -> None:
        """One that a booking has planned here, or that is on the lock, is refused."""
        inn.book("BK-1", unit="cabin", begins=24 * 300, pin="482913")
        inn.settle()
        inn.vendor.hand(DOOR, 101, "0953", name="Owner")
        for pin in ("482913", "0953"):
            result = run("kas", "pins", "add", DOOR, *WHEN, given=f"{pin}\n")
            assert 1 == result.exit_code
            assert pin not in result.output
        assert [] == inn.calls("add")

    def test_mark_of_a_booking(self, inn: Engine) -> None:
        """A name that looks like a booking's would be taken for one, and removed."""
        result = run("kas", "pins", "add", DOOR, *WHEN[:-1], "Lee direct/BK-1", given="0953\n")
        assert (1, []) == (result.exit_code, inn.calls())

    def test_in_doubt(self, inn: Engine) -> None:
        """Promise 6: after a 504 the list tells."""
        inn.vendor.add_fault("status", op="add", status=504, executed=True)
        assert 0 == run("kas", "pins", "add", DOOR, *WHEN, given="0953\n").exit_code
        inn.vendor.add_fault("status", op="add", status=504)
        result = run("kas", "pins", "add", DOOR, *WHEN, given="7788\n")
        assert 1 == result.exit_code
        assert "slot 102: not on the lock" in result.stderr

    def test_ends_before_it_begins(self, inn: Engine) -> None:
        """Wrong usage."""
        when = ("--from", "2026-01-02", "--to", "2026-01-01", "--name", "Cleaner")
        assert 2 == run("kas", "pins", "add", DOOR, *when, given="0953\n").exit_code


class TestPinsDelete:
    """`kas pins delete`."""

    def test_asks_with_the_name(self, inn: Engine) -> None:
        """A person sees whose it is before it goes."""
        inn.vendor.hand(DOOR, 101, "0953", name="Cleaner")
        refused = run("kas", "pins", "delete", DOOR, "101", given="n\n")
        assert 1 == refused.exit_code
        assert "'Cleaner'" in refused.stderr
        assert {101} == set(inn.vendor.codes(DOOR))
        agreed = run("kas", "pins", "delete", DOOR, "101", given="y\n")
        assert (0, {}) == (agreed.exit_code, inn.vendor.codes(DOOR))
        assert ("pins.delete", DOOR, "asked") == log(inn)[0]

    def test_of_a_booking(self, inn: Engine) -> None:
        """What a booking holds is for the booking to give up, unless forced."""
        inn.book("BK-1", unit="cabin")
        inn.settle(lambda: inn.state() == "ready")
        refused = run("kas", "pins", "delete", DOOR, "120", "--yes")
        assert 1 == refused.exit_code
        assert "booking direct/BK-1 holds slot 120" in refused.stderr
        assert [] == inn.calls("delete")
        assert 0 == run("kas", "pins", "delete", DOOR, "120", "--yes", "--force").exit_code
        assert {} == inn.vendor.codes(DOOR)

    def test_empty(self, inn: Engine) -> None:
        """Nothing is to be done."""
        result = run("kas", "pins", "delete", DOOR, "150", "--yes")
        assert (0, f"{DOOR}: slot 150 is empty already\n") == (result.exit_code, result.stdout)
        assert [] == inn.calls("delete")

    def test_another_one_meanwhile(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Promise 2: what stands there since the person looked is left alone."""
        inn.vendor.hand(DOOR, 101, "0953", name="Cleaner")
        list_pins, reads = Vendor.list_pins, list[int]()

        def typed(*args: Any) -> Any:
            answer = list_pins(*args)
            if not reads:
                inn.vendor.hand(DOOR, 101, "7788", name="Owner")
            reads.append(1)
            return answer

        monkeypatch.setattr(Vendor, "list_pins", typed)
        assert 1 == run("kas", "pins", "delete", DOOR, "101", "--yes").exit_code
        assert [] == inn.calls("delete")

    def test_booked_meanwhile(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """A slot that a booking has claimed since the person looked is left to it."""
        inn.vendor.hand(DOOR, 101, "0953", name="Cleaner")
        look = HandPins.look

        def claimed(*args: Any) -> Any:
            found = look(*args)
            inn.innkey.store.client.hset(keys.lock_slots(DOOR), "101", "direct/A")
            return found

        monkeypatch.setattr(HandPins, "look", claimed)
        result = run("kas", "pins", "delete", DOOR, "101", "--yes")
        assert (1, []) == (result.exit_code, inn.calls("delete"))
        assert "booking direct/A holds slot 101" in result.stderr

    def test_another_one_after_doubt(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Promise 2: a delete in doubt is not repeated on what somebody has typed there meanwhile."""
        inn.vendor.hand(DOOR, 101, "0953", name="Cleaner")
        inn.vendor.add_fault("status", op="delete", status=504, executed=True)
        delete = Vendor.delete

        def typed(*args: Any) -> Any:
            answer = delete(*args)
            inn.vendor.hand(DOOR, 101, "7788", name="Owner")
            return answer

        monkeypatch.setattr(Vendor, "delete", typed)
        assert 0 == run("kas", "pins", "delete", DOOR, "101", "--yes").exit_code
        assert (1, "7788") == (len(inn.calls("delete")), inn.vendor.codes(DOOR)[101]["pin"])

    def test_in_doubt(self, inn: Engine) -> None:
        """It is sent once more, and the list tells."""
        inn.vendor.hand(DOOR, 101, "0953", name="Cleaner")
        inn.vendor.add_fault("status", op="delete", status=504, executed=True)
        assert 0 == run("kas", "pins", "delete", DOOR, "101", "--yes").exit_code
        assert 2 == len(inn.calls("delete"))

    def test_lock_does_not(self, inn: Engine) -> None:
        """It says what is on the lock still."""
        inn.vendor.hand(DOOR, 101, "0953", name="Cleaner")
        inn.vendor.add_fault("ack", op="delete", ack=2, times=None)
        result = run("kas", "pins", "delete", DOOR, "101", "--yes")
        assert 1 == result.exit_code
        assert "slot 101: still on the lock" in result.stderr


class TestOperatorLog:
    """`operator-log`, and the other commands that write it."""

    def test_who(self, inn: Engine) -> None:
        """The person at the terminal, in tables and JSON."""
        run("kas", "clock", DOOR)
        table, listed = run("operator-log"), run("operator-log", "--json", "--limit", "1")
        found = json.loads(listed.stdout)
        assert found["items"][0]["who"].startswith(f"cli {getpass.getuser()}@")
        assert found["next"] is not None
        assert 2 == table.stdout.count("lock.clock")

    def test_bookings_and_letters(self, inn: Engine) -> None:
        """What is done to a booking or a letter stands there too."""
        inn.vendor.set_lock(DOOR, gateway_online=False)
        inn.book("BK-1", unit="cabin")
        inn.settle(lambda: inn.state() == "review")
        letter = inn.innkey.store.letters.page(is_open=True, limit=1, cursor=None).items[0].id
        run("dead-letters", "retry", letter)
        run("dead-letters", "resolve", letter, "--note", "by hand")
        run("bookings", "rotate-pin", "direct/BK-1")
        run("bookings", "resend", "direct/BK-1")
        assert [
            ("letter.retry", letter, "asked"),
            ("letter.retry", letter, "done"),
            ("letter.resolve", letter, "asked"),
            ("letter.resolve", letter, "done"),
            ("pin.rotate", "direct/BK-1", "asked"),
            ("pin.rotate", "direct/BK-1", "done"),
            ("email.resend", "direct/BK-1", "asked"),
            ("email.resend", "direct/BK-1", "not done: NotNowError"),
        ] == log(inn)

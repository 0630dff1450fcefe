"""`innkey doctor --live`: a real test on a lock that keeps the promises, and says what it leaves."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from cryptography.fernet import Fernet

from tests.cli_kit import stand_in
from tests.integration import until
from tests.integration.engine_kit import DOOR, Engine, engine
from worker.bootstrap import bootstrap
from worker.cli import cli
from worker.commands import doctor as doctor_command
from worker.service import by_hand, live_test
from worker.service.vendor import Vendor
from worker.store import keys

NAME = live_test.NAME


@pytest.fixture
def inn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine whose vendor lets go of an unanswered call after three seconds."""
    stand_in(tmp_path, monkeypatch)
    with engine(tmp_path, account='call_timeout = "1s"\nvendor_hold = "3s"') as made:
        for name, value in made.environ.items():
            monkeypatch.setenv(name, value)
        # Whom the command wakes this engine serves.
        monkeypatch.setattr(
            doctor_command, "bootstrap", lambda env, **how: bootstrap(env, hints=made.queue, **how)
        )
        made.innkey.store.health.seen("a-worker", made.innkey.store.agenda.now())
        yield made


def run(*args: str, given: str | None = None) -> Result:
    """Run the test on the door in this process."""
    return CliRunner().invoke(cli, ["doctor", "--live", DOOR, *args], input=given)


def steps(code: int = 0) -> dict[str, tuple[str, str]]:
    """Grade and cause of each step; the exit code is checked, and that nothing is held any more."""
    result = run("--yes", "--json")
    assert code == result.exit_code, result.output
    found = json.loads(result.stdout)["checks"]
    start = f"lock {DOOR}, "
    return {
        one["thing"].removeprefix(start): (one["grade"], one["cause"])
        for one in found
        if one["thing"].startswith(start)
    }


def commands(inn: Engine) -> list[str]:
    """What was done to the door, in order, after the list of the account's check."""
    return [call["op"] for call in inn.calls(lock=DOOR)]


class TestGood:
    """The whole way."""

    def test_all_steps(self, inn: Engine) -> None:
        """Read, clock, add, read, delete, read: nothing is left on the lock, nothing is held, no PIN told."""
        result = run("--yes")
        lines = [line for line in result.stdout.splitlines() if f"lock {DOOR}, " in line]
        assert 0 == result.exit_code, result.output
        assert ["list", "clock", "add", "read back", "delete", "what is left", "report"] == [
            line.split(f"lock {DOOR}, ")[1].partition(":")[0] for line in lines
        ]
        assert all(line.startswith("ok ") for line in lines)
        assert ["list", "clock", "add", "list", "delete", "list"] == commands(inn)
        assert {} == inn.vendor.codes(DOOR)
        assert not inn.innkey.store.client.exists(keys.lease(DOOR), keys.window("default"))
        assert "adding a PIN to slot 200 …" in result.stderr

    def test_slot_and_window(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Promise 2: the last slot that is empty and not claimed; the PIN opens nothing for a year."""
        inn.vendor.hand(DOOR, 200, "0953", name="Cleaner")
        inn.innkey.store.client.hset(keys.lock_slots(DOOR), mapping={"199": "direct/A", "198": "!direct/B"})
        inn.vendor.add_fault("ack", ack=2, op="delete", times=None)
        run("--yes")
        codes = inn.vendor.codes(DOOR)
        assert {200, 197} == set(codes)
        code: Any = codes[197]
        year = inn.innkey.clock.now() + timedelta(days=360)
        assert NAME == code["name"]
        assert f"{year:%y%m%d%H%M}" < code["starts"] < code["ends"]

    def test_asks_first(self, inn: Engine) -> None:
        """Without --yes a person says yes or no; where nobody answers it is wrong usage."""
        refused, agreed, nobody = run(given="n\n"), run(given="y\n" * 5), run(given="")
        assert (1, 0, 2) == (refused.exit_code, agreed.exit_code, nobody.exit_code)
        assert "nothing written" in refused.stderr
        assert "--yes" in nobody.stderr
        assert 1 == len(inn.calls("add"))

    @pytest.mark.parametrize(
        ("given", "expected"),
        [
            ("y\nn\n", ["list"]),
            ("y\ny\nn\n", ["list", "clock"]),
            ("y\ny\ny\ny\nn\n", ["list", "clock", "add", "list"]),
            ("y\ny\n", ["list", "clock"]),
        ],
    )
    def test_step_by_step(self, inn: Engine, given: str, expected: list[str]) -> None:
        """It ends before the step that a person does not want, and says what is on the lock then."""
        result = run(given=given)
        assert expected == commands(inn)
        assert "not done, as you wished" in result.stdout
        is_left = "add" in expected
        assert is_left == ("slot 200 holds a test PIN" in result.stdout)
        assert int(is_left) == result.exit_code

    def test_report(self, inn: Engine, tmp_path: Path) -> None:
        """Promise 9: what the vendor answered, in its own shape; no PIN, no name, no key."""
        inn.vendor.hand(DOOR, 150, "482913", name="John Lee")
        assert 0 == run("--yes", "--report", str(tmp_path / "report.json")).exit_code
        text = (tmp_path / "report.json").read_text()
        found = json.loads(text)
        calls = found["calls"]
        assert [("GET", 200), ("PUT", 200), ("POST", 200), ("GET", 200), ("DELETE", 200), ("GET", 200)] == [
            (call["method"], call["status"]) for call in calls
        ]
        assert {"password_id": 200} == calls[4]["sent"]
        assert 1 == calls[4]["answer"]["ack"]
        shown = calls[3]["answer"]["l_passwords"]
        assert calls[2]["sent"]["password_start_time"] == shown[0]["password_start_time"]
        assert ("[hidden] str", "[hidden] 1 more") == (shown[0]["password"], shown[1])
        for secret in ("482913", "John", inn.environ["KAS_API_KEY"]):
            assert secret not in text

    def test_report_of_words(self, inn: Engine, tmp_path: Path) -> None:
        """What is no JSON is shown as words, and a PIN in it is hidden."""
        inn.vendor.add_fault("text", op="add", status=400, text="PIN 482913 of a@b.example is wrong.")
        run("--yes", "--report", str(tmp_path / "report.json"))
        text = (tmp_path / "report.json").read_text()
        assert "PIN [hidden] of [hidden] is wrong." == json.loads(text)["calls"][2]["answer"]

    def test_report_by_default(self, inn: Engine) -> None:
        """Its name tells lock and time, and a line says where it is."""
        result = run("--yes")
        (path,) = Path().glob(f"innkey-live-{DOOR}-*.json")
        assert str(path) in result.stdout

    def test_is_logged(self, inn: Engine) -> None:
        """Who tested the lock, and what was left there."""
        run("--yes")
        lines = inn.innkey.store.operators.page(limit=9, cursor=None).items
        assert [("doctor.live", DOOR, "left on the lock: nothing"), ("doctor.live", DOOR, "asked")] == [
            (line.what, line.on, line.result) for line in lines
        ]

    def test_a_long_thought(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """While a person thinks the lock is kept."""
        monkeypatch.setattr(by_hand, "_SLICE", timedelta(seconds=0.1))
        store = inn.innkey.store
        left = []

        def thinks(*_args: Any, **_more: Any) -> bool:
            store.client.pexpire(keys.lease(DOOR), 600)
            until(lambda: store.client.pttl(keys.lease(DOOR)) > 5000, "the lease renewed")
            left.append(True)
            return True

        monkeypatch.setattr(doctor_command._Test, "_may", thinks)
        assert 0 == run(given="y\n").exit_code
        assert 4 == len(left)

    def test_too_long_a_thought(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Promise 2: once the lock was out of hand, what was read of it counts no more, though it is free."""
        monkeypatch.setattr(by_hand, "LONGEST_THOUGHT", timedelta(0))
        monkeypatch.setattr(by_hand, "MARGIN", timedelta(seconds=-7))

        def thinks(*_args: Any, **_more: Any) -> bool:
            until(lambda: not inn.innkey.store.client.exists(keys.lease(DOOR)), "the end of the lease")
            return True

        monkeypatch.setattr(doctor_command._Test, "_may", thinks)
        result = run(given="y\n")
        assert 1 == result.exit_code
        assert "a worker took the lock over" in result.stdout
        assert ["list"] == commands(inn)

    def test_unknown_lock(self, inn: Engine) -> None:
        """Only locks of the property file."""
        result = CliRunner().invoke(cli, ["doctor", "--live", "SS999999", "--yes"])
        assert 2 == result.exit_code
        assert "SS000001" in result.stderr
        assert [] == inn.calls()


class TestBesideWorkers:
    """Promise 5: never together with a visit."""

    def test_waits_for_a_visit(self, inn: Engine) -> None:
        """While a worker is at the lock nothing is sent; afterwards the test goes on."""
        inn.vendor.add_fault("slow", op="add", lock=DOOR, seconds=0.8)
        inn.book("BK-1", unit="cabin")
        visit = threading.Thread(target=inn.settle)
        visit.start()
        until(lambda: inn.innkey.store.client.exists(keys.lease(DOOR)), "the visit")
        assert "ok" == steps()["delete"][0]
        visit.join()
        visit_and_test = ["list", "clock", "add", "list", "clock", "add", "list", "delete", "list"]
        assert visit_and_test == commands(inn)
        assert {120} == set(inn.vendor.codes(DOOR))

    def test_after_an_unanswered_command(self, inn: Engine) -> None:
        """A lock that must be left alone is left alone until then."""
        inn.innkey.store.client.set(keys.quiet(DOOR), "1", px=1500)
        before = time.monotonic()
        result = run("--yes")
        assert 0 == result.exit_code, result.output
        assert "until the vendor has let go of it" in result.stderr
        assert time.monotonic() - before > 1.4

    def test_gives_up_waiting(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """A lock that never becomes free is left alone."""
        monkeypatch.setattr(doctor_command, "LIVE_PATIENCE", timedelta(0))
        inn.innkey.store.client.set(keys.lease(DOOR), "somebody", px=600_000)
        found = steps(code=1)
        assert ("FAIL", "a worker is busy with the lock") == found["lease"]
        assert ("ok", "nothing of this test") == found["what is left"]
        assert [] == commands(inn)

    def test_holds_the_lock(self, inn: Engine) -> None:
        """No worker comes in between; what became due meanwhile is served afterwards."""
        inn.vendor.add_fault("slow", op="add", lock=DOOR, seconds=0.8)
        test = threading.Thread(target=run, args=("--yes",))
        test.start()
        until(lambda: inn.calls("clock", DOOR), "the test's first command")
        inn.book("BK-1", unit="cabin")
        inn.settle(lambda: inn.state() == "ready")
        test.join()
        assert ["list", "clock", "add", "list", "delete", "list"] == commands(inn)[:6]
        assert {120} == set(inn.vendor.codes(DOOR))

    def test_wakes_whom_it_held_up(self, inn: Engine) -> None:
        """A lock that was woken and then lent is woken again, not only when the wake-up has run out."""
        inn.book("BK-1", unit="cabin")
        inn.applier.apply(inn.queue.events[-1])
        before = inn.queue.locks_due.count(DOOR)
        run("--yes")
        assert before + 1 == inn.queue.locks_due.count(DOOR)


class TestTrouble:
    """What goes wrong, and what is left then."""

    def test_no_list(self, inn: Engine) -> None:
        """Without a list nothing is written."""
        inn.vendor.add_fault("status", op="list", lock=DOOR, status=504, times=None)
        found = steps(code=1)
        assert ("FAIL", "ok") == (found["list"][0], found["what is left"][0])
        assert {"list"} == set(commands(inn))

    def test_no_gateway(self, inn: Engine) -> None:
        """The add was surely not done: nothing is left."""
        inn.vendor.set_lock(DOOR, gateway_online=False)
        found = steps(code=1)
        assert ("warn", "FAIL", "ok") == tuple(found[step][0] for step in ("clock", "add", "what is left"))
        assert "offline, ack 8" in found["add"][1]

    def test_add_in_doubt(self, inn: Engine) -> None:
        """Done, though the answer was a 504: found by the list, and taken off."""
        inn.vendor.add_fault("status", op="add", status=504, executed=True)
        found = steps()
        assert ("warn", "ok", "ok", "ok") == tuple(
            found[step][0] for step in ("add", "read back", "delete", "what is left")
        )
        assert {} == inn.vendor.codes(DOOR)

    def test_add_lost(self, inn: Engine) -> None:
        """Never done: told, and a delete makes sure."""
        inn.vendor.add_fault("status", op="add", status=504)
        found = steps(code=1)
        assert ("FAIL", "ok", "ok") == tuple(
            found[step][0] for step in ("read back", "delete", "what is left")
        )
        assert 1 == len(inn.calls("delete"))

    def test_unanswered_add(self, inn: Engine) -> None:
        """Promises 4 and 5: after a call without an answer the next one waits for `vendor_hold`."""
        inn.vendor.add_fault("hang", op="add", executed=True, hold_seconds=2.5)
        result = run("--yes", "--json")
        assert 0 == result.exit_code, result.output
        assert "waiting 2 s, until the vendor has let go of it" in result.stderr
        assert ["list", "clock", "add", "list", "delete", "list"] == commands(inn)
        added, following = (datetime.fromisoformat(call["at"]) for call in inn.calls(lock=DOOR)[2:4])
        assert timedelta(seconds=2.9) <= following - added
        assert {} == inn.vendor.codes(DOOR)

    def test_delete_refused(self, inn: Engine) -> None:
        """It says what is on the lock, where, and that it opens nothing yet; the PIN is not told."""
        inn.vendor.add_fault("ack", ack=2, op="delete", times=None)
        result = run("--yes")
        code: Any = inn.vendor.codes(DOOR)[200]
        assert 1 == result.exit_code
        left = next(line for line in result.stdout.splitlines() if "what is left" in line)
        words = f"slot 200 holds a test PIN named '{NAME}', which opens the door only from {code['starts']}"
        assert words in left
        assert code["pin"] not in result.output
        assert live_test.REMOVALS == len(inn.calls("delete"))

    def test_foreign_code(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Promise 2: what somebody else wrote into the slot meanwhile is not deleted."""
        seen = live_test.LiveTest._seen

        def typed(self: Any, borrowed: Any, pin: Any) -> Any:
            inn.vendor.hand(DOOR, 200, "0953", name="Cleaner")
            return seen(self, borrowed, pin)

        monkeypatch.setattr(live_test.LiveTest, "_seen", typed)
        assert "holds a PIN that is not of this test" in steps(code=1)["read back"][1]
        assert ["Cleaner"] == [code["name"] for code in inn.vendor.codes(DOOR).values()]
        assert [] == inn.calls("delete")

    def test_full_lock(self, inn: Engine) -> None:
        """No free slot: nothing is written."""
        claims: Any = {str(slot): "direct/A" for slot in range(120, 201)}
        inn.innkey.store.client.hset(keys.lock_slots(DOOR), mapping=claims)
        assert ("FAIL", "none is free from 120 to 200") == steps(code=1)["slot"]
        assert [] == inn.calls("add")

    def test_lost_key(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where the index of PINs cannot be read, none is written."""
        inn.innkey.store.vault.tag("0482")
        monkeypatch.setenv("INNKEY_SECRET_KEY", Fernet.generate_key().decode())
        found = steps(code=1)
        assert ("FAIL", "ok") == (found["PIN"][0], found["what is left"][0])
        assert [] == inn.calls("add")

    def test_interrupted(self, inn: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ctrl-C while the add is out: what may be left is told, and the lock is left alone for a while."""
        add = Vendor.add

        def interrupted(*args: Any) -> Any:
            add(*args)
            raise KeyboardInterrupt

        monkeypatch.setattr(Vendor, "add", interrupted)
        result = run("--yes", "--json")
        assert 130 == result.exit_code
        last = json.loads(result.stdout)["checks"][-2]
        assert last["cause"].startswith("slot 200 may hold a test PIN")
        assert inn.innkey.store.client.exists(keys.quiet(DOOR))
        assert 1 == inn.innkey.store.client.zcard(keys.window("default"))

"""The commands beside a running Innkey: a real Redis in the data folder, and no environment at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis
import time_machine
from click.testing import CliRunner, Result

from tests.cli_kit import stand_in
from tests.redis_server import redis_server
from worker.bootstrap import Innkey, bootstrap
from worker.cli import cli
from worker.commands import bookings
from worker.commands.record import completed, open_record
from worker.domain.access_code import GaveUp, Phase
from worker.domain.booking import BookingEvent, EventType, Status, StayKey, Version
from worker.domain.dead_letter import DeadLetter
from worker.domain.outcomes import Kind, Outcome
from worker.domain.plan import applied
from worker.domain.reasons import Job, Reason
from worker.domain.record import Stay
from worker.processes.data_folder import secret_key
from worker.processes.embedded_redis import EmbeddedRedis
from worker.store.commit import Commit
from worker.store.letters import writes_for

PROPERTIES = """
timezone = "Australia/Brisbane"
[sources.direct]
adapter = "innkey"
secret = { env = "DIRECT_WEBHOOK_SECRET" }
[locks.SS000001]
[locks.SS000002]
[units.beach-house]
locks = ["SS000001"]
[units.hut]
locks = ["SS000002"]
"""
PIN = "482913"
TODAY = datetime.now(UTC).date()
FAILED = Outcome(Kind.FAILED, ack=4, http_status=200, message="Lock failed", ref="UOWS-Xmuj")
LETTER = DeadLetter(
    id="key-letter",
    reason=Reason.INVALID_KEY,
    step=Job.LIST,
    opened=datetime(2026, 1, 1, tzinfo=UTC),
    problem="invalid_key:default",
)


class Silent:
    """Hints that go nowhere."""

    def locks(self, names: list[str]) -> None:
        """Nobody is told."""

    def event(self, event_key: str) -> None:
        """Nobody is told."""

    def alert(self, problem: str) -> None:
        """Nobody is told."""

    def stay(self, ref: str) -> None:
        """Nobody is told."""

    def outgoing(self, endpoint: str) -> None:
        """Nobody is told."""

    def errands(self, source: str) -> None:
        """Nobody is told."""


def book(innkey: Innkey, number: int, **changes: object) -> StayKey:
    """Put a booking on record as its event does; check-in `number` days from now, at 15:00 in Brisbane."""
    now = innkey.clock.now()
    day = TODAY + timedelta(days=number)
    told = {
        "unit": "beach-house",
        "check_in": f"{day}",
        "check_out": f"{day + timedelta(days=2)}",
        "pin": PIN,
    }
    key = StayKey("direct", f"BK-{number}")
    event = BookingEvent(
        id=f"e{number}",
        key=key,
        type=EventType.CREATED,
        version=Version(stamp=now),
        changes={**told, **changes},
    )
    innkey.ledger.change(key, lambda stay, at: applied(stay, event, at))
    return key


def fail(innkey: Innkey, key: StayKey) -> None:
    """Let the stay's code have failed for good."""

    def change(stay: Stay | None, now: datetime) -> Stay | None:
        if stay is None:
            return None
        code = stay.codes[0]
        tried = replace(code, phase=Phase.SETTING, slot=120, attempts=4, failures=4).tried(
            now, Job.SET, FAILED
        )
        return stay.with_code(replace(tried, gave_up=GaveUp(Reason.LOCK_FAILED, Job.SET)))

    innkey.ledger.change(key, change)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a user stands whose `innkey up --sandbox` runs: the demo's files are in `data`."""
    folder = tmp_path_factory.mktemp("cli")
    data = folder / "data"
    data.mkdir()
    (data / "properties.toml").write_text(PROPERTIES)
    (data / "direct-webhook-secret").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    secret_key(data)
    return folder


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[EmbeddedRedis]:
    """The Redis of that Innkey."""
    with redis_server(folder / "data", fsync="everysec") as running:
        yield running


@pytest.fixture
def innkey(folder: Path, server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> Iterator[Innkey]:
    """A fresh record with three bookings, the second with a failed code, and no environment."""
    stand_in(folder, monkeypatch)
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    innkey = bootstrap(completed({}), hints=Silent())
    book(innkey, 3)
    fail(innkey, book(innkey, 5))
    book(innkey, 7, unit="nowhere")
    yield innkey
    innkey.store.client.close()


def run(*args: str, given: str | None = None) -> Result:
    """Run `innkey` in this process; `given`: what is typed when it asks."""
    return CliRunner().invoke(cli, args, input=given)


def items(*args: str) -> list[Any]:
    """The items of a list as a program gets them."""
    result = run(*args, "--json")
    assert (0, "") == (result.exit_code, result.stderr)
    found: list[Any] = json.loads(result.stdout)["items"]
    return found


def ids(*args: str) -> list[str]:
    """The ids of a list."""
    return [one["id"] for one in items(*args)]


def code_letter(innkey: Innkey, booking: str = "BK-5") -> str:
    """The letter of the failed code."""
    stay = innkey.store.stays.get(StayKey("direct", booking))
    assert stay is not None
    assert stay.codes[0].letter is not None
    return stay.codes[0].letter.id


def test_bookings_for_people(innkey: Innkey) -> None:
    """One row a booking, times with their offset, no PIN."""
    result = run("bookings", "list")

    lines = result.stdout.splitlines()
    day = TODAY + timedelta(days=3)
    assert 0 == result.exit_code
    assert 4 == len(lines)
    assert any(line.startswith("direct/BK-3") and f"{day} 15:00 +10:00" in line for line in lines)
    assert PIN not in result.output


def test_bookings_for_programs(innkey: Innkey) -> None:
    """By check-in, unknown ones first; the PIN is masked."""
    found = items("bookings", "list")

    assert ["BK-7", "BK-3", "BK-5"] == [one["id"] for one in found]
    assert ["******"] * 3 == [one["pin"] for one in found]
    assert ["review", "setting", "review"] == [one["state"] for one in found]


def test_bookings_by_state(innkey: Innkey) -> None:
    """Only those in the state that was asked for."""
    assert ["BK-7", "BK-5"] == ids("bookings", "list", "--state", "review")
    assert [] == ids("bookings", "list", "--state", "ready")


def test_bookings_by_check_in(innkey: Innkey) -> None:
    """Days count from midnight to midnight in the house's zone, both ends included."""
    third, fifth = ((TODAY + timedelta(days=n)).isoformat() for n in (3, 5))

    assert ["BK-3", "BK-5"] == ids("bookings", "list", "--from", third, "--to", fifth)
    assert ["BK-3"] == ids("bookings", "list", "--from", third, "--to", third)
    assert ["BK-5"] == ids("bookings", "list", "--from", f"{third}T15:01")
    assert ["BK-3"] == ids("bookings", "list", "--from", third, "--to", f"{fifth}T04:59:00Z")


@pytest.mark.parametrize("chunk", [1, 2, 200])
def test_bookings_page_by_page(chunk: int, innkey: Innkey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each page goes on where the last one ended, with a filter too, however the record is read."""
    monkeypatch.setattr(bookings, "CHUNK", chunk)
    first = json.loads(run("bookings", "list", "--state", "review", "--limit", "1", "--json").stdout)
    args = ("bookings", "list", "--state", "review", "--cursor", first["next"])
    second = json.loads(run(*args, "--json").stdout)

    assert ["BK-7"] == [one["id"] for one in first["items"]]
    assert ["BK-5"] == [one["id"] for one in second["items"]]
    assert second["next"] is None
    assert f"--cursor {first['next']}" in run("bookings", "list", "--state", "review", "--limit", "1").stderr


@pytest.mark.parametrize("args", [[name, "list"] for name in ("bookings", "dead-letters", "rejected-events")])
def test_bad_cursor(args: list[str], innkey: Innkey) -> None:
    """A cursor that no list gave is a usage error."""
    result = run(*args, "--cursor", "nonsense")

    assert 2 == result.exit_code
    assert "--cursor" in result.stderr
    assert 1 == len(result.stderr.splitlines())


def test_booking_for_people(innkey: Innkey) -> None:
    """The booking, its codes and its timeline; the PIN is masked until it is asked for."""
    masked, open_ = (
        run("bookings", "show", "direct/BK-5"),
        run("bookings", "show", "direct/BK-5", "--show-pin"),
    )

    assert (0, 0) == (masked.exit_code, open_.exit_code)
    assert PIN not in masked.output
    assert "******" in masked.stdout
    assert PIN in open_.stdout
    for words in (
        "SS000001",
        "120",
        "review",
        "outcome failed, ack 4, message Lock failed",
        "event.accepted",
    ):
        assert words in masked.stdout


def test_booking_for_programs(innkey: Innkey) -> None:
    """The documented object; the PIN only where it is asked for."""
    masked = json.loads(run("bookings", "show", "direct/BK-5", "--json").stdout)
    open_ = json.loads(run("bookings", "show", "direct/BK-5", "--json", "--show-pin").stdout)

    assert ("******", PIN) == (masked["pin"], open_["pin"])
    assert {**masked, "pin": PIN} == open_
    assert ("review", 120, 4) == tuple(open_["codes"][0][name] for name in ("state", "slot", "attempts"))


def test_no_such_booking(innkey: Innkey) -> None:
    """One line, exit code 1."""
    result = run("bookings", "show", "direct/BK-99")

    assert 1 == result.exit_code
    assert result.stderr.startswith("innkey: error: booking direct/BK-99: ")


def test_letters(innkey: Innkey) -> None:
    """Those not resolved, with what the vendor said; `show` has every attempt."""
    letter_id = code_letter(innkey)
    listed = {one["id"]: one for one in items("dead-letters", "list")}
    shown = json.loads(run("dead-letters", "show", letter_id, "--json").stdout)

    assert 2 == len(listed)
    assert shown == listed[letter_id]
    assert ("lock_failed", "BK-5", 4, "Lock failed") == tuple(
        shown[name] for name in ("reason", "booking", "ack", "message")
    )
    assert ["failed"] == [one["outcome"] for one in shown["attempts"]]
    for result in (run("dead-letters", "list"), run("dead-letters", "show", letter_id)):
        assert 0 == result.exit_code
        assert all(words in result.stdout for words in (letter_id, "direct/BK-5", "Lock failed", "UTC"))


def test_retry(innkey: Innkey) -> None:
    """The letter is worked on again: it is retrying, and still listed."""
    letter_id = code_letter(innkey)
    result = run("dead-letters", "retry", letter_id)

    assert (0, f"{letter_id}: tried again; now retrying\n", "") == (
        result.exit_code,
        result.stdout,
        result.stderr,
    )
    assert "retrying" == json.loads(run("dead-letters", "show", letter_id, "--json").stdout)["state"]
    assert letter_id in ids("dead-letters", "list")


def test_retry_of_several(innkey: Innkey) -> None:
    """An unknown one is told and stops none of the others; the exit code says that one failed."""
    letter_id = code_letter(innkey)
    result = run("dead-letters", "retry", "nope", letter_id, letter_id, "--json")

    assert [("retrying", letter_id)] == [(one["state"], one["id"]) for one in json.loads(result.stdout)]
    assert result.stderr.startswith("innkey: error: dead letter nope: there is none")
    assert 1 == len(result.stderr.splitlines())
    assert 1 == result.exit_code


def test_retry_tells_the_workers(innkey: Innkey) -> None:
    """A hint is sent, so that nobody waits for the next tick. Nothing else was due on this lock before."""
    fail(innkey, book(innkey, 20, unit="hut"))
    before = innkey.store.client.exists("dramatiq:locks")
    result = run("dead-letters", "retry", code_letter(innkey, "BK-20"))

    assert 0 == result.exit_code
    assert (0, 1) == (before, innkey.store.client.exists("dramatiq:locks"))


def test_retry_of_an_accounts_letter(innkey: Innkey) -> None:
    """A letter about an account belongs to no booking; its next probe goes out at once."""
    Commit(commands=writes_for(LETTER)).run(innkey.store.scripts, innkey.house())

    assert 0 == run("dead-letters", "retry", "key-letter").exit_code
    assert 0 == run("dead-letters", "resolve", "key-letter", "--note", "new key").exit_code
    assert "new key" == json.loads(run("dead-letters", "show", "key-letter", "--json").stdout)["note"]


def test_resolve(innkey: Innkey) -> None:
    """Settled by hand: the code counts as set, the letter leaves the list and keeps the note."""
    letter_id = code_letter(innkey)
    result = run("dead-letters", "resolve", letter_id, "--note", "typed it in at the door")

    assert (0, "") == (result.exit_code, result.stderr)
    assert letter_id not in ids("dead-letters", "list")
    letter = next(one for one in items("dead-letters", "list", "--all") if one["id"] == letter_id)
    assert ("resolved", "typed it in at the door") == (letter["state"], letter["note"])
    stay = innkey.store.stays.get(StayKey("direct", "BK-5"))
    assert stay is not None
    assert [True] == [code.by_hand for code in stay.codes]


def test_resolve_of_several(innkey: Innkey) -> None:
    """One note for all of them; an unknown one stops none of the others."""
    fail(innkey, book(innkey, 20, unit="hut"))
    wanted = [code_letter(innkey), code_letter(innkey, "BK-20")]
    result = run("dead-letters", "resolve", wanted[0], "nope", wanted[1], "--note", "new batteries", "--json")

    assert 1 == result.exit_code
    assert [(one, "resolved", "new batteries") for one in wanted] == [
        (one["id"], one["state"], one["note"]) for one in json.loads(result.stdout)
    ]
    assert result.stderr.startswith("innkey: error: dead letter nope: there is none")


def test_rotate_pin(innkey: Innkey) -> None:
    """A new PIN for the stay, which is not printed."""
    result = run("bookings", "rotate-pin", "direct/BK-3")
    stay = innkey.store.stays.get(StayKey("direct", "BK-3"))

    assert (0, "") == (result.exit_code, result.stderr)
    assert result.stdout.startswith("direct/BK-3: a new PIN is on its way")
    assert stay is not None
    assert stay.pin is not None
    assert PIN != stay.pin
    assert stay.pin not in run("bookings", "rotate-pin", "direct/BK-5", "--json").output


def test_resend(innkey: Innkey) -> None:
    """The e-mail is asked for once more; where none can go, the line says why."""
    book(innkey, 9, guest_email="guest@example.com")
    good, bad = run("bookings", "resend", "direct/BK-9", "--json"), run("bookings", "resend", "direct/BK-3")

    assert (0, "******") == (good.exit_code, json.loads(good.stdout)["pin"])
    assert "email.asked_again" in [note["what"] for note in json.loads(good.stdout)["timeline"]]
    assert 1 == bad.exit_code
    assert bad.stderr.startswith(
        "innkey: error: booking direct/BK-3: it cannot be done now. This booking takes"
    )


def test_cancel(innkey: Innkey) -> None:
    """It asks, names no guest, and does nothing unless it is agreed to; then it is cancelled and logged."""
    book(innkey, 9, guest_name="Ann Lee")
    key = StayKey("direct", "BK-9")
    nobody, no = run("bookings", "cancel", str(key)), run("bookings", "cancel", str(key), given="n\n")
    kept = innkey.store.stays.get(key)

    assert (2, 1) == (nobody.exit_code, no.exit_code)
    assert "give --yes" in nobody.stderr
    assert f"Cancel {key} (beach-house, {TODAY + timedelta(days=9)} 15:00 +10:00 to" in no.stderr
    assert "Ann" not in no.output
    assert kept is not None
    assert Status.CONFIRMED is kept.booking.status
    assert [] == items("operator-log")

    yes = run("bookings", "cancel", str(key), given="y\n")
    stay = innkey.store.stays.get(key)

    assert (0, f"{key}: it is cancelled") == (yes.exit_code, yes.stdout[: len(f"{key}: it is cancelled")])
    assert stay is not None
    assert Status.CANCELLED is stay.booking.status
    assert ["booking.cancel"] * 2 == [line["what"] for line in items("operator-log")]


def test_cancel_without_a_question(innkey: Innkey) -> None:
    """`--json` prints the booking; a second time there is nothing to cancel, nor where it is over."""
    book(innkey, -5)
    done = run("bookings", "cancel", "direct/BK-3", "--yes", "--json")
    again, past = (run("bookings", "cancel", f"direct/BK-{one}", "--yes") for one in (3, -5))

    assert (0, "cancelled", "cancelled") == (
        done.exit_code,
        *(json.loads(done.stdout)[name] for name in ("status", "state")),
    )
    for result, why in ((again, "This stay is cancelled already."), (past, "This stay is over")):
        assert 1 == result.exit_code
        assert f"it cannot be done now. {why}" in result.stderr


def test_cancel_names_the_other_stays_of_a_reservation(innkey: Innkey) -> None:
    """Who cancels the first one is told which others go with it."""
    key = book(innkey, 9)

    def told(stay: Stay | None, _: datetime) -> Stay | None:
        return stay and replace(stay, booking=replace(stay.booking, siblings=("BK-9.a", "BK-9.b")))

    innkey.ledger.change(key, told)
    assert "), and BK-9.a, BK-9.b with it?" in run("bookings", "cancel", str(key), given="n\n").stderr


def test_cancel_of_an_unknown_unit(innkey: Innkey) -> None:
    """There are no times to show then."""
    assert "Cancel direct/BK-7 (nowhere)?" in run("bookings", "cancel", "direct/BK-7", given="n\n").stderr


@pytest.mark.parametrize("act", [["rotate-pin"], ["resend"], ["cancel"], ["cancel", "--yes"]])
def test_asking_for_an_unknown_booking(act: list[str], innkey: Innkey) -> None:
    """One line, exit code 1."""
    result = run("bookings", *act, "direct/BK-99")

    assert 1 == result.exit_code
    assert result.stderr.startswith("innkey: error: booking direct/BK-99: there is none on record")


@pytest.mark.parametrize("act", [["retry"], ["resolve", "--note", "again"]])
def test_resolved_letter_is_left_alone(act: list[str], innkey: Innkey) -> None:
    """Nothing is left to do on it: one line, exit code 1."""
    letter_id = code_letter(innkey)
    run("dead-letters", "resolve", letter_id, "--note", "done")

    result = run("dead-letters", *act, letter_id)

    assert 1 == result.exit_code
    assert (
        f"innkey: error: dead letter {letter_id}: it is resolved already; nothing is left to do"
        in result.stderr
    )
    assert "done" == json.loads(run("dead-letters", "show", letter_id, "--json").stdout)["note"]


def test_unknown_letter(innkey: Innkey) -> None:
    """One line, exit code 1."""
    for result in (
        run("dead-letters", "show", "nope"),
        run("dead-letters", "resolve", "nope", "--note", "x"),
    ):
        assert 1 == result.exit_code
        assert [
            "innkey: error: dead letter nope: there is none; `innkey dead-letters list --all` shows all"
        ] == (result.stderr.splitlines())


def test_the_clock_is_that_of_redis(innkey: Innkey) -> None:
    """What is due is told by one clock, whatever the clock of the person's machine shows."""
    with time_machine.travel(datetime.now(UTC) + timedelta(days=3)):
        listed = ids("bookings", "list", "--state", "setting")
        with open_record() as opened:
            apart = opened.clock.now() - innkey.store.agenda.now()

    assert ["BK-3"] == listed
    assert timedelta(minutes=1) > abs(apart)


def test_foreign_key(innkey: Innkey, server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that another key wrote is a question of configuration."""
    monkeypatch.setenv("INNKEY_SECRET_KEY", "x" * 43 + "=")

    result = run("bookings", "list")

    assert 2 == result.exit_code
    assert result.stderr.startswith("innkey: error: the record cannot be decrypted")
    assert "INNKEY_SECRET_KEY" in result.stderr


def test_redis_away(innkey: Innkey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it should be, without its password; exit code 1."""
    monkeypatch.setenv("REDIS_URL", "redis://:hunter2@127.0.0.1:1/0")
    monkeypatch.setenv("INNKEY_SECRET_KEY_FILE", str(Path("data") / "secret.key"))

    result = run("bookings", "list")

    assert 1 == result.exit_code
    (line,) = result.stderr.splitlines()
    assert line.startswith(
        "innkey: error: Redis at 127.0.0.1:1 is not to be reached (Connection refused); start it"
    )
    assert "hunter2" not in result.output


def test_redis_refuses_the_password(
    innkey: Innkey, server: EmbeddedRedis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A wrong password is told as such, and is not shown."""
    monkeypatch.setenv("REDIS_URL", f"redis://:hunter2@127.0.0.1:{server.port}/0")
    monkeypatch.setenv("INNKEY_SECRET_KEY_FILE", str(Path("data") / "secret.key"))

    result = run("dead-letters", "list")

    assert 1 == result.exit_code
    assert "refuses the user or the password" in result.stderr
    assert "hunter2" not in result.output

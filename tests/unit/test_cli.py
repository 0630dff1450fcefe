"""The command line without a record: usage, configuration, errors, exit codes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from tests.cli_kit import stand_in
from worker.cli import cli
from worker.commands import sandbox, up
from worker.commands.output import plain, print_table, shown
from worker.commands.record import completed, with_demo
from worker.configuration_error import ConfigurationError, Problem
from worker.kas.sandbox.slots import PROFILES, Latency
from worker.processes import StartError
from worker.processes.data_folder import DataFolderInUse

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PROPERTIES = """
timezone = "Australia/Brisbane"
[sources.direct]
adapter = "innkey"
secret = { env = "DIRECT_WEBHOOK_SECRET" }
[locks.SS000001]
[locks.SS000002]
[units.beach-house]
locks = ["SS000001", "SS000002"]
"""
RECORD = [
    ["bookings", "list"],
    ["bookings", "show", "direct/BK-1"],
    ["dead-letters", "list"],
    ["dead-letters", "show", "L1"],
    ["dead-letters", "retry", "L1"],
    ["dead-letters", "resolve", "L1", "--note", "done"],
    ["bookings", "rotate-pin", "direct/BK-1"],
    ["bookings", "resend", "direct/BK-1"],
    ["bookings", "cancel", "direct/BK-1"],
    ["bookings", "cancel", "direct/BK-1", "--yes"],
    ["rejected-events", "list"],
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder and an environment without any variable of ours."""
    stand_in(tmp_path, monkeypatch)
    return tmp_path


@pytest.fixture
def configured(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder with a good property file."""
    (folder / "properties.toml").write_text(PROPERTIES)
    monkeypatch.setenv("DIRECT_WEBHOOK_SECRET", SECRET)
    return folder


def run(*args: str) -> Result:
    """Run `innkey` in this process."""
    return CliRunner().invoke(cli, args)


def error_lines(result: Result) -> list[str]:
    """The lines on stderr, each checked to be an error line of ours; nothing went to stdout."""
    lines = result.stderr.splitlines()
    assert lines
    assert all(line.startswith("innkey: error: ") for line in lines)
    assert "" == result.stdout
    return lines


@pytest.mark.parametrize(
    "args",
    [
        ["nonsense"],
        ["--nonsense"],
        ["bookings", "nonsense"],
        ["bookings", "list", "--nonsense"],
        ["bookings", "list", "--from", "soon"],
        ["bookings", "list", "--state", "lost"],
        ["bookings", "list", "--limit", "0"],
        ["bookings", "show"],
        ["bookings", "show", "no-slash"],
        ["dead-letters", "retry"],
        ["bookings", "rotate-pin", "no-slash"],
        ["bookings", "cancel", "no-slash"],
        ["dead-letters", "resolve", "L1"],
        ["dead-letters", "resolve", "--note", "done"],
        ["rejected-events", "replay"],
        ["rejected-events", "replay", "--url", "nowhere", "R1"],
        ["dead-letters", "resolve", "L1", "--note", " "],
        ["sandbox", "--port", "70000"],
        ["sandbox", "--latency", "-1"],
        ["send-test", "--type", "booking.burnt"],
        ["send-test", "--url", "ftp://somewhere"],
    ],
)
def test_usage_errors(args: list[str]) -> None:
    """One line that says where help is, exit code 2."""
    result = run(*args)

    (line,) = error_lines(result)
    assert "--help'" in line
    assert 2 == result.exit_code


@pytest.mark.parametrize("args", [[], ["config"], ["bookings"], ["dead-letters"], ["rejected-events"]])
def test_a_group_alone_shows_its_help(args: list[str]) -> None:
    """Help goes to stderr with exit code 2: nothing was done."""
    result = run(*args)

    assert 2 == result.exit_code
    assert result.stderr.startswith("Usage: innkey")


def test_version() -> None:
    """`innkey --version` names the program and its version."""
    result = run("--version")

    assert 0 == result.exit_code
    assert result.stdout.startswith("innkey 0.")


def test_config_check_says_what_it_found(configured: Path) -> None:
    """One line with units, locks, sources and accounts, without a Redis."""
    result = run("config", "check")

    expected = "configuration is good: 1 unit, 2 locks, sources direct; accounts default\n"
    assert (0, expected, "") == (result.exit_code, result.stdout, result.stderr)


def test_config_check_for_programs(configured: Path) -> None:
    """The same as JSON."""
    expected = {
        "good": True,
        "units": ["beach-house"],
        "locks": ["SS000001", "SS000002"],
        "sources": ["direct"],
        "feeds": [],
        "accounts": ["default"],
        "problems": [],
    }

    assert expected == json.loads(run("config", "check", "--json").stdout)


def test_config_check_tells_every_problem(configured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each from the environment and the property file, exit code 2."""
    monkeypatch.setenv("PORT", "many")
    monkeypatch.delenv("DIRECT_WEBHOOK_SECRET")

    result = run("config", "check")

    lines = error_lines(result)
    assert 2 == result.exit_code
    assert ["PORT", "sources.direct.secret"] == [line.split(": ")[2] for line in lines]


def test_config_check_tells_programs_every_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    """The problems as objects on stdout, exit code 2."""
    monkeypatch.setenv("PORT", "many")

    result = run("config", "check", "--json")

    told = json.loads(result.stdout)
    assert (2, False, "") == (result.exit_code, told["good"], result.stderr)
    assert ["PORT", "property file properties.toml"] == [one["where"] for one in told["problems"]]
    assert {"where", "cause", "cure"} == set(told["problems"][0])


@pytest.mark.parametrize("args", RECORD)
def test_without_a_record_the_cure_is_named(args: list[str], configured: Path) -> None:
    """No REDIS_URL and no running Innkey: one line, exit code 2."""
    result = run(*args)

    (line,) = error_lines(result)
    assert f"no Innkey runs on {configured / 'data'}" in line
    assert "REDIS_URL" in line
    assert 2 == result.exit_code


@pytest.mark.parametrize("args", [*RECORD, ["send-test"]])
def test_broken_environment_is_no_traceback(args: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every problem is one line, whatever the command, exit code 2."""
    monkeypatch.setenv("PORT", "many")
    monkeypatch.setenv("INNKEY_SECRET_KEY", "far too short")

    result = run(*args)

    lines = error_lines(result)
    told = {line.split(": ")[2] for line in lines}
    assert {"PORT", "INNKEY_SECRET_KEY", "property file properties.toml"} <= told
    assert "far too short" not in result.stderr
    assert 2 == result.exit_code


def raising(error: BaseException) -> Any:
    """A stand-in that raises."""

    def stand_in(*_args: object, **_options: object) -> None:
        raise error

    return stand_in


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (StartError("The thing. The cure."), 1, ["The thing. The cure."]),
        (ConfigurationError([Problem("A", "b", "c"), Problem("D", "e", "f")]), 2, ["A: b; c", "D: e; f"]),
        (
            PermissionError(13, "Permission denied", "/data"),
            1,
            ["/data: Permission denied; mend that and try again"],
        ),
        (
            ModuleNotFoundError("No", name="pika"),
            1,
            ["the package pika is not installed; install it, it is wanted here"],
        ),
    ],
)
def test_errors_are_lines(
    error: Exception, code: int, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each error a command may end with has its lines and its exit code."""
    monkeypatch.setattr(up, "run_stack", raising(error))

    result = run("up")

    assert [f"innkey: error: {line}" for line in lines] == error_lines(result)
    assert code == result.exit_code


def test_data_folder_in_use(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second `innkey up` on a folder names the folder, exit code 1."""
    monkeypatch.setattr(up, "run_stack", raising(DataFolderInUse(folder, {"owner": 1, "server": 2})))

    result = run("up")

    (line,) = error_lines(result)
    assert f"The data folder {folder} is in use" in line
    assert 1 == result.exit_code


def test_a_bug_is_told_without_its_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error nobody foresaw names its kind and place; its text may hold a PIN and is left out."""
    monkeypatch.setattr(up, "run_stack", raising(LookupError("PIN 482913 of John")))

    result = run("up")

    (line,) = error_lines(result)
    assert "LookupError at " in line
    assert "test_cli.py:" in line
    assert "482913" not in line
    assert 1 == result.exit_code


def test_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C: exit code 130 and no word."""
    monkeypatch.setattr(up, "run_stack", raising(KeyboardInterrupt()))

    result = run("up")

    assert (130, "", "") == (result.exit_code, result.stdout, result.stderr.strip())


def test_up_checks_the_configuration_of_its_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`innkey up --sandbox` asks for the sandbox, and refuses what the processes could not start with."""
    seen: list[bool] = []

    def stack(environ: Mapping[str, str], *, with_sandbox: bool, check: Any) -> None:
        seen.append(with_sandbox)
        check({**environ, "PORT": "many"})

    monkeypatch.setattr(up, "run_stack", stack)

    result = run("up", "--sandbox")

    assert [True] == seen
    assert "PORT" in error_lines(result)[0]
    assert 2 == result.exit_code


def asked_of_sandbox(monkeypatch: pytest.MonkeyPatch, *args: str) -> dict[str, Any]:
    """What `innkey sandbox` starts the sandbox with."""
    asked: dict[str, Any] = {}
    monkeypatch.setattr(sandbox, "run_sandbox", lambda **options: asked.update(options))
    assert 0 == run("sandbox", *args).exit_code
    return asked


def test_sandbox_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without options it makes locks when they are asked for, and keeps its state in the data folder."""
    expected = {
        "host": "127.0.0.1",
        "port": 8100,
        "data_dir": Path("data"),
        "api_key": "sandbox-key",
        "locks": (),
        "latency": None,
        "auto_create": True,
        "seed": 0,
    }

    assert expected == asked_of_sandbox(monkeypatch)


def test_sandbox_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every option arrives; with named locks no others are made."""
    monkeypatch.setenv("INNKEY_DATA", "elsewhere")
    args = "--host 127.0.0.2 --port 0 --lock A --lock B --api-key k --latency 1.5 --jitter 0.5 --seed 7"
    expected = {
        "host": "127.0.0.2",
        "port": 0,
        "data_dir": Path("elsewhere"),
        "api_key": "k",
        "locks": ("A", "B"),
        "latency": Latency(base_seconds=1.5, jitter_seconds=0.5),
        "auto_create": False,
        "seed": 7,
    }

    assert expected == asked_of_sandbox(monkeypatch, *args.split())
    assert Path("here") == asked_of_sandbox(monkeypatch, "--data", "here")["data_dir"]


def test_sandbox_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile is a latency by name, and suffers no other beside it."""
    assert PROFILES["slow"] == asked_of_sandbox(monkeypatch, "--profile", "slow")["latency"]
    assert Latency() == asked_of_sandbox(monkeypatch, "--latency", "0")["latency"]

    result = run("sandbox", "--profile", "slow", "--jitter", "1")

    assert 2 == result.exit_code
    assert "--profile has its own" in result.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(98, "Address already in use"), "127.0.0.1:8100: Address already in use"),
        (ValueError("x.json is damaged; move it away"), "x.json is damaged; move it away"),
    ],
)
def test_sandbox_that_cannot_start(error: Exception, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A taken port and a damaged state are told, exit code 1."""
    monkeypatch.setattr(sandbox, "run_sandbox", raising(error))

    result = run("sandbox")

    (line,) = error_lines(result)
    assert words in line
    assert 1 == result.exit_code


def test_the_demos_files_are_found(folder: Path) -> None:
    """What `innkey up --sandbox` wrote serves where there is no property file of the user's own."""
    data = folder / "data"
    data.mkdir()
    (data / "properties.toml").write_text(PROPERTIES)
    (data / "direct-webhook-secret").write_text(SECRET)
    (data / "api-token").write_text("a-token")

    found = with_demo({})
    expected = {
        "INNKEY_PROPERTIES": str(data / "properties.toml"),
        "DIRECT_WEBHOOK_SECRET_FILE": str(data / "direct-webhook-secret"),
        "INNKEY_API_TOKEN_FILE": str(data / "api-token"),
    }
    assert expected == found
    (folder / "properties.toml").write_text(PROPERTIES)
    assert {} == with_demo({})
    assert {"INNKEY_PROPERTIES": "mine.toml"} == with_demo({"INNKEY_PROPERTIES": "mine.toml"})


def test_a_given_record_is_taken_as_it_is(configured: Path) -> None:
    """With REDIS_URL nothing is looked for in the data folder."""
    environ = {"REDIS_URL": "redis://elsewhere:6379/0"}

    assert environ == completed(environ)


def test_nothing_steers_the_terminal() -> None:
    """Control characters of a vendor's words are shown as a sign, line breaks as a space."""
    assert "a b�[31m" == plain("a\nb\x1b[31m")


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        (None, None),
        ("2026-12-01T15:00:00+10:00", "2026-12-01 15:00 +10:00"),
        ("2026-12-05T00:00:00Z", "2026-12-05 00:00:00 UTC"),
    ],
)
def test_times_bear_their_zone(moment: str | None, expected: str | None) -> None:
    """A local time shows its offset, any other says UTC."""
    assert expected == shown(moment)


def test_tables_without_a_terminal_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    """No colour, no folding, no cutting, no markup: one row a line, whatever its length."""
    long = "[red]words[/red] " * 40
    print_table(("Lock", "Message"), [("SS000001", long), ("SS000002", None)])

    expected = ["Lock      Message", f"SS000001  {long.strip()}", "SS000002  –"]
    assert expected == capsys.readouterr().out.splitlines()


def test_every_command_has_help() -> None:
    """`--help` of every command works, and every option is explained."""

    def walk(command: click.Command, path: tuple[str, ...]) -> None:
        assert 0 == run(*path, "--help").exit_code
        for option in (one for one in command.params if isinstance(one, click.Option)):
            assert option.help, (path, option.name)
        if isinstance(command, click.Group):
            ctx = click.Context(command)
            for name in command.list_commands(ctx):
                child = command.get_command(ctx, name)
                assert child is not None
                walk(child, (*path, name))

    walk(cli, ())

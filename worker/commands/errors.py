"""What goes wrong in a command: a line for a person, and an exit code (1 failed, 2 usage, configuration)."""

from __future__ import annotations

import traceback
from collections.abc import Sequence

import click

from worker.commands.output import plain
from worker.configuration_error import ConfigurationError
from worker.processes import StartError

__all__ = ["FAILED", "INTERRUPTED", "MISUSED", "Failure", "explained", "tell"]

FAILED = 1
MISUSED = 2
INTERRUPTED = 130


class Failure(Exception):
    """The command could not do it; a line for each thing that went wrong: thing, cause, cure."""

    def __init__(self, *lines: str, code: int = FAILED) -> None:
        super().__init__(*lines)
        self.lines = lines
        self.code = code


def tell(lines: Sequence[str]) -> None:
    """Write each line as `innkey: error: …` to stderr."""
    for line in lines:
        click.echo(f"innkey: error: {plain(line)}", err=True)


def explained(error: Exception) -> tuple[list[str], int]:
    """The lines to tell and the exit code."""
    match error:
        case Failure():
            return list(error.lines), error.code
        case ConfigurationError():
            return [str(problem) for problem in error.problems], MISUSED
        case StartError():
            return _start_lines(error), FAILED
        case click.ClickException():
            return [_usage(error)], error.exit_code
        case ModuleNotFoundError():
            return [f"the package {error.name} is not installed; install it, it is wanted here"], FAILED
        case OSError():
            what = error.filename or type(error).__name__
            return [f"{what}: {error.strerror or 'cannot be used'}; mend that and try again"], FAILED
    return [_bug(error)], FAILED


def _start_lines(error: StartError) -> list[str]:
    """A server that did not start brings the last lines of its log."""
    return str(error).splitlines()


def _usage(error: click.ClickException) -> str:
    message = error.format_message().rstrip(".")
    ctx = error.ctx if isinstance(error, click.UsageError) else None
    return f"{message}; see '{ctx.command_path} --help'" if ctx is not None else message


def _bug(error: Exception) -> str:
    # The error's own words may hold a guest's data; its name and place do not.
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].lineno}" if frames else "an unknown place"
    return f"this is a bug of Innkey: {type(error).__name__} at {place}; please report this line"

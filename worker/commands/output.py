"""What commands print: tables for people, JSON for programs, and nothing that could steer the terminal."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["json_option", "plain", "plural", "print_json", "print_pairs", "print_table", "shown"]

WIDE = 20_000  # without a terminal nothing is cut or folded

F = TypeVar("F", bound=Callable[..., Any])


def json_option(command: F) -> F:
    """The option `--json`, passed on as `as_json`."""
    option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
    return option(command)


def print_json(value: object) -> None:
    """`value` on stdout, for programs."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on stdout; None is shown as a dash."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for number, heading in enumerate(headings):
        # The name of the row is there to be copied.
        table.add_column(heading, overflow="fold", no_wrap=number == 0)
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    _print(table)


def print_pairs(pairs: Sequence[tuple[str, object]]) -> None:
    """Names and values on stdout, one pair a line."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in pairs:
        table.add_row(name, _cell(value))
    _print(table)


def _print(table: Table) -> None:
    if sys.stdout.isatty():
        Console(file=sys.stdout).print(table)
        return
    text = io.StringIO()
    Console(file=text, width=WIDE, force_terminal=False, color_system=None).print(table)
    for line in text.getvalue().splitlines():
        click.echo(line.rstrip())


def _cell(value: object) -> Text:
    return Text("–" if value is None or value == "" else plain(str(value)))


def plain(text: str) -> str:
    """On one line, without characters that would steer a terminal: the vendor's words are not ours."""
    return "".join(char if char.isprintable() else " " if char.isspace() else "�" for char in text)


def shown(moment: str | None) -> str | None:
    """An ISO time of a view as people read it, with its offset or UTC."""
    if moment is None:
        return None
    found = datetime.fromisoformat(moment)
    if moment.endswith("Z"):
        return f"{found:%Y-%m-%d %H:%M:%S} UTC"
    return f"{found:%Y-%m-%d %H:%M} {found.isoformat()[-6:]}"


def plural(count: int, noun: str) -> str:
    """`1 lock`, `2 locks`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

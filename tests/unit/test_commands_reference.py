"""docs/reference/commands.md names exactly the commands and options that there are, with their defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from worker.cli import cli

PAGE = (Path(__file__).parents[2] / "docs/reference/commands.md").read_text(encoding="utf-8")


def tree(command: click.Command, path: str = "innkey") -> Iterator[tuple[str, click.Command]]:
    """Every command by its full name, groups before what is in them."""
    yield path, command
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            child = command.get_command(ctx, name)
            assert child is not None
            yield from tree(child, f"{path} {name}")


COMMANDS = dict(tree(cli))


def section(path: str) -> str:
    """What the page says below the heading of one command."""
    below = re.split(rf"^##+ `{re.escape(path)}`$", PAGE, flags=re.MULTILINE)[1]
    return re.split(r"^##", below, maxsplit=1, flags=re.MULTILINE)[0]


def rows(path: str) -> dict[str, str]:
    """The default cell of each option in the table of one command."""
    cells = [line.strip("|").split(" | ") for line in section(path).splitlines() if line.startswith("| `")]
    assert all(len(row) == 3 for row in cells)
    return {row[0].strip(" `"): row[2].strip(" |") for row in cells}


def options(path: str) -> dict[str, click.Option]:
    """The options of one command by their long name."""
    return {one.opts[0]: one for one in COMMANDS[path].params if isinstance(one, click.Option)}


def test_the_page_has_a_section_for_each_command_and_no_other() -> None:
    """The headings are the tree of commands."""
    assert sorted(COMMANDS) == sorted(re.findall(r"^##+ `(innkey.*)`$", PAGE, flags=re.MULTILINE))


@pytest.mark.parametrize("path", COMMANDS)
def test_the_page_names_every_option_and_no_other(path: str) -> None:
    """Each table has the options of its command, in its order."""
    assert list(options(path)) == list(rows(path))


@pytest.mark.parametrize("path", COMMANDS)
def test_the_page_names_the_defaults(path: str) -> None:
    """Defaults that are values, and what is required, are the code's own."""
    told = rows(path)
    for name, option in options(path).items():
        if option.required:
            assert "required" == told[name], name
        elif option.show_default:
            value = f"{option.default:g}" if isinstance(option.default, float) else option.default
            assert f"`{value}`" == told[name], name
        elif option.is_flag and name != "--version":
            assert "off" == told[name], name


@pytest.mark.parametrize("path", COMMANDS)
def test_the_page_names_every_argument_and_choice(path: str) -> None:
    """What a command is given, and what an option may be, stands in its section."""
    text = section(path)
    given = [str(one.metavar) for one in COMMANDS[path].params if isinstance(one, click.Argument)]
    assert not given or f"`{path} {' '.join(given)}" in text
    for param in COMMANDS[path].params:
        if isinstance(param.type, click.Choice):
            assert all(f"`{choice}`" in text for choice in param.type.choices)

"""The group that loads commands when they are called and turns errors into a line and an exit code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from typing import Any

import click

from worker.commands.errors import INTERRUPTED, explained, tell

__all__ = ["Root"]


class Root(click.Group):
    """`lazy` maps a command to the place of its code, as `module:name`."""

    def __init__(self, *args: Any, lazy: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = dict(lazy)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which they were given."""
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one command; None where there is no such."""
        place = self._lazy.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command = getattr(importlib.import_module(module), name)
        if not isinstance(command, click.Command):
            raise TypeError(f"{place} is no command")
        return command

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run and end the process with the command's exit code."""
        kwargs |= {"prog_name": "innkey", "standalone_mode": False}
        try:
            code = super().main(*args, **kwargs)
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            sys.exit(error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            sys.exit(INTERRUPTED)
        except Exception as error:  # noqa: BLE001 - told in one line; a traceback could hold a guest's data
            lines, code = explained(error)
            tell(lines)
        sys.exit(code if isinstance(code, int) else 0)

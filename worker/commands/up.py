"""`innkey up`: everything on one machine."""

from __future__ import annotations

import os
from collections.abc import Mapping

import click

from worker.configuration import load_configuration
from worker.processes.stack import run_stack

__all__ = ["up"]


@click.command()
@click.option("--sandbox", is_flag=True, help="Start the sandbox too: no call goes to the vendor.")
def up(*, sandbox: bool) -> None:
    """Run all processes on this machine until Ctrl-C, and restart those that die.

    Without REDIS_URL it brings its own Redis, with its data in INNKEY_DATA. With --sandbox and no property
    file, a demo of two locks is written there.
    """
    run_stack(os.environ, with_sandbox=sandbox, check=_check)


def _check(environ: Mapping[str, str]) -> None:
    load_configuration(environ)

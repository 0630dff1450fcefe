"""`innkey demo`: a booking's whole life, shown and checked."""

from __future__ import annotations

import importlib

import click

__all__ = ["demo"]


@click.command()
def demo() -> None:
    """Show a booking travel from the PMS to the doors and back, on this machine; ends by itself."""
    code = importlib.import_module("worker.demo").run_demo()
    click.get_current_context().exit(int(code or 0))

"""The command line: `innkey`, or `python -m worker.cli`. The commands are in `worker.commands`."""

from __future__ import annotations

import click

from worker.commands.root import Root
from worker.logs import set_up_logging
from worker.settings import read_settings

__all__ = ["cli", "main"]

COMMANDS = {
    "up": "worker.commands.up:up",
    "sandbox": "worker.commands.sandbox:sandbox",
    "config": "worker.commands.config:config",
    "doctor": "worker.commands.doctor:doctor",
    "bookings": "worker.commands.bookings:bookings",
    "dead-letters": "worker.commands.dead_letters:dead_letters",
    "rejected-events": "worker.commands.rejected_events:rejected_events",
    "sources": "worker.commands.sources:sources",
    "outgoing": "worker.commands.outgoing:outgoing",
    "kas": "worker.commands.kas:kas",
    "operator-log": "worker.commands.operator_log:operator_log",
    "send-test": "worker.commands.send_test:send_test",
}


@click.group(cls=Root, lazy=COMMANDS)
@click.version_option(package_name="innkey", message="innkey %(version)s")
def cli() -> None:
    """Booking in, PIN on the door, gone at check-out.

    Exit codes: 0 done, 1 failed, 2 usage or configuration.
    """


def main() -> None:
    """The console script `innkey`."""
    settings, _ = read_settings()  # what is wrong with them is for the commands that use them to tell
    set_up_logging(settings.log_format, settings.log_level)
    cli()


if __name__ == "__main__":
    main()

"""`innkey config`: is the configuration good?"""

from __future__ import annotations

from typing import Any

import click

from worker.commands.errors import MISUSED
from worker.commands.output import json_option, plural, print_json
from worker.configuration import Configuration, load_configuration
from worker.configuration_error import ConfigurationError, Problem

__all__ = ["config"]


@click.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@json_option
def check(*, as_json: bool) -> None:
    """Check the environment and the property file; tell every problem, one a line.

    Nothing is connected. Exit code 2 if there is a problem.
    """
    try:
        found = load_configuration()
    except ConfigurationError as error:
        if not as_json:
            raise
        print_json({"good": False, "problems": [_problem(one) for one in error.problems]})
        click.get_current_context().exit(MISUSED)
    else:
        _tell(found, as_json=as_json)


def _problem(problem: Problem) -> dict[str, str]:
    return {"where": problem.where, "cause": problem.cause, "cure": problem.cure}


def _tell(found: Configuration, *, as_json: bool) -> None:
    names = _names(found)
    if as_json:
        print_json({"good": True, **names, "problems": []})
        return
    counted = [plural(len(names[kind]), kind.removesuffix("s")) for kind in ("units", "locks")]
    kinds = ("sources", "feeds", "accounts") if names["feeds"] else ("sources", "accounts")
    listed = [f"{kind} {', '.join(names[kind]) or 'none'}" for kind in kinds]
    click.echo(f"configuration is good: {', '.join(counted)}, {'; '.join(listed)}")


def _names(found: Configuration) -> dict[str, Any]:
    house = found.properties.house
    return {
        "units": list(house.units),
        "locks": list(house.locks),
        "sources": list(found.properties.sources),
        "feeds": list(found.properties.feeds),
        "accounts": list(house.accounts),
    }

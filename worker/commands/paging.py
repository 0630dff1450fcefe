"""The pages of lists: the options that each list has, and the line that says that there is more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from worker.store.pages import BadCursorError, Page

__all__ = ["page_options", "paged", "tell_more"]

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


def page_options(command: F) -> F:
    """The options `--limit` and `--cursor`."""
    limit = click.option(
        "--limit",
        type=click.IntRange(1, 1000),
        default=100,
        show_default=True,
        help="At most so many, 1 to 1000.",
    )
    cursor = click.option("--cursor", help="Go on where a list with `next` ended.")
    return limit(cursor(command))


def paged(read: Callable[[], Page[T]]) -> Page[T]:
    """What `read` gives; a cursor that no list gave is a usage error."""
    try:
        return read()
    except BadCursorError as error:
        raise click.BadParameter(str(error), param_hint="--cursor") from error


def tell_more(following: str | None) -> None:
    """Say on stderr how to go on, if there is more."""
    if following is not None:
        click.echo(f"there are more: add --cursor {following}, or a higher --limit", err=True)

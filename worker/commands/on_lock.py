"""What `innkey kas pins` and `innkey kas rfids` do alike: show a list, take a secret from a person."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from worker.commands.by_hand import at_lock, does
from worker.commands.errors import Failure
from worker.commands.output import print_json, print_table
from worker.domain.house import Lock
from worker.domain.outcomes import Answer, Entry, Kind
from worker.service.checks import said
from worker.service.lock_desk import LockDesk
from worker.store.store import Store

__all__ = ["Listing", "secret_from", "show_listing"]


@dataclass(frozen=True, slots=True)
class Listing:
    """One of a lock's two lists: `act` as the operator log names it, `noun` as a failure does.

    `headings` are those of the table by the keys of a view; `masked` is the key that shows only `mask`.
    """

    act: str
    noun: str
    read: Callable[[LockDesk, Lock], Answer]
    views: Callable[[Iterable[Entry], Store], list[dict[str, Any]]]
    headings: Mapping[str, str]
    masked: str
    mask: str


def show_listing(listing: Listing, lock: str, *, show_secret: bool, as_json: bool) -> None:
    """Read the list now and print it."""
    with at_lock(lock) as (innkey, found), does(innkey, listing.act, lock) as act:
        answer = listing.read(innkey.lock_desk(), found)
        act.result = answer.outcome.kind.value
        views = listing.views(answer.entries or (), innkey.store)
    if answer.outcome.kind is not Kind.DONE:
        raise Failure(f"lock {lock}: the {listing.noun} cannot be read: {said(answer.outcome)}")
    if not show_secret:
        views = [{**view, listing.masked: listing.mask} for view in views]
    if as_json:
        print_json(views)
        return
    print_table(
        list(listing.headings.values()),
        [tuple(view[column] for column in listing.headings) for view in views],
    )


def secret_from(path: Path | None, prompt: str, *, confirm: bool = False) -> str:
    """What the file holds, a person types unseen, or the standard input brings; without blanks around it."""
    if path is not None:
        text = path.read_text(encoding="utf-8", errors="replace")
    elif sys.stdin.isatty():
        text = click.prompt(prompt, hide_input=True, confirmation_prompt=confirm, err=True)
    else:
        text = sys.stdin.readline()
    return text.strip()

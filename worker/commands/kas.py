"""`innkey kas`: calls to one lock, made now, with the window and the lock's lease as a worker has them."""

from __future__ import annotations

from typing import Any

import click

from worker.commands.by_hand import agreed, at_lock, does
from worker.commands.errors import Failure
from worker.commands.kas_pins import pins
from worker.commands.kas_rfids import rfids
from worker.commands.output import json_option, print_json, print_table, shown
from worker.domain.house import Lock
from worker.domain.outcomes import Kind
from worker.service.checks import said
from worker.service.hand_views import event_view, events_shown, reply_view, words_of
from worker.service.lock_desk import Reply

__all__ = ["kas"]

yes_option = click.option("--yes", is_flag=True, help="Do not ask first.")


@click.group()
def kas() -> None:
    """Open a door, set a lock's clock, look at its events, PINs and tags: at once, or not at all."""


kas.add_command(pins)
kas.add_command(rfids)


@kas.command()
@click.argument("lock", metavar="LOCK")
@yes_option
@json_option
def unlock(*, lock: str, yes: bool, as_json: bool) -> None:
    """Open a door now. It is tried for 30 s at most, and never later."""
    with at_lock(lock) as (innkey, found):
        agreed(f"Open {_named(found)} now?", yes=yes)
        with does(innkey, "lock.unlock", lock) as act:
            reply = innkey.lock_desk().unlock(found)
            act.result = words_of(reply)
    _tell(reply, "opened", "perhaps opened: go and look, or try again", as_json=as_json)


@kas.command()
@click.argument("lock", metavar="LOCK")
@json_option
def clock(*, lock: str, as_json: bool) -> None:
    """Set a lock's clock now, by the time zone in the vendor's console."""
    with at_lock(lock) as (innkey, found), does(innkey, "lock.clock", lock) as act:
        reply = innkey.lock_desk().set_clock(found)
        act.result = words_of(reply)
    _tell(reply, "clock set", "the clock was perhaps set; try again", as_json=as_json)


@kas.command()
@click.argument("lock", metavar="LOCK")
@click.option(
    "--limit", type=click.IntRange(1, 1000), default=100, show_default=True, help="At most so many."
)
@json_option
def events(*, lock: str, limit: int, as_json: bool) -> None:
    """Show a lock's audit trail as the vendor has it now, the latest event first. No PIN is in it."""
    with at_lock(lock) as (innkey, found), does(innkey, "lock.events", lock) as act:
        answer = innkey.lock_desk().list_events(found)
        act.result = answer.outcome.kind.value
    if answer.outcome.kind is not Kind.DONE:
        raise Failure(f"lock {lock}: the events cannot be read: {said(answer.outcome)}")
    views = [event_view(event, found) for event in events_shown(answer.events or ())[:limit]]
    if as_json:
        print_json(views)
        return
    print_table(("At", "Event", "By", "Slot", "Battery"), [_row(view) for view in views])


def _row(view: dict[str, Any]) -> tuple[object, ...]:
    battery = f"{view['battery']} %" if view["battery"] is not None else None
    return shown(view["at"]), view["label"], view["by"], view["slot"], battery


def _named(lock: Lock) -> str:
    return f"lock {lock.name} ({lock.title})" if lock.title else f"lock {lock.name}"


def _tell(reply: Reply, done: str, perhaps: str, *, as_json: bool) -> None:
    if as_json:
        print_json({**reply_view(reply), "perhaps": reply.is_perhaps})
    if not reply.is_done:
        cause = f"{perhaps} ({words_of(reply)})" if reply.is_perhaps else f"not done: {words_of(reply)}"
        raise Failure(f"lock {reply.lock}: {cause}")
    if not as_json:
        click.echo(f"{reply.lock}: {done}")

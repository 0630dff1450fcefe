"""`innkey kas pins`: the PINs on a lock, without a booking. A PIN is never an argument: those can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from worker.commands.by_hand import agreed, at_lock, does
from worker.commands.errors import Failure
from worker.commands.on_lock import Listing, secret_from, show_listing
from worker.commands.output import json_option, plain, print_json
from worker.domain.outcomes import Entry
from worker.domain.pins import is_pin
from worker.domain.stay import instant
from worker.service.checks import said
from worker.service.hand_pins import Change, HandPins, RefusedHereError, Wanted
from worker.service.hand_views import code_views, outcome_view
from worker.service.lock_desk import LockDesk

__all__ = ["pins"]

LISTING = Listing(
    act="lock.codes",
    noun="list",
    read=LockDesk.list_pins,
    views=code_views,
    headings={
        "slot": "Slot",
        "pin": "PIN",
        "name": "Name",
        "starts": "Starts (YYMMDDHHmm)",
        "ends": "Ends",
        "booking": "Booking",
    },
    masked="pin",
    mask="******",
)
SLOT = click.IntRange(101, 200)


@click.group()
def pins() -> None:
    """The PINs on a lock; add and delete such as belong to no booking."""


@pins.command("list")
@click.argument("lock", metavar="LOCK")
@click.option("--show-pin", is_flag=True, help="Show the PINs themselves.")
@json_option
def list_(*, lock: str, show_pin: bool, as_json: bool) -> None:
    """Show the vendor's list of a lock as it is now; PINs are masked without --show-pin."""
    show_listing(LISTING, lock, show_secret=show_pin, as_json=as_json)


@pins.command()
@click.argument("lock", metavar="LOCK")
@click.option("--from", "since", required=True, metavar="WHEN", help="From this date or date-time on.")
@click.option("--to", "until", required=True, metavar="WHEN", help="Until this date (its end) or date-time.")
@click.option("--name", required=True, help="What the vendor's list calls it.")
@click.option("--slot", type=SLOT, help="Its slot. Default: one that is free, below those of bookings first.")
@click.option("--random", "is_random", is_flag=True, help="Make a PIN, and print it.")
@click.option(
    "--pin-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the PIN from this file. Default: it is asked for, or read from the standard input.",
)
@json_option
def add(*, lock: str, since: str, until: str, as_json: bool, **given: Any) -> None:
    """Add a PIN that belongs to no booking. WHEN is of the lock's zone unless it has an offset."""
    pin = _given_pin(given["pin_file"], is_random=given["is_random"])
    with at_lock(lock) as (innkey, found):
        wanted = Wanted(
            given["name"],
            _moment(since, time.min, found.zone, "--from"),
            _moment(until, time(23, 59), found.zone, "--to"),
            pin,
            given["slot"],
        )
        if wanted.starts >= wanted.ends:
            raise click.BadParameter("ends before it begins", param_hint="--to")
        with _refusals(lock), does(innkey, "pins.add", lock) as act:
            change = HandPins(innkey.lock_desk(), _progress).add(found, wanted)
            act.result = f"slot {change.slot}: {_result(change)}"
    _tell_added(lock, change, is_made=pin is None, as_json=as_json)


@pins.command()
@click.argument("lock", metavar="LOCK")
@click.argument("slot", metavar="SLOT", type=SLOT)
@click.option("--force", is_flag=True, help="Also where a booking holds the slot.")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@json_option
def delete(*, lock: str, slot: int, force: bool, yes: bool, as_json: bool) -> None:
    """Take off what a slot holds. What a booking holds is for the booking to give up."""
    with at_lock(lock) as (innkey, found):
        hand = HandPins(innkey.lock_desk(), _progress)
        with _refusals(lock):
            entry, holder = hand.look(found, slot)
        if holder is not None and not force:
            cure = "cancel or change the booking, or give --force; then Innkey may put the PIN back"
            raise Failure(f"lock {lock}: booking {holder} holds slot {slot}; {cure}")
        if entry is None:
            _tell_empty(lock, slot, as_json=as_json)
            return
        agreed(_question(lock, entry, holder), yes=yes)
        with _refusals(lock), does(innkey, "pins.delete", lock) as act:
            change = hand.delete(found, slot, entry, is_forced=force)
            act.result = f"slot {slot}: {_result(change)}"
    _tell_deleted(lock, change, as_json=as_json)


def _given_pin(path: Path | None, *, is_random: bool) -> str | None:
    if is_random and path is not None:
        raise click.UsageError("--random and --pin-file exclude each other")
    if is_random:
        return None
    pin = secret_from(path, "PIN", confirm=True)
    if not is_pin(pin):
        raise click.UsageError("the PIN is not 4 to 6 digits")
    return pin


def _moment(written: str, default: time, zone: ZoneInfo, option: str) -> datetime:
    try:
        return instant(written, default, zone, earliest=option == "--from")
    except (ValueError, OverflowError):
        cause = f"{written!r} is no date like 2026-12-01 or date-time like 2026-12-01T15:00"
        raise click.BadParameter(cause, param_hint=option) from None


@contextmanager
def _refusals(lock: str) -> Iterator[None]:
    try:
        yield
    except RefusedHereError as error:
        raise Failure(f"lock {lock}: nothing was written: {error}") from None


def _progress(line: str) -> None:
    click.secho(plain(f"      {line} …"), err=True, dim=True)


def _result(change: Change) -> str:
    seen = {True: "the list shows it", False: "the list does not show it", None: "no list tells"}
    return f"{said(change.outcome)}; {seen[change.on_lock]}"


def _question(lock: str, entry: Entry, holder: str | None) -> str:
    name = plain(entry.name) or "without a name"
    ours = f" It is that of booking {holder}, and Innkey may put it back." if holder is not None else ""
    return f"Take the PIN {name!r} off slot {entry.slot} of lock {lock}?{ours}"


def _view(lock: str, change: Change) -> dict[str, Any]:
    return {"lock": lock, "slot": change.slot, "on_lock": change.on_lock, **outcome_view(change.outcome)}


def _tell_added(lock: str, change: Change, *, is_made: bool, as_json: bool) -> None:
    """A PIN that was made is told where the lock has it or may have it; one that was given is known."""
    pin = (
        change.written.pin if is_made and change.written is not None and change.on_lock is not False else None
    )
    if as_json:
        print_json({**_view(lock, change), "pin": pin})
    if not change.on_lock:
        doubt = "not on the lock" if change.on_lock is False else "perhaps on the lock; look at its list"
        raise Failure(f"lock {lock}, slot {change.slot}: {doubt} ({_result(change)})")
    if not as_json:
        click.echo(f"{lock}: on the lock in slot {change.slot}{f', PIN {pin}' if pin else ''}")


def _tell_deleted(lock: str, change: Change, *, as_json: bool) -> None:
    if as_json:
        print_json(_view(lock, change))
    if change.on_lock is not False:
        state = "still on the lock" if change.on_lock else "perhaps still on the lock; look at its list"
        raise Failure(f"lock {lock}, slot {change.slot}: {state} ({_result(change)})")
    if not as_json:
        click.echo(f"{lock}: slot {change.slot} is empty now")


def _tell_empty(lock: str, slot: int, *, as_json: bool) -> None:
    if as_json:
        print_json({"lock": lock, "slot": slot, "on_lock": False, "outcome": None})
    else:
        click.echo(f"{lock}: slot {slot} is empty already")

"""`innkey kas rfids`: RFID tags of the house. A number is never an argument: who sees it can copy the tag."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from worker.commands.by_hand import agreed, at_lock, does
from worker.commands.errors import Failure
from worker.commands.on_lock import Listing, secret_from, show_listing
from worker.commands.output import json_option, print_json
from worker.domain.media import is_tag
from worker.service.hand_views import tag_views, words_of
from worker.service.lock_desk import LockDesk
from worker.service.staff_tags import (
    BadTagError,
    GuestTagError,
    NewTag,
    NoSuchTagError,
    StaffTags,
    UnknownLockError,
    doors_of,
)
from worker.service.views import booking_view

__all__ = ["rfids"]

LISTING = Listing(
    act="rfids.list",
    noun="tags",
    read=LockDesk.list_tags,
    views=tag_views,
    headings={
        "rfid_id": "Place",
        "number": "Number",
        "name": "Name",
        "starts": "Starts (YYMMDDHHmm)",
        "ends": "Ends",
        "booking": "Booking",
    },
    masked="number",
    mask="********",
)


@click.group()
def rfids() -> None:
    """The RFID tags on a lock; add and delete those of the house."""


@rfids.command("list")
@click.argument("lock", metavar="LOCK")
@click.option("--show-number", is_flag=True, help="Show the numbers themselves.")
@json_option
def list_(*, lock: str, show_number: bool, as_json: bool) -> None:
    """Show the tags on a lock as they are now; numbers are masked without --show-number."""
    show_listing(LISTING, lock, show_secret=show_number, as_json=as_json)


@rfids.command()
@click.argument("locks", metavar="LOCK...", nargs=-1, required=True)
@click.option("--id", "tag_id", required=True, help="What you call the tag; the same again changes it.")
@click.option("--from", "since", required=True, metavar="WHEN", help="From this date or date-time on.")
@click.option("--to", "until", required=True, metavar="WHEN", help="Until this date (its end) or date-time.")
@click.option("--name", required=True, help="What the vendor's list calls it.")
@click.option(
    "--number-file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Read the tag's number from this file. Default: it is asked for, or read from the standard input.",
)
@json_option
def add(
    *,
    locks: tuple[str, ...],
    tag_id: str,
    since: str,
    until: str,
    name: str,
    number_file: Path | None,
    as_json: bool,
) -> None:
    """Put a tag on locks. WHEN is of the first lock's zone unless it has an offset. The doors follow."""
    number = _given_number(number_file)
    with at_lock(locks[0]) as (innkey, _), _refusals(), does(innkey, "rfids.add", locks[0]):
        doors = doors_of(locks[0], locks[1:])
        tag = NewTag(id=tag_id, number=number, name=name, doors=doors, starts=since, ends=until)
        stay = StaffTags(innkey.store, innkey.ledger).add(tag)
        view = booking_view(stay, innkey.house(), innkey.clock.now())
    if as_json:
        print_json(view)
    else:
        click.echo(f"{tag_id}: to be put on {', '.join(doors)}; see innkey bookings show staff/{tag_id}")


@rfids.command()
@click.argument("lock", metavar="LOCK")
@click.argument("place", metavar="PLACE", type=click.IntRange(101, 2000))
@click.option("--yes", is_flag=True, help="Do not ask first.")
@json_option
def delete(*, lock: str, place: int, yes: bool, as_json: bool) -> None:
    """Take off what a place for tags holds. A guest's card is for the booking to give up."""
    with at_lock(lock) as (innkey, found), _refusals():
        tags = StaffTags(innkey.store, innkey.ledger)
        agreed(f"Delete the tag in place {place} of lock {lock}?", yes=yes)
        with does(innkey, "rfids.delete", lock) as act:
            try:
                tags.remove_at(lock, place)
                state = "removing"
            except NoSuchTagError:
                reply = innkey.lock_desk().delete_tag(found, place)
                act.result, state = words_of(reply), "removed"
                if not reply.is_done:
                    doubt = "perhaps deleted" if reply.is_perhaps else "not deleted"
                    raise Failure(f"lock {lock}: {doubt} ({words_of(reply)})") from None
    if as_json:
        print_json({"lock": lock, "rfid_id": place, "state": state})
    else:
        click.echo(
            f"{lock}: the tag in place {place} is {'deleted' if state == 'removed' else 'to be deleted'}"
        )


def _given_number(path: Path | None) -> str:
    number = secret_from(path, "Number of the tag").upper()
    if not is_tag(number):
        raise click.UsageError("the number is neither 8 hexadecimal digits nor the 10 digits of a card")
    return number


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except UnknownLockError as error:
        raise click.BadParameter(f"the property file has no lock {error}", param_hint="LOCK") from None
    except BadTagError as error:
        option = {"ends": "--to", "starts": "--from"}.get(error.field, error.field)
        raise click.BadParameter(str(error), param_hint=option) from None
    except GuestTagError as error:
        raise Failure(f"the tag is that of booking {error}; change or cancel the booking") from None

"""`innkey bookings`: what is on record of each stay."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click

from worker.bootstrap import Innkey
from worker.commands.by_hand import agreed, does
from worker.commands.errors import Failure
from worker.commands.output import json_option, print_json, print_pairs, print_table, shown
from worker.commands.paging import page_options, paged, tell_more
from worker.commands.record import open_record
from worker.domain.booking import StayKey
from worker.domain.pins import NoPinLeftError
from worker.domain.record import Stay
from worker.domain.states import BookingState, booking_state
from worker.domain.stay import instant
from worker.service.requests import NotNowError, Requests, UnknownBookingError
from worker.service.views import booking_view
from worker.store.commit import TakenError
from worker.store.pages import Page

__all__ = ["bookings"]

MASK = "******"
CHUNK = 200


def _moment(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Refuse what is no date or date-time; its zone comes from the property file later."""
    try:
        if value is not None:
            instant(value, time.min, ZoneInfo("UTC"), earliest=True)
    except (ValueError, OverflowError):
        cause = f"{value!r} is no date like 2026-12-01 or date-time like 2026-12-01T15:00"
        raise click.BadParameter(cause, ctx, param) from None
    return value


def _key(ctx: click.Context, param: click.Parameter, value: str) -> StayKey:
    try:
        return StayKey.parse(value)
    except ValueError:
        cause = f"{value!r} does not name a booking; write its source and id as direct/BK-1001"
        raise click.BadParameter(cause, ctx, param) from None


@click.group()
def bookings() -> None:
    """Look at bookings and their codes; give one a new PIN, its guest the e-mail once more, or cancel it."""


@bookings.command("list")
@click.option(
    "--from", "since", callback=_moment, metavar="WHEN", help="Check-in on or after this date or time."
)
@click.option(
    "--to", "until", callback=_moment, metavar="WHEN", help="Check-in on or before this date or time."
)
@click.option(
    "--state", type=click.Choice([s.value for s in BookingState]), help="Only bookings in this state."
)
@page_options
@json_option
def list_(
    *, since: str | None, until: str | None, state: str | None, limit: int, cursor: str | None, as_json: bool
) -> None:
    """List bookings by check-in.

    WHEN is read in the property file's time zone unless it has an offset. PINs are masked.
    """
    with open_record() as innkey:
        zone, now = innkey.house().zone, innkey.clock.now()
        first = instant(since, time.min, zone, earliest=True) if since is not None else None
        last = _end(until, zone) if until is not None else None
        page = paged(lambda: _matching(innkey, first, last, state, limit, cursor))
        views = [_masked(booking_view(stay, innkey.house(), now)) for stay in page.items]
    if as_json:
        print_json({"items": views, "next": page.next})
        return
    headings = ("Booking", "Unit", "Check-in", "Check-out", "Status", "State", "E-mail", "Codes")
    print_table(headings, [_row(view) for view in views])
    tell_more(page.next)


def _end(written: str, zone: ZoneInfo) -> datetime:
    """The last instant that `written` means: of a date the end of that day."""
    found = instant(written, time.max, zone, earliest=False)
    return found - timedelta(microseconds=found.microsecond % 1000)


def _matching(
    innkey: Innkey,
    since: datetime | None,
    until: datetime | None,
    state: str | None,
    limit: int,
    cursor: str | None,
) -> Page[Stay]:
    """Up to `limit` bookings in `state` (None: any), and the cursor behind the last one."""
    stays, house, now = innkey.store.stays, innkey.house(), innkey.clock.now()
    found: list[Stay] = []
    while True:
        page = stays.page(limit=CHUNK, cursor=cursor, since=since, until=until)
        for count, stay in enumerate(page.items, 1):
            if state is None or booking_state(stay, house, now) == state:
                found.append(stay)
            if len(found) == limit:
                is_whole = count == len(page.items)
                here = page if is_whole else stays.page(limit=count, cursor=cursor, since=since, until=until)
                return Page(found, here.next)
        if page.next is None:
            return Page(found, None)
        cursor = page.next


def _masked(view: dict[str, Any]) -> dict[str, Any]:
    return {**view, "pin": MASK if view["pin"] is not None else None}


def _row(view: dict[str, Any]) -> tuple[object, ...]:
    return (
        f"{view['source']}/{view['id']}",
        view["unit"],
        shown(view["check_in"]),
        shown(view["check_out"]),
        view["status"],
        view["state"],
        view["email"],
        ", ".join(f"{code['lock']} {code['state']}" for code in view["codes"]),
    )


@bookings.command("show")
@click.argument("key", callback=_key, metavar="SOURCE/ID")
@click.option("--show-pin", is_flag=True, help="Show the PIN itself.")
@json_option
def show(*, key: StayKey, show_pin: bool, as_json: bool) -> None:
    """Show one booking with its codes and what has happened to it; the PIN is masked without --show-pin."""
    with open_record() as innkey:
        stay = innkey.store.stays.get(key)
        if stay is None:
            raise Failure(_unknown(key))
        openings = innkey.store.trails.openings(str(key))
        view = booking_view(stay, innkey.house(), innkey.clock.now(), openings)
    view = view if show_pin else _masked(view)
    if as_json:
        print_json(view)
        return
    _print_booking(view)


def _print_booking(view: dict[str, Any]) -> None:
    named = (("Check-in", "check_in"), ("Check-out", "check_out"), ("Arrived", "arrived"))
    times = [(name, shown(view[key])) for name, key in named]
    rest = ("unit", "status", "version", "state", "pin")
    pairs = [(name.capitalize() if name != "pin" else "PIN", view[name]) for name in rest]
    print_pairs([("Booking", f"{view['source']}/{view['id']}"), *times, *pairs, ("E-mail", view["email"])])
    click.echo()
    headings = (
        "Lock",
        "Slot",
        "State",
        "Starts (lock's clock)",
        "Ends (lock's clock)",
        "Attempts",
        "Due",
        "Last",
    )
    print_table(headings, [_code_row(code) for code in view["codes"]])
    click.echo()
    lines = [(shown(note["at"]), note["what"], _words(note["detail"])) for note in view["timeline"]]
    print_table(("At", "What", "Detail"), lines)


def _code_row(code: dict[str, Any]) -> tuple[object, ...]:
    last = code["last"]
    words = ("outcome", "ack", "message", "ref")
    return (
        code["lock"],
        code["slot"],
        code["state"],
        _wall(code["starts"]),
        _wall(code["ends"]),
        code["attempts"],
        shown(code["due"]),
        _words({word: last[word] for word in words if last[word] not in (None, "")}) if last else None,
    )


def _wall(text: str | None) -> str | None:
    """YYMMDDHHmm as people read it."""
    return None if text is None else f"{datetime.strptime(text, '%y%m%d%H%M'):%Y-%m-%d %H:%M}"  # noqa: DTZ007


def _words(detail: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in detail.items())


@bookings.command("rotate-pin")
@click.argument("key", callback=_key, metavar="SOURCE/ID")
@json_option
def rotate_pin(*, key: StayKey, as_json: bool) -> None:
    """Give a booking a new PIN on all its doors, in place."""
    _ask("pin.rotate", Requests.rotate_pin, key, "a new PIN is on its way", as_json=as_json)


@bookings.command("resend")
@click.argument("key", callback=_key, metavar="SOURCE/ID")
@json_option
def resend(*, key: StayKey, as_json: bool) -> None:
    """Ask the vendor for the guest's e-mail once more."""
    _ask("email.resend", Requests.resend, key, "the e-mail is asked for once more", as_json=as_json)


@bookings.command("cancel")
@click.argument("key", callback=_key, metavar="SOURCE/ID")
@click.option("--yes", is_flag=True, help="Do not ask first.")
@json_option
def cancel(*, key: StayKey, yes: bool, as_json: bool) -> None:
    """Cancel a stay as its source would; what the source told before does not bring it back."""
    if not yes:
        agreed(_cancel_question(key), yes=False)
    _ask("booking.cancel", Requests.cancel, key, "it is cancelled, and its codes come off", as_json=as_json)


def _cancel_question(key: StayKey) -> str:
    with open_record() as innkey:
        stay = innkey.store.stays.get(key)
        if stay is None:
            raise Failure(_unknown(key))
        view = booking_view(stay, innkey.house(), innkey.clock.now())
    times = [shown(view[name]) for name in ("check_in", "check_out") if view[name] is not None]
    which = ", ".join(filter(None, [view["unit"], " to ".join(filter(None, times))]))
    others = f", and {', '.join(stay.booking.siblings)} with it" if stay.booking.siblings else ""
    return f"Cancel {key}{f' ({which})' if which else ''}{others}? Its codes come off now."


def _ask(
    what: str, ask: Callable[[Requests, StayKey], Stay], key: StayKey, done: str, *, as_json: bool
) -> None:
    with open_record() as innkey:
        try:
            with does(innkey, what, str(key)):
                stay = ask(innkey.requests, key)
        except UnknownBookingError:
            raise Failure(_unknown(key)) from None
        except NotNowError as error:
            raise Failure(f"booking {key}: it cannot be done now. {error}") from None
        except (NoPinLeftError, TakenError):
            raise Failure(f"booking {key}: no PIN is free on all its doors; raise pin_length") from None
        view = _masked(booking_view(stay, innkey.house(), innkey.clock.now()))
    if as_json:
        print_json(view)
    else:
        click.echo(f"{key}: {done}; `innkey bookings show {key}` shows how far it is")


def _unknown(key: StayKey) -> str:
    return f"booking {key}: there is none on record; `innkey bookings list` shows all"

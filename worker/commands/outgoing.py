"""`innkey outgoing`: the endpoints that Innkey sends events to, what was sent, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from worker.bootstrap import Innkey
from worker.commands.by_hand import does
from worker.commands.errors import FAILED, Failure, tell
from worker.commands.output import json_option, plain, print_json, print_pairs, print_table, shown
from worker.commands.paging import page_options, paged, tell_more
from worker.commands.record import open_record
from worker.service.outgoing_desk import (
    OutgoingDesk,
    SwitchedOffError,
    Tested,
    UnknownDeliveryError,
    UnknownEndpointError,
    delivery_view,
    tested_view,
)

__all__ = ["outgoing"]


@click.group("outgoing")
def outgoing() -> None:
    """Look at what is sent to other systems, send it again, test an endpoint."""


@outgoing.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the endpoints of the property file."""
    with open_record() as innkey:
        views = innkey.outgoing_desk().endpoint_views()
    if as_json:
        print_json(views)
        return
    headings = ("Name", "Where", "State", "With PIN", "Waiting", "Paused until", "Gone", "Events")
    print_table(headings, [_endpoint_row(view) for view in views])


def _endpoint_row(view: dict[str, Any]) -> tuple[object, ...]:
    pin = "yes" if view["with_pin"] else None
    times = (shown(view["paused_until"]), shown(view["gone"]))
    return (
        view["name"],
        view["origin"],
        view["state"],
        pin,
        view["waiting"],
        *times,
        ", ".join(view["events"]),
    )


@outgoing.command("deliveries")
@click.argument("name", metavar="NAME")
@page_options
@json_option
def deliveries(*, name: str, limit: int, cursor: str | None, as_json: bool) -> None:
    """List what was sent to an endpoint, or is to be, the latest first."""
    with _desk() as (_, desk):
        page = paged(lambda: desk.page(name, limit=limit, cursor=cursor))
    views = [delivery_view(delivery) for delivery in page.items]
    if as_json:
        print_json({"items": views, "next": page.next})
        return
    headings = ("ID", "Type", "Booking", "At", "State", "Attempts", "Last", "Next")
    print_table(headings, [_delivery_row(view) for view in views])
    tell_more(page.next)


def _delivery_row(view: dict[str, Any]) -> tuple[object, ...]:
    attempts = view["attempts"]
    last = _outcome(attempts[-1]) if attempts else None
    times = (shown(view["at"]), view["state"], len(attempts), last, shown(view["next"]))
    return view["id"], view["type"], _booking(view), *times


def _outcome(answer: dict[str, Any]) -> str:
    return f"{answer['outcome']} ({answer['status']})" if answer["status"] is not None else answer["outcome"]


def _booking(view: dict[str, Any]) -> str | None:
    return f"{view['source']}/{view['booking']}" if view["booking"] is not None else None


@outgoing.command("show")
@click.argument("name", metavar="NAME")
@click.argument("message", metavar="ID")
@json_option
def show(*, name: str, message: str, as_json: bool) -> None:
    """Show one delivery with every attempt and what it tells, without a PIN."""
    with _desk() as (_, desk):
        view = delivery_view(desk.delivery(name, message))
    if as_json:
        print_json(view)
        return
    pairs = [("id", view["id"]), ("type", view["type"]), ("state", view["state"])]
    print_pairs([*pairs, ("at", shown(view["at"])), ("next", shown(view["next"])), *view["data"].items()])
    click.echo()
    rows = [(shown(one["at"]), one["outcome"], one["status"], one["ms"]) for one in view["attempts"]]
    print_table(("attempt at", "outcome", "status", "ms"), rows)


@outgoing.command("replay")
@click.argument("name", metavar="NAME")
@click.argument("messages", metavar="ID...", nargs=-1, required=True)
@json_option
def replay(*, name: str, messages: tuple[str, ...], as_json: bool) -> None:
    """Send deliveries again, each under the same webhook-id and by the whole schedule."""
    done: list[dict[str, Any]] = []
    problems: list[str] = []
    with _desk() as (innkey, desk):
        for message in dict.fromkeys(messages):
            try:
                desk.delivery(name, message)
                with does(innkey, "outgoing.replay", f"{name} {message}"):
                    done.append(delivery_view(desk.replay(name, message)))
            except UnknownDeliveryError:
                problems.append(_unknown(message))
    if as_json:
        print_json(done)
    else:
        for view in done:
            click.echo(f"{view['id']}: will be sent again")
    tell(problems)
    click.get_current_context().exit(FAILED if problems else 0)


@outgoing.command("test")
@click.argument("name", metavar="NAME")
@json_option
def test(*, name: str, as_json: bool) -> None:
    """Send an event innkey.test now, and print what the endpoint answered."""
    with _desk() as (innkey, desk):
        desk.endpoint(name)
        with does(innkey, "outgoing.test", name) as act:
            tested = desk.test(name)
            act.result = tested.answered.reply.verdict.value
    if as_json:
        print_json(tested_view(tested))
    else:
        _tell_tested(tested)
    click.get_current_context().exit(0 if tested.is_delivered else FAILED)


def _tell_tested(tested: Tested) -> None:
    view = tested_view(tested)
    click.echo(f"{tested.endpoint}: {_outcome(view)}, after {view['ms']} ms")
    if view["said"]:
        click.echo(plain(view["said"]))


@outgoing.command("enable")
@click.argument("name", metavar="NAME")
@json_option
def enable(*, name: str, as_json: bool) -> None:
    """Send to an endpoint again that answered 410, or that is paused after failures."""
    with _desk() as (innkey, desk):
        desk.endpoint(name)
        with does(innkey, "outgoing.enable", name):
            view = desk.enable(name)
    if as_json:
        print_json(view)
        return
    click.echo(f"{name}: {view['state']}, {view['waiting']} waiting")


@contextmanager
def _desk() -> Iterator[tuple[Innkey, OutgoingDesk]]:
    """The services and the desk; what is in the way becomes a Failure."""
    with open_record() as innkey:
        desk = innkey.outgoing_desk()
        try:
            yield innkey, desk
        except UnknownEndpointError as error:
            known = ", ".join(desk.endpoints) or "none"
            cause = f"the property file has no endpoint {str(error)!r} (known: {known})"
            raise click.BadParameter(cause, param_hint="NAME") from None
        except UnknownDeliveryError as error:
            raise Failure(_unknown(str(error))) from None
        except SwitchedOffError as error:
            raise Failure(f"nothing is sent to this endpoint: {error}") from None
        finally:
            innkey.sender.close()


def _unknown(message: str) -> str:
    return f"delivery {message}: there is none; `innkey outgoing deliveries NAME` lists them"

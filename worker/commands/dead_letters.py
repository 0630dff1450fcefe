"""`innkey dead-letters`: what waits for a person, and what a person does about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from worker.bootstrap import Innkey
from worker.commands.by_hand import does
from worker.commands.errors import FAILED, Failure, tell
from worker.commands.output import json_option, print_json, print_pairs, print_table, shown
from worker.commands.paging import page_options, paged, tell_more
from worker.commands.record import open_record
from worker.domain.dead_letter import DeadLetter, LetterState
from worker.service.review import SettledLetterError, UnknownLetterError
from worker.service.views import letter_view

__all__ = ["dead_letters"]


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at failures that wait for a person, try again, settle by hand."""


@dead_letters.command("list")
@click.option("--all", "with_resolved", is_flag=True, help="Resolved ones too.")
@page_options
@json_option
def list_(*, with_resolved: bool, limit: int, cursor: str | None, as_json: bool) -> None:
    """List the dead letters that are not resolved, the latest first."""
    with open_record() as innkey:
        letters = innkey.store.letters
        page = paged(lambda: letters.page(is_open=not with_resolved, limit=limit, cursor=cursor))
    views = [letter_view(letter) for letter in page.items]
    if as_json:
        print_json({"items": views, "next": page.next})
        return
    headings = ("ID", "State", "Reason", "Step", "Booking", "Lock", "Slot", "Opened", "Message")
    print_table(headings, [_row(view) for view in views])
    tell_more(page.next)


def _row(view: dict[str, Any]) -> tuple[object, ...]:
    words = (view[name] for name in ("id", "state", "reason", "step"))
    return *words, _booking(view), view["lock"], view["slot"], shown(view["opened"]), view["message"]


def _booking(view: dict[str, Any]) -> str | None:
    return f"{view['source']}/{view['booking']}" if view["booking"] is not None else None


@dead_letters.command("show")
@click.argument("letter_id", metavar="ID")
@json_option
def show(*, letter_id: str, as_json: bool) -> None:
    """Show one dead letter with every attempt."""
    with open_record() as innkey:
        letter = innkey.store.letters.get(letter_id)
    if letter is None:
        raise Failure(_unknown(letter_id))
    view = letter_view(letter)
    if as_json:
        print_json(view)
        return
    names = ("state", "reason", "step", "lock", "slot", "ack", "http_status", "message", "ref", "note")
    pairs = [(name, view[name]) for name in names]
    times = [(name, shown(view[name])) for name in ("opened", "resolved")]
    print_pairs([("id", view["id"]), ("booking", _booking(view)), *pairs, *times])
    click.echo()
    columns = ("step", "outcome", "ack", "http_status", "message", "ref")
    rows = [(shown(one["at"]), *(one[name] for name in columns)) for one in view["attempts"]]
    print_table(("attempt at", *columns), rows)


@dead_letters.command("retry")
@click.argument("letter_ids", metavar="ID...", nargs=-1, required=True)
@json_option
def retry(*, letter_ids: tuple[str, ...], as_json: bool) -> None:
    """Work on them again, each under the same letter; a good end resolves it."""
    _each(
        "letter.retry",
        letter_ids,
        lambda innkey, one: innkey.review.retry(one),
        "tried again",
        as_json=as_json,
    )


@dead_letters.command("resolve")
@click.argument("letter_ids", metavar="ID...", nargs=-1, required=True)
@click.option(
    "--note", required=True, metavar="TEXT", help="What was done, for whoever reads the letter later."
)
@json_option
def resolve(*, letter_ids: tuple[str, ...], note: str, as_json: bool) -> None:
    """Settle by hand: a code to set counts as on the lock, one to remove as gone."""
    if not note.strip():
        raise click.BadParameter("is empty; say what was done", param_hint="--note")

    def settle(innkey: Innkey, letter: str) -> DeadLetter:
        done = innkey.review.resolve(letter, note.strip())
        if done.state is not LetterState.RESOLVED:
            raise Failure(f"dead letter {letter}: its booking has changed meanwhile; look again and repeat")
        return done

    _each("letter.resolve", letter_ids, settle, "settled by hand", as_json=as_json)


def _each(
    what: str,
    letter_ids: tuple[str, ...],
    act: Callable[[Innkey, str], DeadLetter],
    done: str,
    *,
    as_json: bool,
) -> None:
    """Act on every letter; one that cannot be stops none of the others."""
    letters: list[DeadLetter] = []
    problems: list[str] = []
    with open_record() as innkey:
        for letter_id in dict.fromkeys(letter_ids):
            try:
                with does(innkey, what, letter_id):
                    letters.append(act(innkey, letter_id))
            except UnknownLetterError:
                problems.append(_unknown(letter_id))
            except SettledLetterError:
                problems.append(f"dead letter {letter_id}: it is resolved already; nothing is left to do")
            except Failure as error:
                problems += error.lines
    if as_json:
        print_json([letter_view(letter) for letter in letters])
    else:
        for letter in letters:
            click.echo(f"{letter.id}: {done}; now {letter.state.value}")
    tell(problems)
    click.get_current_context().exit(FAILED if problems else 0)


def _unknown(letter_id: str) -> str:
    return f"dead letter {letter_id}: there is none; `innkey dead-letters list --all` shows all"

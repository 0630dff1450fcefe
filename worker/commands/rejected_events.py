"""`innkey rejected-events`: deliveries that were not understood, and their replay after a fix.

The list is read from the record. A replay reads the kept body with the adapter of its source, and adapters
are part of the web process, which no command imports: so it goes through the JSON API.
"""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote

import click
import httpx

from worker.commands.errors import FAILED, MISUSED, Failure, tell
from worker.commands.output import json_option, print_json, print_table, shown
from worker.commands.paging import page_options, paged, tell_more
from worker.commands.record import open_record, with_demo
from worker.commands.web import content_of, post, url_option
from worker.configuration import load_configuration
from worker.service.views import rejected_view
from worker.settings import Settings

__all__ = ["rejected_events"]


@click.group("rejected-events")
def rejected_events() -> None:
    """Look at deliveries that were not understood, and read them again after a fix."""


@rejected_events.command("list")
@page_options
@json_option
def list_(*, limit: int, cursor: str | None, as_json: bool) -> None:
    """List kept deliveries, the latest first, without their bodies."""
    with open_record() as innkey:
        page = paged(lambda: innkey.store.events.rejected_page(limit=limit, cursor=cursor))
    views = [rejected_view(rejected) for rejected in page.items]
    if as_json:
        print_json({"items": views, "next": page.next})
        return
    head = ("ID", "Source", "Reservation", "Received", "Bytes", "Replayed", "Errors")
    print_table(head, [_row(view) for view in views])
    tell_more(page.next)


def _row(view: dict[str, Any]) -> tuple[object, ...]:
    times = (shown(view["received"]), view["size"], shown(view["replayed"]))
    return view["id"], view["source"], view["asked"] or "", *times, _words(view["errors"])


def _words(errors: dict[str, list[str]]) -> str:
    return ", ".join(f"{field} {' and '.join(words)}" for field, words in errors.items())


@rejected_events.command("replay")
@click.argument("ids", metavar="ID...", nargs=-1, required=True)
@url_option
@json_option
def replay(*, ids: tuple[str, ...], url: str | None, as_json: bool) -> None:
    """Read kept deliveries once more, through the JSON API of a running Innkey; it needs INNKEY_API_TOKEN."""
    settings = load_configuration(with_demo(os.environ)).settings
    headers = {"authorization": f"Bearer {_token(settings)}"}
    done: dict[str, Any] = {}
    problems: list[str] = []
    for rejected in dict.fromkeys(ids):
        path = f"/v1/rejected-events/{quote(rejected, safe='')}/replay"
        answer = post(f"{url or settings.base_url}{path}", headers)
        if answer.status_code == 202:
            done[rejected] = content_of(answer)
        else:
            problems.append(f"rejected event {rejected}: {_cause(answer)}")
    if as_json:
        print_json(list(done.values()))
    else:
        for rejected in done:
            click.echo(f"{rejected}: understood now, and accepted")
    tell(problems)
    click.get_current_context().exit(FAILED if problems else 0)


def _token(settings: Settings) -> str:
    if not settings.api_tokens:
        cause = "INNKEY_API_TOKEN: is not set, and a replay goes through the JSON API"
        raise Failure(f"{cause}; set it to that of the web process", code=MISUSED)
    return settings.api_tokens[0].reveal()


def _cause(answer: httpx.Response) -> str:
    """What the API had against it, and what to do."""
    found = content_of(answer)
    problem = found if isinstance(found, dict) else {}
    match answer.status_code:
        case 401:
            return "the API refuses the token; set INNKEY_API_TOKEN to that of the web process"
        case 422 if isinstance(problem.get("errors"), dict):
            return f"it is still not understood ({_words(problem['errors'])}); mend that and try again"
    return f"the API answered {answer.status_code}: {problem.get('detail', 'no words of ours')}"

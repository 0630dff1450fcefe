"""`innkey operator-log`: what people have done."""

from __future__ import annotations

import click

from worker.commands.output import json_option, print_json, print_table, shown
from worker.commands.paging import page_options, paged, tell_more
from worker.commands.record import open_record
from worker.service.hand_views import line_view

__all__ = ["operator_log"]


@click.command("operator-log")
@page_options
@json_option
def operator_log(*, limit: int, cursor: str | None, as_json: bool) -> None:
    """List what people have done, the latest first.

    Each act has two lines: `asked`, and what came of it. One without the second was cut off.
    """
    with open_record() as innkey:
        page = paged(lambda: innkey.store.operators.page(limit=limit, cursor=cursor))
    views = [line_view(line) for line in page.items]
    if as_json:
        print_json({"items": views, "next": page.next})
        return
    columns = ("who", "what", "on", "result", "act")
    rows = [(shown(view["at"]), *(view[column] for column in columns)) for view in views]
    print_table(("At", "Who", "What", "On", "Result", "Act"), rows)
    tell_more(page.next)

"""`innkey sources`: the booking systems of the property file, and what was last heard of them."""

from __future__ import annotations

from typing import Any

import click

from worker.commands.output import json_option, print_json, print_table, shown
from worker.commands.record import open_record
from worker.service.source_views import source_views

__all__ = ["sources"]

_REFUSED = ("unproven", "too_large", "wrong_content_type")


@click.group("sources")
def sources() -> None:
    """Look at the booking systems, and when they were last heard of."""


@sources.command("list")
@json_option
def list_(*, as_json: bool) -> None:
    """List the sources of the property file, in its order."""
    with open_record() as innkey:
        views = source_views(innkey.store, list(innkey.configuration.properties.sources.values()))
    if as_json:
        print_json({"items": views, "next": None})
        return
    columns = ("Source", "Adapter", "State", "Last heard", "Deliveries", "Refused", "Last polled", "To ask")
    print_table(columns, [_row(view) for view in views])


def _row(view: dict[str, Any]) -> tuple[object, ...]:
    refused = sum(view["deliveries"].get(outcome, 0) for outcome in _REFUSED)
    counts = sum(view["deliveries"].values()) - refused, refused
    heard, polled = shown(view["last_heard"]), shown(view["last_polled"])
    return view["source"], view["adapter"], _state(view), heard, *counts, polled, view["errands_waiting"]


def _state(view: dict[str, Any]) -> str:
    if not view["enabled"]:
        return "disabled"
    words = {
        "silent": view["silent_since"],
        "unproven": view["unproven_since"],
        "away": view["away"],
        "refuses": view["refuses"],
    }
    return ", ".join(word for word, is_so in words.items() if is_so) or "fine"

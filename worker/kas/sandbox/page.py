"""The sandbox's page for a person who watches: locks, who is on them, last calls, openings, e-mails."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, Template

from worker.kas.sandbox.core import Core
from worker.kas.sandbox.lock_views import OpeningView, opening_view
from worker.kas.sandbox.state import State
from worker.kas.sandbox.views import call_view, email_view, state_view, stats_view
from worker.kas.sandbox.wire import HTML, Reply, Request, text

SHOWN_LOCKS = 100
SHOWN_CALLS = 15
SHOWN_OPENINGS = 10
SHOWN_EMAILS = 10
OPENERS = {"pin": "PIN", "tag": "RFID", "remote": "remote unlock"}


class Page:
    """Answers `/` with the page and `/?part=1` with the part of it that changes."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def handle(self, request: Request) -> Reply:
        """The page, as of now."""
        if request.method != "GET":
            return text(405, "Method Not Allowed")
        with self._core.locked() as state:
            view = state_view(self._core)
            shown = {
                "state": view,
                "locks": view["locks"][:SHOWN_LOCKS],
                "more": max(0, len(view["locks"]) - SHOWN_LOCKS),
                "stats": stats_view(self._core),
                "calls": [call_view(call) for call in self._core.log.latest(SHOWN_CALLS)],
                "openings": _last_openings(state),
                "emails": [email_view(email) for email in reversed(state.emails[-SHOWN_EMAILS:])],
                "rules": len(self._core.faults.rules),
            }
        name = "live.html" if request.query.get("part") else "page.html"
        return Reply(200, _template(name).render(shown).encode(), HTML, (("Cache-Control", "no-store"),))


def _last_openings(state: State) -> list[tuple[str, OpeningView]]:
    """The lock and the opening, newest first."""
    found = [(lock.name, one) for lock in state.locks.values() for one in lock.openings[-SHOWN_OPENINGS:]]
    found.sort(key=lambda pair: pair[1].at, reverse=True)
    return [(name, opening_view(one)) for name, one in found[:SHOWN_OPENINGS]]


@cache
def _template(name: str) -> Template:
    loader = FileSystemLoader(Path(__file__).with_name("templates"))
    environment = Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"moment": _moment, "span": _span, "percent": _percent, "opener": OPENERS.get}
    return environment.get_template(name)


def _moment(digits: str) -> str:
    """YYMMDDHHmm as a person writes it."""
    if len(digits) != 10:
        return "–"
    year, month, day, hour, minute = (digits[at : at + 2] for at in range(0, 10, 2))
    return f"20{year}-{month}-{day} {hour}:{minute}"


def _span(seconds: float) -> str:
    """How far a clock is off, as a person says it."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if abs(seconds) >= size:
            return f"{abs(seconds) / size:.3g} {unit}"
    return f"{abs(seconds):.3g} s"


def _percent(battery: float) -> str:
    """Whole percents, as the events show them; 0 only for an empty one."""
    return f"{math.ceil(battery)} %"

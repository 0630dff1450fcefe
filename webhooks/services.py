"""How a view reaches the services of its process."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime

from flask import Flask, current_app, g

from worker.bootstrap import Innkey
from worker.service.operators import Act, Operator

__all__ = ["attach", "bearer", "does", "innkey", "nearly_now", "now"]

_NAME = "innkey"


def attach(app: Flask, services: Innkey) -> None:
    """Give the app its services."""
    app.extensions[_NAME] = services


def innkey() -> Innkey:
    """The services of the app that answers this request."""
    found = current_app.extensions[_NAME]
    assert isinstance(found, Innkey)  # noqa: S101 - only `attach` writes there
    return found


def now() -> datetime:
    """Redis' time, asked anew: what is due is told by one clock. Raises redis' errors."""
    services = innkey()
    return services.clock.heard(services.store.agenda.now())


def nearly_now() -> datetime:
    """The same, asked anew only where Redis has told no time for a minute: for what comes by the thousand."""
    clock = innkey().clock
    return clock.now() if clock.is_fresh else now()


def bearer(number: int) -> None:
    """Whose request this is: the bearer of which token, counted from 1."""
    g.operator = f"api token {number}"


def does(what: str, on: str) -> AbstractContextManager[Act]:
    """Log what this request's bearer does; see `Operator.does`."""
    return Operator(innkey().store.operators, g.operator).does(what, on)

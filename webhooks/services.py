"""How a view reaches the services of its process."""

from __future__ import annotations

from datetime import datetime

from flask import Flask, current_app

from worker.bootstrap import Innkey

__all__ = ["attach", "innkey", "now"]

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

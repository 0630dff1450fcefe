"""Declares a call of the API once: its route, what it takes, what it answers, and how that is described."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flask_smorest import Blueprint  # type: ignore[import-untyped]
from marshmallow import RAISE, Schema
from werkzeug.routing import BaseConverter

__all__ = ["Blueprint", "StayId", "endpoint"]

_View = TypeVar("_View", bound=Callable[..., Any])

_PROBLEMS = {
    401: "No good token.",
    404: "There is no such thing, or the API is off.",
    409: "It is settled already.",
    413: "The body is over 1 MiB.",
    422: "Not understood: see `errors`.",
    502: "The vendor's cloud or the lock did not do it: `message`, `ack` and `ref` are its own words.",
    503: "The record is not available just now; nothing was done.",
    504: "Not confirmed, and perhaps done: what the vendor's cloud said, if anything, is in the body.",
}


class StayId(BaseConverter):
    """The id of a stay at its source: anything, slashes included."""

    part_isolating = False
    regex = ".+?"
    weight = 300


def endpoint(
    blueprint: Any,
    rule: str,
    answer: type[Schema],
    *,
    method: str = "GET",
    status: int = 200,
    query: type[Schema] | None = None,
    body: type[Schema] | None = None,
    fails: tuple[int, ...] = (),
) -> Callable[[_View], _View]:
    """Make a view a call of the API.

    The view gets what `query` or `body` read as its first argument, and returns what `answer` shows.
    `fails`: statuses that it answers beside those that every call does. A parameter that `query` does not
    know is refused: a filter with a slip in its name would answer everything.
    """
    statuses = {401, 404, 503, *fails, *((422,) if query or body else ()), *((413,) if body else ())}

    def declare(view: _View) -> _View:
        made: Any = blueprint.response(status, answer)(view)
        for code in sorted(statuses):
            made = blueprint.alt_response(
                code, schema="Problem", description=_PROBLEMS[code], content_type="application/problem+json"
            )(made)
        if query is not None:
            made = blueprint.arguments(query, location="query", unknown=RAISE)(made)
        if body is not None:
            made = blueprint.arguments(body)(made)
        blueprint.route(rule, methods=[method])(made)
        return view

    return declare

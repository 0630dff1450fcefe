"""Every error as RFC 9457 problem+json, made by one function."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import structlog
from flask import Flask, Response, json
from werkzeug.exceptions import HTTPException

from worker.service.generation import OlderFileError
from worker.store.commit import ConflictError
from worker.store.pages import BadCursorError
from worker.store.redis_client import RedisError
from worker.store.vault import UnreadableError

__all__ = ["Problem", "as_response", "init_app"]

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

_NOT_FOR_PROBLEMS = frozenset({"content-type", "content-length"})

log = structlog.get_logger(__name__)

Errors = Mapping[str, list[str]]


class Problem(Exception):
    """What a view raises when it cannot do what was asked; `errors` by field, in the sender's own names.

    `more`: further members of the body (RFC 9457, section 3.2).
    """

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Errors | None = None,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail
        self.errors, self.headers, self.more = errors, dict(headers or {}), dict(more or {})


def init_app(app: Flask) -> None:
    """Answer every error of the app with a problem. Flask looks for the nearest class, so both are needed."""
    app.register_error_handler(HTTPException, as_response)
    app.register_error_handler(Exception, as_response)


def as_response(error: Exception) -> Response:
    """The one way from an error to an answer."""
    problem = _as_problem(error)
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(problem.status).phrase,
        "status": problem.status,
        "detail": problem.detail,
        **problem.more,
    }
    if problem.errors is not None:
        body["errors"] = dict(problem.errors)
    response = Response(json.dumps(body), problem.status, problem.headers, content_type=CONTENT_TYPE)
    response.headers["Cache-Control"] = "no-store"
    return response


def _as_problem(error: Exception) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, HTTPException):
        return _from_http(error)
    if isinstance(error, BadCursorError):
        return Problem(422, "The cursor is not good.", errors={"cursor": [f"{error}; begin without one"]})
    if isinstance(error, RedisError | ConflictError):
        log.warning("web.unavailable", error=type(error).__name__)
        detail = "The record is not available just now; nothing was done. Send it again."
        return Problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_S)})
    if isinstance(error, OlderFileError):
        log.error("web.older_property_file")
        detail = "This web process has an older property file than the workers: send it SIGHUP."
        return Problem(503, detail, headers={"Retry-After": str(RETRY_AFTER_S)})
    if isinstance(error, RecursionError):
        return Problem(422, "The request is nested too deeply.", errors={"body": ["is nested too deeply"]})
    if isinstance(error, UnreadableError):
        log.error("web.unreadable_record")
        return Problem(500, f"{str(error)[:1].upper()}{str(error)[1:]}.")
    return _unexpected(error)


def _from_http(error: HTTPException) -> Problem:
    given = getattr(error, "data", None)  # what webargs found wrong, by location and field
    messages = given.get("messages") if isinstance(given, dict) else None
    if isinstance(messages, dict):
        return Problem(422, "The request is not understood: see errors.", errors=_by_field(messages))
    status = error.code or 500
    headers = {k: v for k, v in error.get_headers() if k.lower() not in _NOT_FOR_PROBLEMS}
    if status == 413:
        # The rest of the body is not read: the connection cannot be used again.
        headers["Connection"] = "close"
    return Problem(status, error.description or HTTPStatus(status).description, headers=headers)


def _by_field(messages: Mapping[str, Any]) -> dict[str, list[str]]:
    """Without webargs' location in front: a field says where it belongs."""
    found: dict[str, list[str]] = {}
    for at_location in messages.values():
        if isinstance(at_location, dict):
            found |= flat(at_location)
        else:
            found.setdefault("body", []).extend(str(message) for message in at_location)
    return found


def flat(messages: object, path: str = "") -> dict[str, list[str]]:
    """Marshmallow's nested messages by dotted path; what concerns the whole is under `body`."""
    if not isinstance(messages, Mapping):
        listed = messages if isinstance(messages, list) else [messages]
        return {path or "body": [str(message) for message in listed]}
    found: dict[str, list[str]] = {}
    for key, below in messages.items():
        name = path if key == "_schema" else f"{path}.{key}".lstrip(".")
        for at, words in flat(below, name).items():
            found.setdefault(at, []).extend(words)
    return found


def _unexpected(error: Exception) -> Problem:
    # The message of an exception may quote a guest's details; where it happened never does.
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("web.failed", error=type(error).__name__, traceback=where)
    return Problem(500, "Innkey failed at this request; its log says where.")

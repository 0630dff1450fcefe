"""What passes between the sandbox's routes and its raw HTTP server: requests, and the ways to answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

PLAIN = "text/plain; charset=utf-8"
JSON = "application/json; charset=utf-8"
HTML = "text/html; charset=utf-8"

How = Literal["half", "nothing", "reset"]


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, its path split at the slashes; header names are lower case."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer."""

    status: int
    body: bytes = b""
    content_type: str = PLAIN
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Cut:
    """An answer whose connection breaks: amid its body, before its first byte, or by reset."""

    reply: Reply
    how: How
    release: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer: the connection stays open until the client leaves; then `release` runs."""

    release: Callable[[], None]


Answer = Reply | Cut | Silence


def text(status: int, words: str) -> Reply:
    """A plain-text answer, as the vendor gives for refusals."""
    return Reply(status, words.encode())


def as_json(data: Any, status: int = 200, content_type: str = JSON) -> Reply:
    """A JSON answer."""
    return Reply(status, json.dumps(data).encode(), content_type)

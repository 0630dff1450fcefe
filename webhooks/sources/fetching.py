"""What the adapters share that ask a booking system's API: its pages, and what a fetched document means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.asking import LaterError
from webhooks.sources.reading import Document, identity
from webhooks.sources.reservations import Reservation, content_id, parsed
from worker.property_access import SourceConfig
from worker.secret import Secret

__all__ = [
    "Page",
    "access",
    "asks_without_order",
    "day_before",
    "fetched",
    "in_path",
    "may_ask",
    "named",
    "pages",
    "rows",
]

Page = tuple[Sequence[Document], bool]  # its rows, and whether it says that it is the last


def may_ask(config: SourceConfig) -> bool:
    """Whether the source's API may be asked: its table has address and key."""
    return config.api_url is not None and config.api_key is not None


def asks_without_order(found: Sequence[Reservation], config: SourceConfig) -> tuple[str, ...]:
    """Reservations that are asked for: nothing says whether the delivery that told them was overtaken."""
    return tuple(one.id for one in found if one.changed is None) if may_ask(config) else ()


def access(config: SourceConfig) -> tuple[str, Secret]:
    """Address and key of a source that may be asked."""
    if config.api_url is None or config.api_key is None:
        message = f"The source {config.name} has no api_url or no api_key."
        raise ValueError(message)
    return config.api_url.rstrip("/"), config.api_key


def in_path(id: str) -> str:  # noqa: A002 - the field's word
    """A reservation's id as one step of a path, whatever stands in it."""
    return quote(id, safe="").replace(".", "%2E")


def day_before(moment: datetime | None = None) -> str:
    """The date before a moment's (default: now), which is not over in any zone before the moment was."""
    return f"{(moment or datetime.now(UTC)) - timedelta(days=1):%Y-%m-%d}"


def rows(answer: object, *names: str) -> list[Document]:
    """The objects of the array in an answer, below one of `names` where it is no array itself.

    Raises LaterError where there is none: an answer of another form is not an empty list.
    """
    found = answer
    if isinstance(answer, Mapping):
        found = next((answer[name] for name in names if isinstance(answer.get(name), list)), None)
    if not isinstance(found, list):
        raise LaterError("an answer of another form than a list")
    return [one for one in found if isinstance(one, dict)]


def named(found: Sequence[Document], *names: str) -> dict[str, Document]:
    """Documents by their ids, under the first of `names` that is there; those without one are left out."""
    by_id: dict[str, Document] = {}
    for one in found:
        try:
            id_ = next((told for name in names if (told := identity(one.get(name), name))), None)
        except NotUnderstoodError:
            continue
        if id_ is not None:
            by_id[id_] = one
    return by_id


def pages(ask: Callable[[int, str | None], Page], *names: str) -> Iterator[tuple[str, Any]]:
    """All rows of a list by their ids (`named`), page by page.

    `ask` gets the page's number from 0 and the last id of the page before. It ends where a page says so, or
    brings nothing new: a list that ignores the number would never end.
    """
    seen: set[str] = set()
    number, last, is_last = 0, None, False
    while not is_last:
        found, is_last = ask(number, last)
        new = {id_: one for id_, one in named(found, *names).items() if id_ not in seen}
        yield from new.items()
        seen |= new.keys()
        number, last = number + 1, next(reversed(new), None)
        is_last = is_last or not new


def fetched(one: Reservation, config: SourceConfig, asked: datetime) -> Parsed:
    """The event of a reservation that was asked for.

    Its id is made of what it means: where only a price or a message has changed, or the door code that we
    wrote ourselves, it is a duplicate.
    """
    parts = [[part.id, dict(part.changes)] for part in one.parts]
    event = content_id([one.id, one.status.value, dict(one.changes), parts])
    delivery = Delivery(body=b"", received=asked)
    return parsed(event, [replace(one, event=event)], delivery, config, by_content=True)

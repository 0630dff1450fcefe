"""Pages of what fits a filter that the index does not know, without reading the whole record at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from worker.store.pages import BadCursorError, Page

__all__ = ["MOST_READ", "fitting", "listed", "page_by_name"]

T = TypeVar("T")
Read = Callable[[int, str | None], Page[T]]

MOST_READ = 5000  # rows looked at for one page: some seconds at the most


def fitting(read: Read[T], fits: Callable[[T], bool], *, limit: int, cursor: str | None) -> Page[T]:
    """Up to `limit` rows that fit. A page may be short, and still have a `next`, where few of very many fit.

    `read(limit, cursor)` gives a page of the index. Raises BadCursorError.
    """
    found: list[T] = []
    size, looked = max(limit, 200), 0
    while True:
        page = read(size, cursor)
        places = [n for n, row in enumerate(page.items, start=1) if fits(row)]
        missing = limit - len(found)
        if len(places) > missing:
            # Read again just as far as is needed, for the cursor of that place.
            page = read(places[missing - 1], cursor)
            return Page(found + [row for row in page.items if fits(row)][:missing], page.next)
        found += [page.items[n - 1] for n in places]
        looked += size
        if page.next is None or len(found) == limit or looked >= MOST_READ:
            return Page(found, page.next)
        cursor = page.next


def listed(page: Page[T], shown: Callable[[T], dict[str, Any]]) -> dict[str, Any]:
    """The page as every list of the API answers."""
    return {"items": [shown(row) for row in page.items], "next": page.next}


def page_by_name(rows: list[T], name: Callable[[T], str], *, limit: int, cursor: str | None) -> Page[T]:
    """A page of rows that are all at hand; the cursor is the name of the last row of the page before."""
    names = [name(row) for row in rows]
    if cursor is not None and cursor not in names:
        raise BadCursorError("the cursor is not one that this list gave")
    first = names.index(cursor) + 1 if cursor is not None else 0
    shown = rows[first : first + limit]
    return Page(shown, name(shown[-1]) if len(rows) > first + limit else None)

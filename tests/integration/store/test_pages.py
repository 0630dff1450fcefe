"""Pages of a sorted index: every row once, whatever comes meanwhile, and bad cursors are told apart."""

from __future__ import annotations

import base64
import random
from datetime import timedelta

import pytest

from tests.integration.store.conftest import Desk, make_house
from worker.store.pages import BadCursorError, page_of
from worker.store.store import Store

INDEX = "innkey:some-index"


def _through(store: Store, limit: int, *, newest_first: bool) -> list[str]:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page, cursor = page_of(store.client, INDEX, limit=limit, cursor=cursor, newest_first=newest_first)
        assert len(page) == limit or cursor is None
        seen += page
        if cursor is None:
            return seen


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("limit", [1, 7, 200, 999, 1000])
def test_every_row_comes_once_and_in_order(store: Store, limit: int, *, newest_first: bool) -> None:
    """1,000 rows, many of one score, fractions and negatives: all pages together are the whole index."""
    chance = random.Random(limit)
    rows = {f"é{n:03}/x": chance.choice((0, -5, 1e12 + 7, chance.random() * 9, n)) for n in range(1000)}
    store.client.zadd(INDEX, rows)
    whole = store.client.zrange(INDEX, 0, -1, desc=newest_first)
    assert whole == _through(store, limit, newest_first=newest_first)


@pytest.mark.parametrize("newest_first", [True, False])
def test_rows_that_come_or_go_shift_nothing(store: Store, *, newest_first: bool) -> None:
    """A row added before the cursor, or the very last row seen taken away, repeats and loses no other."""
    store.client.zadd(INDEX, {f"{n:03}": 100 + n // 10 for n in range(100)})
    first, cursor = page_of(store.client, INDEX, limit=25, cursor=None, newest_first=newest_first)
    store.client.zadd(INDEX, {f"new-{n}": 1000 if newest_first else 1 for n in range(60)})
    store.client.zrem(INDEX, first[-1])
    rest, end = page_of(store.client, INDEX, limit=500, cursor=cursor, newest_first=newest_first)
    assert end is None
    assert sorted([*first, *rest]) == [f"{n:03}" for n in range(100)]


def test_an_empty_index_is_one_empty_page(store: Store) -> None:
    """Nothing there, and no next page."""
    assert ([], None) == page_of(store.client, INDEX, limit=10, cursor=None)


def _cursor(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "é",
        "%%%",
        _cursor("[]"),
        _cursor("{}"),
        _cursor('[1,"a",2]'),
        _cursor('["one","a"]'),
        _cursor('[null,"a"]'),
        _cursor('[NaN,"a"]'),
        _cursor(f'[1{"0" * 400},"a"]'),
        _cursor("[" * 4000),
        "gA",
    ],
)
def test_a_cursor_that_no_list_gave_is_told_apart(store: Store, cursor: str) -> None:
    """What a client makes up is its mistake: BadCursorError, and no other error."""
    store.client.zadd(INDEX, {"a": 1})
    with pytest.raises(BadCursorError):
        page_of(store.client, INDEX, limit=10, cursor=cursor)


def test_stays_come_by_check_in_within_bounds(store: Store) -> None:
    """A page of stays from one moment to another, both included."""
    desk = Desk(store, make_house("SS1"))
    stays = [desk.book(f"BK-{n}", starts_in=timedelta(days=40 - n)) for n in range(10)]
    moments = sorted(stay.check_in for stay in stays if stay.check_in is not None)
    found = store.stays.page(limit=3, cursor=None, since=moments[2], until=moments[6])
    rest = store.stays.page(limit=3, cursor=found.next, since=moments[2], until=moments[6])
    assert ["BK-7", "BK-6", "BK-5"] == [stay.key.id for stay in found.items]
    assert ["BK-4", "BK-3"] == [stay.key.id for stay in rest.items]
    assert rest.next is None

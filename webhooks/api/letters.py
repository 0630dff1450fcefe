"""`/v1/dead-letters`: what waits for a person, and what the person does with it."""

from __future__ import annotations

from typing import Any

from webhooks.api.endpoints import Blueprint, endpoint
from webhooks.api.paging import fitting, listed
from webhooks.api.schemas import LetterPage, LetterQuery, LetterSchema, NoteSchema
from webhooks.problems import Problem
from webhooks.services import does, innkey, now
from worker.domain.dead_letter import DeadLetter, LetterState
from worker.service.review import SettledLetterError, UnknownLetterError
from worker.service.views import letter_view
from worker.store.pages import Page

__all__ = ["blueprint"]

blueprint = Blueprint("dead-letters", __name__, description="Failures that wait for a person")


@endpoint(blueprint, "/v1/dead-letters", LetterPage, query=LetterQuery)
def list_letters(query: dict[str, Any]) -> dict[str, Any]:
    """Dead letters, the latest first."""
    letters = innkey().store.letters
    wanted, limit, cursor = query["state"], query["limit"], query["cursor"]
    is_open = wanted in (LetterState.OPEN, LetterState.RETRYING)

    def read(limit: int, cursor: str | None) -> Page[DeadLetter]:
        return letters.page(is_open=is_open, limit=limit, cursor=cursor)

    if wanted in (None, LetterState.OPEN):
        page = read(limit, cursor)
    else:
        page = fitting(read, lambda letter: wanted == letter.state, limit=limit, cursor=cursor)
    return listed(page, letter_view)


@endpoint(blueprint, "/v1/dead-letters/<id>", LetterSchema)
def show_letter(id: str) -> dict[str, Any]:  # noqa: A002 - the name in the address
    """One dead letter."""
    letter = innkey().store.letters.get(id)
    if letter is None:
        raise _unknown()
    return letter_view(letter)


@endpoint(blueprint, "/v1/dead-letters/<id>/retry", LetterSchema, method="POST", status=202, fails=(404, 409))
def retry_letter(id: str) -> dict[str, Any]:  # noqa: A002
    """Try again, under the same letter."""
    now()
    try:
        with does("letter.retry", id):
            return letter_view(innkey().review.retry(id))
    except UnknownLetterError:
        raise _unknown() from None
    except SettledLetterError:
        raise _settled() from None


@endpoint(
    blueprint,
    "/v1/dead-letters/<id>/resolve",
    LetterSchema,
    method="POST",
    status=202,
    body=NoteSchema,
    fails=(404, 409),
)
def resolve_letter(body: dict[str, Any], id: str) -> dict[str, Any]:  # noqa: A002
    """Settle it by hand, saying what was done."""
    now()
    try:
        with does("letter.resolve", id):
            return letter_view(innkey().review.resolve(id, body["note"].strip()))
    except UnknownLetterError:
        raise _unknown() from None
    except SettledLetterError:
        raise _settled() from None


def _unknown() -> Problem:
    return Problem(404, "There is no dead letter with this id.")


def _settled() -> Problem:
    return Problem(409, "The letter is resolved already.")

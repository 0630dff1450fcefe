"""`/v1/dead-letters`: what waits for a person, and what the person does with it."""

from __future__ import annotations

from typing import Any

from webhooks.api.endpoints import Blueprint, endpoint
from webhooks.api.paging import fitting, listed
from webhooks.api.schemas import LetterPage, LetterQuery, LetterSchema, NoteSchema
from webhooks.moments import utc_text
from webhooks.problems import Problem
from webhooks.services import innkey, now
from worker.domain.access_code import Try
from worker.domain.dead_letter import DeadLetter, LetterState
from worker.service.review import SettledLetterError, UnknownLetterError
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
    return listed(page, _shown)


@endpoint(blueprint, "/v1/dead-letters/<id>", LetterSchema)
def show_letter(id: str) -> dict[str, Any]:  # noqa: A002 - the name in the address
    """One dead letter."""
    letter = innkey().store.letters.get(id)
    if letter is None:
        raise _unknown()
    return _shown(letter)


@endpoint(blueprint, "/v1/dead-letters/<id>/retry", LetterSchema, method="POST", status=202, fails=(404, 409))
def retry_letter(id: str) -> dict[str, Any]:  # noqa: A002
    """Try again, under the same letter."""
    now()
    try:
        return _shown(innkey().review.retry(id))
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
        return _shown(innkey().review.resolve(id, body["note"].strip()))
    except UnknownLetterError:
        raise _unknown() from None
    except SettledLetterError:
        raise _settled() from None


def _unknown() -> Problem:
    return Problem(404, "There is no dead letter with this id.")


def _settled() -> Problem:
    return Problem(409, "The letter is resolved already.")


def _shown(letter: DeadLetter) -> dict[str, Any]:
    last = letter.last
    return {
        "id": letter.id,
        "state": letter.state.value,
        "reason": letter.reason.value,
        "source": letter.source,
        "booking": letter.booking,
        "lock": letter.lock,
        "slot": letter.slot,
        "step": letter.step.value,
        "ack": last.ack if last else None,
        "http_status": last.http_status if last else None,
        "message": (last.message if last else "") or letter.message,
        "ref": last.ref if last else None,
        "attempts": [_attempt(one) for one in letter.tries],
        "opened": utc_text(letter.opened),
        "resolved": utc_text(letter.resolved),
        "note": letter.note,
    }


def _attempt(one: Try) -> dict[str, Any]:
    outcome = one.outcome
    return {
        "at": utc_text(one.at),
        "step": one.job.value,
        "outcome": outcome.kind.value,
        "ack": outcome.ack,
        "http_status": outcome.http_status,
        "message": outcome.message,
        "ref": outcome.ref,
    }

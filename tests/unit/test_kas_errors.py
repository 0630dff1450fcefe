"""The errors are a tree that agrees with the answers' classes and with the table of retries."""

from __future__ import annotations

import re

import pytest

from worker.domain.answer_table import SURELY_NOT, TABLE, Then
from worker.domain.outcomes import Kind, Outcome
from worker.kas import KasError, NotDoneError, UnconfirmedError, errors
from worker.kas.errors import ERRORS, BadRequest, error_of


def test_each_class_of_answers_has_its_error() -> None:
    """All classes but DONE have one, and no two share it."""
    assert set(Kind) - {Kind.DONE} == set(ERRORS)
    assert len(ERRORS) == len(set(ERRORS.values()))


def test_the_branches_say_what_the_retry_table_says() -> None:
    """Unconfirmed is what is not surely undone; permanent is what no repetition of the same call can help."""
    unconfirmed = {kind for kind, error in ERRORS.items() if issubclass(error, UnconfirmedError)}
    not_done = {kind for kind, error in ERRORS.items() if issubclass(error, NotDoneError)}
    permanent = {kind for kind, error in ERRORS.items() if error.permanent}

    assert set(Kind) - SURELY_NOT - {Kind.DONE} == unconfirmed
    assert not_done <= SURELY_NOT
    given_up = {kind for kind, rule in TABLE.items() if rule.then is Then.GIVE_UP}
    assert given_up | {Kind.PIN_EXISTS, Kind.INVALID_TOKEN} == permanent


def test_the_tree_is_drawn_as_it_is() -> None:
    """The drawing at the top of the module shows each error at its place, and no other."""
    drawn: list[tuple[str, str]] = []
    path: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"([ │├└─]*)(\w+)", line)
        if found and isinstance(getattr(errors, found[2], None), type):
            depth = len(found[1])
            path[depth] = found[2]
            parents = [name for level, name in path.items() if level < depth]
            drawn.append((found[2], parents[-1] if parents else "Exception"))
    there = {
        (name, error.__bases__[0].__name__)
        for name, error in vars(errors).items()
        if isinstance(error, type) and issubclass(error, KasError)
    }

    assert there == set(drawn)
    assert len(there) == len(drawn)


@pytest.mark.parametrize("kind", sorted(ERRORS))
def test_an_error_tells_its_outcome(kind: Kind) -> None:
    """Ack, status, reference and time to wait are those of the outcome; without words there are ours."""
    outcome = Outcome(kind, 9, 418, "", "REF", 7.0)
    error = error_of("unlock SS000001", outcome)

    assert (kind, 9, 418, "REF", 7.0) == (
        error.kind,
        error.ack,
        error.http_status,
        error.ref,
        error.retry_after,
    )
    assert re.fullmatch(r"unlock SS000001: [A-Z0-9].+ \(HTTP 418, ack 9, ref REF\)", str(error))


def test_a_bad_request_has_no_answer() -> None:
    """Nothing was sent: no ack, no status, no reference; and it is for ever."""
    error = BadRequest("pin", "text of 4 to 6 digits 0-9")

    assert (None,) * 5 == (error.kind, error.ack, error.http_status, error.ref, error.retry_after)
    assert error.permanent

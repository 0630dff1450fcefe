"""The retry table is complete, and says what the documentation says."""

from __future__ import annotations

import pytest

from worker.domain.answer_table import TABLE, Then
from worker.domain.outcomes import Kind
from worker.domain.reasons import Reason

EXPECTED = {
    Kind.DONE: (Then.PROVE, Reason.UNCONFIRMED, False),
    Kind.FAILED: (Then.READ_BACK, Reason.LOCK_FAILED, False),
    Kind.PENDING: (Then.WAIT_FOR_IT, Reason.PENDING_TOO_LONG, True),
    Kind.OFFLINE: (Then.LATER, Reason.GATEWAY_OFFLINE, False),
    Kind.UNCLEAR: (Then.READ_BACK, Reason.UNCONFIRMED, True),
    Kind.DOUBT: (Then.READ_BACK, Reason.UNCONFIRMED, True),
    Kind.CUT: (Then.READ_BACK, Reason.UNCONFIRMED, True),
    Kind.UNANSWERED: (Then.HOLD, Reason.UNCONFIRMED, True),
    Kind.PIN_EXISTS: (Then.READ_BACK, Reason.PIN_TAKEN, False),
    Kind.NOT_ADMIN: (Then.GIVE_UP, Reason.NOT_ADMIN, False),
    Kind.LOCK_NOT_FOUND: (Then.GIVE_UP, Reason.LOCK_NOT_FOUND, False),
    Kind.BAD_WINDOW: (Then.GIVE_UP, Reason.BAD_WINDOW, False),
    Kind.REFUSED: (Then.GIVE_UP, Reason.REFUSED, False),
    Kind.INVALID_TOKEN: (Then.NOT_COUNTED, Reason.INVALID_KEY, False),
    Kind.THROTTLED: (Then.NOT_COUNTED, None, False),
    Kind.NOT_SENT: (Then.NOT_COUNTED, None, False),
}


def test_every_class_of_answer_has_a_row() -> None:
    """Promise 6: no answer falls through."""
    assert set(Kind) == set(TABLE) == set(EXPECTED)


@pytest.mark.parametrize("kind", list(Kind))
def test_the_row_is_as_documented(kind: Kind) -> None:
    """F05, F06, F10: what follows, the letter's reason, and whether a removal is repeated."""
    then, reason, repeats = EXPECTED[kind]
    rule = TABLE[kind]
    assert (then, repeats) == (rule.then, rule.repeat_removal)
    assert reason is None or reason is rule.reason


def test_the_table_cannot_be_changed() -> None:
    """It is data, the same for all."""
    with pytest.raises(TypeError):
        TABLE[Kind.DONE] = TABLE[Kind.FAILED]  # type: ignore[index]

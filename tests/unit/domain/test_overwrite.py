"""The vendor's advice for a code that will not be deleted: write an ended PIN over it, and delete that."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.domain.kit import HOLD, KEY, NOW, OTHER_PIN, PIN, a_view, an_answer, an_entry
from worker.domain.absorb import absorb_blank, begin_blank
from worker.domain.access_code import AccessCode, Blank, Phase, Written
from worker.domain.goals import Leave
from worker.domain.house import Policy
from worker.domain.outcomes import Kind
from worker.domain.reasons import Reason
from worker.domain.steps import Delete, Overwrite, Step, Terms, next_step

ON = Written(PIN, "2612011000", "2612051000")
ENDED = Written(OTHER_PIN, "2612010700", "2612010800")
TERMS = Terms(policy=Policy(), hold=HOLD, blank=ENDED)
STUBBORN = AccessCode(
    lock="SS000002",
    phase=Phase.REMOVING,
    slot=120,
    writes=(ON,),
    failures=3,
    failed_for=Reason.LOCK_FAILED,
)


def step_for(code: AccessCode) -> Step:
    """What comes next while the lock still shows the code."""
    leave = Leave(key=KEY, at=NOW, deadline=NOW + timedelta(hours=24))
    return next_step(code, leave, a_view(NOW, an_entry(120, ON)), NOW, TERMS)


def test_before_the_last_try_an_ended_pin_is_written_over_the_code() -> None:
    """Under our mark, so that it is known as ours; not before the last try, and only after acks 2, 4, 6."""
    assert Overwrite(120, ENDED, "direct/BK-1") == step_for(STUBBORN)
    assert Delete(120) == step_for(replace(STUBBORN, failures=2))
    assert Delete(120) == step_for(replace(STUBBORN, failed_for=Reason.UNCONFIRMED))


@pytest.mark.parametrize(
    ("kind", "blank"),
    [
        (Kind.DONE, Blank.DEAD),
        (Kind.FAILED, Blank.TRIED),
        (Kind.DOUBT, Blank.TRIED),
        (Kind.OFFLINE, Blank.TRIED),
    ],
)
def test_whatever_comes_of_it_the_delete_follows(kind: Kind, blank: Blank) -> None:
    """Its answer opens no letter and counts no attempt."""
    code = absorb_blank(begin_blank(STUBBORN, Overwrite(120, ENDED, "direct/BK-1")), an_answer(kind), NOW)
    assert (blank, 3, 0, None) == (code.blank, code.failures, code.attempts, code.gave_up)
    assert Delete(120) == step_for(code)


def test_a_refused_window_is_followed_by_one_of_a_minute_once() -> None:
    """If its times are refused: a minute from now; refused again: straight to the delete."""
    step = Overwrite(120, ENDED, "direct/BK-1")
    once = absorb_blank(begin_blank(STUBBORN, step), an_answer(Kind.BAD_WINDOW), NOW)
    assert isinstance(step_for(once), Overwrite)
    twice = absorb_blank(begin_blank(once, step), an_answer(Kind.BAD_WINDOW), NOW)
    assert Delete(120) == step_for(twice)

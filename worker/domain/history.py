"""The lines that a change leaves on a stay's timeline, from the difference of two records. Pure."""

from __future__ import annotations

from datetime import datetime

from worker.domain.access_code import AccessCode, Phase
from worker.domain.escalation import Settled, open_letters
from worker.domain.outcomes import Kind
from worker.domain.record import Stay

_TOLD = {Phase.SET: "code.set", Phase.REMOVED: "code.removed"}


def with_history(before: Stay | None, after: Stay, settled: list[Settled], now: datetime) -> Stay:
    """`after`, with its news on the timeline."""
    for code in after.codes:
        old = before.code(code.lock) if before is not None else None
        after = _with_code_news(after, old, code, now)
    if after.emailed is not None and (before is None or before.emailed != after.emailed):
        after = after.noted(now, "email.requested")
    known = {ref.id for ref in open_letters(before)} if before is not None else set()
    for ref in open_letters(after):
        if ref.id not in known:
            after = after.noted(now, "dead_letter.opened", id=ref.id, reason=ref.reason.value)
    for letter in settled:
        after = after.noted(now, "dead_letter.resolved", id=letter.id)
    return after


def _with_code_news(stay: Stay, old: AccessCode | None, code: AccessCode, now: datetime) -> Stay:
    if len(code.tries) > len(old.tries if old is not None else ()):
        last = code.tries[-1]
        if last.outcome.kind is not Kind.DONE:
            words = {"step": last.job.value, "outcome": last.outcome.kind.value, "ack": last.outcome.ack}
            told = {name: value for name, value in words.items() if value is not None}
            stay = stay.noted(now, "code.attempt", lock=code.lock, **told)
    news = code_news(old, code)
    return stay.noted(now, news[0], lock=code.lock, slot=news[1]) if news is not None else stay


def code_news(old: AccessCode | None, code: AccessCode) -> tuple[str, int] | None:
    """Whether a code has come on its lock or gone off it: `code.set` or `code.removed`, and the slot."""
    was = old.phase if old is not None else Phase.PLANNED
    slot = code.slot if code.slot is not None else (old.slot if old is not None else None)
    if code.phase is was or code.phase not in _TOLD or slot is None:
        return None
    return _TOLD[code.phase], slot

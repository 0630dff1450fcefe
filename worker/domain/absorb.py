"""How answers change a code's record: `begin` before a call, `absorb` after it.

A command is recorded as in doubt before it leaves, so that a worker that dies in the call leaves just the
record that an unanswered call leaves. Pure; the retry table is `worker.domain.answer_table`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from worker.domain.access_code import (
    KEPT_WRITES,
    AccessCode,
    Blank,
    Doubt,
    GaveUp,
    Phase,
    Written,
)
from worker.domain.answer_table import SURELY_NOT, TABLE, Rule, Then
from worker.domain.goals import Goal, Wish
from worker.domain.outcomes import Answer, Kind, Outcome
from worker.domain.reasons import Job, Reason
from worker.domain.slots import View, shows
from worker.domain.steps import Delete, Overwrite, Push, Terms

PROBE_EVERY = timedelta(minutes=30)
PROBE_BEFORE = timedelta(hours=1)


def begin(code: AccessCode, goal: Goal, step: Push | Delete, now: datetime, terms: Terms) -> AccessCode:
    """The record just before the bytes leave: the slot is ours, the write is remembered, all is in doubt."""
    asks = isinstance(step, Push) and step.with_email and code.mailed != step.written
    doubt = Doubt(
        job=Job.SET if isinstance(step, Push) else Job.REMOVE,
        since=now,
        refutes_from=now + terms.hold,
        reason=Reason.UNCONFIRMED,
        answered=False,
        asks=asks,
    )
    begun = replace(
        code,
        doubt=doubt,
        in_flight=True,
        attempts=code.attempts + 1,
        again_at=None,
        waiting=False,
    )
    if isinstance(step, Delete) or not isinstance(goal, Wish):
        return replace(
            begun,
            phase=Phase.REMOVING,
            removal_owed=False,
            removal_repeated=code.removal_owed,
        )
    has_slot_letter = code.letter is not None and code.letter.reason is Reason.NO_FREE_SLOT
    return replace(
        begun,
        phase=Phase.SETTING,
        slot=step.slot,
        writes=_remember(code.writes, step.written),
        proven=False,
        mailed=step.written if step.with_email else code.mailed,
        started=goal.starts,
        letter=None if has_slot_letter else code.letter,
    )


def recover(code: AccessCode) -> AccessCode:
    """After a worker died in a call: the doubt it left stands, and the death is counted."""
    if not code.in_flight:
        return code
    is_removal = code.doubt is not None and code.doubt.job is Job.REMOVE
    owed = is_removal and not code.removal_repeated
    return replace(code, in_flight=False, crashes=code.crashes + 1, removal_owed=owed)


def absorb(code: AccessCode, goal: Goal, answer: Answer, now: datetime, terms: Terms) -> AccessCode:
    """The record after the answer to the command that `begin` recorded. ValueError without such a command."""
    if code.doubt is None:
        msg = f"no command is under way on lock {code.lock}"
        raise ValueError(msg)
    doubt, outcome = code.doubt, answer.outcome
    rule = TABLE[outcome.kind]
    told = replace(code.tried(now, doubt.job, outcome), in_flight=False)
    if doubt.asks and outcome.kind in SURELY_NOT:
        told = replace(told, mailed=None)
    if rule.repeat_removal and doubt.job is Job.REMOVE and not code.removal_repeated:
        told = replace(told, removal_owed=True)
    if rule.then is Then.PROVE:
        return _done(told, goal, doubt, answer, now, terms)
    if rule.then is Then.READ_BACK:
        return replace(
            told,
            doubt=replace(doubt, answered=True, refutes_from=doubt.since, reason=rule.reason),
        )
    if rule.then is Then.WAIT_FOR_IT:
        late = replace(
            doubt,
            answered=True,
            refutes_from=now + terms.policy.pending_for,
            reason=rule.reason,
        )
        return replace(told, doubt=late, again_at=now + terms.policy.pending_poll)
    if rule.then is Then.HOLD:
        return told
    if _is_past_job(doubt, goal):
        return replace(told, doubt=None)  # surely not done, and no longer wanted
    return _not_done(_owing_again(told), rule, outcome, doubt.job, now, terms)


def _done(
    code: AccessCode,
    goal: Goal,
    doubt: Doubt,
    answer: Answer,
    now: datetime,
    terms: Terms,
) -> AccessCode:
    if doubt.job is Job.REMOVE:
        return code.removed()
    latest = code.latest
    if answer.entries is not None and latest is not None:
        view = View(now, {e.slot: e for e in answer.entries})
        if shows(code, goal.key, latest, view):
            return code.on_the_lock(now)
    unproven = replace(doubt, answered=True, refutes_from=now + terms.policy.pending_poll)
    return replace(code, doubt=unproven)


def _not_done(
    code: AccessCode,
    rule: Rule,
    outcome: Outcome,
    job: Job,
    now: datetime,
    terms: Terms,
) -> AccessCode:
    clear = replace(code, doubt=None)
    if rule.then is Then.GIVE_UP:
        return replace(clear, gave_up=GaveUp(rule.reason, job))
    if rule.then is Then.NOT_COUNTED:
        pause = outcome.retry_after
        again_at = now if pause is None else _after(now, pause)
        return replace(clear, again_at=again_at, attempts=code.attempts - 1)
    return _away(clear, rule, job, now, terms)


def _away(code: AccessCode, rule: Rule, job: Job, now: datetime, terms: Terms) -> AccessCode:
    """The gateway was not to be reached: a count and delays of its own."""
    delays, offline = terms.policy.offline_delays, code.offline + 1
    code = replace(code, offline=offline, failed_for=rule.reason)
    if offline > len(delays):
        return replace(code, gave_up=GaveUp(rule.reason, job), again_at=now + PROBE_EVERY)
    return replace(code, again_at=now + delays[offline - 1])


def probed(code: AccessCode, goal: Goal, now: datetime) -> AccessCode:
    """After a probe that did not reach the lock: again in half an hour, and an hour before check-in."""
    again_at = now + PROBE_EVERY
    if isinstance(goal, Wish) and now < goal.check_in - PROBE_BEFORE < again_at:
        again_at = goal.check_in - PROBE_BEFORE
    return replace(code, again_at=again_at)


def begin_blank(code: AccessCode, step: Overwrite) -> AccessCode:
    """The record just before an ended PIN is written over a code: it counts no attempt."""
    return replace(code, in_flight=True, writes=_remember(code.writes, step.written), proven=False)


def absorb_blank(code: AccessCode, answer: Answer, now: datetime) -> AccessCode:
    """The record after that: whatever the answer, the last try to delete follows."""
    kind = answer.outcome.kind
    told = replace(code.tried(now, Job.REMOVE, answer.outcome), in_flight=False)
    if kind is Kind.DONE:
        return replace(told, blank=Blank.DEAD)
    is_refused = kind is Kind.BAD_WINDOW and code.blank is Blank.NO
    return replace(told, blank=Blank.REFUSED if is_refused else Blank.TRIED)


def _owing_again(code: AccessCode) -> AccessCode:
    """A repeat of a removal that surely did not happen is still owed."""
    if not code.removal_repeated:
        return code
    return replace(code, removal_owed=True, removal_repeated=False)


def _is_past_job(doubt: Doubt, goal: Goal) -> bool:
    """Whether the command belongs to a job that is no longer wanted: nothing of it counts."""
    return (doubt.job is Job.SET) != isinstance(goal, Wish)


def misread(code: AccessCode, outcome: Outcome, now: datetime, terms: Terms) -> AccessCode:
    """The record after a read of the lock failed: nothing is concluded from it, and it is tried again."""
    told = code.tried(now, Job.LIST, outcome)
    rule = TABLE[outcome.kind]
    if rule.then is Then.GIVE_UP:
        return replace(told, gave_up=GaveUp(rule.reason, Job.LIST))
    if rule.then is Then.NOT_COUNTED:
        pause = outcome.retry_after
        return replace(told, again_at=now if pause is None else _after(now, pause))
    if rule.then is Then.LATER:  # the tags are read through the gateway
        return _away(told, rule, Job.LIST, now, terms)
    delays, misreads = terms.policy.retry_delays, code.misreads + 1
    told = replace(told, misreads=misreads)
    if misreads > len(delays):
        return replace(told, gave_up=GaveUp(Reason.UNCONFIRMED, Job.LIST))
    return replace(told, again_at=now + delays[misreads - 1])


def _remember(writes: tuple[Written, ...], written: Written) -> tuple[Written, ...]:
    kept = (*(w for w in writes if w != written), written)
    # The first is what the lock was last seen to hold, and may show until something else arrives.
    return kept if len(kept) <= KEPT_WRITES else (kept[0], *kept[-KEPT_WRITES + 1 :])


def _after(now: datetime, seconds: float) -> datetime:
    return now + timedelta(seconds=seconds)

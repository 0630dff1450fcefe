"""Opens, reopens and settles dead letters in the same write as the stay they belong to."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from worker.domain.access_code import AccessCode, Blank, LetterRef
from worker.domain.dead_letter import DeadLetter, LetterState, problem_of
from worker.domain.escalation import Settled, explanation, open_letters
from worker.domain.house import House
from worker.domain.media import door_of
from worker.domain.reasons import ADVICE, Reason
from worker.domain.record import Stay
from worker.store import keys
from worker.store.alerts import cleared_commands, raised_commands
from worker.store.commit import Commit
from worker.store.letters import Letters, load_letter, writes_for


def letter_changes(
    commit: Commit,
    before: Stay | None,
    after: Stay,
    settled: list[Settled],
    letters: Letters,
    house: House,
    now: datetime,
) -> list[DeadLetter]:
    """Add to `commit` every letter that opens, changes or settles between `before` and `after`.

    These letters, as they are then.
    """
    known = {ref.id: ref for ref in open_letters(before)} if before is not None else {}
    written = [
        _open_or_update(commit, before, after, ref, letters, house, now)
        for ref in open_letters(after)
        if known.get(ref.id) != ref
    ]
    done = [_settle(commit, one, letters, now) for one in settled]
    return written + [letter for letter in done if letter is not None]


def _open_or_update(
    commit: Commit,
    before: Stay | None,
    after: Stay,
    ref: LetterRef,
    letters: Letters,
    house: House,
    now: datetime,
) -> DeadLetter:
    code = next((c for c in after.codes if c.letter is not None and c.letter.id == ref.id), None)
    raw = letters.raw(ref.id)
    letter = (
        _updated(load_letter(raw), after, ref, code) if raw else _opened(before, after, ref, code, house, now)
    )
    commit.guards.append((keys.letter(ref.id), raw or ""))
    commit.commands += writes_for(letter)
    if not ref.retrying:
        commit.commands += raised_commands(letter.problem, letter.id, now)
    return letter


def _opened(
    before: Stay | None, after: Stay, ref: LetterRef, code: AccessCode | None, house: House, now: datetime
) -> DeadLetter:
    lock = code.lock if code is not None else None
    known = house.lock(lock) if lock is not None else None
    account = known.account if ref.reason is Reason.INVALID_KEY and known is not None else None
    return DeadLetter(
        id=ref.id,
        reason=ref.reason,
        step=ref.job,
        opened=now,
        source=after.key.source,
        booking=after.key.id,
        lock=lock,
        slot=_slot(before, code),
        message=_message(after, ref, code),
        tries=code.tries if code is not None else (),
        problem=problem_of(
            ref.reason,
            lock=door_of(lock) if lock is not None else None,
            booking=str(after.key),
            account=account,
        ),
    )


def _updated(letter: DeadLetter, after: Stay, ref: LetterRef, code: AccessCode | None) -> DeadLetter:
    if ref.retrying:
        return replace(letter, state=LetterState.RETRYING)
    tries = code.tries if code is not None else ()
    return letter.reopened(ref.reason, ref.job, _message(after, ref, code), tries)


def _slot(before: Stay | None, code: AccessCode | None) -> int | None:
    if code is None:
        return None
    old = before.code(code.lock) if before is not None else None
    return code.slot if code.slot is not None else (old.slot if old is not None else None)


def _message(stay: Stay, ref: LetterRef, code: AccessCode | None) -> str:
    if code is None:
        return explanation(stay, ref.reason)
    dead = " The guest's PIN is dead already: an ended one was written over it."
    return ADVICE[ref.reason].what + (dead if code.blank is Blank.DEAD else "")


def _settle(commit: Commit, settled: Settled, letters: Letters, now: datetime) -> DeadLetter | None:
    raw = letters.raw(settled.id)
    if raw is None:
        return None
    letter = load_letter(raw)
    if letter.state is LetterState.RESOLVED:
        return None
    done = letter.settled(now, letter.note or settled.note)
    commit.guards.append((keys.letter(letter.id), raw))
    commit.commands += writes_for(done) + cleared_commands(letter.problem, letter.id, now)
    return done

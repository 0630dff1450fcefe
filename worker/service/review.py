"""What a person does with a dead letter: try again, or settle it by hand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from worker.domain.access_code import AccessCode, Phase
from worker.domain.booking import StayKey
from worker.domain.dead_letter import DeadLetter, LetterState
from worker.domain.escalation import open_letters
from worker.domain.goals import Leave
from worker.domain.house import House
from worker.domain.record import Stay
from worker.domain.wanted import goals
from worker.service.entries import fence_command
from worker.service.ledger import Extras, Ledger
from worker.store import keys
from worker.store.store import Store

EVENT_LETTER = "event-"


class UnknownLetterError(LookupError):
    """There is no such letter."""


class SettledLetterError(Exception):
    """The letter is resolved already."""


@dataclass(slots=True)
class Review:
    """Retries and resolves letters."""

    store: Store
    ledger: Ledger

    def retry(self, letter_id: str) -> DeadLetter:
        """Work on it again, under the same letter. Raises UnknownLetterError, SettledLetterError."""
        letter = self._open(letter_id)
        if letter.source is None or letter.booking is None:
            return self._retry_account(letter)
        key = StayKey(letter.source, letter.booking)
        known = self.ledger.change(key, lambda stay, now: _retried(stay, letter_id, now))
        if not _holds(known.stay, letter_id) and letter_id.startswith(EVENT_LETTER):
            self.store.events.hurry(letter_id.removeprefix(EVENT_LETTER).replace("-", ":", 1))
        return self._now(letter_id)

    def resolve(self, letter_id: str, note: str) -> DeadLetter:
        """Settle it by hand: a set counts as done, a removal keeps its slot until a list is clean.

        Raises UnknownLetterError, SettledLetterError.
        """
        letter = self._open(letter_id)
        if letter.source is None or letter.booking is None:
            return self.ledger.settle_letter(letter, note)
        key = StayKey(letter.source, letter.booking)
        house = self.ledger.house()
        stay = self.store.stays.get(key)
        code = _code_of(stay, letter_id) if stay is not None else None
        fence = _fence(stay, code, house, self.ledger.clock.now())
        extras = Extras(note=note, commands=(fence,) if fence is not None else ())
        self.ledger.change(key, lambda found, now: _resolved(found, letter_id, house, now), extras=extras)
        left = self._now(letter_id)
        if left.state is LetterState.RESOLVED:
            return left
        return self.ledger.settle_letter(left, note)

    def _open(self, letter_id: str) -> DeadLetter:
        letter = self.store.letters.get(letter_id)
        if letter is None:
            raise UnknownLetterError(letter_id)
        if letter.state is LetterState.RESOLVED:
            raise SettledLetterError(letter_id)
        return letter

    def _now(self, letter_id: str) -> DeadLetter:
        letter = self.store.letters.get(letter_id)
        if letter is None:
            raise UnknownLetterError(letter_id)
        return letter

    def _retry_account(self, letter: DeadLetter) -> DeadLetter:
        """The next probe of a paused account goes out at once."""
        account = letter.problem.partition(":")[2]
        self.store.client.delete(keys.probe(account))
        return letter


def _holds(stay: Stay | None, letter_id: str) -> bool:
    return stay is not None and letter_id in {ref.id for ref in open_letters(stay)}


def _code_of(stay: Stay, letter_id: str) -> AccessCode | None:
    return next((c for c in stay.codes if c.letter is not None and c.letter.id == letter_id), None)


def _retried(stay: Stay | None, letter_id: str, now: datetime) -> Stay | None:
    if stay is None:
        return None
    if stay.letter is not None and stay.letter.id == letter_id:
        stay = replace(stay, letter=replace(stay.letter, retrying=True))
        return stay.noted(now, "dead_letter.retried", id=letter_id)
    code = _code_of(stay, letter_id)
    if code is None:
        return None
    return stay.with_code(code.retried()).noted(now, "dead_letter.retried", id=letter_id)


def _is_removal(stay: Stay, code: AccessCode, house: House, now: datetime) -> bool:
    return isinstance(goals(stay, house, now).get(code.lock), Leave | None)


def _fence(stay: Stay | None, code: AccessCode | None, house: House, now: datetime) -> list[str | int] | None:
    if stay is None or code is None or code.slot is None or not _is_removal(stay, code, house, now):
        return None
    return fence_command(code.lock, code.slot, str(stay.key))


def _resolved(stay: Stay | None, letter_id: str, house: House, now: datetime) -> Stay | None:
    if stay is None:
        return None
    if stay.letter is not None and stay.letter.id == letter_id:
        return replace(stay, letter=None, waived=stay.letter.reason)
    code = _code_of(stay, letter_id)
    if code is None:
        return None
    if _is_removal(stay, code, house, now):
        return stay.with_code(code.removed())
    by_hand = replace(
        code.fresh(Phase.SET), by_hand=True, doubt=None, in_flight=False, letter=None, proven=False
    )
    return stay.with_code(by_hand)

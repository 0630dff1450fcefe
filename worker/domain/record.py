"""The record of one stay: the booking, its codes, its PIN, and what has happened to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from worker.domain.access_code import AccessCode, LetterRef, Written
from worker.domain.booking import Booking, StayKey
from worker.domain.notices import About, DoorWarning
from worker.domain.reasons import Reason

KEPT_NOTES = 60


@dataclass(frozen=True, slots=True)
class Note:
    """One line of a stay's timeline; `detail` holds ids and words, never a PIN or a guest."""

    at: datetime
    what: str
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """Everything Innkey knows of one stay. It is written as a whole.

    `pin` is the PIN that the doors shall have, `shown_pin` the one that the guest was told (during a
    rotation the old one). `told`: the PIN may not change any more without an operator. `emailed`: the PIN and
    window of the last e-mail that the vendor confirmed. `check_in` and `check_out` are the stay in
    instants, once its unit is known; `rejected_times`: the booking's latest times do not make a stay, and
    these are older ones. `arrived_at`: the first unlock with its PIN, on any of its doors. `letter` is the
    open letter of the stay itself (unknown unit, events that do not fit); a person who settled it by hand
    `waived` its reason until the next event. `warned`: what a person was told of beside letters.
    `written_pin`: the PIN that its booking system was last seen to show for it, as far as Innkey wrote it.
    `generation`: which state of the property file it was planned by.
    """

    booking: Booking
    codes: tuple[AccessCode, ...] = ()
    pin: str | None = None
    shown_pin: str | None = None
    written_pin: str | None = None
    told: bool = False
    emailed: Written | None = None
    check_in: datetime | None = None
    check_out: datetime | None = None
    planned_at: datetime | None = None
    rejected_times: bool = False
    arrived_at: datetime | None = None
    generation: int = 0
    letter: LetterRef | None = None
    waived: Reason | None = None
    warned: tuple[DoorWarning, ...] = ()
    timeline: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        """Leave out the guest and the PIN."""
        return f"Stay({self.booking!r}, {len(self.codes)} codes)"

    @property
    def key(self) -> StayKey:
        """Which stay this is."""
        return self.booking.key

    def code(self, lock: str) -> AccessCode | None:
        """The code on `lock`, if the stay has or had one there."""
        return next((c for c in self.codes if c.lock == lock), None)

    def with_code(self, code: AccessCode) -> Stay:
        """With `code` in the place of the one on the same lock, or added at the end."""
        if self.code(code.lock) is None:
            return replace(self, codes=(*self.codes, code))
        return replace(self, codes=tuple(code if c.lock == code.lock else c for c in self.codes))

    def warned_of(self, about: About, lock: str) -> Stay:
        """With one more thing that a person is told of."""
        return replace(self, warned=tuple(sorted({*self.warned, DoorWarning(about, lock)})))

    def noted(self, at: datetime, what: str, **detail: object) -> Stay:
        """With one more line on the timeline; the oldest lines but the first are dropped."""
        notes = (*self.timeline, Note(at, what, detail))
        if len(notes) > KEPT_NOTES:
            notes = (notes[0], *notes[-KEPT_NOTES + 1 :])
        return replace(self, timeline=notes)

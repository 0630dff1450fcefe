"""What is wanted of one code on one lock: to be there (`Wish`) or to be gone (`Leave`)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.access_code import Written
from worker.domain.booking import StayKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """The code shall be on the lock: this name, window and PIN (None: not chosen yet), from `push_at` on.

    `aim` names the window as the booking has it: it changes only when the stay does, not as time passes.
    `hold_until`: the own door's push waits that long for the common doors. `letter_at`: from then on a
    missing slot is a letter. `with_email`: this push asks the vendor to e-mail the PIN. `check_at`: when a
    code that is on the lock is looked at again.
    """

    key: StayKey
    name: str = field(repr=False)
    starts: datetime
    ends: datetime
    starts_text: str
    ends_text: str
    pin: str | None = field(repr=False)
    push_at: datetime
    check_in: datetime
    letter_at: datetime
    hold_until: datetime | None = None
    with_email: bool = False
    pin_is_told: bool = False
    aim: str = ""
    check_at: datetime | None = None

    @property
    def written(self) -> Written | None:
        """What the push will write, once there is a PIN."""
        return Written(self.pin, self.starts_text, self.ends_text) if self.pin is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave:
    """The code shall be off the lock from `at` on; `deadline` says how urgent that is.

    `is_held`: it waits for the doors to which the stay has moved.
    """

    key: StayKey
    at: datetime
    deadline: datetime
    is_held: bool = False


Goal = Wish | Leave

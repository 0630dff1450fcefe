"""What a person asks for a booking: a new PIN, or the guest's e-mail once more."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from worker.domain.booking import StayKey
from worker.domain.goals import Wish
from worker.domain.pins import choose
from worker.domain.plan import turned_for_new_pin
from worker.domain.record import Stay
from worker.domain.wanted import goals, policy_of, takes_email, unit_of
from worker.service.ledger import Extras, Ledger
from worker.store.commit import TakenError
from worker.store.store import Store

_TRIES = 10


class UnknownBookingError(LookupError):
    """There is no such booking."""


class NotNowError(Exception):
    """The booking is not in a state for this; the text says why."""


@dataclass(slots=True)
class Requests:
    """Changes a stay on a person's word. The work follows by itself."""

    store: Store
    ledger: Ledger

    def rotate_pin(self, key: StayKey) -> Stay:
        """A new PIN on all doors, in place. Raises UnknownBookingError, NotNowError, NoPinLeftError."""
        for _ in range(_TRIES):
            try:
                known = self.ledger.change(key, self._rotated, extras=Extras(pins_must_be_free=True))
            except TakenError:
                continue
            return _there(known.stay)
        raise TakenError

    def resend(self, key: StayKey) -> Stay:
        """The guest's e-mail once more, with a push in place. Raises UnknownBookingError, NotNowError."""
        return _there(self.ledger.change(key, self._to_resend).stay)

    def _rotated(self, found: Stay | None, now: datetime) -> Stay:
        stay, house = _there(found), self.ledger.house()
        unit = unit_of(stay, house)
        if unit is None or not _is_wanted(stay, self.ledger, now):
            raise NotNowError("This stay wants no PIN: it is cancelled, over, or its unit is unknown.")
        vault, locks, ref = self.store.vault, unit.locks, str(stay.key)

        def taken(pin: str) -> bool:
            return pin == stay.pin or self.store.locks.pin_is_taken(vault.tag(pin), locks, ref)

        pin = choose(policy_of(stay, house).pin_length, taken)
        return turned_for_new_pin(replace(stay, pin=pin), house, now).noted(now, "pin.rotated")

    def _to_resend(self, found: Stay | None, now: datetime) -> Stay:
        stay = _there(found)
        if not _is_wanted(stay, self.ledger, now):
            raise NotNowError("This stay wants no PIN: it is cancelled, over, or its unit is unknown.")
        if not takes_email(stay.booking, policy_of(stay, self.ledger.house())):
            raise NotNowError(
                "This booking takes no e-mail: it is switched off, or there is no usable address."
            )
        return replace(stay, emailed=None).noted(now, "email.asked_again")


def _there(stay: Stay | None) -> Stay:
    if stay is None:
        raise UnknownBookingError
    return stay


def _is_wanted(stay: Stay, ledger: Ledger, now: datetime) -> bool:
    return any(isinstance(goal, Wish) for goal in goals(stay, ledger.house(), now).values())

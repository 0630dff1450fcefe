"""What a person asks for a booking: a new PIN, the guest's e-mail once more, or its end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from worker.domain.booking import Status, StayKey, cancellation, sibling_events
from worker.domain.goals import Wish
from worker.domain.pins import choose
from worker.domain.plan import applied, turned_for_new_pin
from worker.domain.record import Stay
from worker.domain.wanted import goals, policy_of, takes_email, unit_of
from worker.service.apply_event import EventApplier
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

    def cancel(self, key: StayKey) -> Stay:
        """The stay cancelled as its source would, until newer news of it. Raises as `resend` does.

        With the first stay of a reservation over several units its others are cancelled too.
        """
        applier, events = EventApplier(self.store, self.ledger), self.store.events
        for waiting in events.pending(key):
            if not events.has_failed(waiting):
                applier.apply(waiting)
        commands: list[list[str | int]] = []
        siblings: list[str] = []

        def cancelled(found: Stay | None, now: datetime) -> Stay:
            stay = self._to_cancel(found, now)
            event = cancellation(stay.booking, events.pending(key).values(), now)
            after = applied(stay, event, now)
            others = [events.accepted_commands(e) for e in sibling_events(stay.booking, after.booking, event)]
            siblings[:] = [name for name, _ in others]
            commands[:] = [command for _, row in others for command in row]
            return after

        known = self.ledger.change(key, cancelled, extras=Extras(commands=commands))
        for sibling in siblings:
            applier.apply(sibling)
        return _there(known.stay)

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

    def _to_cancel(self, found: Stay | None, now: datetime) -> Stay:
        stay = _there(found)
        if stay.booking.status is Status.CANCELLED:
            raise NotNowError("This stay is cancelled already.")
        if stay.check_out is not None and now >= stay.check_out and not _is_wanted(stay, self.ledger, now):
            raise NotNowError("This stay is over; its codes are off or being taken off.")
        return stay


def _there(stay: Stay | None) -> Stay:
    if stay is None:
        raise UnknownBookingError
    return stay


def _is_wanted(stay: Stay, ledger: Ledger, now: datetime) -> bool:
    return any(isinstance(goal, Wish) for goal in goals(stay, ledger.house(), now).values())

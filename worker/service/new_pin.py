"""Chooses the PIN of a stay: free on every lock of the stay, among ours and those on the lock."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

from worker.domain.booking import StayKey
from worker.domain.house import House
from worker.domain.pins import choose
from worker.domain.record import Stay
from worker.domain.slots import View
from worker.domain.wanted import policy_of, unit_of
from worker.service.ledger import Extras, Known, Ledger
from worker.store.agenda import Claim
from worker.store.commit import TakenError

_TRIES = 10


def with_new_pin(ledger: Ledger, key: StayKey, house: House, claim: Claim, view: View | None) -> Known:
    """Give the stay a PIN, or another than the one the lock refused. Raises NoPinLeftError, FencedError."""
    on_lock = {entry.pin for entry in view.entries.values()} if view is not None else set()
    for _ in range(_TRIES):
        try:
            return ledger.change(
                key,
                lambda stay, now: _chosen(ledger, stay, now, house, on_lock),
                extras=Extras(claim=claim, pins_must_be_free=True),
            )
        except TakenError:
            continue
    raise TakenError


def _chosen(
    ledger: Ledger, stay: Stay | None, now: datetime, house: House, on_lock: Collection[str]
) -> Stay | None:
    unit = unit_of(stay, house) if stay is not None else None
    if stay is None or unit is None:
        return None
    refused = stay.pin
    if refused is not None and not any(_is_refused(stay, lock) for lock in unit.locks):
        return None  # the visit to another door chose one meanwhile
    policy, ref, vault = policy_of(stay, house), str(stay.key), ledger.store.vault

    def taken(pin: str) -> bool:
        if pin in on_lock or pin == refused:
            return True
        return ledger.store.locks.pin_is_taken(vault.tag(pin), unit.locks, ref)

    phone = stay.booking.guest_phone if policy.pin_source == "phone" else None
    pin = choose(policy.pin_length, taken, phone)
    return replace(stay, pin=pin).noted(now, "pin.chosen" if refused is None else "pin.changed")


def _is_refused(stay: Stay, lock: str) -> bool:
    code = stay.code(lock)
    return code is not None and code.is_pin_refused(stay.pin)

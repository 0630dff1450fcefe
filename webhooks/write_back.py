"""Writes a stay's PIN into its booking system, and believes it only once it is read there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import cast

import structlog

from webhooks.backoff import delay_after
from webhooks.sources import ADAPTERS
from webhooks.sources.adapter import Writes
from webhooks.sources.asking import Asking, GoneError, RefusedError
from worker.bootstrap import Innkey
from worker.domain.booking import StayKey
from worker.domain.record import Stay
from worker.domain.write_back import is_owed, pin_to_show, text_to_show
from worker.property_access import SourceConfig
from worker.service.notice_writes import pin_commands
from worker.store.errands import Errand, Round, forget_command

__all__ = ["MOST_FAILURES", "WriteBack"]

FIRST_DELAY, LONGEST_DELAY = timedelta(seconds=20), timedelta(minutes=30)
WRITE_AGAIN = timedelta(days=1)
MOST_FAILURES = 5  # about ten minutes after the first

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class WriteBack:
    """One source under lease. Doing the same again comes to the same."""

    innkey: Innkey
    config: SourceConfig
    api: Asking
    taken: Round

    def run(self, errand: Errand) -> None:
        """Write what is owed to the reservation of a stay. Raises AskingError; then the errand stays."""
        stays = self._reservation(errand.of)
        house = self.innkey.house()
        known = {stay.key: stay for stay in [*stays, *self._on_record(errand.of)]}
        # A write that was tried may have gone through, whatever became of its reading back.
        has_tried = _tried(errand) in self.innkey.store.errands.notes(self.config.name)
        if not stays or not (has_tried or any(is_owed(stay, house) for stay in known.values())):
            self._done(errand)
            return
        wanted = text_to_show(stays, house)
        pins = [(stay.written_pin, stay.shown_pin) for stay in known.values()]
        written = [pin for both in pins for pin in both if pin is not None]
        if not self._shows(stays[0].key.id, wanted, written, may_write=self._may_write(errand, wanted)):
            self._failed(errand)
            return
        if not self._holds_lease():
            return  # whoever has it now reads what stands there, and goes by that
        for key, stay in known.items():
            self._note(key, pin_to_show(stay))
        self._done(errand)

    def _reservation(self, stay_id: str) -> list[Stay]:
        """The reservation's stays, its first one before the others.

        The first bears the reservation's own id; the others are called by that, a dot, and their part's.
        """
        first, cut = self._on_record(stay_id), len(stay_id)
        while (cut := stay_id.rfind(".", 0, cut)) > 0:
            first = self._on_record(stay_id[:cut]) or first
        siblings = first[0].booking.siblings if first else ()
        return [*first, *(stay for one in siblings for stay in self._on_record(one))]

    def _on_record(self, stay_id: str) -> list[Stay]:
        found = self.innkey.store.stays.get(StayKey(self.config.name, stay_id))
        return [found] if found is not None else []

    def _shows(self, reservation: str, wanted: str, written: Sequence[str], *, may_write: bool) -> bool:
        """Whether the field shows what it shall, before or after it was written."""
        system = cast("Writes", ADAPTERS[self.config.adapter])
        try:
            shown = system.read_pin(self.api, reservation)
            if shown == wanted or (not wanted and not _is_ours(shown, written)):
                # To be cleared, and it holds somebody else's words: those are not ours to take away.
                return True
            if not may_write or not self._holds_lease():
                return False
            if wanted != text_to_show(self._reservation(reservation), self.innkey.house()):
                return False  # it changed while the field was read: the next try decides anew
            try:
                system.write_pin(self.api, reservation, wanted)
            except RefusedError as error:
                # The key may read and not write: that holds up no poll.
                log.warning("source.pin_refused", source=self.config.name, status=error.status)
                return False
            return system.read_pin(self.api, reservation) == wanted
        except GoneError:
            return not wanted

    def _may_write(self, errand: Errand, wanted: str) -> bool:
        """Whether to write, after failures in a row: another text at once, the same one once a day.

        What is wanted is remembered as a digest that tells nothing without the record's key.
        """
        store, name = self.innkey.store, _tried(errand)
        text = store.vault.tag(f"{self.config.name}\n{errand.of}\n{wanted}")
        fails = store.errands.failures(self.config.name, errand.what)
        digest, _, last = store.errands.notes(self.config.name).get(name, "").partition(" ")
        now = store.agenda.now()
        is_same = digest == text
        if fails >= MOST_FAILURES and is_same and now - datetime.fromisoformat(last) < WRITE_AGAIN:
            return False
        store.errands.note(self.config.name, name, f"{text} {now.isoformat()}")
        return True

    def _note(self, key: StayKey, pin: str | None) -> None:
        def noted(stay: Stay | None, now: datetime) -> Stay | None:
            if stay is None or stay.written_pin == pin:
                return None
            what = "pin.written_back" if pin is not None else "pin.cleared"
            return replace(stay, written_pin=pin).noted(now, what)

        self.innkey.ledger.change(key, noted)

    def _holds_lease(self) -> bool:
        """Renew the lease; False where this worker stood still for so long that another has the source."""
        return self.innkey.store.errands.next(self.taken, 0) is not None

    def _failed(self, errand: Errand) -> None:
        store = self.innkey.store
        if not self._holds_lease():
            return
        fails = store.errands.failed(self.taken, errand)
        delay = delay_after(fails, FIRST_DELAY, LONGEST_DELAY)
        store.errands.put_off(self.taken, errand, store.agenda.now() + delay)
        log.warning("source.pin_not_shown", source=self.config.name, booking=errand.of, failures=fails)
        if fails == MOST_FAILURES:
            self._tell(errand)

    def _done(self, errand: Errand) -> None:
        if self.innkey.store.errands.failures(self.config.name, errand.what) >= MOST_FAILURES:
            self._tell(errand, is_over=True)
        self.innkey.ledger.run_commands([forget_command(self.config.name, _tried(errand))])
        self.innkey.store.errands.done(self.taken, errand)

    def _tell(self, errand: Errand, *, is_over: bool = False) -> None:
        now = self.innkey.clock.now()
        self.innkey.ledger.run_commands(pin_commands(self.config.name, errand.of, now, is_over=is_over))


def _tried(errand: Errand) -> str:
    """The note of the source's that says what was last written for an errand."""
    return f"tried:{errand.of}"


def _is_ours(shown: str, written: Sequence[str]) -> bool:
    """Whether a field's text is what `text_to_show` made of these PINs, and nothing else."""
    return all(part.rpartition(": ")[2] in written for part in shown.split(", "))

"""The guest's e-mails in the state machine: which were asked for, and what the lists said of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tests.unit.domain.kit import HOLD
from tests.unit.domain.lock_model import bears_mark_of
from worker.domain.access_code import Written
from worker.domain.answer_table import SURELY_NOT
from worker.domain.house import Policy
from worker.domain.outcomes import Kind
from worker.domain.record import Stay
from worker.domain.slots import View
from worker.domain.steps import Push


@dataclass
class Mail:
    """The last push of a stay that asked for the e-mail.

    Only a list read at `refutes_from` refutes it. `is_excused`: a person wants the e-mail once more.
    """

    lock: str
    slot: int
    written: Written
    since: datetime
    refutes_from: datetime
    confirmed: bool = False
    refuted: bool = False
    is_excused: bool = False


@dataclass
class Post:
    """Every e-mail that was asked for, by stay, and promise 7."""

    last: dict[str, Mail] = field(default_factory=dict)
    before: dict[str, Mail | None] = field(default_factory=dict)
    asked: set[tuple[str, Written]] = field(default_factory=set)

    def asks(self, ref: str, lock: str, step: Push, now: datetime) -> None:
        """A push leaves that asks for the e-mail."""
        last = self.last.get(ref)
        if last is not None and last.written == step.written and not last.is_excused:
            assert not last.confirmed, "promise 7: a second e-mail for the same PIN and window"
            assert last.refuted, "promise 7: the e-mail again before any list refuted the first"
        self.before[ref] = last
        self.last[ref] = Mail(lock, step.slot, step.written, now, now + HOLD)

    def answered(self, ref: str, kind: Kind, since: datetime, now: datetime, policy: Policy) -> None:
        """The answer to that push: what it takes to refute it."""
        mail = self.last[ref]
        if kind in SURELY_NOT:
            before = self.before[ref]
            if before is None:
                del self.last[ref]
            else:
                self.last[ref] = before
            return
        self.asked.add((ref, mail.written))
        patience = {
            Kind.UNANSWERED: since + HOLD - now,
            Kind.PENDING: policy.pending_for,
            Kind.DONE: policy.pending_poll,
        }
        mail.refutes_from = now + patience.get(kind, since - now)

    def died(self, ref: str) -> None:
        """The worker died in that push."""
        self.asked.add((ref, self.last[ref].written))

    def seen(self, ref: str, lock: str, view: View) -> None:
        """A list was looked at for this stay: it confirms what it shows, and refutes in time."""
        mail = self.last.get(ref)
        if mail is None or mail.lock != lock or view.read_at <= mail.since:
            return
        entry = view.entries.get(mail.slot)
        is_shown = entry is not None and bears_mark_of(entry, ref) and mail.written.is_shown_by(entry)
        mail.confirmed |= is_shown
        mail.refuted |= not is_shown and view.read_at >= mail.refutes_from

    def once_more(self, ref: str) -> None:
        """A person asks for the e-mail once more."""
        if ref in self.last:
            self.last[ref].is_excused = True

    def check(self, before: Stay | None, after: Stay) -> None:
        """What the record says was sent must have been asked for."""
        if before is None or before.pin is None or after.emailed in (None, before.emailed):
            return  # adopted under an unknown PIN: somebody may have told it
        assert (str(after.key), after.emailed) in self.asked, "promise 7: noted as sent, but never asked"

"""An account whose key the vendor refuses: renewed if it can be, else paused as a whole.

One letter for it; it resumes by itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from worker.domain.access_code import Try
from worker.domain.dead_letter import DeadLetter, problem_of
from worker.domain.outcomes import Outcome
from worker.domain.reasons import ADVICE, Job, Reason
from worker.service.keys import KeyRing, Renewal
from worker.service.ledger import Ledger
from worker.store import keys
from worker.store.alerts import raised_commands
from worker.store.commit import Commit, ConflictError
from worker.store.letters import writes_for
from worker.store.store import Store

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Accounts:
    """Pauses and resumes accounts. Without `keys` no key can be renewed."""

    store: Store
    ledger: Ledger
    keys: KeyRing | None = None

    def key_refused(
        self, account: str, outcome: Outcome, generation: int = 0, *, is_probe: bool = False
    ) -> Renewal:
        """The vendor refused a key of the account: RENEWED and FETCHED mean that there is a newer one.

        On REFUSED the account is paused: no more calls but a probe every 30 s, and one letter.
        """
        renewal, failure = Renewal.REFUSED, None
        if self.keys is not None:
            renewal, failure = self.keys.renew(account, generation, is_probe=is_probe)
        if renewal is Renewal.REFUSED:
            self._pause(account, failure or outcome)
        return renewal

    def key_proven(self, account: str, generation: int) -> None:
        """The vendor took a key of this generation."""
        if self.keys is not None and generation:
            self.keys.accepted(account, generation)

    def _pause(self, account: str, outcome: Outcome) -> None:
        """Stop all work of the account but its probes. Who stops it first says why, in the same write."""
        self.store.agenda.probe_later(account)
        now = self.ledger.clock.now()
        letter = DeadLetter(
            id=self.ledger.new_id(),
            reason=Reason.INVALID_KEY,
            step=Job.JOB,
            opened=now,
            message=f"{ADVICE[Reason.INVALID_KEY].what} Account {account!r} waits for a valid key.",
            tries=(Try(now, Job.JOB, outcome),),
            problem=problem_of(Reason.INVALID_KEY, lock=None, booking=None, account=account),
        )
        commit = Commit(
            guards=[(keys.paused(account), "")],
            commands=[
                ["SET", keys.paused(account), letter.id],
                *writes_for(letter),
                *raised_commands(letter.problem, letter.id, now),
                *self.ledger.outbox.of_letters([letter], now),
            ],
        )
        try:
            commit.run(self.store.scripts, self.ledger.house())
        except ConflictError:
            return
        log.error("account.paused", account=account, letter=letter.id)

    def key_accepted(self, account: str) -> None:
        """The vendor took the account's key again: go on, and settle the letter."""
        letter_id = self.store.agenda.pause_letter(account)
        letter = self.store.letters.get(letter_id) if letter_id else None
        if letter is not None:
            self.ledger.settle_letter(letter, "The vendor's cloud accepts the key again.")
        self.store.agenda.resume(account)
        log.info("account.resumed", account=account)

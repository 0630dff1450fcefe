"""What Innkey does about each class of answer: the retry table, as data. Nothing else decides on retries.

The KAS API document contradicts itself (try again at once / never retry by yourself / three tries, in its
sections "API Do's and Dont's" and "ACK and Response Values"). This table is our reading of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from worker.domain.outcomes import Kind
from worker.domain.reasons import Reason


class Then(StrEnum):
    """What follows an answer to a command."""

    PROVE = "prove"  # it says done: believe it once the list shows it; a removal is believed at once
    READ_BACK = "read_back"  # perhaps done: the list decides at once
    WAIT_FOR_IT = "wait_for_it"  # under way: read back every `pending_poll` until `pending_for` is over
    HOLD = "hold"  # no answer: the list may confirm at once, and refutes after `vendor_hold`
    LATER = "later"  # surely not done and no fault of the command: again by `offline_delays`
    GIVE_UP = "give_up"  # trying again cannot help: a letter at once
    NOT_COUNTED = "not_counted"  # surely not done, and never an attempt: again when the cause is gone


@dataclass(frozen=True, slots=True)
class Rule:
    """One row. `reason` names the letter where this answer was the last one."""

    then: Then
    reason: Reason
    repeat_removal: bool = False  # a removal is sent once more even where the list no longer shows the code


TABLE: Mapping[Kind, Rule] = MappingProxyType(
    {
        Kind.DONE: Rule(Then.PROVE, Reason.UNCONFIRMED),
        Kind.FAILED: Rule(Then.READ_BACK, Reason.LOCK_FAILED),
        Kind.PENDING: Rule(Then.WAIT_FOR_IT, Reason.PENDING_TOO_LONG, repeat_removal=True),
        Kind.OFFLINE: Rule(Then.LATER, Reason.GATEWAY_OFFLINE),
        Kind.UNCLEAR: Rule(Then.READ_BACK, Reason.UNCONFIRMED, repeat_removal=True),
        Kind.DOUBT: Rule(Then.READ_BACK, Reason.UNCONFIRMED, repeat_removal=True),
        Kind.CUT: Rule(Then.READ_BACK, Reason.UNCONFIRMED, repeat_removal=True),
        Kind.UNANSWERED: Rule(Then.HOLD, Reason.UNCONFIRMED, repeat_removal=True),
        Kind.PIN_EXISTS: Rule(Then.READ_BACK, Reason.PIN_TAKEN),
        Kind.NOT_ADMIN: Rule(Then.GIVE_UP, Reason.NOT_ADMIN),
        Kind.LOCK_NOT_FOUND: Rule(Then.GIVE_UP, Reason.LOCK_NOT_FOUND),
        Kind.BAD_WINDOW: Rule(Then.GIVE_UP, Reason.BAD_WINDOW),
        Kind.REFUSED: Rule(Then.GIVE_UP, Reason.REFUSED),
        Kind.INVALID_TOKEN: Rule(Then.NOT_COUNTED, Reason.INVALID_KEY),
        Kind.THROTTLED: Rule(Then.NOT_COUNTED, Reason.REFUSED),
        Kind.NOT_SENT: Rule(Then.NOT_COUNTED, Reason.UNCONFIRMED),
    }
)

# After "Password is already existing." a PIN that nobody was told is changed this often.
OTHER_PINS = 3

# The command surely did not happen, and sent no e-mail.
SURELY_NOT = frozenset(
    kind for kind, rule in TABLE.items() if rule.then in (Then.LATER, Then.GIVE_UP, Then.NOT_COUNTED)
) | {Kind.PIN_EXISTS}

# No answer ever came: the vendor may still be at it, so the call keeps its place in the window (promise 4).
NO_ANSWER = frozenset({Kind.CUT, Kind.UNANSWERED})

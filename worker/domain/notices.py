"""What a person is told beside the dead letters: a stay at risk, a gateway away, a code nobody knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from worker.domain.reasons import ADVICE, Advice, Reason


class About(StrEnum):
    """What a notice is about. Its problem is this word and where: the lock, the source, or all arrivals."""

    AT_RISK = "at_risk"
    GATEWAY_OFFLINE = "gateway_offline"  # the problem of the letter that may follow
    HAND_TYPED = "hand_typed"
    UNMANAGED = "unmanaged"
    BAD_EVENT = "bad_event"
    LOW_BATTERY = "low_battery"
    NOT_SEEN = "not_seen"
    OUTGOING_FAILED = "outgoing_failed"
    OUTGOING_GONE = "outgoing_gone"
    SOURCE_AWAY = "source_away"
    SOURCE_REFUSES = "source_refuses"
    PIN_NOT_WRITTEN = "pin_not_written"
    FEED_AWAY = "feed_away"
    FEED_DOUBTED = "feed_doubted"
    SOURCE_SILENT = "source_silent"
    SOURCE_UNPROVEN = "source_unproven"


# Nothing that Innkey sees could settle these: they are told, and that is all.
TOLD_ONCE = frozenset({About.HAND_TYPED, About.BAD_EVENT})

WORDS: Mapping[About, Advice] = MappingProxyType(
    {
        About.AT_RISK: Advice(
            "A guest arrives soon, and not every door of the stay has its PIN.",
            "See what holds it up with innkey bookings show; have another way in ready for the guest.",
        ),
        About.GATEWAY_OFFLINE: Advice(
            "The lock's gateway was not to be reached, and a guest arrives soon. Innkey keeps trying.",
            ADVICE[Reason.GATEWAY_OFFLINE].cure,
        ),
        About.HAND_TYPED: Advice(
            "A stay is over whose code was settled by hand: a code that was typed by hand may remain.",
            "Look at the lock's codes in the vendor's app, and delete what is no longer needed.",
        ),
        About.UNMANAGED: Advice(
            "The lock holds codes under a mark of Innkey's, and their bookings are not on record.",
            "Leave them if their bookings are still to come; else delete them in the vendor's app.",
        ),
        About.BAD_EVENT: Advice(
            "A booking system sent what was proven to come from it, and not understood. It is kept.",
            "Look at it with innkey rejected-events list; after a fix, replay it.",
        ),
        About.LOW_BATTERY: Advice(
            "The lock's battery is low. An empty one shuts everybody out, whatever PIN they have.",
            "Change the batteries before the next guest arrives. The level is told as the door is opened.",
        ),
        About.NOT_SEEN: Advice(
            "Nothing has been heard of the lock for long: no opening, and it carries out no command.",
            "See that the lock has power and its gateway is online; then set the lock's clock.",
        ),
        About.OUTGOING_FAILED: Advice(
            "An endpoint of yours did not take an event, for three days. The event is kept.",
            "See why with innkey outgoing deliveries; once the endpoint works, use innkey outgoing replay.",
        ),
        About.OUTGOING_GONE: Advice(
            "An endpoint of yours answered 410: it wants no more events. They are kept for 30 days.",
            "Change its url, or send again with innkey outgoing enable; else drop it from the property file.",
        ),
        About.SOURCE_AWAY: Advice(
            "A booking system's API was asked for reservations again and again, and does not answer.",
            "See whether it is down, and that api_url in the property file is right. Innkey keeps asking.",
        ),
        About.SOURCE_REFUSES: Advice(
            "A booking system's API refuses what Innkey asks of it: most likely its key.",
            "Make a new key there, and put it in api_key of the source's table. Innkey keeps asking.",
        ),
        About.PIN_NOT_WRITTEN: Advice(
            "A stay's PIN was written into its booking system, and is not seen there. The doors are right.",
            "See that the key may write there; tell the guest the PIN by hand if nobody else does.",
        ),
        About.FEED_AWAY: Advice(
            "A booking site's calendar could not be read for half an hour. Its stays stay as they are.",
            "Copy its address from the site once more, and put it where url of the feed's table says. "
            "Innkey keeps reading.",
        ),
        About.FEED_DOUBTED: Advice(
            "A booking site's calendar has suddenly lost its stays. An empty one cancels nothing; if most of "
            "its stays are gone, they are cancelled after an hour.",
            "Look at the calendar on the site. If it is wrong, set enabled = false in the feed's table until "
            "it is mended. If it is right and empty, block a day far ahead there: then Innkey believes it.",
        ),
        About.SOURCE_SILENT: Advice(
            "A booking system has sent nothing for longer than it ever does: bookings may be missing.",
            "See that its webhook is still on, and has Innkey's address. If such a silence is usual, say so "
            "with silence in the source's table.",
        ),
        About.SOURCE_UNPROVEN: Advice(
            "Deliveries of a booking system keep failing their proof of origin, and are refused.",
            "Put the secret, password or token that it has now into the source's table, then have it send "
            "again what was refused. If all is right there, a stranger knocks at the address.",
        ),
    }
)


@dataclass(frozen=True, slots=True, order=True)
class DoorWarning:
    """A notice that a stay's record implies for one of its doors."""

    about: About
    lock: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One row of a mail that is no dead letter. No PIN, no guest."""

    about: About
    where: str
    opened: datetime
    source: str | None = None
    booking: str | None = None
    lock: str | None = None
    slot: int | None = None
    detail: str = ""

    @property
    def id(self) -> str:
        """Always the same for the same thing, so that it is told once."""
        what = f"{self.source or ''}/{self.booking or ''}"
        return f"{self.about.value}:{self.lock or self.where}:{self.slot or ''}:{what}{self.detail}"

    @property
    def problem(self) -> str:
        """Notices of one problem share a mail, as letters do."""
        return f"{self.about.value}:{self.where}"

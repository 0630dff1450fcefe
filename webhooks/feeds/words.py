"""The words of each site's calendar: what is a booking, what only closes dates, what is told of a guest."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from webhooks.sources.reading import text
from worker.domain.feeds import FeedKind

__all__ = ["Words", "kind_of", "words_of"]

# As sites write it in the languages of their hosts. What is not known here is taken for a booking: a code too
# many is known to nobody, one too few leaves a guest before the door.
_BLOCKS = (
    "not available",
    "unavailable",
    "blocked",
    "closed",
    "indisponible",
    "non disponible",
    "bloquée?",
    "fermée?",
    "nicht verfügbar",
    "blockiert",
    "gesperrt",
    "geschlossen",
    "no disponible",
    "bloquead[oa]",
    "cerrado",
    "non disponibile",
    "bloccat[oa]",
    "chiuso",
    "indisponível",
    "não disponível",
    "fechado",
    "niet beschikbaar",
    "geblokkeerd",
    "gesloten",
)
_BLOCK = re.compile(rf"\b(?:{'|'.join(_BLOCKS)})\b|^airbnb \(.*\)$", re.IGNORECASE)
_CLOSED = re.compile(r"\bclosed\b.*\bnot available\b", re.IGNORECASE)
_NAMED = re.compile(r"([^-–—]{2,40}?)\s+[-–—]\s+(.+)", re.DOTALL)
_CODE = re.compile(r"/reservations/details/([A-Z0-9]{6,20})\b")
_PHONE = re.compile(r"\([^()\n]*4[^()\n]*\)\s*:\s*([0-9]{4})(?![0-9])")
_MAKERS = {
    FeedKind.AIRBNB: ("airbnb",),
    FeedKind.VRBO: ("homeaway", "vrbo", "abritel", "fewo-direkt"),
    FeedKind.BOOKING: ("booking.com",),
}


@dataclass(frozen=True, slots=True)
class Words:
    """What an event says: whether it is a booking, and what is told of it and of the guest."""

    is_stay: bool
    code: str | None = None
    guest: str | None = None
    phone: str | None = None

    def __repr__(self) -> str:
        """Leave out the guest."""
        return f"Words({self.is_stay}, {self.code})"


def kind_of(maker: str, uids: Iterable[str]) -> FeedKind:
    """Whose calendar it is, by its PRODID, else by what the first of its uids that tells it ends with."""
    for hint in (maker, *(uid.rpartition("@")[2] for uid in uids)):
        for kind, names in _MAKERS.items():
            if any(name in hint.casefold() for name in names):
                return kind
    return FeedKind.GENERIC


def words_of(summary: str, description: str, kind: FeedKind, closed: str) -> Words:
    """Read an event's two texts. `closed`: whether one of Booking.com's that closes dates is a stay."""
    code = _CODE.search(description)
    if code is not None:
        phone = _PHONE.search(description)
        return Words(True, code[1], phone=phone[1] if phone is not None else None)
    if kind is FeedKind.BOOKING and _CLOSED.search(summary):
        return Words(closed == "stay")
    named = _NAMED.fullmatch(summary.strip()) if kind is FeedKind.VRBO else None
    head = named[1] if named is not None else summary
    if _BLOCK.search(head.strip()):
        return Words(False)
    return Words(True, guest=text(named[2]) if named is not None else None)

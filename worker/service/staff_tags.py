"""RFID tags of the house's own: cleaners, owners, spare cards. Each is kept like a stay without a booking.

So a tag gets its place on each door, is read back, removed when it ends, and put before a person where a door
does not take it, by the same rules as a guest's PIN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from worker.domain.booking import BookingEvent, EventType, StayKey, Version
from worker.domain.media import is_tag, tags_of
from worker.domain.plan import applied
from worker.domain.record import Stay
from worker.service.ledger import Ledger
from worker.store.locks import FENCE
from worker.store.store import Store

SOURCE = "staff"  # no source of the property file may be called so


class UnknownLockError(LookupError):
    """The property file has no lock of this name."""


class NoSuchTagError(LookupError):
    """Nothing of ours holds that place."""


class GuestTagError(Exception):
    """The tag is a guest's: it follows the booking, which is to be changed or cancelled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTag:
    """A tag for some doors: `number` is its own (8 hexadecimal digits) or a card's (10 digits)."""

    id: str
    number: str = field(repr=False)
    name: str = field(repr=False)
    doors: tuple[str, ...]
    starts: datetime
    ends: datetime


@dataclass(slots=True)
class StaffTags:
    """Adds and removes tags. The work on the doors follows by itself."""

    store: Store
    ledger: Ledger

    def add(self, tag: NewTag) -> Stay:
        """Put a tag on its doors, or change one of the same id. Raises UnknownLockError, ValueError."""
        house = self.ledger.house()
        for door in tag.doors:
            if door not in house.locks:
                raise UnknownLockError(door)
        if not is_tag(tag.number):
            raise ValueError("number")
        return self._write(
            tag.id,
            EventType.CREATED,
            unit=SOURCE,
            doors=tag.doors,
            rfid=tag.number,
            guest_name=tag.name,
            check_in=tag.starts.isoformat(),
            check_out=tag.ends.isoformat(),
            send_email=False,
        )

    def remove(self, tag_id: str, door: str) -> Stay:
        """Take a tag off one door; off its last one it is over. Raises NoSuchTagError."""
        stay = self.store.stays.get(StayKey(SOURCE, tag_id))
        if stay is None or door not in stay.booking.doors:
            raise NoSuchTagError(tag_id)
        left = tuple(one for one in stay.booking.doors if one != door)
        if not left:
            return self._write(tag_id, EventType.CANCELLED)
        return self._write(tag_id, EventType.UPDATED, doors=left)

    def holder(self, door: str, rfid_id: int) -> StayKey | None:
        """Who of ours holds a place for tags on a door."""
        ref = self.store.locks.slots(tags_of(door)).get(rfid_id)
        return None if ref is None else StayKey.parse(ref.removeprefix(FENCE))

    def remove_at(self, door: str, rfid_id: int) -> Stay:
        """Take the tag off that holds a place. Raises NoSuchTagError, GuestTagError."""
        key = self.holder(door, rfid_id)
        if key is None:
            raise NoSuchTagError(str(rfid_id))
        if key.source != SOURCE:
            raise GuestTagError(str(key))
        return self.remove(key.id, door)

    def _write(self, tag_id: str, kind: EventType, **changes: object) -> Stay:
        now = datetime.now(UTC)
        version = Version(stamp=now)
        event = BookingEvent(
            id=f"{kind.value}:{now.isoformat()}",
            key=StayKey(SOURCE, tag_id),
            type=kind,
            version=version,
            changes=changes,
        )
        known = self.ledger.change(event.key, lambda stay, at: applied(stay, event, at))
        if known.stay is None:
            raise NoSuchTagError(tag_id)
        return known.stay


def doors_of(first: str, others: Sequence[str]) -> tuple[str, ...]:
    """The doors that are meant, each once, in their order."""
    return tuple(dict.fromkeys([first, *others]))

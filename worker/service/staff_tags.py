"""RFID tags of the house's own: cleaners, owners, spare cards. Each is kept like a stay without a booking.

So a tag gets its place on each door, is read back, removed when it ends, and put before a person where a door
does not take it, by the same rules as a guest's PIN.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from worker.domain.booking import BookingEvent, EventType, StayKey, Version
from worker.domain.media import is_tag, tags_of
from worker.domain.plan import applied
from worker.domain.record import Stay
from worker.domain.stay import instant
from worker.service.ledger import Ledger
from worker.store.locks import FENCE
from worker.store.store import Store

LAST = time(23, 59)
SOURCE = "staff"  # no source of the property file may be called so


class UnknownLockError(LookupError):
    """The property file has no lock of this name."""


class NoSuchTagError(LookupError):
    """Nothing of ours holds that place."""


class GuestTagError(Exception):
    """The tag is a guest's: it follows the booking, which is to be changed or cancelled."""


class BadTagError(ValueError):
    """A field of a tag is not good; `field` says which."""

    def __init__(self, field_name: str, why: str) -> None:
        """`why` begins with a verb."""
        super().__init__(why)
        self.field = field_name


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTag:
    """A tag for some doors: `number` is its own (8 hexadecimal digits) or a card's (10 digits).

    `starts` and `ends` are dates or date-times, local to the first door or with an offset.
    """

    id: str
    number: str = field(repr=False)
    name: str = field(repr=False)
    doors: tuple[str, ...]
    starts: str
    ends: str


@dataclass(slots=True)
class StaffTags:
    """Adds and removes tags. The work on the doors follows by itself."""

    store: Store
    ledger: Ledger

    def add(self, tag: NewTag) -> Stay:
        """Put a tag on its doors, or change one of the same id.

        Raises UnknownLockError, BadTagError. The booking's own window is no rule here: it is as given.
        """
        house = self.ledger.house()
        for door in tag.doors:
            if door not in house.locks:
                raise UnknownLockError(door)
        if not is_tag(tag.number):
            raise BadTagError("number", "is neither 8 hexadecimal digits nor the 10 digits printed on a card")
        zone = house.zone_of(tag.doors[0])
        if _moment("ends", tag.ends, zone) <= _moment("starts", tag.starts, zone):
            raise BadTagError("ends", "is not after starts")
        return self._write(
            tag.id,
            EventType.CREATED,
            unit=SOURCE,
            doors=tag.doors,
            rfid=tag.number,
            guest_name=tag.name,
            check_in=tag.starts,
            check_out=tag.ends,
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


def _moment(name: str, written: str, zone: ZoneInfo) -> datetime:
    try:
        return instant(written, LAST if name == "ends" else time.min, zone, earliest=name == "starts")
    except (ValueError, OverflowError):
        raise BadTagError(name, "is no date like 2026-12-01 or date-time like 2026-12-01T15:00") from None

"""A booking as its events tell it: the fold by version, and the tombstone that a cancel leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND, _MICROSECOND = timedelta(milliseconds=1), timedelta(microseconds=1)
_RECEIPTS = 10**14
_LARGEST_SENT = 2**63  # of a sender's own number, or its time in microseconds


class Status(StrEnum):
    """What the booking system says of a stay; only `CONFIRMED` wants a PIN."""

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    TENTATIVE = "tentative"
    BLOCKED = "blocked"


class EventType(StrEnum):
    """What an event says has happened to the booking."""

    CREATED = "booking.created"
    UPDATED = "booking.updated"
    CANCELLED = "booking.cancelled"


@dataclass(frozen=True, slots=True, order=True)
class StayKey:
    """Which stay: the source it came from and the id it has there. Written `source/id`."""

    source: str
    id: str

    def __str__(self) -> str:
        """The form in which a stay is named everywhere: messages, agenda, marks on the lock."""
        return f"{self.source}/{self.id}"

    @classmethod
    def parse(cls, text: str) -> StayKey:
        """Read `source/id`; the id may hold further slashes. ValueError without a slash."""
        source, slash, booking = text.partition("/")
        if not (source and slash and booking):
            msg = "a stay is named source/id"
            raise ValueError(msg)
        return cls(source, booking)


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Where an event stands in the order of one booking's events.

    `number` is the sender's own version (an integer, microseconds of its RFC 3339 time, or as `changed_at`
    makes it) and `text` how it wrote it; both are empty where the sender gives none. `stamp` is the event's
    own time.
    """

    number: int | None = None
    text: str = ""
    stamp: datetime

    @classmethod
    def changed_at(cls, changed: datetime, received: datetime) -> Version:
        """By the sender's moment, and by receipt where it is the same: senders' clocks are coarse."""
        number = _milliseconds(changed) * _RECEIPTS + _milliseconds(received)
        return cls(number=number, text=changed.isoformat(), stamp=received)

    def by_hand(self, now: datetime) -> Version:
        """The version of what a person says at `now`, when this one is the newest that is known.

        What the source says from before is not newer. A plain number tells no time: there it is what has no
        higher one.
        """
        stamp = max(now, self.stamp)
        if self.number is None:
            return Version(stamp=stamp)
        if self.text.isdecimal():
            return replace(self, stamp=stamp)
        of_now = Version.changed_at(now, now)
        if self.number < _LARGEST_SENT:
            of_now = replace(of_now, number=(now - _EPOCH) // _MICROSECOND)
        return replace(self if self.is_newer_than(of_now) else of_now, stamp=stamp)

    def is_older_than(self, other: Version) -> bool:
        """By version where both have one, else by the events' own times; equal ones are not older."""
        if self.number is not None and other.number is not None:
            return self.number < other.number
        return self.stamp < other.stamp

    def is_newer_than(self, other: Version) -> bool:
        """The mirror of `is_older_than`."""
        return other.is_older_than(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What the events so far say. `check_in` and `check_out` stay as the sender wrote them.

    They are a local date (`2026-12-01`), a local date-time, or one with an offset; the unit's zone and
    default times turn them into instants (`worker.domain.stay`). `cleared` names the fields that an event
    set to null: an older event does not bring them back. `rfid`: the guest's card. `doors`: what a tag of the
    house's own opens; a booking's doors are those of its unit. `siblings`: the ids of the other stays of a
    reservation over several units, kept by its first stay.
    """

    key: StayKey
    version: Version
    status: Status = Status.CONFIRMED
    unit: str | None = None
    check_in: str | None = None
    check_out: str | None = None
    guest_name: str | None = None
    guest_email: str | None = None
    guest_phone: str | None = None
    send_email: bool | None = None
    email_message: str | None = None
    pin: str | None = None
    rfid: str | None = None
    doors: tuple[str, ...] = ()
    cleared: tuple[str, ...] = ()
    siblings: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Leave out the guest and the PIN."""
        return f"Booking({self.key}, {self.status.value}, unit={self.unit!r})"

    @property
    def is_complete(self) -> bool:
        """Whether the events so far say where and when."""
        return None not in (self.unit, self.check_in, self.check_out)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingEvent:
    """One event, as an adapter read it. `changes` holds only the fields that the event names.

    Its keys are the field names of `Booking`; a value of None clears the field. `siblings`: for a reservation
    over several units, the id and the changes of each of its other stays; None where it does not say which.
    """

    id: str
    key: StayKey
    type: EventType
    version: Version
    changes: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    siblings: Mapping[str, Mapping[str, object]] | None = None

    def __repr__(self) -> str:
        """Leave out the changes: they hold the guest."""
        return f"BookingEvent({self.id}, {self.type.value}, {self.key})"


def first(event: BookingEvent) -> Booking:
    """The booking that the first event of a stay tells; a cancel may come before all others."""
    return _applied(Booking(key=event.key, version=event.version), event, _status(event, Status.CONFIRMED))


def fold(booking: Booking, event: BookingEvent) -> Booking | None:
    """The booking after `event`, or None where the event is stale and changes nothing.

    Older versions are not applied, but that they fill what no newer one has named; of equal ones the latest
    received counts; a cancelled booking is reinstated only by a strictly newer version that says so (status,
    or `booking.created`).
    """
    if event.version.is_older_than(booking.version):
        return _filled(booking, event)
    status = _status(event, booking.status)
    reinstates = booking.status is Status.CANCELLED and status is not Status.CANCELLED
    if reinstates and not event.version.is_newer_than(booking.version):
        return None
    return _applied(booking, event, status)


def cancellation(booking: Booking, waiting: Iterable[BookingEvent], now: datetime) -> BookingEvent:
    """The event by which a person cancels the stay at `now`, and with a reservation's first stay its others.

    `waiting`: news of the stay that is on record and not applied yet; it is from before, too.
    """
    newest = booking.version
    for event in waiting:
        newest = event.version if event.version.is_newer_than(newest) else newest
    return BookingEvent(
        id=f"by-hand:{now.isoformat()}",
        key=booking.key,
        type=EventType.CANCELLED,
        version=newest.by_hand(now),
        siblings={},
    )


def by_unit(event: BookingEvent, units: Mapping[str, str | None]) -> BookingEvent:
    """The event with each unit at the stay that has it already. `units`: of its stays that are on, by id.

    Senders tell a reservation's units, and our names for them go by their order. When one leaves or joins, a
    stay would move to the door of another guest, with its own PIN. If the first stay's unit is told no more,
    that stay is cancelled, and the others stay with it.
    """
    first_id = event.key.id
    told = {first_id: event.changes, **(event.siblings or {})}
    at = {unit: one for one, unit in units.items()}
    named = [changes.get("unit") for changes in told.values()]
    if event.siblings is None or event.type is EventType.CANCELLED or None in named or None in at:
        return event
    if len(set(named)) < len(told) or len(at) < len(units):
        return event
    kept = {at[str(changes["unit"])]: changes for changes in told.values() if changes["unit"] in at}
    left = {name: changes for name, changes in told.items() if changes["unit"] not in at}
    free = [name for name in told if name not in kept]
    for name, changes in left.items():
        # The first stay first: the others hang on it.
        place = first_id if first_id in free else name if name in free else free[0]
        free.remove(place)
        kept[place] = changes
    others = {name: changes for name, changes in kept.items() if name != first_id}
    if first_id in kept:
        return replace(event, changes=kept[first_id], siblings=others)
    return replace(event, type=EventType.CANCELLED, changes={}, siblings=others)


def sibling_events(before: Booking | None, after: Booking, event: BookingEvent) -> list[BookingEvent]:
    """What `event` of a reservation's first stay means for its others: each as it is now, or cancelled.

    None where the event was stale: so they follow the order of the first stay, whenever they come to be
    known.
    """
    # The record's own version is another object, and an event that was not applied leaves it.
    if event.siblings is None or after.version is not event.version:
        return []
    gone = set(before.siblings if before is not None else ()) - event.siblings.keys()
    return [
        *(_sibling(event, one, _kind(event, changes), changes) for one, changes in event.siblings.items()),
        *(_sibling(event, one, EventType.CANCELLED, {}) for one in sorted(gone)),
    ]


def _milliseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MILLISECOND


def _kind(event: BookingEvent, changes: Mapping[str, object]) -> EventType:
    """The first stay's own, but where that one leaves a reservation that goes on."""
    is_on = changes.get("status") not in (None, Status.CANCELLED.value)
    return EventType.UPDATED if event.type is EventType.CANCELLED and is_on else event.type


def _sibling(
    event: BookingEvent, sibling: str, kind: EventType, changes: Mapping[str, object]
) -> BookingEvent:
    return BookingEvent(
        id=f"{event.id}@{event.version.stamp.isoformat()}#{sibling}",
        key=StayKey(event.key.source, sibling),
        type=kind,
        version=event.version,
        changes=changes,
    )


def _filled(booking: Booking, event: BookingEvent) -> Booking | None:
    missing = {
        name: value
        for name, value in event.changes.items()
        if name != "status" and value is not None and _is_open(booking, name)
    }
    return replace(booking, **missing) if missing else None  # type: ignore[arg-type]


def _is_open(booking: Booking, name: str) -> bool:
    return getattr(booking, name) is None and name not in booking.cleared


def _status(event: BookingEvent, current: Status) -> Status:
    if event.type is EventType.CANCELLED:
        return Status.CANCELLED
    given = event.changes.get("status")
    if given is not None:
        return Status(str(given))
    return Status.CONFIRMED if event.type is EventType.CREATED else current


def _applied(booking: Booking, event: BookingEvent, status: Status) -> Booking:
    changes: dict[str, object] = {k: v for k, v in event.changes.items() if k != "status"}
    nulls = {name for name, value in changes.items() if value is None}
    cleared = tuple(sorted((set(booking.cleared) | nulls) - (changes.keys() - nulls)))
    siblings = booking.siblings if event.siblings is None else tuple(sorted(event.siblings))
    return replace(
        booking,
        **changes,  # type: ignore[arg-type]
        status=status,
        version=event.version,
        cleared=cleared,
        siblings=siblings,
    )

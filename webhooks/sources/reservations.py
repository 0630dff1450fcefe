"""From what a booking system tells of a reservation to events: the part that all adapters of such share."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from webhooks.sources import reading
from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from worker.domain.booking import BookingEvent, EventType, Status, StayKey, Version
from worker.property_access import SourceConfig

__all__ = ["Part", "Reservation", "content_id", "guest", "parsed", "status_of", "stay_moments", "stay_times"]

_READERS: Mapping[str, Callable[[object], str | None]] = {
    "name": reading.text,
    "email": reading.email,
    "phone": reading.phone,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One unit of a reservation: the sender's id of this part, and what is different there."""

    id: str
    changes: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """One reservation as a delivery tells it. `event`: the id of that news, the sender's or `content_id`.

    `changed` is the sender's order key, None where it gave none. `parts` are its units; empty where
    the delivery does not say, or the sender knows only one.
    """

    id: str
    event: str
    status: Status
    changes: Mapping[str, object]
    changed: datetime | None = None
    is_new: bool = False
    parts: Sequence[Part] = field(default_factory=tuple)


def parsed(
    delivery_id: str,
    reservations: Sequence[Reservation],
    delivery: Delivery,
    config: SourceConfig,
    *,
    by_content: bool,
) -> Parsed:
    """The events of a delivery, one for each reservation."""
    events = tuple(_event(one, delivery.received, config.name) for one in reservations)
    return Parsed(delivery_id, events, by_content=by_content)


def content_id(value: object) -> str:
    """An id for what a sender without ids wrote: equal for equal content, however it is laid out.

    Raises NotUnderstoodError where it is nested too deeply.
    """
    try:
        plain = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        raise NotUnderstoodError({"body": ["is nested too deeply"]}) from None
    digest = hashlib.sha256(plain.encode(errors="surrogatepass")).hexdigest()
    return f"body:{digest[:32]}"


def status_of(value: object, table: Mapping[str, Status], path: str) -> Status:
    """What the sender's word for a status means here. Raises NotUnderstoodError for one that is not known.

    Then the stay stays as it was, and a person is told: an unknown word neither gives nor takes a code.
    """
    found = table.get(reading.word(value))
    if found is None:
        raise NotUnderstoodError({path: ["is not a status that this adapter knows"]})
    return found


def stay_times(
    status: Status,
    arrival: tuple[object, str],
    departure: tuple[object, str],
    *,
    opens: object = None,
    closes: object = None,
) -> dict[str, object]:
    """`check_in` and `check_out` of two local dates (value and path) and two times of day.

    A date that is not told changes nothing; a time that is none leaves the unit's own. Of what gets no code
    the dates need not be readable. Raises NotUnderstoodError.
    """
    found: dict[str, object] = {}
    for name, (value, path), hour in (("check_in", arrival, opens), ("check_out", departure, closes)):
        try:
            date = reading.day(value, path)
        except NotUnderstoodError:
            if status is Status.CONFIRMED:
                raise
            continue
        if date is not None:
            time = reading.clock(hour)
            found[name] = f"{date}T{time}:00" if time is not None else date
    return found


def stay_moments(
    status: Status, arrival: tuple[object, str], departure: tuple[object, str]
) -> dict[str, object]:
    """`check_in` and `check_out` of two date-times (value and path), local or with an offset, else as above.

    Raises NotUnderstoodError.
    """
    found: dict[str, object] = {}
    for name, (value, path) in (("check_in", arrival), ("check_out", departure)):
        try:
            moment = reading.stay_moment(value, path)
        except NotUnderstoodError:
            if status is Status.CONFIRMED:
                raise
            continue
        if moment is not None:
            found[name] = moment
    return found


def guest(document: Mapping[str, Any], **where: str | tuple[str, ...]) -> dict[str, object]:
    """The guest's fields: for `name`, `email` and `phone` where they stand; several keys are joined.

    What the document does not name is left as it was; what it names and leaves blank is cleared.
    """
    found: dict[str, object] = {}
    for field_name, keys in where.items():
        names = [keys] if isinstance(keys, str) else list(keys)
        given = [document[name] for name in names if name in document]
        if given:
            read = [_READERS[field_name](value) for value in given]
            found[f"guest_{field_name}"] = " ".join(one for one in read if one)[:200] or None
    return found


def _event(one: Reservation, received: datetime, source: str) -> BookingEvent:
    kind = EventType.CREATED if one.is_new else EventType.UPDATED
    changes: dict[str, object] = {**one.changes, "status": one.status.value}
    siblings: dict[str, Mapping[str, object]] | None = None
    if one.parts:
        first, *others = _named(one)
        siblings = {name: {**changes, **different} for name, different in others}
        changes |= first[1]
    elif one.status is not Status.CONFIRMED:
        siblings = {}
    return BookingEvent(
        id=one.event,
        key=StayKey(source, one.id),
        type=EventType.CANCELLED if one.status is Status.CANCELLED else kind,
        version=Version(stamp=received) if one.changed is None else Version.changed_at(one.changed, received),
        changes=changes,
        siblings=siblings,
    )


def _named(one: Reservation) -> list[tuple[str, Mapping[str, object]]]:
    """Each part with the id of its stay. The part with the lowest id is the reservation's own stay.

    So a reservation over one unit keeps its id when it moves. Who keeps which door as units join and leave is
    decided on the record (`worker.domain.booking.by_unit`).
    """
    parts = sorted(one.parts, key=lambda part: (not part.id.isdecimal(), len(part.id), part.id))
    found: dict[str, Mapping[str, object]] = {one.id: parts[0].changes}
    for part in parts[1:]:
        name, number = f"{one.id}.{part.id}", 2
        while name in found:
            name, number = f"{one.id}.{part.id}.{number}", number + 1
        found[name] = part.changes
    return list(found.items())

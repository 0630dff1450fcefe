"""For systems whose deliveries only name a reservation: from what their API says of it to an event.

A hotel gives a reservation its room late. Until then there is no door for a code, and that is no error.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from webhooks.sources import fetching
from webhooks.sources.adapter import NotUnderstoodError, Parsed
from webhooks.sources.reading import identity, moment
from webhooks.sources.reservations import Part, Reservation
from worker.domain.booking import Status
from worker.property_access import SourceConfig
from worker.secret import Secret

__all__ = ["ROOM_BY", "as_lived", "fetched", "in_address", "pair", "with_room"]

ROOM_BY = timedelta(days=1)

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}")


def fetched(
    one: str,
    status: Status,
    changes: Mapping[str, object],
    config: SourceConfig,
    asked: datetime,
    *,
    changed: datetime | None = None,
    parts: Sequence[Part] = (),
) -> Parsed:
    """The event of reservation `one` as it was when `asked` for; `changed` is the sender's order key.

    The same again is known by what matters of it: a bill that changes is no news. Raises NotUnderstoodError.
    """
    found = identity(one, "id")
    if found is None:
        raise NotUnderstoodError({"id": ["is missing"]})
    told = Reservation(id=found, event="", status=status, changes=changes, changed=changed, parts=parts)
    return fetching.fetched(told, config, asked)


def with_room(
    status: Status,
    unit: str | None,
    check_in: datetime | None,
    asked: datetime,
    *,
    is_in_house: bool = False,
    room_by: timedelta = ROOM_BY,
) -> tuple[Status, dict[str, object]]:
    """The status and the change of unit of a stay whose room may not be known yet.

    Without a room it is tentative: no code, no letter. From `room_by` before check-in on it is confirmed and
    has no unit, which is a letter until it gets one. A guest who is in keeps the room that was known last.
    """
    if unit is not None:
        return status, {"unit": unit}
    if status is not Status.CONFIRMED or is_in_house:
        return status, {}
    is_near = check_in is not None and asked >= check_in - room_by
    return (Status.CONFIRMED if is_near else Status.TENTATIVE), {"unit": None}


def as_lived(times: Mapping[str, object], came: object, left: object) -> dict[str, object]:
    """`check_in` and `check_out`, both instants, of a guest who came or left earlier than was booked.

    `came` and `left` are what the sender wrote, None where nobody did.
    """
    found = dict(times)
    arrival, departure = moment(came), moment(left)
    begins, ends = moment(found.get("check_in")), moment(found.get("check_out"))
    if begins is None or ends is None:
        return found
    if arrival is not None and arrival < begins:
        begins = arrival
        found["check_in"] = arrival.replace(microsecond=0).isoformat()
    if departure is not None and begins < departure < ends:
        found["check_out"] = departure.replace(microsecond=0).isoformat()
    return found


def in_address(value: object, path: str) -> str:
    """An id that is going to stand in an address. Raises NotUnderstoodError for what could lead elsewhere."""
    if not isinstance(value, str) or not _PLAIN.fullmatch(value):
        raise NotUnderstoodError({path: ["is not 1 to 100 letters, digits, hyphens and underscores"]})
    return value


def pair(key: Secret) -> tuple[Secret, Secret]:
    """The two parts of a key that is written with a colon between them."""
    one, _, other = key.reveal().partition(":")
    return Secret(one), Secret(other)

"""What a lock's audit trail and its list of RFID tags show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RfidTag:
    """One RFID tag as the vendor's list shows it; times are the vendor's YYMMDDHHmm in the lock's zone.

    `uid` is the tag's own number, or the one printed on the vendor's card where the list has no other or says
    that it counts. A field that the list leaves out is the empty string: such a tag still occupies its place.
    """

    rfid_id: int
    uid: str = field(default="", repr=False)  # who knows it can make a copy of the tag
    name: str = field(default="", repr=False)
    starts: str = ""
    ends: str = ""


@dataclass(frozen=True, slots=True)
class LockEvent:
    """One event of a lock's audit trail. What the vendor left out is None or the empty string.

    `id` is the vendor's, or made of the event's time and user where it has none; `at` an aware UTC moment;
    `event_type` 1 for an unlock; `battery` percent, 0..100; `user_id` the slot of the PIN or tag; `user_kind`
    the vendor's words for `user_type` ("password", "Remote Unlock"); `user_value` the PIN, the tag or the
    address of whoever it was; `zone` the name of the lock's zone.
    """

    id: str
    at: datetime
    event_type: int | None = None
    label: str = ""
    battery: int | None = None
    user_id: int | None = None
    user_type: int | None = None
    user_kind: str = ""
    user_value: str = field(default="", repr=False)
    user_name: str = field(default="", repr=False)
    zone: str = ""

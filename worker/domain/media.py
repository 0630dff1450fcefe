"""A lock has two memories: one of PINs, one of RFID tags. Each is served like a lock of its own.

The tags of lock `SS000001` go by the name `SS000001~rfid`: in the record, on timetables, in the index of
slots. Both share the door: its lease, its clock, and that only one command goes there at a time.
"""

from __future__ import annotations

import re

_TAGS = "~rfid"
UID = re.compile(r"[0-9A-F]{8}")
CARD = re.compile(r"[0-9]{10}")


def tags_of(door: str) -> str:
    """The name of a door's memory of tags."""
    return f"{door}{_TAGS}"


def door_of(lock: str) -> str:
    """The door, whichever of its memories is meant."""
    return lock.removesuffix(_TAGS)


def is_tags(lock: str) -> bool:
    """Whether a memory of tags is meant."""
    return lock.endswith(_TAGS)


def is_tag(text: str) -> bool:
    """A tag's own number in capital hexadecimal digits, or the ten digits printed on a card of the vendor's.

    The KAS API document, "Add Remote RFID": `uid` and `kas_uid`.
    """
    return bool(UID.fullmatch(text) or CARD.fullmatch(text))

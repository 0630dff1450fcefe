"""One RFID tag in a lock's memory, and the numbers it may have there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

FIRST_TAG = 101
LAST_TAG = 200
LAST_READER_TAG = 2000  # "101-> 2000 for Access Control Reader", section "Add Remote RFID"


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag; `starts` and `ends` are YYMMDDHHmm in the lock's zone.

    The lock knows it by `uid` (8 hexadecimal digits), or with `is_kas_uid` by the ten digits of `kas_uid`.
    """

    slot: int
    uid: str = field(default="", repr=False)
    kas_uid: str = field(default="", repr=False)
    is_kas_uid: bool = False
    name: str = field(default="", repr=False)
    starts: str = ""
    ends: str = ""
    ident: str = ""
    by_hand: bool = False

    @property
    def number(self) -> str:
        """What the lock knows it by; letters count in either case."""
        return self.kas_uid if self.is_kas_uid else self.uid.upper()


def tags_in_order(tags: Iterable[Tag]) -> list[Tag]:
    """The tags by id."""
    return sorted(tags, key=lambda tag: tag.slot)

"""The mark by which our codes are known on a lock: `<guest> <source>/<booking id>` in `password_name`.

The mark stays whole, so that a code is recognised after a total loss of the record; the guest's name is cut.
Blanks in an id are written as in addresses (`%20`), and `%` itself as `%25`: no two ids share a mark.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from worker.domain.booking import StayKey

NAME_LENGTH = 60
_MARK = re.compile(r"(?:^|\s)([A-Za-z0-9_-]{1,40}/\S+)$")
_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f]+")
_NOT_IN_A_MARK = re.compile(r"[\s%]")


def name_for(key: StayKey, guest: str | None) -> str:
    """The `password_name` of a stay: the guest's name cut to what the mark leaves of 60 characters."""
    mark = _text(key)
    room = NAME_LENGTH - len(mark) - 1
    cut = _UNSAFE.sub(" ", guest or "").strip()[: max(room, 0)].strip()
    return f"{cut} {mark}" if cut else mark


def marked(name: str) -> StayKey | None:
    """The stay whose mark a `password_name` bears, or None. Whether we know it is for the caller to see."""
    found = _MARK.search(name)
    if found is None:
        return None
    key = StayKey.parse(unquote(found.group(1)))
    return key if _text(key) == found.group(1) else None  # nothing that we would have written otherwise


def bears(name: str, key: StayKey) -> bool:
    """Whether `name` bears the mark of this stay."""
    return marked(name) == key


def _text(key: StayKey) -> str:
    # An id may hold blanks; the mark may not, or it could not be told from the guest's name.
    return _NOT_IN_A_MARK.sub(lambda found: quote(found.group()), str(key))

"""The mark by which our codes are known on a lock: `<guest> <source>/<booking id>` in `password_name`.

The mark stays whole, so that a code is recognised after a total loss of the record; the guest's name is cut.
"""

from __future__ import annotations

import re

from worker.domain.booking import StayKey

NAME_LENGTH = 60
_MARK = re.compile(r"(?:^|\s)([A-Za-z0-9_-]{1,40}/\S+)$")
_UNSAFE = re.compile(r"[\s\x00-\x1f\x7f]+")


def name_for(key: StayKey, guest: str | None) -> str:
    """The `password_name` of a stay: the guest's name cut to what the mark leaves of 60 characters."""
    mark = _text(key)
    room = NAME_LENGTH - len(mark) - 1
    cut = _UNSAFE.sub(" ", guest or "").strip()[: max(room, 0)].strip()
    return f"{cut} {mark}" if cut else mark


def marked(name: str) -> str | None:
    """The mark that a `password_name` bears, or None. Whether we know that stay is for the caller to see."""
    found = _MARK.search(name)
    return found.group(1) if found else None


def bears(name: str, key: StayKey) -> bool:
    """Whether `name` bears the mark of this stay."""
    return marked(name) == _text(key)


def _text(key: StayKey) -> str:
    # An id may hold blanks; the mark may not, or it could not be told from the guest's name.
    return re.sub(r"\s", "_", str(key))

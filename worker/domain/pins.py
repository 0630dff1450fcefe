"""PINs: how one is chosen, which are too weak, and how two are compared without keeping either."""

from __future__ import annotations

import secrets
from collections.abc import Callable

CANDIDATES = 100
_COMMON = frozenset(
    {
        "2580",
        "0852",
        "1379",
        "6969",
        "2468",
        "1357",
        "112233",
        "123123",
        "159753",
        "147258",
    }
)
_UP = "0123456789" * 2
_DOWN = _UP[::-1]


class NoPinLeftError(Exception):
    """No candidate was free on every lock of the stay."""


def is_pin(text: str) -> bool:
    """4 to 6 ASCII digits (the KAS API document, "Add Online Password")."""
    return 4 <= len(text) <= 6 and text.isascii() and text.isdigit()


def is_weak(pin: str) -> bool:
    """Repeated digits, runs up or down (also over 9 to 0), tiled pairs and triples, common choices."""
    tiled = any(pin == pin[:n] * (len(pin) // n) for n in (1, 2, 3) if len(pin) % n == 0)
    return tiled or pin in _UP or pin in _DOWN or pin in _COMMON


def choose(length: int, taken: Callable[[str], bool], phone: str | None = None) -> str:
    """A PIN that is not weak and not `taken`: the phone's last digits if given and usable, else random.

    Every PIN of `length` digits that is not weak can come out. Raises NoPinLeftError after 100 candidates.
    """
    preferred = phone_digits(phone, length)
    if preferred is not None and not is_weak(preferred) and not taken(preferred):
        return preferred
    for _ in range(CANDIDATES):
        pin = f"{secrets.randbelow(10**length):0{length}d}"
        if not is_weak(pin) and not taken(pin):
            return pin
    msg = f"no free PIN of {length} digits among {CANDIDATES} candidates; raise pin_length"
    raise NoPinLeftError(msg)


def phone_digits(phone: str | None, length: int) -> str | None:
    """The last `length` digits of a phone number in any notation; None where it has fewer."""
    digits = "".join(c for c in phone or "" if c.isascii() and c.isdigit())
    return digits[-length:] if len(digits) >= length else None

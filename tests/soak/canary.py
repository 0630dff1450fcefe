"""Looks for what may never leave: known PINs, guests, keys and secrets (promise 9)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.soak.model import Problem
from tests.soak.stories import Canary

CHUNK = 4_000_000
OVERLAP = 200
# As `stories.canary` makes them; an address begins with the name.
_GUEST = re.compile(rb"(?i)zq[0-9a-f]{12}|61477[0-9]{6}")
_PIN = re.compile(rb"(?<![0-9A-Za-z.])9[0-9]{5}(?![0-9A-Za-z])")


class Watchdog:
    """Knows the secrets and finds them in any text. A PIN counts only where it stands by itself."""

    def __init__(self, guests: Iterable[Canary], secrets: dict[str, str]) -> None:
        """`secrets` maps a secret's name to the secret."""
        kept = list(guests)
        self._guests = {guest.name.lower().encode() for guest in kept}
        self._guests |= {guest.phone.lstrip("+").encode() for guest in kept}
        self._pins = {guest.pin.encode() for guest in kept if guest.pin is not None}
        self._secrets = {secret.encode(): name for name, secret in secrets.items()}

    def found_in(self, text: bytes) -> set[str]:
        """The names of the secrets that a text holds."""
        found = {name for secret, name in self._secrets.items() if secret in text}
        if any(match.lower() in self._guests for match in _GUEST.findall(text)):
            found.add("a guest's name, address or phone")
        if any(match in self._pins for match in _PIN.findall(text)):
            found.add("a PIN")
        return found

    def search(self, place: str, text: bytes | str) -> list[Problem]:
        """Problems for what a text holds."""
        raw = text.encode() if isinstance(text, str) else text
        return [Problem(9, f"{name} in {place}") for name in sorted(self.found_in(raw))]

    def search_file(self, path: Path) -> list[Problem]:
        """Problems for what a file holds, however large."""
        found: set[str] = set()
        for piece in _pieces(path):
            found |= self.found_in(piece)
        return [Problem(9, f"{name} in {path.name}") for name in sorted(found)]


def _pieces(path: Path) -> Iterator[bytes]:
    """The file in pieces that overlap, so that nothing is cut in two."""
    tail = b""
    with path.open("rb") as file:
        while piece := file.read(CHUNK):
            yield tail + piece
            tail = piece[-OVERLAP:]


def command_lines() -> bytes:
    """What `ps` shows of every process."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:
            continue
    return b"\n".join(lines)

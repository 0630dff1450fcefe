"""A text that must not be seen: it shows itself only to code that asks for it by name."""

from __future__ import annotations

import hmac
from typing import Any, NoReturn, Self

__all__ = ["Secret"]


class Secret:
    """A key, password or URL that holds one. `str`, `repr` and formats are masked; it is never pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself. Never pass it to a log, an exception or a message."""
        return self._value

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        # "surrogatepass": a variable may hold bytes that are no UTF-8.
        mine, theirs = (text.encode(errors="surrogatepass") for text in (self._value, other._value))
        return hmac.compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __repr__(self) -> str:
        return "Secret('****')"

    def __str__(self) -> str:
        return "****"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        message = "A secret is not pickled: it would leave the process in the clear."
        raise TypeError(message)

"""What is wrong with the configuration: every problem at once, with its place, cause and cure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["BadValue", "ConfigurationError", "Problem"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to mend: the variable or key path, why it cannot be used, and what to do about it."""

    where: str
    cause: str
    cure: str

    def __str__(self) -> str:
        return f"{self.where}: {self.cause}; {self.cure}"


class BadValue(ValueError):
    """A value that cannot be used: why, and what to give instead. It never holds the value of a secret."""

    def __init__(self, cause: str, cure: str) -> None:
        super().__init__(f"{cause}; {cure}")
        self.cause = cause
        self.cure = cure

    def at(self, where: str) -> Problem:
        """Say to which variable or key path the value belongs."""
        return Problem(where, self.cause, self.cure)


class ConfigurationError(Exception):
    """The configuration cannot be used; `problems` names everything that is wrong, the text one a line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = list(problems)

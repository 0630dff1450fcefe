"""What a vendor call asks for, once its fields are sound."""

from __future__ import annotations

from dataclasses import dataclass, field

from worker.kas.sandbox.slots import Code
from worker.kas.sandbox.tags import Tag


@dataclass(frozen=True, slots=True)
class Add:
    """Put a code into its slot, and e-mail it if asked."""

    code: Code
    send_email: bool = False


@dataclass(frozen=True, slots=True)
class Delete:
    """Empty a slot, named by its number or by the PIN in it."""

    slot: int | None = None
    pin: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class SetClock:
    """Set the lock's clock."""


@dataclass(frozen=True, slots=True)
class ReadList:
    """Show the cloud's copy of the lock's codes."""


@dataclass(frozen=True, slots=True)
class Unlock:
    """Open the door now."""


@dataclass(frozen=True, slots=True)
class AddTag:
    """Put a tag into its id."""

    tag: Tag


@dataclass(frozen=True, slots=True)
class DeleteTag:
    """Empty a tag's id."""

    slot: int


@dataclass(frozen=True, slots=True)
class ReadTags:
    """Ask the lock, through its gateway, for its tags."""


@dataclass(frozen=True, slots=True)
class ReadEvents:
    """Show the cloud's copy of the audit trail."""


Read = ReadList | ReadTags | ReadEvents
Command = Add | Delete | SetClock | Unlock | AddTag | DeleteTag | Read

"""What the receiver asks of each kind of sender: the functions that every module of a source has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from worker.domain.booking import BookingEvent
from worker.property_access import SourceConfig

__all__ = ["Adapter", "NotUnderstoodError", "Parsed", "UnprovenError"]


class UnprovenError(Exception):
    """The delivery does not prove that it comes from its source; the text says why, without quoting it."""


class NotUnderstoodError(Exception):
    """The delivery is authentic but not understood; `errors` by field, without the values."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(", ".join(sorted(errors)))
        self.errors = errors


@dataclass(frozen=True, slots=True)
class Parsed:
    """A delivery as understood: the sender's id of it, and the event; None where it concerns no stay."""

    id: str
    event: BookingEvent | None = None


class Adapter(Protocol):
    """A module of `webhooks.sources`; headers come by lower-case name, the body as it was sent."""

    @property
    def content_types(self) -> frozenset[str]:
        """The media types that the sender uses."""

    @property
    def answers_kept_with_200(self) -> bool:
        """Whether what is not understood is answered 200, because a 4xx would make the sender give up."""

    def verify(self, headers: Mapping[str, str], body: bytes, config: SourceConfig, now: datetime) -> None:
        """Check the signature of a source that has secrets. Raises UnprovenError and nothing else."""

    def parse(self, headers: Mapping[str, str], body: bytes, config: SourceConfig) -> Parsed:
        """Read a delivery; for a replay, with no headers. Raises NotUnderstoodError and nothing else."""

"""What the receiver asks of each kind of sender: the functions that every module of a source has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, Protocol

from webhooks.sources.asking import Asking
from worker.domain.booking import BookingEvent
from worker.property_access import SourceConfig

__all__ = [
    "Acknowledges",
    "Adapter",
    "Answers",
    "Delivery",
    "Lists",
    "NotUnderstoodError",
    "Parsed",
    "UnprovenError",
    "Writes",
]


class UnprovenError(Exception):
    """The delivery does not prove that it comes from its source; the text says why, without quoting it."""


class NotUnderstoodError(Exception):
    """The delivery is authentic but not understood; `errors` by field, without the values."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(", ".join(sorted(errors)))
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One request of a sender, as it came: its body, and what stood beside it.

    `headers` by lower-case name, none in a replay; `content_type` without parameters, in lower case; `query`
    as in the address; `received` (Redis' time, but for a proof) is what orders
    events whose sender says nothing of their order.
    """

    body: bytes
    received: datetime
    content_type: str = ""
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def __repr__(self) -> str:
        """Leave out what the sender wrote: it holds the guest."""
        return f"Delivery({len(self.body)} bytes)"


@dataclass(frozen=True, slots=True)
class Parsed:
    """A delivery as understood: its id, and the events in it; none where it concerns no stay.

    `by_content`: the sender gives no ids, so that the ids are made of what it wrote. The same again is then a
    duplicate only as long as nothing else was said of the stay: a change that is taken back looks like the
    delivery before it. `asks`: reservations that have changed, and what they are now has to be asked of the
    sender's API. `polls`: something has changed, and what has to be asked of it too.
    """

    id: str
    events: tuple[BookingEvent, ...] = ()
    by_content: bool = False
    asks: tuple[str, ...] = ()
    polls: bool = False


class Adapter(Protocol):
    """A module of `webhooks.sources`."""

    @property
    def content_types(self) -> frozenset[str]:
        """The media types that the sender uses; with "" also deliveries, GET too, that are all address."""

    @property
    def answers_kept_with_200(self) -> bool:
        """Whether what is not understood is answered 200, because a 4xx would make the sender give up."""

    def verify(self, delivery: Delivery, config: SourceConfig, now: datetime) -> None:
        """Check the signature of a source that has secrets. Raises UnprovenError and nothing else."""

    def parse(self, delivery: Delivery, config: SourceConfig) -> Parsed:
        """Read a delivery; for a replay, one without headers. Raises NotUnderstoodError and nothing else."""


class Answers(Protocol):
    """The functions of an adapter whose system can be asked for a reservation (`api_url`, `api_key`)."""

    @property
    def most_asked(self) -> int:
        """How many reservations one request can bring."""

    def asking(self, config: SourceConfig) -> Asking:
        """The system's API, with the key in the source's table."""

    def fetch(self, api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
        """What the system says of each of these reservations; those it does not know are left out.

        Raises AskingError.
        """

    def read(self, id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002 - the field's word
        """What a fetched document means; `asked` is when it was asked for. Raises NotUnderstoodError."""


class Lists(Answers, Protocol):
    """The further function of an adapter whose system can list what has changed."""

    def changes(self, api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
        """Reservations (id and document) changed since then; None for all that are not over yet.

        A document of None is asked for by itself. Raises AskingError.
        """


class Acknowledges(Answers, Protocol):
    """The further function of an adapter whose system wants to hear what has arrived, or tells it again."""

    def acknowledge(self, api: Asking, id: str) -> None:  # noqa: A002 - the field's word
        """Say that what was fetched under this id, or listed, is on record. Raises AskingError."""


class Writes(Answers, Protocol):
    """The further functions of an adapter whose system has a field for a reservation's door code."""

    def write_pin(self, api: Asking, id: str, text: str) -> None:  # noqa: A002 - the field's word
        """Put a text into the field; "" clears it. Raises AskingError."""

    def read_pin(self, api: Asking, id: str) -> str:  # noqa: A002 - the field's word
        """What the field shows; "" for nothing. Raises AskingError, GoneError without such a reservation."""

"""What the vendor's client raises: one error for each class of answers, so that programs tell them apart.

The calls of `KasClient` itself raise only `BadRequest`, and bring all else as an `Answer`; those of `KasLock`
raise what is not done.

KasError
 ├── BadRequest           the request breaks a limit of the document; no call left
 ├── NotDoneError         surely not done; worth another try
 │    ├── GatewayOffline      ack 8: no gateway near the lock
 │    ├── Throttled           429; `retry_after` says when
 │    └── NotSent             the call did not leave in time
 ├── UnconfirmedError     perhaps done, perhaps not: read the list before you send it again
 │    ├── LockFailed          acks 2, 4, 6: the lock did not do it, or not in time
 │    ├── Pending             acks 3, 5, 7, 10: under way
 │    ├── UnclearAnswer       another ack, or none where one belongs
 │    ├── InDoubt             504, other 5xx, an answer that cannot be read, no connection
 │    ├── CutOff              the connection broke before an answer came
 │    └── NoAnswer            nothing within the call's time
 └── RefusedError         refused, and refused again if sent again; other 3xx and 4xx are just this
      ├── InvalidKey          "Invalid Token.", 401
      ├── NotAdmin            "You are not the admin.", "You are not the manager."
      ├── LockNotFound        "Lock is not found."
      ├── AlreadyExists       "Password is already existing."
      └── BadWindow           "Error with Start and End times"
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import ClassVar, Final

from worker.domain.outcomes import Kind, Outcome

__all__ = [
    "ERRORS",
    "AlreadyExists",
    "BadRequest",
    "BadWindow",
    "CutOff",
    "GatewayOffline",
    "InDoubt",
    "InvalidKey",
    "KasError",
    "LockFailed",
    "LockNotFound",
    "NoAnswer",
    "NotAdmin",
    "NotDoneError",
    "NotSent",
    "Pending",
    "RefusedError",
    "Throttled",
    "UnclearAnswer",
    "UnconfirmedError",
    "error_of",
]


class KasError(Exception):
    """Anything that the vendor's client raises.

    `permanent`: the same call would fail again. `outcome` is the classified answer, None for `BadRequest`; of
    it are `ack`, `http_status`, `ref` (the vendor's reference, for its support) and `retry_after` (seconds).
    """

    permanent: ClassVar[bool] = False

    def __init__(self, text: str, outcome: Outcome | None = None) -> None:
        super().__init__(text)
        self.outcome = outcome

    @property
    def kind(self) -> Kind | None:
        """The class of the answer."""
        return self.outcome.kind if self.outcome else None

    @property
    def ack(self) -> int | None:
        """The vendor's ack."""
        return self.outcome.ack if self.outcome else None

    @property
    def http_status(self) -> int | None:
        """The HTTP status; None where no answer came."""
        return self.outcome.http_status if self.outcome else None

    @property
    def ref(self) -> str | None:
        """The vendor's reference."""
        return self.outcome.ref if self.outcome else None

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait, where the vendor said so."""
        return self.outcome.retry_after if self.outcome else None

    def __reduce__(self) -> tuple[type[KasError], tuple[object, ...]]:
        """Pickle with its outcome, so that the error crosses process borders whole."""
        return type(self), (str(self), self.outcome)


class BadRequest(KasError):
    """A request breaks a limit of the KAS API document, so no call was made.

    `field` is our name of the field, `limit` what it must be. The value is left out: it may be a secret.
    """

    permanent = True

    def __init__(self, field: str, limit: str) -> None:
        super().__init__(f"{field} must be {limit}")
        self.field = field
        self.limit = limit

    def __reduce__(self) -> tuple[type[BadRequest], tuple[object, ...]]:
        return type(self), (self.field, self.limit)


class NotDoneError(KasError):
    """Surely not done; worth another try."""


class GatewayOffline(NotDoneError):
    """No gateway is near the lock (ack 8)."""


class Throttled(NotDoneError):
    """Too many calls (429)."""


class NotSent(NotDoneError):
    """The call did not leave in time."""


class UnconfirmedError(KasError):
    """Perhaps done, perhaps not."""


class LockFailed(UnconfirmedError):
    """The lock did not do it, or not in time (acks 2, 4, 6)."""


class Pending(UnconfirmedError):
    """Under way somewhere (acks 3, 5, 7, 10)."""


class UnclearAnswer(UnconfirmedError):
    """An ack that means nothing, or none where one belongs."""


class CutOff(UnconfirmedError):
    """The connection broke before an answer came: the vendor may still be at work on the call."""


class InDoubt(UnconfirmedError):
    """504, another 5xx, a cut connection, or an answer that cannot be read."""


class NoAnswer(UnconfirmedError):
    """No answer within the call's time."""


class RefusedError(KasError):
    """Refused; the same call would be refused again."""

    permanent = True


class InvalidKey(RefusedError):
    """The API key is not accepted."""


class NotAdmin(RefusedError):
    """The account may not do this with the lock."""


class LockNotFound(RefusedError):
    """The account has no such lock."""


class AlreadyExists(RefusedError):
    """The PIN (or tag) is on the lock already."""


class BadWindow(RefusedError):
    """The vendor does not take these start and end times."""


# One row for each class of answers but DONE.
ERRORS: Final[Mapping[Kind, type[KasError]]] = MappingProxyType(
    {
        Kind.FAILED: LockFailed,
        Kind.PENDING: Pending,
        Kind.OFFLINE: GatewayOffline,
        Kind.UNCLEAR: UnclearAnswer,
        Kind.DOUBT: InDoubt,
        Kind.CUT: CutOff,
        Kind.UNANSWERED: NoAnswer,
        Kind.INVALID_TOKEN: InvalidKey,
        Kind.NOT_ADMIN: NotAdmin,
        Kind.LOCK_NOT_FOUND: LockNotFound,
        Kind.PIN_EXISTS: AlreadyExists,
        Kind.BAD_WINDOW: BadWindow,
        Kind.THROTTLED: Throttled,
        Kind.REFUSED: RefusedError,
        Kind.NOT_SENT: NotSent,
    }
)


def error_of(what: str, outcome: Outcome) -> KasError:
    """The error that tells of an outcome that is not DONE; `what` names the call and its lock."""
    kind = ERRORS[outcome.kind]
    said = outcome.message or (kind.__doc__ or "").partition(" (")[0].rstrip(".")
    details = (("HTTP", outcome.http_status), ("ack", outcome.ack), ("ref", outcome.ref))
    told = ", ".join(f"{name} {value}" for name, value in details if value is not None)
    return kind(f"{what}: {said} ({told})" if told else f"{what}: {said}", outcome)

"""What the vendor's client raises. What the vendor answers is never raised: it comes back as an `Outcome`.

KasError
 └── BadRequest    the request breaks a limit and was refused before it left
"""

from __future__ import annotations

__all__ = ["BadRequest", "KasError"]


class KasError(Exception):
    """Anything the vendor's client raises on its own account."""


class BadRequest(KasError):
    """A request breaks a limit of the KAS API document, so no call was made.

    `field` is our name of the field, `limit` what it must be. The value is left out: it may be a secret.
    """

    def __init__(self, field: str, limit: str) -> None:
        super().__init__(f"{field} must be {limit}")
        self.field = field
        self.limit = limit

    def __reduce__(self) -> tuple[type[BadRequest], tuple[str, str]]:
        """Pickle with both arguments, so that the error crosses process borders whole."""
        return type(self), (self.field, self.limit)

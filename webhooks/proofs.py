"""How a source that signs nothing proves itself: HTTP Basic, a header, or a token in the address."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from werkzeug.datastructures import Authorization

from webhooks.sources.adapter import UnprovenError
from worker.property_access import SourceConfig
from worker.secret import Secret

__all__ = ["check", "is_same"]


def check(headers: Mapping[str, str], token: str | None, config: SourceConfig) -> None:
    """Check the proof that the source's table asks for; signatures are checked by the adapter.

    `headers` by lower-case name. Raises UnprovenError.
    """
    if config.token is not None:
        _demand("token", is_same(token, config.token))
    if config.header_name is not None:
        _demand("header", is_same(headers.get(config.header_name.lower()), config.header_value))
    if config.username is not None:
        given = _basic(headers.get("authorization", ""))
        good_name = is_same(given.username if given else None, Secret(config.username))
        good_password = is_same(given.password if given else None, config.password)
        _demand("credentials", good_name and good_password)


def is_same(given: str | None, wanted: Secret | None) -> bool:
    """Compare in constant time; what is missing on either side is never the same."""
    mine = wanted.reveal() if wanted is not None else ""
    same = hmac.compare_digest(_bytes(given or ""), _bytes(mine))
    return same and bool(given) and bool(mine)


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _basic(header: str) -> Authorization | None:
    given = Authorization.from_header(header)
    return given if given is not None and given.type == "basic" else None


def _demand(what: str, holds: bool) -> None:  # noqa: FBT001
    if not holds:
        raise UnprovenError(f"wrong or missing {what}")

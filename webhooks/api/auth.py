"""Who may use the JSON API: bearers of one of the tokens in INNKEY_API_TOKEN."""

from __future__ import annotations

from flask import request

from webhooks.problems import Problem
from webhooks.proofs import is_same
from webhooks.services import bearer, innkey

__all__ = ["check"]

_CHALLENGE = {"WWW-Authenticate": "Bearer"}


def check() -> None:
    """Refuse every request below /v1 that bears no good token, also to what does not exist there."""
    if not f"{request.path}/".startswith("/v1/"):
        return
    tokens = innkey().settings.api_tokens
    if not tokens:
        raise Problem(404, "The JSON API is off. Set INNKEY_API_TOKEN and start again to switch it on.")
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    # All are compared, so that the time taken does not tell which one came near.
    matches = [is_same(given.strip(), token) for token in tokens]
    if scheme.lower() != "bearer" or not any(matches):
        detail = "Send Authorization: Bearer and one of the tokens of INNKEY_API_TOKEN."
        raise Problem(401, detail, headers=_CHALLENGE)
    bearer(matches.index(True) + 1)

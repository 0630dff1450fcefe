"""The JSON API under /v1, and its description at /openapi.json."""

from __future__ import annotations

from typing import Any

from flask import Flask
from flask_smorest import Api  # type: ignore[import-untyped]

from webhooks.api import (
    auth,
    bookings,
    letters,
    lock_calls,
    locks,
    operator_log,
    outgoing,
    rejected,
    rfids,
    sources,
)
from webhooks.api.endpoints import StayId
from webhooks.api.schemas import ProblemSchema

__all__ = ["init_app"]

_SETTINGS = {
    "API_TITLE": "Innkey",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.0.3",
    "OPENAPI_URL_PREFIX": "/",
    "OPENAPI_JSON_PATH": "openapi.json",
    "API_SPEC_OPTIONS": {"security": [{"bearer": []}]},
}


def init_app(app: Flask) -> None:
    """Add the API to the app."""
    app.config.update(_SETTINGS)
    app.url_map.converters["stay_id"] = StayId
    api: Any = Api(app)
    api.DEFAULT_ERROR_RESPONSE_NAME = None
    api.spec.components.security_scheme("bearer", {"type": "http", "scheme": "bearer"})
    api.spec.components.schema("Problem", schema=ProblemSchema)
    for module in (bookings, letters, locks, lock_calls, rfids, rejected, sources, outgoing, operator_log):
        api.register_blueprint(module.blueprint)
    app.before_request(auth.check)

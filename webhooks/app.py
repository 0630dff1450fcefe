"""Makes the Flask app. Nothing is connected before the first request, so it starts without Redis."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from flask import Flask, Response, request

from webhooks import api, body, health, metrics, problems, receiver, services
from webhooks.closing import closing
from worker.bootstrap import bootstrap
from worker.configuration_error import ConfigurationError
from worker.logs import set_up_logging
from worker.store.generations import Role

__all__ = ["create_app"]


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """The app for `environ`; None is the process' own environment, and takes over the process' logging.

    Prints every problem of the configuration, and raises ConfigurationError.
    """
    try:
        wired = bootstrap(environ, patient=False, role=Role.WEB)
    except ConfigurationError as error:
        sys.stderr.write(f"{error}\n")
        raise
    if environ is None:
        set_up_logging(wired.settings.log_format, wired.settings.log_level)
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = body.MOST_BYTES
    app.json.sort_keys = False  # type: ignore[attr-defined]
    services.attach(app, wired)
    api.init_app(app)
    app.register_blueprint(receiver.blueprint)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(metrics.blueprint)
    problems.init_app(app)
    app.after_request(_secure)
    app.wsgi_app = closing(app.wsgi_app)  # type: ignore[assignment, method-assign]
    return app


def _secure(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    if not request.path.startswith("/openapi.json"):
        response.headers.setdefault("Cache-Control", "no-store")
    return response

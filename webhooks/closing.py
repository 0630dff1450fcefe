"""Makes `Connection: close` of an answer true: gunicorn leaves the header out and keeps the connection."""

from __future__ import annotations

from typing import Any
from wsgiref.types import StartResponse, WSGIApplication

__all__ = ["closing"]


def closing(app: WSGIApplication) -> WSGIApplication:
    """The app; where it answers `Connection: close`, gunicorn's own response is told to do so."""

    def answer(environ: dict[str, Any], start_response: StartResponse) -> Any:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            # gunicorn hands over a method of its response; other servers take the header as it is.
            force_close = getattr(getattr(start_response, "__self__", None), "force_close", None)
            if force_close is not None and ("Connection", "close") in headers:
                force_close()
            return start_response(status, headers, *more)

        return app(environ, start)

    return answer

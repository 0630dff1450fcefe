"""The web process: webhooks in, the JSON API, health, metrics. It records; the worker does the rest."""

from webhooks.app import create_app

__all__ = ["create_app"]

"""The web process: webhooks in, the JSON API, health and metrics. It records; all else happens in the worker."""

from webhooks.app import create_app

__all__ = ["create_app"]

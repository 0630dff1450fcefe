"""How commands speak to the web process of a running Innkey."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
import httpx

from worker.commands.errors import Failure
from worker.configuration_error import BadValue
from worker.setting_values import http_url

__all__ = ["content_of", "post", "url_option"]

TIMEOUT_S = 15.0
LOOPBACK = ("localhost", "127.0.0.1", "::1")

F = TypeVar("F", bound=Callable[..., Any])


def url_option(command: F) -> F:
    """The option `--url`."""
    text = "Address of the running Innkey. Default: INNKEY_BASE_URL."
    return click.option("--url", callback=_url, help=text)(command)


def _url(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    try:
        return http_url(value) if value is not None else None
    except BadValue as error:
        raise click.BadParameter(str(error), ctx, param) from None


def post(address: str, headers: Mapping[str, str], body: str | bytes = "") -> httpx.Response:
    """Its answer, whatever that is. Raises Failure where there is none."""
    try:
        # A proxy of the environment leads to other machines.
        far = httpx.URL(address).host not in LOOPBACK
        sent = {"content-type": "application/json", **headers}
        content = body.encode() if isinstance(body, str) else body
        return httpx.post(address, content=content, headers=sent, timeout=TIMEOUT_S, trust_env=far)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        cure = "start it with `innkey up`, or give its address with --url"
        raise Failure(f"Innkey at {address} is not to be reached ({type(error).__name__}); {cure}") from error


def content_of(answer: httpx.Response) -> Any:
    """The JSON of an answer, or its text."""
    try:
        return answer.json()
    except ValueError:
        return answer.text

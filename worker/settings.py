"""The environment variables Innkey reads: all of them are checked, and all problems are told together."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TypeVar

from worker.configuration_error import BadValue, ConfigurationError, Problem
from worker.environment import Environment
from worker.secret import Secret
from worker.setting_values import (
    NEW_KEY_CURE,
    SmtpServer,
    address,
    addresses,
    alert_urls,
    bare_address,
    choice,
    fernet_keys,
    http_url,
    server_url,
    smtp_server,
    tokens,
    whole_number,
)

__all__ = ["Settings", "load_settings", "read_settings"]

T = TypeVar("T")
D = TypeVar("D")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The environment as values; docs/reference/configuration.md says what each variable means."""

    port: int
    web_concurrency: int
    worker_threads: int
    redis_url: Secret | None
    broker_url: Secret | None
    data: Path
    properties: Path
    secret_keys: tuple[Secret, ...]
    api_tokens: tuple[Secret, ...]
    console_password: Secret | None
    base_url: str
    kas_base_url: str
    kas_api_key: Secret | None
    kas_email: str | None
    kas_password: Secret | None
    kas_key_url: str
    smtp: SmtpServer | None
    alert_email_to: tuple[str, ...]
    alert_email_from: str | None
    alert_urls: tuple[Secret, ...]
    log_format: str
    log_level: str


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from `environ` (default: the process's). Raises ConfigurationError."""
    settings, problems = read_settings(environ)
    if problems:
        raise ConfigurationError(problems)
    return settings


def read_settings(environ: Mapping[str, str] | None = None) -> tuple[Settings, list[Problem]]:
    """Read the settings and what is wrong with them; a variable at fault has its default meanwhile."""
    reader = _Reader(Environment(environ))
    settings = _settings(reader)
    _check_together(reader)
    return settings, reader.problems


class _Reader:
    """Takes variables one by one and keeps what is wrong with them."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self.problems: list[Problem] = []
        self.given: set[str] = set()

    def take(self, name: str, parse: Callable[[str], T], default: D) -> T | D:
        try:
            text = self._environment.read(name)
            if text is None:
                return default
            self.given.add(name)
            return parse(text)
        except BadValue as error:
            self.given.add(name)
            self.problems.append(error.at(name))
            return default


def _settings(reader: _Reader) -> Settings:
    take = reader.take
    port = take("PORT", whole_number(0, 65535), 8000)
    redis_url = take("REDIS_URL", server_url("redis", "rediss", "unix"), None)
    kas_base_url = take("KAS_BASE_URL", http_url, "https://cloud.kas.com.au/api")
    alert_email_to = take("ALERT_EMAIL_TO", addresses, ())
    return Settings(
        port=port,
        web_concurrency=take("WEB_CONCURRENCY", whole_number(1, 1000), 2),
        worker_threads=take("WORKER_THREADS", whole_number(1, 1000), 30),
        redis_url=redis_url,
        broker_url=take("BROKER_URL", server_url("redis", "rediss", "unix", "amqp", "amqps"), redis_url),
        data=take("INNKEY_DATA", Path, Path("./data")),
        properties=take("INNKEY_PROPERTIES", Path, Path("properties.toml")),
        secret_keys=take("INNKEY_SECRET_KEY", fernet_keys, ()),
        api_tokens=take("INNKEY_API_TOKEN", tokens, ()),
        console_password=take("INNKEY_CONSOLE_PASSWORD", Secret, None),
        base_url=take("INNKEY_BASE_URL", http_url, f"http://localhost:{port}"),
        kas_base_url=kas_base_url,
        kas_api_key=take("KAS_API_KEY", Secret, None),
        kas_email=take("KAS_EMAIL", bare_address, None),
        kas_password=take("KAS_PASSWORD", Secret, None),
        kas_key_url=take("KAS_KEY_URL", http_url, f"{kas_base_url}/users/apikey"),
        smtp=take("SMTP_URL", smtp_server, None),
        alert_email_to=alert_email_to,
        alert_email_from=take("ALERT_EMAIL_FROM", address, next(iter(alert_email_to), None)),
        alert_urls=take("ALERT_URLS", alert_urls, ()),
        log_format=take("LOG_FORMAT", choice("json", "console"), _log_format()),
        log_level=take("LOG_LEVEL", choice("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO"),
    )


def _log_format() -> str:
    return "console" if sys.stderr.isatty() else "json"


def _check_together(reader: _Reader) -> None:
    """Check what one variable asks of another."""
    given, problems = reader.given, reader.problems
    if "REDIS_URL" in given and "INNKEY_SECRET_KEY" not in given:
        cause = "is needed with REDIS_URL: guest details and PINs are encrypted with it"
        problems.append(Problem("INNKEY_SECRET_KEY", cause, NEW_KEY_CURE))
    for name, other in (("KAS_EMAIL", "KAS_PASSWORD"), ("KAS_PASSWORD", "KAS_EMAIL")):
        if name in given and other not in given:
            problems.append(Problem(other, f"is not set, but {name} is", f"set {other} too, or neither"))
    if "ALERT_URLS" in given and find_spec("apprise") is None:
        cure = "install it with: pip install 'innkey[apprise]', or unset ALERT_URLS"
        problems.append(Problem("ALERT_URLS", "needs Apprise, which is not installed", cure))
    if "SMTP_URL" in given and "ALERT_EMAIL_TO" not in given:
        cause = "is not set, but SMTP_URL is: nobody would get the alerts"
        problems.append(Problem("ALERT_EMAIL_TO", cause, "set it to the address of the operations inbox"))

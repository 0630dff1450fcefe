"""Environment and property file together, as `innkey config check` and every start want them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from worker.configuration_error import ConfigurationError, Problem
from worker.properties import Properties, load_properties
from worker.settings import Settings, read_settings

__all__ = ["Configuration", "check_configuration", "load_configuration"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Everything Innkey was told at start."""

    settings: Settings
    properties: Properties


def load_configuration(environ: Mapping[str, str] | None = None) -> Configuration:
    """Read both from `environ` (default: the process's). Raises ConfigurationError."""
    settings, problems = read_settings(environ)
    # Without a path there is nothing to check: the default file may not be the one that was meant.
    if any(problem.where == "INNKEY_PROPERTIES" for problem in problems):
        raise ConfigurationError(problems)
    try:
        properties = load_properties(settings.properties, settings, environ)
    except ConfigurationError as error:
        raise ConfigurationError([*problems, *error.problems]) from None
    if problems:
        raise ConfigurationError(problems)
    return Configuration(settings=settings, properties=properties)


def check_configuration(environ: Mapping[str, str] | None = None) -> list[Problem]:
    """Every problem of the configuration; an empty list when it can be used."""
    try:
        load_configuration(environ)
    except ConfigurationError as error:
        return error.problems
    return []

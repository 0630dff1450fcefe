"""The property file: accounts, sources, locks, units and the policy, read once and checked as a whole."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from worker.configuration_error import ConfigurationError, Problem
from worker.domain.house import Account, House
from worker.environment import Environment
from worker.property_access import AccountAccess, SourceConfig, account_access, read_sources
from worker.property_checks import read_house
from worker.property_feeds import FeedConfig, read_feeds
from worker.property_findings import Findings
from worker.property_outgoing import EndpointConfig, read_outgoing
from worker.property_schemas import AccountSchema, FileSchema
from worker.settings import Settings

__all__ = [
    "ADAPTERS",
    "AccountAccess",
    "EndpointConfig",
    "FeedConfig",
    "Properties",
    "SourceConfig",
    "load_properties",
]

ADAPTERS = frozenset(
    {
        "apaleo",
        "beds24",
        "calcom",
        "channex",
        "cloudbeds",
        "guesty",
        "hospitable",
        "hostaway",
        "hostfully",
        "innkey",
        "lodgify",
        "mews",
        "ownerrez",
        "smoobu",
        "uplisting",
    }
)

_NOT_PLANNED = frozenset({"sources", "feeds", "outgoing"})
_ACCOUNT_RULES = ("max_in_flight", "call_timeout", "vendor_hold")


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """What the property file says. `fingerprint` changes with all but sources, feeds, outgoing and comments.

    `modified`: when the file was written last.
    """

    house: House
    accounts_access: Mapping[str, AccountAccess]
    sources: Mapping[str, SourceConfig]
    feeds: Mapping[str, FeedConfig]
    outgoing: Mapping[str, EndpointConfig]
    fingerprint: str
    modified: datetime


def load_properties(
    path: str | Path, settings: Settings, environ: Mapping[str, str] | None = None
) -> Properties:
    """Read the property file at `path`; secrets come from `environ` (default: the process's environment).

    Raises ConfigurationError with every problem, each with its key path.
    """
    content = _parse(Path(path))
    findings = Findings(Environment(environ))
    top = findings.load(FileSchema(), content, ())
    accounts, access = _accounts(top.get("accounts", {}), settings, findings)
    house = read_house(top, accounts, findings)
    sources = read_sources(top.get("sources", {}), ADAPTERS, findings)
    feeds = read_feeds(top.get("feeds", {}), house.units, sources, findings)
    outgoing = read_outgoing(top.get("outgoing", {}), findings)
    if findings.problems:
        raise ConfigurationError(findings.problems)
    return Properties(
        house=replace(
            house,
            sources=frozenset([*sources, *feeds]),
            write_back=_writing_back(sources),
        ),
        accounts_access=MappingProxyType(access),
        sources=MappingProxyType(sources),
        feeds=MappingProxyType(feeds),
        outgoing=MappingProxyType(outgoing),
        fingerprint=_fingerprint(content),
        modified=_modified(Path(path)),
    )


def _writing_back(sources: Mapping[str, SourceConfig]) -> frozenset[str]:
    return frozenset(name for name, one in sources.items() if one.enabled and one.write_pin)


def _parse(path: Path) -> dict[str, Any]:
    cure = "copy properties.example.toml there and fill it in, or set INNKEY_PROPERTIES to the path of yours"
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise _unreadable(path, "there is no such file", cure) from None
    except OSError as error:
        raise _unreadable(path, f"cannot be read ({error.strerror})", cure) from None
    except UnicodeDecodeError:
        raise _unreadable(path, "is not UTF-8 text", "save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        cause = f"is not valid TOML: {error}"
        raise _unreadable(path, cause, "mend it there; properties.example.toml shows the form") from None


def _modified(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError as error:
        raise _unreadable(path, f"cannot be read ({error.strerror})", "mend its permissions") from None


def _unreadable(path: Path, cause: str, cure: str) -> ConfigurationError:
    return ConfigurationError([Problem(f"property file {path}", cause, cure)])


def _accounts(
    tables: Mapping[str, object], settings: Settings, findings: Findings
) -> tuple[dict[str, Account], dict[str, AccountAccess]]:
    """The account `default` is there even if the file does not name it."""
    accounts: dict[str, Account] = {}
    access: dict[str, AccountAccess] = {}
    for name, table in findings.named({"default": {}, **tables}, ("accounts",)):
        given = findings.load(AccountSchema(), table, ("accounts", name))
        rules = {key: given[key] for key in _ACCOUNT_RULES if key in given}
        accounts[name] = Account(name=name, **rules)
        access[name] = account_access(name, given, settings, findings)
    return accounts, access


def _fingerprint(content: Mapping[str, Any]) -> str:
    """Hash the meaning, not the bytes: a comment, a secret or a feed must not re-plan a single stay."""
    planned = {key: value for key, value in content.items() if key not in _NOT_PLANNED}
    return hashlib.sha256(json.dumps(planned, sort_keys=True, default=str).encode()).hexdigest()

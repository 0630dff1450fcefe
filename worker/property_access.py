"""Who may speak to whom: the accounts' credentials at the vendor, and how each source proves itself."""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import Any

from worker.property_findings import Findings, Path
from worker.property_schemas import SourceSchema
from worker.secret import Secret
from worker.settings import Settings

__all__ = [
    "THIN",
    "UNSIGNED",
    "AccountAccess",
    "SourceConfig",
    "account_access",
    "read_sources",
    "signing_secrets",
]

SIGNED_AS_STANDARD_WEBHOOKS = frozenset({"innkey", "guesty"})
UNSIGNED = frozenset(
    {
        "apaleo",
        "beds24",
        "channex",
        "cloudbeds",
        "hostaway",
        "hostfully",
        "mews",
        "ownerrez",
        "smoobu",
        "uplisting",
    }
)
# Their deliveries only name a reservation.
THIN = frozenset(
    {
        "apaleo",
        "cloudbeds",
        "hostfully",
        "mews",
    }
)
NEEDS_API = THIN | {"channex"}
KEY_PAIRS: Mapping[str, str] = MappingProxyType(
    {
        "apaleo": "client_id:client_secret",
        "mews": "ClientToken:AccessToken",
    }
)
_PROOFS = ("secret", "username", "header", "token")
_HOW_TO_MAKE_ONE = (
    'make one with: python -c "import base64, secrets; '
    "print('whsec_' + base64.b64encode(secrets.token_bytes(32)).decode())\""
)
RESERVED = "staff"
_URL_WORD = re.compile(r"[A-Za-z0-9._~-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountAccess:
    """How to speak to the vendor's cloud for one account: a static key, or what fetches a dynamic one."""

    name: str
    base_url: str
    api_key: Secret | None = None
    email: str | None = None
    password: Secret | None = None
    key_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceConfig:
    """One sender of webhooks and its one proof of origin: secrets, user and password, header, or token.

    `silence`: how long it may send nothing before a person is told; zero: for ever, None: learnt from it.
    """

    name: str
    adapter: str
    enabled: bool = True
    secrets: tuple[Secret, ...] = ()
    username: str | None = None
    password: Secret | None = None
    header_name: str | None = None
    header_value: Secret | None = None
    token: Secret | None = None
    api_url: str | None = None
    api_key: Secret | None = None
    silence: timedelta | None = None


def account_access(
    name: str, table: Mapping[str, Any], settings: Settings, findings: Findings
) -> AccountAccess:
    """The access of one account; `default` takes from the KAS_* variables what its table leaves out."""
    path: Path = ("accounts", name)
    default = name == "default"
    base_url = table.get("base_url", settings.kas_base_url)
    key_url = settings.kas_key_url if default and "base_url" not in table else f"{base_url}/users/apikey"
    access = AccountAccess(
        name=name,
        base_url=base_url,
        api_key=findings.secret(table.get("api_key"), (*path, "api_key")),
        email=findings.text(table.get("email"), (*path, "email")),
        password=findings.secret(table.get("password"), (*path, "password")),
        key_url=table.get("key_url", key_url),
    )
    _check_pair(table, "email", "password", path, findings)
    if not default:
        if not {"api_key", "email", "password"} & set(table):
            cure = "give it api_key, or email and password; only accounts.default reads the KAS_* variables"
            findings.add(path, "has no key", cure)
        return access
    return _with_variables(access, settings)


def _with_variables(access: AccountAccess, settings: Settings) -> AccountAccess:
    """Fill in from the environment; what the table names is never mixed with another login's half."""
    if access.api_key or access.email or access.password:
        return access
    return AccountAccess(
        name=access.name,
        base_url=access.base_url,
        api_key=settings.kas_api_key,
        email=settings.kas_email,
        password=settings.kas_password,
        key_url=access.key_url,
    )


def _check_pair(table: Mapping[str, Any], one: str, two: str, path: Path, findings: Findings) -> None:
    for name, other in ((one, two), (two, one)):
        if name in table and other not in table:
            findings.add((*path, other), f"is missing, but {name} is given", f"give {other} too, or neither")


def read_sources(
    tables: Mapping[str, object], adapters: Collection[str], findings: Findings
) -> dict[str, SourceConfig]:
    """Read `[sources.*]`: known adapter, one proof of origin each, no variable unset."""
    return {
        name: _source(name, table, adapters, findings) for name, table in findings.named(tables, ("sources",))
    }


def _source(name: str, raw: object, adapters: Collection[str], findings: Findings) -> SourceConfig:
    path: Path = ("sources", name)
    table = findings.load(SourceSchema(), raw, path)
    adapter = table.get("adapter", "")
    if adapter and adapter not in adapters:
        cause = f"there is no adapter {adapter!r}"
        findings.add((*path, "adapter"), cause, "use " + " or ".join(sorted(adapters)))
    if name == RESERVED:
        findings.add(path, "is a name of Innkey's own, for tags of the house", "call the source otherwise")
    _check_proof(raw, path, findings)
    if adapter in UNSIGNED and "secret" in table:
        cure = "use username and password, header, or token, whichever the sender can be given"
        findings.add((*path, "secret"), f"is of no use, {adapter} signs nothing", cure)
    _check_api(adapter, raw, path, findings)
    header = table.get("header", {})
    return SourceConfig(
        name=name,
        adapter=adapter,
        enabled=table.get("enabled", True),
        secrets=signing_secrets(table, path, findings, is_standard=adapter in SIGNED_AS_STANDARD_WEBHOOKS),
        username=findings.text(table.get("username"), (*path, "username")),
        password=findings.secret(table.get("password"), (*path, "password")),
        header_name=header.get("name"),
        header_value=findings.secret(header.get("value"), (*path, "header", "value")),
        token=_token(table, path, findings),
        api_url=table.get("api_url"),
        api_key=_api_key(table, path, findings),
        silence=table.get("silence"),
    )


def _api_key(table: Mapping[str, Any], path: Path, findings: Findings) -> Secret | None:
    key, form = (
        findings.secret(table.get("api_key"), (*path, "api_key")),
        KEY_PAIRS.get(table.get("adapter", "")),
    )
    if key is not None and form is not None and not all(key.reveal().partition(":")):
        cause = f"the value of {table['api_key']} is not two parts with a colon between them"
        findings.add((*path, "api_key"), cause, f"write it as {form}")
    return key


def _check_proof(raw: object, path: Path, findings: Findings) -> None:
    """Look at the table as it was written: a proof with a fault in it is a proof all the same."""
    if not isinstance(raw, Mapping):
        return
    _check_pair(raw, "username", "password", path, findings)
    # A user and a password are one proof; half of it was found above.
    given = [name for name in _PROOFS if name in raw or (name == "username" and "password" in raw)]
    if not given:
        cure = 'give secret, username and password, header, or token; such as secret = { env = "NAME" }'
        findings.add(path, "has no proof of origin, anybody could send to it", cure)
    elif len(given) > 1:
        cause = f"has more than one proof of origin ({', '.join(given)})"
        findings.add(path, cause, "keep the one its sender uses")


def _check_api(adapter: str, raw: object, path: Path, findings: Findings) -> None:
    """An adapter whose deliveries say only that something has changed can do nothing without the API."""
    if adapter not in NEEDS_API or not isinstance(raw, Mapping):
        return
    cures = {"api_url": "give the address of its API", "api_key": 'give a key for its API: { env = "NAME" }'}
    for name, cure in cures.items():
        if name not in raw:
            cause = f"is missing, {adapter} tells only what has changed, and has to be asked for the rest"
            findings.add((*path, name), cause, f"{cure}, as the page of {adapter} says")


def signing_secrets(
    table: Mapping[str, Any], path: Path, findings: Findings, *, is_standard: bool
) -> tuple[Secret, ...]:
    """What the table's `secret` names; `is_standard`: as Standard Webhooks want them."""
    names = table.get("secret", ())
    secrets: list[Secret] = []
    for index, name in enumerate(names):
        at: Path = (*path, "secret", index) if len(names) > 1 else (*path, "secret")
        secret = findings.secret(name, at)
        if secret is None:
            continue
        secrets.append(secret)
        if is_standard and not _is_webhook_secret(secret.reveal()):
            cause = f"the value of {name} is not a secret of Standard Webhooks"
            findings.add(at, cause, _HOW_TO_MAKE_ONE)
    return tuple(secrets)


def _is_webhook_secret(text: str) -> bool:
    """Whether Standard Webhooks' reader takes it: base64 after an optional `whsec_`, padding optional."""
    encoded = text.removeprefix("whsec_").rstrip("=")
    try:
        return bool(base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True))
    except ValueError:
        return False


def _token(table: Mapping[str, Any], path: Path, findings: Findings) -> Secret | None:
    token = findings.secret(table.get("token"), (*path, "token"))
    if token is not None and not _URL_WORD.fullmatch(token.reveal()):
        cause = f"the value of {table['token']} cannot stand in an address"
        findings.add((*path, "token"), cause, "use only letters, digits and - . _ ~")
    return token

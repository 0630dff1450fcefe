"""The endpoints that Innkey sends events to: `[outgoing.X]` of the property file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from worker.domain.outgoing import TOPICS, WITH_PIN, Topic
from worker.property_access import signing_secrets
from worker.property_findings import Findings, Path
from worker.property_schemas import OutgoingSchema
from worker.secret import Secret

__all__ = ["EndpointConfig", "read_outgoing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointConfig:
    """One endpoint. Every one of `secrets` signs. `with_pin`: it is told PINs.

    Its address may be a secret: some services know their callers by it.
    """

    name: str
    url: Secret
    secrets: tuple[Secret, ...]
    events: frozenset[Topic] = frozenset(TOPICS)
    with_pin: bool = False
    allow_private: bool = False
    enabled: bool = True

    @property
    def origin(self) -> str:
        """Where it is, without the path: that alone may be shown."""
        parts = urlsplit(self.url.reveal())
        return f"{parts.scheme}://{parts.netloc}"


def read_outgoing(tables: Mapping[str, object], findings: Findings) -> dict[str, EndpointConfig]:
    """Read `[outgoing.*]`: an address, good secrets, known events, and no PIN over plain HTTP."""
    return {name: _endpoint(name, table, findings) for name, table in findings.named(tables, ("outgoing",))}


def _endpoint(name: str, raw: object, findings: Findings) -> EndpointConfig:
    path: Path = ("outgoing", name)
    table = findings.load(OutgoingSchema(), raw, path)
    url = table.get("url", "")
    config = EndpointConfig(
        name=name,
        url=Secret(url),
        secrets=signing_secrets(table, path, findings, is_standard=True),
        events=_events(table, path, findings),
        with_pin=table.get("with_pin", False),
        allow_private=table.get("allow_private", False),
        enabled=table.get("enabled", True),
    )
    _check_pin(config, url, path, findings)
    return config


def _events(table: Mapping[str, Any], path: Path, findings: Findings) -> frozenset[Topic]:
    listed = table.get("events")
    if listed is None:
        return frozenset(TOPICS)
    known = {topic.value: topic for topic in TOPICS}
    for index, name in enumerate(listed):
        if name not in known:
            cure = "use " + ", ".join(known)
            findings.add((*path, "events", index), f"there is no event {name[:40]!r}", cure)
    if not listed:
        cure = "name at least one event, leave the key out for all, or write enabled = false"
        findings.add((*path, "events"), "is empty", cure)
    return frozenset(known[name] for name in listed if name in known)


def _check_pin(config: EndpointConfig, url: str, path: Path, findings: Findings) -> None:
    if not config.with_pin:
        return
    if url.startswith("http://") and not config.allow_private:
        cure = "use https://, or allow_private = true for an endpoint in your own network"
        findings.add((*path, "with_pin"), "would send PINs over plain HTTP", cure)
    if not config.events & WITH_PIN:
        cure = "add code.set or booking.ready to events, or leave with_pin out"
        findings.add((*path, "with_pin"), "is of no use, none of its events has a PIN", cure)

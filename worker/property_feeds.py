"""The calendars of booking sites, `[feeds.X]`: for hosts without a booking system of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from worker.configuration_error import BadValue
from worker.domain.feeds import FeedKind
from worker.durations import format_duration
from worker.property_access import RESERVED
from worker.property_findings import Findings, Path
from worker.property_schemas import FeedSchema
from worker.secret import Secret
from worker.setting_values import calendar_url

__all__ = ["FeedConfig", "read_feeds"]

_SHORTEST, _USUAL = timedelta(minutes=5), timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedConfig:
    """One calendar and the unit that it is of. Its address lets anybody read it, and is a secret.

    `kind`: None where it is told from the calendar. `closed`: what an event is that only says that dates are
    closed, where a site writes bookings and closures alike: a `"stay"` or a `"block"`.
    """

    name: str
    url: Secret = field(default_factory=lambda: Secret(""))
    unit: str = ""
    every: timedelta = _USUAL
    enabled: bool = True
    kind: FeedKind | None = None
    closed: str = "stay"


def read_feeds(
    tables: Mapping[str, object], units: Collection[str], sources: Collection[str], findings: Findings
) -> dict[str, FeedConfig]:
    """Read `[feeds.*]`: an address each, a unit that there is, and a name that no source has."""
    return {
        name: _feed(name, table, units, sources, findings)
        for name, table in findings.named(tables, ("feeds",))
    }


def _feed(
    name: str, raw: object, units: Collection[str], sources: Collection[str], findings: Findings
) -> FeedConfig:
    path: Path = ("feeds", name)
    table = findings.load(FeedSchema(), raw, path)
    if name == RESERVED:
        findings.add(path, "is a name of Innkey's own, for tags of the house", "call the feed otherwise")
    if name in sources:
        cause = "is the name of a source too, and their stays could not be told apart"
        findings.add(path, cause, "call one of the two otherwise")
    unit, every = table.get("unit", ""), table.get("every", _USUAL)
    if unit and unit not in units:
        cause = f"there is no unit {unit[:40]!r}"
        findings.add((*path, "unit"), cause, "add a table [units.…] for it, or mend the name")
    if every < _SHORTEST:
        cure = f'write "{format_duration(_SHORTEST)}" or more: sites refuse those who ask too often'
        findings.add((*path, "every"), f"is {format_duration(every)}, too often", cure)
    kind = table.get("kind")
    return FeedConfig(
        name=name,
        url=_url(findings.secret(table.get("url"), (*path, "url")), (*path, "url"), findings),
        unit=unit,
        every=every,
        enabled=table.get("enabled", True),
        kind=FeedKind(kind) if kind is not None else None,
        closed=table.get("closed", "stay"),
    )


def _url(given: Secret | None, path: Path, findings: Findings) -> Secret:
    if given is None:
        return Secret("")
    try:
        return calendar_url(given.reveal())
    except BadValue as error:
        findings.add(path, f"holds no address of a calendar: it {error.cause}", error.cure)
        return Secret("")

"""`innkey send-test --as NAME`: a delivery as that booking system would make it."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import click

from worker.configuration import Configuration
from worker.domain.house import House
from worker.property_access import SourceConfig
from worker.sample_deliveries.delivery import SENDERS, Sample, delivery
from worker.sample_deliveries.stay import SampleStay

__all__ = ["OTHER", "new_id", "sample_of", "source_of"]

OTHER = "other"
_TAKEN = ("check_in", "check_out", "status", "name", "email", "phone")


def source_of(configuration: Configuration, adapter: str, source: str | None) -> SourceConfig:
    """The source to send to: the one named, or the first with this adapter."""
    found = configuration.properties.sources.values()
    fitting = [one for one in found if one.adapter == adapter and source in (None, one.name)]
    if not fitting:
        named = f"source {source!r} has another adapter" if source else "no source has this adapter"
        cure = f"add a table [sources.X] with adapter = {adapter!r} to the property file"
        raise click.BadParameter(f"{named}; {cure}", param_hint="--source" if source else "--as")
    return fitting[0]


def sample_of(kind: str, given: Mapping[str, str], config: SourceConfig, house: House) -> Sample:
    """The delivery; these senders tell a whole reservation each time, so `given` must be complete."""
    sender, now = SENDERS[config.adapter], datetime.now(UTC)
    if kind == OTHER:
        return delivery(sender.noise(), config, now)
    unused = {"pin", "version"} & set(given)
    if unused:
        name = f"--{min(unused)}"
        raise click.BadParameter(f"{config.adapter} sends no such thing", param_hint=name)
    if given.get("status") not in (None, *sender.STATUSES):
        raise click.BadParameter(f"{config.adapter} knows no such thing", param_hint="--status")
    told: dict[str, Any] = {name: given[name] for name in _TAKEN if name in given}
    stay = SampleStay(
        id=given["booking_id"],
        unit=_called(given["unit"], config.name, house),
        changed=now,
        kind=kind,
        **told,
    )
    return delivery(sender.document(stay), config, now)


def new_id() -> str:
    """An id as all of them could have it."""
    return str(secrets.randbelow(9 * 10**7) + 10**7)


def _called(unit: str, source: str, house: House) -> str:
    """What the source calls a unit of the property file; another name is taken as it is."""
    return house.units[unit].aliases.get(source, unit) if unit in house.units else unit

"""A sample delivery with its proof of origin, as its sender makes it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from worker.property_access import SourceConfig
from worker.sample_deliveries import (
    apaleo,
    beds24,
    calcom,
    channex,
    cloudbeds,
    guesty,
    hospitable,
    hostaway,
    hostfully,
    lodgify,
    mews,
    ownerrez,
    smoobu,
    uplisting,
)
from worker.sample_deliveries.stay import Document, SampleStay
from worker.secret import Secret

__all__ = ["SENDERS", "Sample", "Sender", "delivery"]

Sign = Callable[[bytes, Secret, datetime], dict[str, str]]


class Sender(Protocol):
    """A module of `worker.sample_deliveries`."""

    @property
    def STATUSES(self) -> Mapping[str, object]:  # noqa: N802 - it is a constant of the module
        """The statuses that the sender knows, and its words for them."""

    @property
    def sign(self) -> Sign | None:
        """Makes the headers that sign a body; None where the sender signs nothing."""

    def document(self, stay: SampleStay) -> Document:
        """What the sender writes of a reservation, to be sent as JSON."""

    def noise(self) -> Document:
        """What the sender writes that concerns no stay."""


SENDERS: Mapping[str, Sender] = MappingProxyType(
    {
        "apaleo": apaleo,
        "beds24": beds24,
        "calcom": calcom,
        "channex": channex,
        "cloudbeds": cloudbeds,
        "guesty": guesty,
        "hospitable": hospitable,
        "hostaway": hostaway,
        "hostfully": hostfully,
        "lodgify": lodgify,
        "mews": mews,
        "ownerrez": ownerrez,
        "smoobu": smoobu,
        "uplisting": uplisting,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One request: `path` below the address of Innkey."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Leave out the headers: they hold the proof."""
        return f"Sample({self.path.split('/')[:3]}, {len(self.body)} bytes)"


def delivery(document: Document, config: SourceConfig, now: datetime) -> Sample:
    """`document` for the source, proven as its table asks for."""
    body = json.dumps(document, ensure_ascii=False).encode()
    headers = {"content-type": "application/json", **_proof(body, config, now)}
    token = f"/{config.token.reveal()}" if config.token is not None else ""
    return Sample(path=f"/webhooks/{config.name}{token}", headers=headers, body=body)


def _proof(body: bytes, config: SourceConfig, now: datetime) -> dict[str, str]:
    sign = SENDERS[config.adapter].sign
    if config.secrets and sign is not None:
        return sign(body, config.secrets[0], now)
    if config.header_name is not None and config.header_value is not None:
        return {config.header_name.lower(): config.header_value.reveal()}
    if config.username is not None and config.password is not None:
        pair = f"{config.username}:{config.password.reveal()}"
        return {"authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
    return {}

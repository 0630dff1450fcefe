"""The kinds of senders by the name that the property file uses for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from webhooks.sources import (
    beds24,
    calcom,
    channex,
    guesty,
    hospitable,
    hostaway,
    innkey,
    lodgify,
    ownerrez,
    smoobu,
    uplisting,
)
from webhooks.sources.adapter import Adapter

__all__ = ["ADAPTERS"]

ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
    {
        "beds24": beds24,
        "calcom": calcom,
        "channex": channex,
        "guesty": guesty,
        "hospitable": hospitable,
        "hostaway": hostaway,
        "innkey": innkey,
        "lodgify": lodgify,
        "ownerrez": ownerrez,
        "smoobu": smoobu,
        "uplisting": uplisting,
    }
)

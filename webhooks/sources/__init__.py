"""The kinds of senders by the name that the property file uses for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from webhooks.sources import (
    apaleo,
    beds24,
    calcom,
    channex,
    cloudbeds,
    guesty,
    hospitable,
    hostaway,
    hostfully,
    innkey,
    lodgify,
    mews,
    ownerrez,
    smoobu,
    uplisting,
)
from webhooks.sources.adapter import Adapter

__all__ = ["ADAPTERS"]

ADAPTERS: Mapping[str, Adapter] = MappingProxyType(
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
        "innkey": innkey,
        "lodgify": lodgify,
        "mews": mews,
        "ownerrez": ownerrez,
        "smoobu": smoobu,
        "uplisting": uplisting,
    }
)

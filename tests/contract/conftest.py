"""The raw vendor and its clients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.raw_vendor import SHORT, Make, Vendor, raw_vendor
from tests.kas_calls import KEY
from worker.kas import KasClient


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """A vendor that answers what the test tells it."""
    with raw_vendor() as state:
        yield state


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes clients with a default key, and closes them after the test."""
    made: list[KasClient] = []

    def make(url: str, **more: Any) -> KasClient:
        made.append(KasClient(url, **{"api_key": KEY, **more}))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(vendor: Vendor, make: Make) -> KasClient:
    """A client of that vendor."""
    return make(vendor.url)


@pytest.fixture
def hasty(vendor: Vendor, make: Make) -> KasClient:
    """A client whose calls may last half a second."""
    return make(vendor.url, call_timeout=SHORT)

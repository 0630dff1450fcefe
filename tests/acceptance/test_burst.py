"""An hour of five webhooks a second from every source, in one go: a part of it, `make burst` has all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.burst_kit import burst


@pytest.mark.parametrize("per_source", [60])
def test_nothing_of_a_burst_is_lost(tmp_path: Path, per_source: int) -> None:
    """All that was answered 200 is applied, though the web was killed in the middle (promise 1)."""
    with burst(tmp_path) as made:
        made.run(per_source)
        assert [] == made.lost()
        assert 0 == made.innkey.store.health.gauges()["rejected_events"]

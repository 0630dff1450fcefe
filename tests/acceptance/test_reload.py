"""A changed property file and SIGHUP, with the Procfile's processes."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.acceptance.stack_kit import DOOR, GATE, PROPERTIES, stack, until


def test_a_mapping_that_changes_on_sighup(tmp_path: Path) -> None:
    """J04, promise 3: web and worker read the file again; the stay gets its second door with the same PIN."""
    with stack(tmp_path) as inn:
        inn.start_all()
        inn.book("BK-1", unit="studio", hours=5)
        pin = inn.until_state("BK-1", "ready")["pin"]
        studio = f'[units.studio]\nlocks = ["{DOOR}"]'
        assert studio in PROPERTIES
        changed = PROPERTIES.replace(studio, f'[units.studio]\nlocks = ["{GATE}", "{DOOR}"]')
        (tmp_path / "properties.toml").write_text(changed)
        for process in inn.processes.values():
            process.send_signal(signal.SIGHUP)
        until(
            lambda: [code["pin"] for code in inn.vendor.codes(GATE).values()] == [pin], "the code on the gate"
        )
        until(
            lambda: len(inn.booking("BK-1").get("codes", [])) == 2, "the web process to know the second door"
        )
        inn.until_state("BK-1", "ready")
        assert [120] == list(inn.vendor.codes(DOOR))
        assert all(process.poll() is None for process in inn.processes.values())

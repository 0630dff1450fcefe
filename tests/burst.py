"""`make burst`: an hour's worth of webhooks from every booking system in one go, and nothing is lost.

Web and worker run as the Procfile has them, beside a Redis that persists every write; the web is killed in
the middle. Exit code 1 where something is lost.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.acceptance.burst_kit import burst
from tests.integration.sources_kit import ADAPTERS

AN_HOUR = 5 * 3600


def main() -> int:
    """Run one; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=AN_HOUR, help="deliveries from each booking system")
    each = parser.parse_args().each
    sys.stdout.write(f"{each} deliveries from each of {len(ADAPTERS)} booking systems …\n")
    with tempfile.TemporaryDirectory(prefix="innkey-burst-") as folder, burst(Path(folder)) as made:
        figures = made.run(each)
        lost = made.lost()
    sys.stdout.write(f"{figures}\n{len(lost)} lost\n")
    for one in lost[:20]:
        sys.stdout.write(f"  {one}\n")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())

"""`make soak SECONDS=… SEED=…`: one campaign. Exit code 0 if every promise was kept, 1 if not."""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.campaign import Campaign
from tests.soak.live import Live
from tests.soak.plan import schedule
from tests.soak.verdict import all_calls, all_problems, report, sums
from tests.soak.world import world

SHORTEST = 10


def main() -> int:
    """Run it, print the verdict, keep the folder where something is wrong."""
    options = _options()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # what runs is ended in order
    seed = options.seed if options.seed is not None else secrets.randbelow(10**6)
    plan = schedule(seed, max(options.seconds, SHORTEST))
    folder = Path(tempfile.mkdtemp(prefix=f"soak-{seed}-"))
    live = Live(folder / "deeds.txt")
    replay = f"make soak SECONDS={plan.seconds:.0f} SEED={seed}"
    live.say(f"Campaign of {plan.seconds:.0f} s with seed {seed}; again with: {replay}")
    live.say(f"{plan.bookings} bookings, {len(plan.events)} events, {len(plan.layout.locks)} locks, {folder}")
    began = time.monotonic()
    with world(folder, plan.layout, seed) as running:
        campaign = Campaign(plan, running, live)
        try:
            campaign.run()
            numbers = {**sums(campaign), "took": round(time.monotonic() - began)}
            (folder / "summary.json").write_text(json.dumps(numbers, indent=1))
            (folder / "verdict.txt").write_text("\n".join(all_problems(campaign)))
            (folder / "calls.txt").write_text("\n".join(all_calls(campaign)))
            lines = list(report(campaign))
        finally:
            campaign.close()
    live.say("\n".join(lines))
    live.say(json.dumps(numbers))
    live.close()
    if campaign.problems:
        live.say(f"VIOLATIONS: {len(campaign.problems)}. Kept: {folder}. Again: {replay}")
        return 1
    live.say(f"Every promise was kept. Again with: {replay}")
    if not options.keep:
        shutil.rmtree(folder)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long faults are injected")
    parser.add_argument("--seed", type=int, help="what decides the schedule; by default a new one")
    parser.add_argument("--keep", action="store_true", help="keep the folder of a good campaign, too")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())

"""The examples of docs/how-to/kas-client.md run as they stand, in a process of their own, without Redis."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

from tests.contract.raw_vendor import Vendor
from tests.contract.sandbox_kit import StandingClock
from worker.kas.sandbox import DEFAULT_KEY, LockSpec, Setup, running_sandbox

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "kas-client.md"
ALONE = """
import sys
print(sorted({"redis", "dramatiq", "flask", "worker.store", "worker.service"} & set(sys.modules)))
"""
LOGIN = ("ops@example.com", "correct horse")


def ran(number: int, url: str, **more: str) -> list[str]:
    """What the example prints, and last which parts of the engine it needed."""
    example = re.findall(
        r"^```python\n(.*?)^```$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )[number]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", example + ALONE],
        env={**os.environ, "KAS_BASE_URL": url, "KAS_API_KEY": DEFAULT_KEY, **more},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stderr)
    return done.stdout.splitlines()


def test_setting_and_deleting_a_pin() -> None:
    """The first example, against the sandbox: the slot that it takes is free, filled, and empty again."""
    setup = Setup(locks=(LockSpec("SS000001"),))
    with running_sandbox(setup, clock=StandingClock()) as sandbox:
        for _ in range(2):
            assert ["slot 120: Success", "[120]", "[]"] == ran(0, sandbox.url)


def test_tags_events_and_an_unlock(vendor: Vendor) -> None:
    """The second example, against a vendor that answers as the document prints."""
    answer = {
        "ack": 1,
        "message": "Success",
        "l_rfids": [{"rfid_id": 1500, "uid": "ABCD1234"}, {"rfid_id": 1501}],
        "events": {"events": [{"_id": "a", "date_added": "2019-08-07T13:45:48.140Z"}]},
    }
    vendor.answers(json.dumps(answer).encode())

    printed = ran(1, vendor.url)

    assert ["[1500, 1501]", "['2019-08-07T13:45:48.140000+00:00']", "Success", "[]"] == printed
    assert ["POST", "POST", "GET", "DELETE", "GET", "GET"] == [seen.line.split()[0] for seen in vendor.seen]


def test_a_login() -> None:
    """The third example, against the sandbox's key desk."""
    setup = Setup(locks=(LockSpec("SS000001"),), logins={"default": LOGIN})
    with running_sandbox(setup) as sandbox:
        printed = ran(
            2,
            sandbox.url,
            KAS_KEY_URL=f"{sandbox.url}/users/apikey",
            KAS_EMAIL=LOGIN[0],
            KAS_PASSWORD=LOGIN[1],
            KAS_API_KEY="none",
        )
    assert ["Clock set successfully.", "[]"] == printed

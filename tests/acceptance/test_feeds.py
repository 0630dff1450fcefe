"""From a booking site's calendar to the door, with the Procfile's processes."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import redis

from tests.acceptance.stack_kit import DOOR, PROPERTIES, stack, until
from tests.integration.pms_kit import Answer, Asked, pms
from tests.unit.calendar_kit import AIRBNB, airbnb, calendar
from worker.store import keys

CANARY = "canary-in-the-address"
FEED = """
[units.studio.policy]
pin_source = "phone"
pin_length = 4
[feeds.airbnb]
url = { env = "CALENDAR" }
unit = "studio"
"""


def test_a_calendar_opens_the_door_though_its_reader_was_killed(tmp_path: Path) -> None:
    """Promises 1, 8 and 9, G01: the digits of the telephone are on the lock, the address in no log."""
    today = datetime.now(ZoneInfo("Australia/Brisbane"))
    stay = airbnb(phone="7204", starts=f"{today:%Y%m%d}", ends=f"{today + timedelta(days=3):%Y%m%d}")
    may_answer = threading.Event()

    def answer(_: Asked) -> Answer:
        may_answer.wait(60)
        return Answer(calendar(stay, maker=AIRBNB), headers={"Content-Type": "text/calendar"})

    with (
        pms(answer) as site,
        stack(tmp_path, properties=PROPERTIES + FEED, CALENDAR=f"{site.url}/{CANARY}.ics?s={CANARY}") as inn,
    ):
        inn.start_all()
        until(lambda: site.asked, "the first read")
        inn.kill("worker")
        may_answer.set()
        with redis.Redis.from_url(inn.redis.url) as client:
            client.delete(keys.errand_lease("airbnb"))  # as its end does, two minutes later
        inn.start("worker", "worker")
        until(
            lambda: [code["pin"] for code in inn.vendor.codes(DOOR).values()] == ["7204"],
            "the code on the door",
        )
        assert "confirmed" == inn.get("/v1/bookings/airbnb/HMABCDEFGH")["status"]
        assert CANARY not in inn.logs()

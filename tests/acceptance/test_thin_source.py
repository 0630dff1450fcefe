"""From a booking system that only names reservations to the door, with the Procfile's processes."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import redis

from tests.acceptance.stack_kit import DOOR, PROPERTIES, stack, until
from tests.integration.pms_kit import Answer, Asked, pms
from worker.sample_deliveries import hostfully
from worker.sample_deliveries.stay import SampleStay
from worker.store import keys

KEY, TOKEN, GUEST = "canary-key-of-the-api", "canary-in-the-address", "Canary Guest"
SOURCE = """
[sources.office]
adapter = "hostfully"
token = {{ env = "OFFICE_TOKEN" }}
api_url = "{url}"
api_key = {{ env = "OFFICE_KEY" }}
[units.studio.aliases]
office = "40160"
"""


def test_a_name_becomes_a_pin_though_the_worker_that_asked_was_killed(tmp_path: Path) -> None:
    """Promises 1, 6 and 9, G01: the reservation is asked for once more, and taken off as it is cancelled."""
    today = datetime.now(ZoneInfo("Australia/Brisbane"))
    lead = SampleStay(
        id="lead-1",
        unit="40160",
        check_in=f"{today:%Y-%m-%d}",
        check_out=f"{today + timedelta(days=3):%Y-%m-%d}",
        changed=datetime.now(UTC),
        name=GUEST,
    )
    leads, may_answer = {lead.id: lead}, threading.Event()

    def answer(asked: Asked) -> Answer:
        if KEY != asked.headers.get("x-hostfully-apikey"):
            return Answer({"error": "who?"}, 401)
        if "/leads/" not in asked.path:
            return Answer({"agencies": []})
        may_answer.wait(60)
        return Answer({"lead": hostfully.answer(leads[asked.path.rpartition("/")[2]])})

    with (
        pms(answer) as office,
        stack(
            tmp_path,
            properties=PROPERTIES + SOURCE.format(url=office.url),
            OFFICE_TOKEN=TOKEN,
            OFFICE_KEY=KEY,
        ) as inn,
    ):

        def tell() -> None:
            told = httpx.post(
                f"{inn.url}/webhooks/office/{TOKEN}",
                content=json.dumps(hostfully.document(leads["lead-1"])),
                headers={"Content-Type": "application/json"},
            )
            assert (200, "accepted") == (told.status_code, told.json()["status"])

        inn.start_all()
        tell()
        until(lambda: "/leads/lead-1" in "".join(office.paths()), "the first request")
        inn.kill("worker")
        may_answer.set()
        with redis.Redis.from_url(inn.redis.url) as client:
            client.delete(keys.errand_lease("office"))  # as its end does, two minutes later
        inn.start("worker", "worker")
        until(lambda: inn.vendor.codes(DOOR), "the code on the door")
        until(lambda: "ready" == inn.get("/v1/bookings/office/lead-1")["state"], "the booking to be ready")
        leads["lead-1"] = replace(lead, status="cancelled", changed=datetime.now(UTC))
        tell()
        until(lambda: not inn.vendor.codes(DOOR), "the code to go")
        assert not [one for one in (KEY, TOKEN, GUEST) if one in inn.logs()]

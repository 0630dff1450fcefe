"""The web process with one source of every booking system, and deliveries as those make them."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from werkzeug.test import TestResponse

from tests.integration.web_kit import Web, environ_for, wired
from tests.redis_server import redis_server
from worker.domain.access_code import Phase
from worker.domain.booking import Booking, StayKey
from worker.domain.record import Stay
from worker.property_access import THIN
from worker.sample_deliveries.delivery import SENDERS, Sample, delivery
from worker.sample_deliveries.stay import Document, SampleStay

__all__ = ["ADAPTERS", "LISTINGS", "PROOFS", "SECRETS", "Senders", "a_stay", "properties", "senders"]

SIGNED = "whsec_" + base64.b64encode(b"the secret that both sides know!").decode()
ADAPTERS = [one for one in sorted(SENDERS) if one not in THIN]  # the others: thin_kit.py
PROOFS = {
    "hostaway": 'username = "pms"\npassword = { env = "PASSWORD" }',
    "lodgify": 'secret = [{ env = "PASSWORD" }, { env = "OTHER" }]',
    "smoobu": 'token = { env = "TOKEN" }',
    "beds24": 'header = { name = "X-Innkey", value = { env = "PASSWORD" } }',
    "hospitable": 'secret = { env = "PASSWORD" }',
    "calcom": 'secret = { env = "PASSWORD" }',
    "channex": (
        'header = { name = "X-Innkey", value = { env = "PASSWORD" } }\n'
        'api_url = "http://127.0.0.1:9/"\napi_key = { env = "OTHER" }'
    ),
    "uplisting": 'token = { env = "TOKEN" }',
    "ownerrez": 'username = "pms"\npassword = { env = "PASSWORD" }',
    "guesty": 'secret = { env = "SIGNED" }',
    "apaleo": 'username = "innkey"\npassword = { env = "PASSWORD" }',
    "cloudbeds": 'token = { env = "TOKEN" }',
    "hostfully": 'token = { env = "TOKEN" }',
    "mews": 'token = { env = "TOKEN" }',
}
SECRETS = {"PASSWORD": "s3cret", "OTHER": "0ther", "TOKEN": "t0ken", "SIGNED": SIGNED}
LISTINGS = ("40160", "40161")  # what every one of them calls the two units


@dataclass(slots=True)
class Senders:
    """The app, and one sender of each kind."""

    web: Web
    folder: Path
    environ: dict[str, str]

    def sample(self, adapter: str, document: Document) -> Sample:
        """The request that `adapter` makes of a document."""
        config = self.web.innkey.configuration.properties.sources[adapter]
        return delivery(document, config, datetime.now(UTC))

    def post(self, sample: Sample) -> TestResponse:
        """Send a request."""
        return self.web.client.post(sample.path, data=sample.body, headers=dict(sample.headers))

    def tell(self, adapter: str, stay: SampleStay) -> str:
        """Deliver a reservation and apply it; the answer's status, of a 200."""
        answer = self.post(self.sample(adapter, SENDERS[adapter].document(stay)))
        assert 200 == answer.status_code, answer.text
        self.web.apply()
        assert answer.json is not None
        return str(answer.json["status"])

    def stay(self, adapter: str, booking: str) -> Stay | None:
        """The stay on record."""
        return self.web.innkey.store.stays.get(StayKey(adapter, booking))

    def booking(self, adapter: str, booking: str) -> Booking:
        """The booking on record."""
        found = self.stay(adapter, booking)
        assert found is not None
        return found.booking

    def doors(self, adapter: str, booking: str) -> set[str]:
        """The locks on which the stay has a code or is about to."""
        found = self.stay(adapter, booking)
        codes = found.codes if found is not None else ()
        return {one.lock for one in codes if one.phase in (Phase.PLANNED, Phase.SETTING, Phase.SET)}

    def counted(self, adapter: str, outcome: str) -> int:
        """How many deliveries of the source came to this, as the metrics show it."""
        pattern = f'innkey_webhooks_total{{outcome="{outcome}",source="{adapter}"}} '
        lines = self.web.client.get("/metrics").text.splitlines()
        return sum(int(float(line.removeprefix(pattern))) for line in lines if line.startswith(pattern))

    def gauge(self, name: str) -> int:
        """One number of the record's."""
        return int(self.web.innkey.store.health.gauges()[name])


def properties() -> str:
    """A property file with a source of every booking system, and units that all of them know."""
    sources = "\n".join(f'[sources.{one}]\nadapter = "{one}"\n{PROOFS[one]}\n' for one in ADAPTERS)
    units = "\n".join(
        f'[units.{unit}]\nlocks = ["{lock}"]\n[units.{unit}.aliases]\n'
        + "\n".join(f'{one} = "{listing}"' for one in ADAPTERS)
        for unit, lock, listing in (
            ("beach-house", "SS000001", LISTINGS[0]),
            ("garden-room", "SS000002", LISTINGS[1]),
            ("tower-1", "SS000003", "500/1"),
            ("tower-2", "SS000004", "500/2"),
        )
    )
    locks = "\n".join(f"[locks.SS00000{number}]" for number in range(1, 5))
    return f'timezone = "Australia/Brisbane"\n{sources}\n{locks}\n{units}\n'


@contextmanager
def senders(folder: Path) -> Iterator[Senders]:
    """An app beside a Redis of its own."""
    with redis_server(folder / "redis", fsync="everysec") as server:
        environ = environ_for(folder, server.url, **SECRETS)
        (folder / "properties.toml").write_text(properties(), encoding="utf-8")
        yield Senders(wired(environ), folder, environ)


def a_stay(booking: str, **changed: object) -> SampleStay:
    """A reservation of the first unit, some days ahead."""
    today = datetime.now(UTC)
    plain = SampleStay(
        id=booking,
        unit=LISTINGS[0],
        check_in=f"{today + timedelta(days=2):%Y-%m-%d}",
        check_out=f"{today + timedelta(days=5):%Y-%m-%d}",
        changed=today,
        email="guest@example.com",
        phone="+61 400 000 000",
    )
    return replace(plain, **changed)  # type: ignore[arg-type]

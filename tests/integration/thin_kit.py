"""The web process with one source of a system that only names reservations, and that system's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from werkzeug.test import TestResponse

from tests.integration.pms_kit import Answer, Asked, Pms, pms
from tests.integration.sources_kit import LISTINGS, PROOFS
from tests.integration.web_kit import Web, environ_for, wired
from tests.redis_server import redis_server
from webhooks.errands import Runner
from webhooks.sources import apaleo
from worker.domain.access_code import Phase
from worker.domain.booking import StayKey
from worker.domain.record import Stay
from worker.sample_deliveries.delivery import SENDERS, Sample, delivery
from worker.sample_deliveries.stay import SampleStay
from worker.store import keys

__all__ = ["API_PATHS", "CLIENT", "SECRET", "Hotel", "hotel"]

CLIENT, SECRET = "cl13nt-of-the-api", "s3cret-of-the-api"
API_PATHS = {
    "apaleo": "",
    "cloudbeds": "/api/v1.3",
    "hostfully": "/api/v3.2",
    "mews": "/api/connector/v1",
}


@dataclass
class Hotel:
    """A booking system, its API, and the Innkey that it tells what has changed."""

    adapter: str
    web: Web
    api: Pms
    environ: Mapping[str, str]
    stays: dict[str, SampleStay] = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    refuses: set[str] = field(default_factory=set)
    tokens: int = 0
    good_tokens: set[str] = field(default_factory=set)

    # --- what happens in the booking system -----------------------------------------------------------------

    def put(self, stay: SampleStay) -> SampleStay:
        """Write a reservation down there, and say nothing of it."""
        self.stays[stay.id] = stay
        return stay

    def sample(self, stay: SampleStay) -> Sample:
        """The delivery about it."""
        return delivery(SENDERS[self.adapter].document(stay), self.config, datetime.now(UTC))

    def post(self, sample: Sample) -> TestResponse:
        """Send a request."""
        return self.web.client.post(sample.path, data=sample.body, headers=dict(sample.headers))

    def tell(self, stay: SampleStay) -> str:
        """Write it down, deliver that it has changed, and let a worker ask; the answer's status, of a 200."""
        self.put(stay)
        answer = self.post(self.sample(stay))
        assert 200 == answer.status_code, answer.text
        assert answer.json is not None
        self.run()
        return str(answer.json["status"])

    # --- what Innkey does -----------------------------------------------------------------------------------

    @property
    def config(self) -> Any:
        """The source's table."""
        return self.web.innkey.configuration.properties.sources[self.adapter]

    def run(self) -> None:
        """What a worker does at a hint; then it applies what came of it."""
        Runner(self.web.innkey).serve(self.adapter)
        self.web.apply()

    def pass_time(self) -> None:
        """Bring everything on the timetable forward, and end a pause."""
        client = self.web.innkey.store.client
        client.delete(keys.errand_pause(self.adapter))
        for errand in client.zrange(keys.errands_of(self.adapter), 0, -1):
            client.zadd(keys.errands_of(self.adapter), {str(errand): 1})

    def stay(self, booking: str) -> Stay | None:
        """The stay on record."""
        return self.web.innkey.store.stays.get(StayKey(self.adapter, booking))

    def doors(self, booking: str) -> set[str]:
        """The locks on which the stay has a code or is about to."""
        found = self.stay(booking)
        codes = found.codes if found is not None else ()
        return {one.lock for one in codes if one.phase in (Phase.PLANNED, Phase.SETTING, Phase.SET)}

    def letter(self, booking: str) -> str | None:
        """Why a person has to look at the stay, if one has to."""
        found = self.stay(booking)
        return found.letter.reason.value if found is not None and found.letter is not None else None

    def kept(self) -> list[dict[str, Any]]:
        """What was not understood."""
        items: list[dict[str, Any]] = self.web.get("/v1/rejected-events").json["items"]
        return items

    def asked(self, part: str) -> list[Asked]:
        """The requests so far whose path has this in it."""
        return [one for one in self.api.asked if part in one.path]

    # --- its API --------------------------------------------------------------------------------------------

    def answered(self, asked: Asked) -> Answer:
        """Answer as the system's API does."""
        if asked.path == "/connect/token":
            return self._token(asked)
        if self.status != 200:
            return Answer({"error": "no"}, self.status, self.headers)
        if not self._is_known(asked):
            return Answer({"error": "who are you?"}, 401)
        answers: Mapping[str, Callable[[Asked], Answer]] = {
            "apaleo": self._apaleo,
            "cloudbeds": self._cloudbeds,
            "hostfully": self._hostfully,
            "mews": self._mews,
        }
        return answers[self.adapter](asked)

    def _said(self, booking: str) -> Any:
        sender: Any = SENDERS[self.adapter]
        return sender.answer(self.stays[booking])

    def _is_known(self, asked: Asked) -> bool:
        if self.adapter == "apaleo":
            return asked.headers.get("authorization", "").removeprefix("Bearer ") in self.good_tokens
        if self.adapter == "mews":
            return (CLIENT, SECRET) == (asked.body["ClientToken"], asked.body["AccessToken"])
        key = f"{CLIENT}:{SECRET}"
        return key == asked.headers.get("x-hostfully-apikey") or f"Bearer {key}" == asked.headers.get(
            "authorization"
        )

    def _token(self, asked: Asked) -> Answer:
        assert {"grant_type": "client_credentials"} == asked.form
        assert asked.headers["authorization"].startswith("Basic ")
        self.tokens += 1
        self.good_tokens = {f"t0ken-{self.tokens}"}
        return Answer({"access_token": f"t0ken-{self.tokens}", "expires_in": 3600, "token_type": "Bearer"})

    def _apaleo(self, asked: Asked) -> Answer:
        booking = asked.path.removeprefix("/booking/v1/reservations").lstrip("/")
        if booking:
            return Answer(self._said(booking)) if booking in self.stays else Answer({}, 404)
        if not self.stays:
            return Answer(b"", 204)
        first = (int(asked.query["pageNumber"]) - 1) * apaleo._PAGE
        page = list(self.stays)[first : first + apaleo._PAGE]
        return Answer({"reservations": [self._said(one) for one in page], "count": len(self.stays)})

    def _mews(self, asked: Asked) -> Answer:
        if asked.path.endswith("customers/getAll"):
            people = [self._said(one)["customer"] for one in self.stays]
            return Answer({"Customers": [one for one in people if one["Id"] in asked.body["CustomerIds"]]})
        wanted = asked.body.get("ReservationIds", list(self.stays))
        if self.refuses & set(wanted):
            return Answer({"Message": "Invalid ReservationIds."}, 400)
        found = [self._said(one)["reservation"] for one in wanted if one in self.stays]
        return Answer({"Reservations": found, "Cursor": found[-1]["Id"] if found else None})

    def _cloudbeds(self, asked: Asked) -> Answer:
        if asked.path.endswith("getReservations"):
            first = (int(asked.query["pageNumber"]) - 1) * int(asked.query["pageSize"])
            page = list(self.stays)[first : first + int(asked.query["pageSize"])]
            return Answer({"success": True, "data": [{"reservationID": one} for one in page]})
        booking = asked.query["reservationID"]
        if booking not in self.stays:
            return Answer({"success": False, "message": "Reservation not found"})
        return Answer({"success": True, "data": self._said(booking)})

    def _hostfully(self, asked: Asked) -> Answer:
        if asked.path.endswith("/agencies"):
            return Answer({"agencies": [{"uid": "agency-1"}]})
        if not asked.path.endswith("/leads"):
            booking = asked.path.rpartition("/")[2]
            return Answer({"lead": self._said(booking)}) if booking in self.stays else Answer({}, 404)
        assert "agency-1" == asked.query["agencyUid"]
        # A cursor comes with the last page too.
        first = int(asked.query.get("_cursor", "0"))
        following = first + int(asked.query["_limit"])
        leads = [self._said(one) for one in list(self.stays)[first:following]]
        return Answer({"leads": leads, "_paging": {"_nextCursor": str(following)}})


@contextmanager
def hotel(folder: Path, adapter: str) -> Iterator[Hotel]:
    """A system of this kind, and an Innkey with two units."""
    with redis_server(folder / "redis", fsync="everysec") as server, pms(lambda _: Answer()) as api:
        environ = environ_for(
            folder, server.url, PASSWORD="s3cret", TOKEN="t0ken", API=f"{CLIENT}:{SECRET}", SIGNED="none"
        )
        (folder / "properties.toml").write_text(
            f"""
            timezone = "Australia/Brisbane"
            [sources.{adapter}]
            adapter = "{adapter}"
            {PROOFS[adapter]}
            api_url = "{api.url}{API_PATHS[adapter]}"
            api_key = {{ env = "API" }}
            [locks.SS000001]
            [locks.SS000002]
            [units.beach-house]
            locks = ["SS000001"]
            aliases = {{ {adapter} = "{LISTINGS[0]}" }}
            [units.garden-room]
            locks = ["SS000002"]
            aliases = {{ {adapter} = "{LISTINGS[1]}" }}
            """,
            encoding="utf-8",
        )
        made = Hotel(adapter, wired(environ), api, environ)
        api.answer = made.answered
        yield made
        made.web.innkey.store.client.close()


def soon(days: float) -> str:
    """A date so many days ahead."""
    return f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}"

"""The web process, a worker's errands, and a booking system's API that a test answers for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.integration.pms_kit import Answer, Asked, Pms, pms
from tests.integration.web_kit import Web, environ_for, wired
from tests.redis_server import redis_server
from webhooks.errands import Runner
from worker.domain.booking import Booking, StayKey
from worker.store import keys

__all__ = ["KEY", "Asking", "asking"]

KEY = "me@example.com:k3y-of-the-api"
PROOF = "s3cret"


@dataclass(slots=True)
class Asking:
    """A source called as its adapter is, whose API is `api`."""

    name: str
    web: Web
    api: Pms

    def deliver(self, document: object) -> str:
        """Deliver a document; the answer's status, of a 200."""
        answer = self.web.client.post(f"/webhooks/{self.name}", json=document, headers={"X-Innkey": PROOF})
        assert 200 == answer.status_code, answer.text
        assert answer.json is not None
        self.web.apply()
        return str(answer.json["status"])

    def run(self) -> None:
        """What a worker does at a hint; then it applies what came of it."""
        Runner(self.web.innkey).serve(self.name)
        self.web.apply()

    def begin(self) -> None:
        """What a worker does when it starts."""
        Runner(self.web.innkey).begin()

    def pass_time(self) -> None:
        """Bring everything on the timetable forward, and end a pause."""
        client = self.web.innkey.store.client
        client.delete(keys.errand_pause(self.name))
        for errand in client.zrange(keys.errands_of(self.name), 0, -1):
            client.zadd(keys.errands_of(self.name), {str(errand): 1})

    def booking(self, booking: str) -> Booking | None:
        """A booking on record."""
        stay = self.web.innkey.store.stays.get(StayKey(self.name, booking))
        return stay.booking if stay is not None else None

    def waiting(self) -> set[str]:
        """The errands on the timetable."""
        return {str(one) for one in self.web.innkey.store.client.zrange(keys.errands_of(self.name), 0, -1)}


@contextmanager
def asking(folder: Path, adapter: str, answer: Callable[[Asked], Answer]) -> Iterator[Asking]:
    """A source with that adapter, a header for its proof, and its API at `/api`."""
    with redis_server(folder / "redis", fsync="everysec") as server, pms(answer) as api:
        environ = environ_for(folder, server.url, PROOF=PROOF, API=KEY)
        (folder / "properties.toml").write_text(
            f"""
            [sources.{adapter}]
            adapter = "{adapter}"
            header = {{ name = "X-Innkey", value = {{ env = "PROOF" }} }}
            api_url = "{api.url}/api/"
            api_key = {{ env = "API" }}
            [locks.SS000001]
            [units.beach-house]
            locks = ["SS000001"]
            aliases = {{ {adapter} = "40160" }}
            """,
            encoding="utf-8",
        )
        made = Asking(adapter, wired(environ), api)
        yield made
        made.web.innkey.store.client.close()

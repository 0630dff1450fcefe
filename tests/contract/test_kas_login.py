"""A client with a login: it fetches its key when it needs one, and anew when it is old or refused."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from worker.kas import BadRequest, KasClient, Kind, Login
from worker.kas.login import GOOD_FOR

LOGIN = Login("http://kas.test/api/users/apikey", "ops@example.com", "correct horse")
LOCK = "SS000001"

Answers = Callable[[httpx.Request], httpx.Response]


class Cloud:
    """A cloud that hands out keys and takes those that it has not revoked."""

    def __init__(self) -> None:
        self.fetched = 0
        self.used: list[str] = []
        self.revoked: set[str] = set()
        self.desk: Answers | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer as the vendor would."""
        if request.url.path == "/api/users/apikey":
            assert {"email": "ops@example.com", "password": "correct horse"} == json.loads(request.content)
            self.fetched += 1
            return self.desk(request) if self.desk else httpx.Response(200, text=f"key-{self.fetched}")
        key = request.headers.get("x-auth-token") or request.url.path.rsplit("/", 1)[1]
        self.used.append(key)
        if key in self.revoked:
            return httpx.Response(400, text="Invalid Token.")
        return httpx.Response(200, json={"ack": 1, "message": "Success"})


@pytest.fixture
def cloud() -> Cloud:
    """One cloud."""
    return Cloud()


@pytest.fixture
def client(cloud: Cloud) -> KasClient:
    """A client that logs in there."""
    return KasClient("http://kas.test/api", login=LOGIN, transport=httpx.MockTransport(cloud))


def test_one_key_for_all_calls(cloud: Cloud, client: KasClient) -> None:
    """The key is fetched before the first call and used for all, many at once included."""
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.set_clock(LOCK), range(20)))
    client.lock(LOCK).unlock()

    assert {Kind.DONE} == {answer.outcome.kind for answer in answers}
    assert (1, ["key-1"] * 21) == (cloud.fetched, cloud.used)


def test_an_old_key_is_fetched_anew(cloud: Cloud, client: KasClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """The document: keys are to be refreshed every 24 hours."""
    client.set_clock(LOCK)
    later = time.monotonic() + GOOD_FOR.total_seconds()
    monkeypatch.setattr("time.monotonic", lambda: later)
    client.set_clock(LOCK)

    assert ["key-1", "key-2"] == cloud.used


def test_a_refused_key_is_fetched_anew_once(cloud: Cloud, client: KasClient) -> None:
    """The words "Invalid Token." bring a new key, and the call goes again; a second refusal stands."""
    client.set_clock(LOCK)
    cloud.revoked = {"key-1"}
    assert Kind.DONE is client.set_clock(LOCK).outcome.kind
    assert ["key-1", "key-1", "key-2"] == cloud.used

    cloud.revoked = {"key-2", "key-3"}
    assert Kind.INVALID_TOKEN is client.set_clock(LOCK).outcome.kind
    assert ["key-2", "key-3"] == cloud.used[3:]


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        (401, "Wrong password", Kind.INVALID_TOKEN),
        (404, "Not Found", Kind.INVALID_TOKEN),
        (500, "Unknown Error", Kind.NOT_SENT),
        (200, "<html></html>", Kind.NOT_SENT),
        (429, "Slow down", Kind.NOT_SENT),
    ],
)
def test_a_key_that_cannot_be_fetched(
    cloud: Cloud, client: KasClient, status: int, text: str, kind: Kind
) -> None:
    """Without a key the call is surely not sent, and never in doubt."""
    cloud.desk = lambda _: httpx.Response(status, text=text)

    outcome = client.unlock(LOCK).outcome

    assert (kind, []) == (outcome.kind, cloud.used)
    assert outcome.message.startswith("not sent: no key could be fetched")
    assert outcome.retry_after is None


def test_bad_input_fetches_no_key(cloud: Cloud, client: KasClient) -> None:
    """What is refused unsent asks for no key either."""
    with pytest.raises(BadRequest, match="lock"):
        client.unlock("../x")

    assert 0 == cloud.fetched


def test_a_key_given_with_the_call_goes_first(cloud: Cloud, client: KasClient) -> None:
    """The caller's own key is used, and the login is not."""
    client.set_clock(LOCK, key="own")

    assert (0, ["own"]) == (cloud.fetched, cloud.used)

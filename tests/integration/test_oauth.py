"""Tokens for a source's API: fetched once, kept until they expire, fetched anew when refused."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.pms_kit import Answer, Asked, Pms, pms
from webhooks.sources.asking import Asking, LaterError, RefusedError
from webhooks.sources.oauth import ClientCredentials, Token

SECRET = "the-secret-of-the-client"


class Desk:
    """An API and its address for tokens."""

    def __init__(self) -> None:
        self.given = 0
        self.good = "token-1"
        self.lasts: object = 3600
        self.refusal: Answer | None = None
        self.server: Pms

    def answered(self, asked: Asked) -> Answer:
        """Give out a token, or look at one."""
        if asked.path == "/token":
            if self.refusal is not None:
                return self.refusal
            self.given += 1
            return Answer({"access_token": f"token-{self.given}", "expires_in": self.lasts})
        is_good = asked.headers.get("authorization") == f"Bearer {self.good}"
        return Answer({"ok": True}) if is_good else Answer({"secret": SECRET}, 401)

    def asking(self) -> Asking:
        """A connection with a login of its own."""
        url = self.server.url
        return Asking(f"{url}/api", auth=ClientCredentials(f"{url}/token", "client", SECRET))


class Place:
    """Where a token outlasts a connection."""

    def __init__(self) -> None:
        self.kept: dict[str, Token] = {}

    def get(self, name: str) -> Token | None:
        """The one under this name."""
        return self.kept.get(name)

    def put(self, name: str, token: Token) -> None:
        """Keep it."""
        self.kept[name] = token


@pytest.fixture
def desk() -> Iterator[Desk]:
    """It, on a free port."""
    made = Desk()
    with pms(made.answered) as server:
        made.server = server
        yield made


def test_one_token_serves_many_requests(desk: Desk) -> None:
    """It is fetched with the first request."""
    with desk.asking() as api:
        for _ in range(3):
            assert {"ok": True} == api.get("things")
    assert ["/token", "/api/things", "/api/things", "/api/things"] == desk.server.paths()


def test_a_refused_token_is_fetched_anew_once(desk: Desk) -> None:
    """A 401 for the token that was kept; the next one for the new token is the source's answer."""
    with desk.asking() as api:
        api.get("things")
        desk.good = "token-2"
        assert {"ok": True} == api.get("things")
        desk.good = "none"
        with pytest.raises(RefusedError) as caught:
            api.get("things")
    assert caught.value.is_key
    assert 3 == desk.given


def test_an_expired_token_is_not_sent(desk: Desk) -> None:
    """One that lasts a second is not kept for a minute."""
    desk.lasts = 0.000001
    with desk.asking() as api:
        api.get("things")
        desk.good = "token-2"
        api.get("things")
    assert 2 == desk.given


def test_a_token_outlasts_the_connection(desk: Desk) -> None:
    """Systems count the tokens that they give out: the next worker takes the one that is kept."""
    place = Place()
    for _ in range(2):
        with desk.asking() as api:
            assert isinstance(api.auth, ClientCredentials)
            api.auth.keep_in(place)
            api.get("things")
    assert 1 == desk.given
    (token,) = place.kept.values()
    assert timedelta(minutes=58) < token.until - datetime.now(UTC) < timedelta(hours=1)


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (Answer({"error": "invalid_client"}, 400), RefusedError),
        (Answer({}, 401), RefusedError),
        (Answer({}, 429, {"Retry-After": "60"}), LaterError),
        (Answer({}, 500), LaterError),
        (Answer({}, 404), LaterError),
        (Answer({"token": "x"}), LaterError),
        (Answer([]), LaterError),
        (Answer(b"<html>"), LaterError),
    ],
)
def test_no_token(desk: Desk, refusal: Answer, error: type[Exception]) -> None:
    """A refused login is a matter of the key; all else is tried later, as long as it says."""
    desk.refusal = refusal
    with desk.asking() as api, pytest.raises(error) as caught:
        api.get("things")
    if isinstance(caught.value, RefusedError):
        assert caught.value.is_key
    if refusal.status == 429:
        assert isinstance(caught.value, LaterError)
        assert timedelta(seconds=60) == caught.value.after


def test_nothing_shows_the_secret(desk: Desk) -> None:
    """Neither a repr nor a traceback, with what stands in its frames' objects."""
    desk.good = "none"
    with desk.asking() as api, pytest.raises(RefusedError) as caught:
        api.get("things")
    shown = "".join(traceback.format_exception(caught.value)) + repr(api.auth) + repr(vars(api.auth))
    assert SECRET not in shown
    assert "token-1" not in shown

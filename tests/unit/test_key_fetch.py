"""What counts as a dynamic key in the vendor's answer, in each form it may come in."""

from __future__ import annotations

import json

import httpx
import pytest

from worker.domain.outcomes import Kind
from worker.kas import BadRequest, KasClient
from worker.kas.answers import Asked, Brings
from worker.kas.key_fetch import read_key

KEY = "eyJhbGciOi.eyJfaWQiOiI1Yz.v8cuLVqum_sWuM1O"
EMAIL, PASSWORD = "ops@example.com", "correct horse battery"
ASKED = Asked("", Brings.ACK, (EMAIL, PASSWORD))


@pytest.mark.parametrize(
    "body",
    [
        KEY,
        f"  {KEY}\r\n",
        f"\ufeff{KEY}",
        json.dumps(KEY),
        *(
            json.dumps({name: KEY, "ok": True})
            for name in ("token", "apikey", "api_key", "key", "x-auth-token")
        ),
        *(json.dumps({name: KEY}) for name in ("Token", "apiKey", "APIKEY", "X-Auth-Token")),
        json.dumps({"token": None, "key": KEY}),
    ],
)
def test_each_form_of_a_key_is_understood(body: str) -> None:
    """Plain text, a JSON text, or a JSON object with one of the known names in any case."""
    outcome, key = read_key(ASKED, 200, body.encode())
    assert (Kind.DONE, KEY) == (outcome.kind, key)
    assert "" == outcome.message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no",
        b"null",
        b"true",
        b"[]",
        b"{}",
        b'{"message": "Wrong password."}',
        b'{"token": 12345678}',
        b'{"token": "two words"}',
        b'{"token": "eyJ',
        b"Wrong email or password.",
        b"<html><body>back soon</body></html>",
        b"<html></html>",
        b"\xff\xfe\x00k",
        ("k" * 5000).encode(),
    ],
)
def test_what_holds_no_key_is_in_doubt(body: bytes) -> None:
    """A good status without a readable key proves nothing, and its words are not repeated."""
    outcome, key = read_key(ASKED, 200, body)
    assert (Kind.DOUBT, None) == (outcome.kind, key)
    assert "the answer holds no key that can be read" == outcome.message


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, Kind.REFUSED),
        (400, Kind.REFUSED),
        (401, Kind.INVALID_TOKEN),
        (403, Kind.REFUSED),
        (404, Kind.REFUSED),
        (429, Kind.THROTTLED),
        (500, Kind.DOUBT),
        (504, Kind.DOUBT),
    ],
)
def test_other_statuses_bring_no_key(status: int, kind: Kind) -> None:
    """A refusal is told in the vendor's words, without the login or a key in them."""
    words = f"No {PASSWORD} for {EMAIL} {KEY}"
    outcome, key = read_key(ASKED, status, words.encode())
    assert (kind, None) == (outcome.kind, key)
    assert "No [hidden] for [hidden] [hidden]" == outcome.message


def test_the_login_goes_out_as_json_and_no_redirect_is_followed() -> None:
    """One POST of email and password; a redirect is an answer, not a way."""
    seen: list[httpx.Request] = []

    def vendor(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(307, headers={"Location": "http://elsewhere.test/"})

    client = KasClient("http://kas.test/api", transport=httpx.MockTransport(vendor))
    outcome, key = client.fetch_key("http://kas.test/api/users/apikey", EMAIL, PASSWORD)
    assert (Kind.REFUSED, 307, None) == (outcome.kind, outcome.http_status, key)
    (request,) = seen
    assert ("POST", "http://kas.test/api/users/apikey") == (request.method, str(request.url))
    assert {"email": EMAIL, "password": PASSWORD} == json.loads(request.content)
    assert "x-auth-token" not in request.headers


def test_a_bad_address_is_refused_before_anything_leaves() -> None:
    """Only http and https addresses are asked."""
    client = KasClient("http://kas.test/api", transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    with pytest.raises(BadRequest, match="key_url"):
        client.fetch_key("ftp://kas.test", EMAIL, PASSWORD)

"""Whatever the vendor answers, each call ends in exactly one outcome."""

from __future__ import annotations

import json
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st

from tests.kas_calls import ALL, KEY, all_calls, calls
from worker.kas import KasClient, Kind
from worker.kas.answers import TEXTS


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)


_plain_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
_any_json = _plain_values | _containers(_plain_values) | _containers(_containers(_plain_values))
_near_json = st.fixed_dictionaries(
    {},
    optional={
        "ack": _any_json | st.integers(0, 12),
        "message": _any_json | st.sampled_from(sorted(TEXTS)),
        "ref": _any_json,
        "l_factory_name": _any_json | st.just("SS000001"),
        "l_passwords": _any_json
        | st.lists(
            st.fixed_dictionaries(
                {}, optional={"password_id": _any_json | st.integers(101, 200), "password": _any_json}
            ),
            max_size=3,
        ),
        "l_rfids": _any_json
        | st.lists(st.fixed_dictionaries({"rfid_id": _any_json | st.integers(101, 200)}), max_size=3),
        "events": _any_json
        | st.fixed_dictionaries(
            {"events": _any_json | st.lists(st.fixed_dictionaries({"date_added": _any_json}), max_size=3)}
        ),
    },
)
_bodies = st.binary(max_size=300) | (_any_json | _near_json).map(lambda value: json.dumps(value).encode())
_statuses = st.integers(100, 999) | st.sampled_from([200, 400, 401, 429, 504])
_headers = st.fixed_dictionaries(
    {},
    optional={
        "Content-Type": st.sampled_from(["application/json", "text/html; charset=utf-16", "text/plain", "x"]),
        "Content-Encoding": st.sampled_from(["gzip", "deflate", "br", "identity", "nonsense"]),
        "Location": st.sampled_from(["http://[", "/elsewhere", "\x7f"]),
        "Retry-After": st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40),
    },
)


@given(status=_statuses, headers=_headers, body=_bodies)
def test_any_answer_ends_in_an_outcome(status: int, headers: dict[str, str], body: bytes) -> None:
    """Arbitrary status, headers and bytes never raise, on any call; entries come with a good answer only."""

    def vendor(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers, content=body)

    answers = all_calls(KasClient("http://kas.test/api", api_key=KEY, transport=httpx.MockTransport(vendor)))

    assert ALL == len(answers)
    for answer in answers:
        shown = (answer.entries, answer.tags, answer.events)
        assert shown == (None, None, None) or answer.outcome.kind is Kind.DONE
        assert len(answer.outcome.message) <= 200
        assert (answer.outcome.kind is Kind.THROTTLED) == (answer.outcome.retry_after is not None)
        assert "1234" not in answer.outcome.message.replace("1234567890", "")


READS = {"list_pins": "entries", "list_events": "events", "list_rfids": "tags"}


@given(status=_statuses, body=_bodies)
def test_a_read_that_is_done_shows_what_was_asked(status: int, body: bytes) -> None:
    """A done list has entries, a done trail events: never nothing at all."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, content=body))
    client = KasClient("http://kas.test/api", api_key=KEY, transport=transport)
    for name, field in READS.items():
        answer = calls(client)[name]()
        assert (answer.outcome.kind is Kind.DONE) == (getattr(answer, field) is not None)

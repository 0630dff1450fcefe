"""Whatever bytes come as an answer, over a real connection, each call ends in an outcome."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.contract.raw_vendor import Vendor
from tests.kas_calls import ALL, all_calls
from worker.domain.outcomes import Answer
from worker.kas import KasClient, Kind

_lines = st.sampled_from(
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.0 504 \r\n",
        b"HTTP/1.1 100 Continue\r\n\r\n",
        b"HTTP/1.1 400 Bad Request\r\n",
        b"HTTP/9 1 x\r\n",
    ]
)
_headers = st.sampled_from(
    [
        b"Content-Length: 10\r\n",
        b"Content-Length: 99999999999999999999\r\n",
        b"Content-Length: -1\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Content-Encoding: gzip\r\n",
        b"Content-Encoding: deflate\r\n",
        b"Content-Type: application/json; charset=utf-16\r\n",
        b"Retry-After: \xff\xfe\r\n",
        b"Connection: close\r\n",
        b"Location: http://[\r\n",
        b"\r\n",
    ]
)
_bodies = st.sampled_from(
    [
        b'{"ack": 1}',
        b'A\r\n{"ack": 1}\r\n0\r\n\r\n',
        b"zz\r\n",
        b"\x1f\x8b\x08\x00",
        "{“ack”: 1}".encode(),
        b'{"events": [[]], "ack": 0}',
        b'{"l_passwords": [0], "l_rfids": {}}',
    ]
)
_answers = st.binary(max_size=200) | st.lists(
    _lines | _headers | _bodies | st.binary(max_size=30), max_size=8
).map(b"".join)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sent=_answers)
def test_any_bytes_end_in_an_outcome(vendor: Vendor, client: KasClient, sent: bytes) -> None:
    """Nonsense, half an answer, bodies that lie about themselves: no call raises, none is sent twice."""

    def script(conn: object) -> None:
        conn.sendall(sent)  # type: ignore[attr-defined]
        raise ConnectionError  # hang up

    vendor.script = script
    vendor.seen.clear()
    answers = all_calls(client)

    assert ALL == len(vendor.seen)
    for answer in answers:
        assert isinstance(answer, Answer)
        assert len(answer.outcome.message) <= 200
        shown = (answer.entries, answer.tags, answer.events)
        assert shown == (None, None, None) or answer.outcome.kind is Kind.DONE

"""Each HTTP answer becomes exactly one outcome, by the tables and without secrets."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.outcomes import Answer, Entry, Kind
from worker.kas import KasClient, NewPin
from worker.kas.answers import ACKS, HIDDEN, TEXTS, Asked, Brings, classify, presentable

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
KEY = "eyJhbGciOi.eyJfaWQi.v8cuLVqu"
LISTED = {"l_factory_name": "SS000001", "l_passwords": [{"password_id": 120, "password": "0953"}]}


def ask(brings: Brings = Brings.ACK, *secrets: str) -> Asked:
    """A call to one lock."""
    return Asked("SS000001", brings, secrets)


def judged(body: Any, status: int = 200, brings: Brings = Brings.ACK, **more: Any) -> Answer:
    """What an answer to that call means; `body` is bytes or what becomes JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return classify(ask(brings), status, raw, now=NOW, **more)


def test_tables_are_the_documents() -> None:
    """The ack table holds the numbers of the document's last section, and no other."""
    assert {
        1: "done",
        2: "failed",
        3: "pending",
        4: "failed",
        5: "pending",
        6: "failed",
        7: "pending",
        8: "offline",
        10: "pending",
    } == dict(ACKS)


@pytest.mark.parametrize("status", [200, 201, 202, 206])
@pytest.mark.parametrize("brings", [Brings.ACK, Brings.ACK_AND_LIST])
@pytest.mark.parametrize(
    ("ack", "kind"),
    [
        *ACKS.items(),
        ("1", Kind.DONE),
        ("8", Kind.OFFLINE),
        (1.0, Kind.DONE),
        *[
            (ack, Kind.UNCLEAR)
            for ack in (0, 9, 11, -1, 504, True, False, None, "", "one", 1.5, [1], {"1": 1}, 10**40)
        ],
    ],
)
def test_ack_of_a_command(ack: object, kind: Kind, brings: Brings, status: int) -> None:
    """Any 2xx is judged by its ack; whatever is not a known number is unclear."""
    answer = judged({"ack": ack, "message": "x"}, status, brings)

    assert (kind, status, None) == (answer.outcome.kind, answer.outcome.http_status, answer.entries)


def test_ack_is_kept() -> None:
    """The ack stands in the outcome, also one that has no meaning; text of digits as a number."""
    assert [8, 9, 1, None] == [judged({"ack": ack}).outcome.ack for ack in (8, 9, "1", True)]


@pytest.mark.parametrize("body", [{}, [], None, "Success", 1, {"message": "Success"}])
def test_command_without_ack_is_unclear(body: object) -> None:
    """JSON without an ack says nothing about a command."""
    assert Kind.UNCLEAR is judged(body).outcome.kind


@pytest.mark.timeout(30)
@pytest.mark.parametrize("brings", list(Brings))
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Success",
        b'{"ack":8\n"message": "Failed."}',
        b'{"ack": 1',
        b"\xff\xfe\xfd",
        b"<html><body>ok</body></html>",
        b"[" * 100_000,
        b"<html>" + b"<title" * 100_000,
        b"eyJ." * 100_000,
        b'{"ack": ' + b"9" * 5000 + b"}",
        "{“ack”: 1, “message”: “Success”}".encode(),
    ],
)
def test_unreadable_body_is_doubt(body: bytes, brings: Brings) -> None:
    """A 200 whose body cannot be parsed leaves it open whether the lock did it; long ones cost no time."""
    answer = classify(ask(brings), 200, body)

    assert (Kind.DOUBT, None) == (answer.outcome.kind, answer.entries)


@pytest.mark.parametrize(
    "body", [b'\xef\xbb\xbf{"ack": 1}', b' \r\n\t{"ack": 1}\n', b'\n\xef\xbb\xbf {"ack":1}']
)
def test_byte_order_mark_and_spaces_are_tolerated(body: bytes) -> None:
    """JSON is read with a byte order mark or white space around it."""
    assert Kind.DONE is judged(body).outcome.kind


@pytest.mark.parametrize("status", [500, 502, 503, 504, 599, 600, 999, 100, 101, 199])
@pytest.mark.parametrize(
    "body", [b"", b"Unknown Error", b"Invalid Token.", b'{"ack": 1}', b"<html>Bad Gateway"]
)
def test_server_errors_are_doubt(status: int, body: bytes) -> None:
    """Whatever a 5xx says, ack 1 included, the command may or may not have reached the lock."""
    assert Kind.DOUBT is judged(body, status).outcome.kind


def test_504_keeps_the_vendors_reference() -> None:
    """The ack and the reference of a 504 stand in the outcome, for the vendor's support."""
    outcome = judged({"ack": 504, "message": "Gateway timeout.", "ref": "UOWS-Xmuj"}, 504).outcome

    assert (504, 504, "UOWS-Xmuj", "Gateway timeout.") == (
        outcome.ack,
        outcome.http_status,
        outcome.ref,
        outcome.message,
    )


NAMED = [
    ("Invalid Token.", Kind.INVALID_TOKEN),
    ("You are not the admin.", Kind.NOT_ADMIN),
    ("You are not the manager.", Kind.NOT_ADMIN),
    ("Lock is not found.", Kind.LOCK_NOT_FOUND),
    ("Password is already existing.", Kind.PIN_EXISTS),
    ("Error with Start and End times", Kind.BAD_WINDOW),
]


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409, 422])
@pytest.mark.parametrize("brings", list(Brings))
@pytest.mark.parametrize(("text", "kind"), NAMED)
def test_plain_texts(text: str, kind: Kind, brings: Brings, status: int) -> None:
    """The document's texts mean the same plain, quoted, in JSON, in any case, with or without the dot."""
    bodies = [
        text.encode(),
        f"  {text.upper().rstrip('.')}\r\n".encode(),
        f"“{text}”".encode(),
        json.dumps(text).encode(),
        json.dumps({"message": f" {text.lower()} "}).encode(),
        json.dumps({"error": text}).encode(),
        b"\xef\xbb\xbf" + text.encode(),
    ]

    assert [kind] * len(bodies) == [classify(ask(brings), status, body).outcome.kind for body in bodies]


def test_every_plain_text_is_covered() -> None:
    """No text of the table is left out of the cases above."""
    assert set(TEXTS) == {text.lower().rstrip(".") for text, _ in NAMED}


def test_an_ack_outweighs_a_text() -> None:
    """Under 200 the text decides only where no ack stands beside it."""
    assert Kind.OFFLINE is judged({"ack": 8, "message": "Lock is not found."}).outcome.kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (401, b"", Kind.INVALID_TOKEN),
        (401, b"<html>Unauthorized</html>", Kind.INVALID_TOKEN),
        (400, b"", Kind.REFUSED),
        (400, b'{"ack": 1}', Kind.REFUSED),
        (400, b"Invalid Token. Or is it?", Kind.REFUSED),
        (403, b"Forbidden", Kind.REFUSED),
        (404, b"Not Found", Kind.REFUSED),
        (408, b"", Kind.REFUSED),
        (499, b"", Kind.REFUSED),
        (300, b"", Kind.REFUSED),
        (302, b'{"ack": 1}', Kind.REFUSED),
        (304, b"Invalid Token.", Kind.REFUSED),
    ],
)
def test_other_refusals(status: int, body: bytes, kind: Kind) -> None:
    """A 401 is about the key whatever it says; other 3xx and 4xx are refusals, an ack in them included."""
    assert kind is judged(body, status).outcome.kind


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, 30.0),
        ("", 30.0),
        ("soon", 30.0),
        ("-5", 30.0),
        ("1.5", 30.0),
        ("१०", 30.0),
        ("Tue, 99 Dec 2026 12:00:00 GMT", 30.0),
        ("0", 1.0),
        ("7", 7.0),
        (" 120 ", 120.0),
        ("3601", 3600.0),
        ("9" * 18, 3600.0),
        ("Tue, 01 Dec 2026 12:01:30 GMT", 90.0),
        ("Tue, 01 Dec 2026 22:01:30 +1000", 90.0),
        ("Tue, 01 Dec 2026 12:01:30 -0000", 90.0),
        ("Tue, 01 Dec 2026 11:00:00 GMT", 1.0),
        ("Wed, 02 Dec 2026 12:00:00 GMT", 3600.0),
    ],
)
def test_429_says_when_to_come_back(header: str | None, seconds: float) -> None:
    """Retry-After is read as seconds or a date, bounded by 1 s and an hour, 30 s where it says nothing."""
    outcome = judged(b"Invalid Token.", 429, retry_after=header).outcome

    assert (Kind.THROTTLED, seconds) == (outcome.kind, outcome.retry_after)


def test_retry_after_belongs_to_429_only() -> None:
    """Another status with that header says nothing about when."""
    assert judged(b"", 503, retry_after="7").outcome.retry_after is None


@pytest.mark.parametrize("extra", [{}, {"ack": 0}, {"ack": 1}, {"ack": None}, {"ack": "0"}])
def test_list_is_done(extra: dict[str, object]) -> None:
    """A list with no ack, 0 or 1 is a good read."""
    answer = judged({**LISTED, **extra}, brings=Brings.LIST)

    assert (Kind.DONE, (Entry(120, "0953"),)) == (answer.outcome.kind, answer.entries)


@pytest.mark.parametrize(
    ("ack", "kind"),
    [
        (2, Kind.FAILED),
        (5, Kind.PENDING),
        (8, Kind.OFFLINE),
        (9, Kind.UNCLEAR),
        (True, Kind.UNCLEAR),
        ("no", Kind.UNCLEAR),
    ],
)
def test_list_with_another_ack_shows_nothing(ack: object, kind: Kind) -> None:
    """From a list whose ack is not its success nothing is concluded, even if it shows entries."""
    answer = judged({**LISTED, "ack": ack}, brings=Brings.LIST)

    assert (kind, None) == (answer.outcome.kind, answer.entries)


@pytest.mark.parametrize(
    "body",
    [
        {},
        [],
        None,
        {"ack": 0},
        {**LISTED, "l_passwords": None},
        {**LISTED, "l_passwords": [{"password": "0953"}]},
        {**LISTED, "l_factory_name": "SS000002"},
    ],
)
def test_list_that_cannot_be_trusted_is_doubt(body: object) -> None:
    """An unreadable list is not an empty one (promise 2)."""
    answer = judged(body, brings=Brings.LIST)

    assert (Kind.DOUBT, None) == (answer.outcome.kind, answer.entries)


def test_list_in_an_error_is_not_read() -> None:
    """A readable list under a 5xx or 4xx is not a successful read."""
    assert [None, None] == [judged(LISTED, status, Brings.LIST).entries for status in (504, 400)]


@pytest.mark.parametrize(
    ("extra", "entries"),
    [
        ({}, (Entry(120, "0953"),)),
        ({"l_factory_name": "ss000001"}, (Entry(120, "0953"),)),
        ({"l_factory_name": "SS000910"}, None),
        ({"l_passwords": [{}]}, None),
        ({"l_passwords": []}, ()),
    ],
)
def test_add_brings_its_list_only_when_it_is_ours(
    extra: dict[str, object], entries: tuple[Entry, ...] | None
) -> None:
    """The ack of an add stands by itself; the list beside it counts only if readable and of our lock."""
    answer = judged({**LISTED, "ack": 1, **extra}, brings=Brings.ACK_AND_LIST)

    assert (Kind.DONE, entries) == (answer.outcome.kind, answer.entries)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Success", "Success"),
        ("two\r\nlines\tand\x00 \x1b[31mcolour", "two lines and [31mcolour"),
        ("Pin 4821 belongs to 0953.", f"Pin {HIDDEN} belongs to {HIDDEN}."),
        ("PIN4821x", f"PIN{HIDDEN}x"),
        ("48\u200b21", HIDDEN),
        (f"Key {KEY.upper()} expired", f"Key {HIDDEN} expired"),
        ("Key eyJabc.eyJdef-_.ghi expired", f"Key {HIDDEN} expired"),
        ("Mail to john@example.com failed", f"Mail to {HIDDEN} failed"),
        ("Lock SS000001 answered 504", "Lock SS000001 answered 504"),
        ("x" * 300, "x" * 200),
        ("x" * 198 + "4821", "x" * 198 + "[h"),
        ("lone \ud800 surrogate", "lone  surrogate"),
    ],
)
def test_words_are_made_presentable(text: str, expected: str) -> None:
    """The vendor's words are one short line without controls, PINs, keys and addresses (promise 9)."""
    assert expected == presentable(text, ("4821", KEY))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"<!DOCTYPE html><html><head><title>502 Bad\nGateway</title></head>", "HTML page: 502 Bad Gateway"),
        (b"  <HTML><body>4821</body></HTML>", "HTML page"),
        (b"<html><title>Caf&eacute;</title>", "HTML page: Café"),
        (b'{"l_passwords": [{"password": "48', "unreadable text of 33 characters"),
        (b"Unknown Error", "Unknown Error"),
        (b"", ""),
        (b'{"message": ["4821"]}', ""),
        (b'{"message": "Failed. 4821"}', "Failed. [hidden]"),
    ],
)
def test_message_of_each_sort_of_body(body: bytes, expected: str) -> None:
    """Pages become their titles, broken JSON a count, words stay words."""
    assert expected == classify(ask(Brings.ACK, "4821"), 500, body).outcome.message


def _containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)


_plain_values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40)
_any_json = _plain_values | _containers(_plain_values) | _containers(_containers(_plain_values))
_near_json = st.fixed_dictionaries(
    {},
    optional={
        "ack": _any_json | st.integers(0, 12),
        "message": _any_json | st.sampled_from([text for text, _ in NAMED]),
        "ref": _any_json,
        "l_factory_name": _any_json | st.just("SS000001"),
        "l_passwords": _any_json
        | st.lists(
            st.fixed_dictionaries(
                {}, optional={"password_id": _any_json | st.integers(101, 200), "password": _any_json}
            ),
            max_size=3,
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

    client = KasClient("http://kas.test/api", api_key=KEY, transport=httpx.MockTransport(vendor))
    pin = NewPin(120, "4821", "John", "2612011500", "2612051000")
    answers = [
        client.list_pins("SS000001"),
        client.add_pin("SS000001", pin),
        client.delete_pin("SS000001", 120),
        client.set_clock("SS000001"),
    ]

    for answer in answers:
        assert isinstance(answer, Answer)
        assert answer.entries is None or answer.outcome.kind is Kind.DONE
        assert len(answer.outcome.message) <= 200
        assert (answer.outcome.kind is Kind.THROTTLED) == (answer.outcome.retry_after is not None)
    assert Kind.DONE is not answers[0].outcome.kind or answers[0].entries is not None
    assert "4821" not in answers[1].outcome.message

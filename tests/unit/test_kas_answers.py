"""Each HTTP answer becomes exactly one outcome, by the tables and without secrets."""

from __future__ import annotations

import json

import pytest

from tests.kas_calls import ask, judged
from worker.domain.outcomes import Kind
from worker.kas.answers import ACKS, TEXTS, Brings, classify


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

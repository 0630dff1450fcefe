"""The vendor's words are told in one short line, without secrets."""

from __future__ import annotations

import pytest

from worker.kas.answers import HIDDEN, Asked, Brings, classify, presentable

KEY = "eyJhbGciOi.eyJfaWQi.v8cuLVqu"


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
        (
            "Cannot GET /api/lockCommand/remoteUnlock/SS1/key%2F",
            f"Cannot GET /api/lockCommand/remoteUnlock/{HIDDEN}",
        ),
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
    assert expected == classify(Asked("SS000001", Brings.ACK, ("4821",)), 500, body).outcome.message

"""The sandbox refuses what the KAS API document's field types do not allow, and takes all that they do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.sandbox_kit import body, stage

MALFORMED = [
    ("password_id", 100),
    ("password_id", 201),
    ("password_id", True),
    ("password_id", "120"),
    ("password_id", 120.0),
    ("password_id", None),
    ("password_start_time", "261201150"),
    ("password_start_time", "2612O11500"),
    ("password_start_time", 2612011500),
    ("password_end_time", "26120110000"),
    ("password_end_time", None),
    ("password", "123"),
    ("password", "1234567"),
    ("password", "12a4"),
    ("password", "１２３４"),
    ("password", 1234),
    ("password", "1234\n"),
    ("password_name", 7),
    ("password_name", None),
    ("email_checked", "true"),
    ("email_checked", 1),
    ("password_email", "john"),
    ("password_email", 7),
    ("password_message", ["x"]),
]


@pytest.mark.parametrize(("name", "value"), MALFORMED)
def test_a_malformed_field_is_named(name: str, value: object) -> None:
    """A06, H06: wrong types, ranges and digits are refused by the field's name, and nothing happens."""
    changes: dict[str, Any] = {name: value}
    with stage() as scene:
        answer = scene.add(**changes)
        assert (400, f"Invalid {name}.") == (answer.status_code, answer.text)
        assert [] == scene.slots()


@pytest.mark.parametrize(("slot", "pin"), [(101, "0000"), (200, "654321"), (120, "12345")])
def test_the_edges_are_sound(slot: int, pin: str) -> None:
    """A06, H01: the first and the last slot, PINs of 4, 5 and 6 digits, leading zeros kept."""
    with stage() as scene:
        assert 1 == scene.add(slot=slot, pin=pin).json()["ack"]
        assert pin == scene.read().json()["l_passwords"][0]["password"]


def test_an_address_is_needed_only_with_email_checked() -> None:
    """Without `email_checked` the address may be missing or empty; with it, it must look like one."""
    with stage() as scene:
        assert 200 == scene.add(password_email="").status_code
        assert 200 == scene.add(password_email=None, email_checked=None, password_message=None).status_code
        answer = scene.add(password_email=None, email_checked=True)
        assert (400, "Invalid password_email.") == (answer.status_code, answer.text)


@pytest.mark.parametrize("named", [{}, {"password_id": 7}, {"password_id": True}, {"password": "12"}])
def test_a_malformed_delete_is_refused(named: dict[str, Any]) -> None:
    """Neither id nor PIN, or one that cannot be: 400, and nothing is deleted."""
    with stage() as scene:
        scene.add()
        assert 400 == scene.delete(**named).status_code
        assert [120] == scene.slots()


def test_bodies_that_are_no_json_object_are_refused() -> None:
    """Broken JSON, a JSON array, or JSON not declared as such: 400."""
    with stage() as scene:
        for sent in (b"{", b"[]", b"\xff"):
            assert "Invalid JSON." == scene.call("POST", "remotePassword", content=sent).text
        plain = scene.call("POST", "remotePassword", json=body(), headers={"content-type": "text/plain"})
        assert 400 == plain.status_code

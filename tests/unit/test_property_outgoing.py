"""`[outgoing.X]` of the property file: what a good one gives, and every fault by its key path."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.test_properties import GOOD, SECRET, faults, load
from worker.secret import Secret

OUTGOING = """
    [outgoing.crm]
    url = "https://crm.example.com/hooks/in?code=1"
    secret = [{ env = "S" }, { env = "S" }]
    events = ["code.set", "booking.ready"]
    with_pin = true

    [outgoing.desk]
    url = "http://10.0.0.1:8080/"
    secret = { env = "S" }
    with_pin = true
    allow_private = true
    enabled = false
"""


def test_endpoints(tmp_path: Path) -> None:
    """Address as written, every secret, the events that are wanted; of the address its origin is shown."""
    crm, desk = load(tmp_path, OUTGOING).outgoing.values()

    assert "https://crm.example.com/hooks/in?code=1" == crm.url.reveal()
    assert ("https://crm.example.com", "http://10.0.0.1:8080") == (crm.origin, desk.origin)
    assert "code=1" not in repr(crm)
    assert (Secret(SECRET), Secret(SECRET)) == crm.secrets
    assert {"code.set", "booking.ready"} == crm.events
    assert (True, False, True) == (crm.with_pin, crm.allow_private, crm.enabled)
    assert (7, True, True, False) == (len(desk.events), desk.with_pin, desk.allow_private, desk.enabled)


def test_endpoints_plan_nothing_anew(tmp_path: Path) -> None:
    """The fingerprint leaves them out: a new endpoint must not re-plan a single stay."""
    print_of = load(tmp_path, GOOD).fingerprint

    assert print_of == load(tmp_path, GOOD + OUTGOING).fingerprint


@pytest.mark.parametrize(
    ("row", "where"),
    [
        ("url = 7", "outgoing.crm.url"),
        ('url = "ftp://example.com"', "outgoing.crm.url"),
        ('url = "https://me:pw@example.com/"', "outgoing.crm.url"),
        ('url = "https://example.com/#there"', "outgoing.crm.url"),
        ('url = "https://example.com/a b"', "outgoing.crm.url"),
        ('url = "https://exämple.com/"', "outgoing.crm.url"),
        ('url = "https:///hook"', "outgoing.crm.url"),
        ('secret = { env = "BAD" }', "outgoing.crm.secret"),
        ('secret = { env = "NONE" }', "outgoing.crm.secret"),
        ('secret = "canary-7f3a91"', "outgoing.crm.secret"),
        ('secret = [{ env = "S" }, { env = "BAD" }]', "outgoing.crm.secret[1]"),
        ('events = ["code.set", "code.lost"]', "outgoing.crm.events[1]"),
        ('events = ["innkey.test"]', "outgoing.crm.events[0]"),
        ("events = []", "outgoing.crm.events"),
        ('events = "code.set"', "outgoing.crm.events"),
        ('with_pin = "yes"', "outgoing.crm.with_pin"),
        ('with_pin = true\nevents = ["code.removed"]', "outgoing.crm.with_pin"),
        ('with_pin = true\nurl = "http://example.com/"', "outgoing.crm.with_pin"),
        ("retries = 3", "outgoing.crm.retries"),
    ],
)
def test_faults_of_an_endpoint(tmp_path: Path, row: str, where: str) -> None:
    """Each with its key path."""
    given = {"url": '"https://example.com/"', "secret": '{ env = "S" }'}
    given |= {line.partition(" = ")[0]: line.partition(" = ")[2] for line in row.splitlines()}
    text = "[outgoing.crm]\n" + "\n".join(f"{name} = {value}" for name, value in given.items())

    assert [where] == faults(tmp_path, text)


def test_an_endpoint_needs_an_address_and_a_secret(tmp_path: Path) -> None:
    """Both are told; a name that cannot stand in an address is a problem too."""
    expected = ["outgoing.crm.secret", "outgoing.crm.url"]

    assert expected == sorted(faults(tmp_path, "[outgoing.crm]"))
    assert ['outgoing."a b"'] == faults(
        tmp_path, '[outgoing."a b"]\nurl = "https://example.com/"\nsecret = { env = "S" }'
    )

"""Every example of the vendor's document, over real HTTP: what is sent, and what the answer means."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote

import pytest

from tests.contract.raw_vendor import EXAMPLES, Make, Vendor, example, printed
from tests.kas_calls import ALL, KEY, PIN, TAG, all_calls, calls, kinds
from worker.kas import Answer, Entry, KasClient, Kind, LockEvent

COMMAND = "/api/lockCommand"
PINS = (
    Entry(101, "654321", "John Pin Code", "1904031142", "1909261142"),
    Entry(103, "0953", "Cleaner pin", "1901011200", "1904251200"),
)
EVENTS = (
    LockEvent(
        "5d4ad60ccd2f7a0017ba7f1d",
        datetime(2019, 8, 7, 13, 45, 48, 140000, tzinfo=UTC),
        1,
        "Unlock Event",
        97,
        102,
        3,
        "password",
        "4321",
        "User 2",
        "Australia/Brisbane",
    ),
    LockEvent(
        "5d55f7f51d7b40001772b613",
        datetime(2019, 8, 16, 0, 25, 25, 346000, tzinfo=UTC),
        1,
        "Unlock Event",
        None,
        None,
        7,
        "Remote Unlock",
        "test@test.com",
        "User 1",
        "Australia/Brisbane",
    ),
)


@pytest.mark.parametrize(
    ("name", "lock", "said", "contents"),
    [
        ("unlock", "SS000510", "Success", {}),
        ("clock", "SS000510", "Clock set successfully.", {}),
        ("add", "SS000910", "Success", {"entries": PINS}),
        ("delete", "SS000510", "Password deleted successfully.", {}),
        (
            "list",
            "SS000761",
            "",
            {"entries": (Entry(150, "224126", "Cleaner 5213", "1907141412", "1907260000"),)},
        ),
        ("events", "SS001479", "", {"events": EVENTS}),
        ("rfids", "SS000761", "", {"tags": ()}),
        ("rfid_add", "SS000910", "Success", {}),
        ("rfid_delete", "SS000510", "RFID deleted successfully.", {}),
    ],
)
def test_good_answers(
    vendor: Vendor, client: KasClient, name: str, lock: str, said: str, contents: Any
) -> None:
    """Each good answer of the document is done, in the vendor's words, and brings what it shows."""
    vendor.example(f"{name}_200")

    answer = asked(client, name, lock)

    outcome = answer.outcome
    assert (Kind.DONE, 200, said) == (outcome.kind, outcome.http_status, outcome.message)
    shown = {"entries": answer.entries, "tags": answer.tags, "events": answer.events}
    assert {"entries": None, "tags": None, "events": None, **contents} == shown
    assert 0 == answer.skipped


def asked(client: KasClient, name: str, lock: str) -> Answer:
    """The call that an example of this name belongs to."""
    by_name = {
        "unlock": "unlock",
        "clock": "set_clock",
        "add": "add_pin",
        "delete": "delete_pin",
        "list": "list_pins",
        "events": "list_events",
        "rfids": "list_rfids",
        "rfid_add": "add_rfid",
        "rfid_delete": "delete_rfid",
    }
    return calls(client, lock)[by_name[name]]()


@pytest.mark.parametrize(
    ("name", "line", "body"),
    [
        ("unlock", f"GET {COMMAND}/remoteUnlock/SS000510/{KEY}", None),
        ("list_pins", f"GET {COMMAND}/remotePassword/SS000510", None),
        ("add_pin", f"POST {COMMAND}/remotePassword/SS000510", "add_request"),
        ("delete_pin", f"DELETE {COMMAND}/remotePassword/SS000510", "delete_request"),
        ("delete_pin_by_value", f"DELETE {COMMAND}/remotePassword/SS000510", "delete_by_value_request"),
        ("list_events", "GET /api/events/SS000510", None),
        ("list_rfids", f"GET {COMMAND}/remoteRFID/SS000510", None),
        ("add_rfid", f"POST {COMMAND}/remoteRFID/SS000510", "rfid_add_request"),
        ("delete_rfid", f"DELETE {COMMAND}/remoteRFID/SS000510", "rfid_delete_request"),
        ("set_clock", f"PUT {COMMAND}/setClock/SS000510", None),
    ],
)
def test_requests(vendor: Vendor, client: KasClient, name: str, line: str, body: str | None) -> None:
    """Each call has the document's method, address and body; the add's example asks for no e-mail."""
    vendor.example("clock_200")

    if name == "add_pin":
        client.add_pin("SS000510", replace(PIN, email_checked=False))
    else:
        calls(client, "SS000510")[name]()

    (seen,) = vendor.seen
    assert f"{line} HTTP/1.1" == seen.line
    assert (json.loads(example(body)) if body else None) == (json.loads(seen.body) if seen.body else None)


def test_e_mail_is_asked_for_with_an_address(vendor: Vendor, client: KasClient) -> None:
    """An address is there to be written to, unless the caller says otherwise."""
    vendor.example("add_200")
    client.add_pin("SS000910", PIN)

    assert json.loads(example("add_request")) | {"email_checked": True} == json.loads(vendor.seen[0].body)


@pytest.mark.parametrize(
    ("name", "status", "kind", "ack", "ref"),
    [
        *[
            (f"{name}_offline", 200, Kind.OFFLINE, 8, None)
            for name in ("unlock", "delete", "rfid_delete", "clock")
        ],
        ("unlock_504", 504, Kind.DOUBT, 504, "UOWS-Xmuj"),
        *[
            (f"{name}_504", 504, Kind.DOUBT, 504, None)
            for name in ("add", "delete", "rfid_add", "rfid_delete", "clock")
        ],
    ],
)
def test_bad_answers_mean_the_same_to_every_call(
    vendor: Vendor, client: KasClient, name: str, status: int, kind: Kind, ack: int, ref: str | None
) -> None:
    """Ack 8 is offline and 504 is doubt, with its ref, whatever was asked; an unlock too is perhaps done."""
    vendor.example(name, status)

    answers = all_calls(client)

    assert [kind] * ALL == kinds(answers)
    assert [(ack, ref)] * ALL == [(answer.outcome.ack, answer.outcome.ref) for answer in answers]
    assert [] == [a for a in answers if (a.entries, a.tags, a.events) != (None, None, None)]


BROKEN = {
    *("unlock_200", "unlock_offline", "unlock_504", "delete_offline", "rfid_delete_offline", "clock_offline"),
    *("rfids_200", "rfid_add_200", "rfid_add_request"),
}


def test_what_print_has_broken(vendor: Vendor, client: KasClient) -> None:
    """Nine bodies are no JSON as printed (commas and quotes missing, dots): such an answer is in doubt."""
    broken = set()
    for name in (path.stem for path in EXAMPLES.glob("*.txt")):
        try:
            json.loads(printed(name))
        except ValueError:
            broken.add(name)
            vendor.answers(printed(name).encode())
            assert [Kind.DOUBT] * ALL == kinds(all_calls(client))

    assert broken == BROKEN


def test_all_examples_are_here() -> None:
    """The document shows 24 bodies, of requests and of answers, and each is straight and can be mended."""
    names = [path.stem for path in EXAMPLES.glob("*.txt")]

    assert 24 == len(names)
    assert [] == [name for name in names if set("“”‘’″„") & set(printed(name))]
    assert [] == [name for name in names if not json.loads(example(name))]


def test_headers_and_key(vendor: Vendor, client: KasClient) -> None:
    """Each call bears the JSON type and the key, the call's own or the client's; one has it in the URL."""
    vendor.example("clock_200")

    all_calls(client)
    client.set_clock("SS000001", key="fresher-key")
    client.unlock("SS000001", key="fresher-key")

    unlocks = [seen for seen in vendor.seen if "remoteUnlock" in seen.line]
    others = [seen for seen in vendor.seen if seen not in unlocks]
    assert [KEY] * (ALL - 1) + ["fresher-key"] == [seen.headers["x-auth-token"] for seen in others]
    assert {"application/json"} == {seen.headers["content-type"] for seen in vendor.seen}
    assert [] == [seen.line for seen in others if KEY in seen.line or "fresher" in seen.line]
    assert [KEY, "fresher-key"] == [seen.line.split()[1].rsplit("/", 1)[1] for seen in unlocks]
    assert [] == [seen for seen in unlocks if "x-auth-token" in seen.headers]


@pytest.mark.parametrize("key", ["a/b?c#d%2F", "../../x", "%", "a+b=&;"])
def test_a_key_is_one_part_of_the_unlocks_path(vendor: Vendor, client: KasClient, key: str) -> None:
    """Whatever its signs, the key can neither lead the unlock to another address nor be cut short."""
    vendor.example("unlock_200")
    client.unlock("SS000001", key=key)

    _, target, _ = vendor.seen[0].line.split()
    *path, last = target.split("/")
    assert (["", "api", "lockCommand", "remoteUnlock", "SS000001"], key) == (path, unquote(last))


def test_connection_is_kept_and_no_cookie(vendor: Vendor, client: KasClient) -> None:
    """Calls in a row share one connection, and a cookie that the vendor sets is not sent back."""
    vendor.answers(b'{"ack": 1}', headers="Set-Cookie: session=1; Path=/\r\n")

    all_calls(client)

    assert 1 == vendor.connections
    assert [] == [seen for seen in vendor.seen if "cookie" in seen.headers]


def test_odd_content_types_and_unknown_fields(vendor: Vendor, client: KasClient) -> None:
    """The type is not asked, and fields that the document does not name are passed over."""
    body = json.dumps({"ack": 1, "message": "Success", "new": {"a": [1]}}).encode()
    for kind in ("text/html; charset=utf-16", "application/octet-stream", "nonsense", ""):
        vendor.script = lambda conn, kind=kind: conn.sendall(  # type: ignore[misc]
            f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
        )
        assert Kind.DONE is client.unlock("SS000001").outcome.kind


def test_a_list_of_tags_in_the_answer_to_an_add(vendor: Vendor, make: Make) -> None:
    """The document promises the list and cuts its example short: it is read where it is there."""
    listed = [{"rfid_id": 101, "uid": "ABCD1234", "rfid_name": "John"}]
    vendor.answers(json.dumps({"ack": 1, "l_factory_name": "SS000001", "l_rfids": listed}).encode())

    answer = make(vendor.url).add_rfid("SS000001", TAG)

    assert answer.tags is not None
    assert [(101, "ABCD1234", "John")] == [(tag.rfid_id, tag.uid, tag.name) for tag in answer.tags]

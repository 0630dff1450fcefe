"""The client against a small vendor on localhost that answers as the document prints, or badly."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from worker.kas import Answer, BadRequest, Entry, KasClient, Kind, NewPin

EXAMPLES = Path(__file__).parent / "kas_examples"
KEY = "eyJhbGciOi.eyJfaWQi.v8cuLVqu"
PIN = NewPin(
    slot=101,
    pin="1234",
    name="John",
    starts="1901011200",
    ends="1904251200",
    email="test@email.com",
    message="Watch out for the dog.",
)
SHORT = timedelta(seconds=0.5)
PATIENCE = 10.0  # seconds; far over SHORT, far under what the dripping servers would take

Script = Callable[[socket.socket], None]


@dataclass
class Seen:
    """One request as the vendor saw it."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Vendor:
    """A raw HTTP server: `script` writes what it likes to the connection after each whole request."""

    url: str = ""
    script: Script = field(default=lambda conn: None)
    seen: list[Seen] = field(default_factory=list)
    connections: int = 0
    gone: threading.Event = field(default_factory=threading.Event)

    def answers(self, body: bytes, status: int = 200, headers: str = "") -> None:
        """Answer each request with this."""
        self.script = says(body, status, headers)

    def example(self, name: str, status: int = 200) -> None:
        """Answer each request with the document's example."""
        self.answers((EXAMPLES / name).read_bytes(), status)


def says(body: bytes, status: int = 200, headers: str = "") -> Script:
    """One whole answer."""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: text/plain\r\n{headers}Content-Length: {len(body)}\r\n\r\n"
    return lambda conn: conn.sendall(head.encode() + body)


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    """The vendor on a free port; its endless scripts end with the test."""
    state = Vendor()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            state.connections += 1
            try:
                while seen := _receive(self.rfile):
                    state.seen.append(seen)
                    state.script(self.connection)
            except OSError:
                return  # the client hung up, as many tests make it do

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        request_queue_size = 128

    with Server(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_address[1]}/api"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield state
        state.gone.set()
        server.shutdown()


def _receive(stream: Any) -> Seen | None:
    line = stream.readline().decode().strip()
    if not line:
        return None
    headers: dict[str, str] = {}
    while header := stream.readline().decode().strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    return Seen(line, headers, stream.read(int(headers.get("content-length", "0"))))


Make = Callable[..., KasClient]


@pytest.fixture
def make() -> Iterator[Make]:
    """Makes clients with a default key, and closes them after the test."""
    made: list[KasClient] = []

    def make(url: str, **more: Any) -> KasClient:
        made.append(KasClient(url, **{"api_key": KEY, **more}))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture
def client(vendor: Vendor, make: Make) -> KasClient:
    """A client of that vendor."""
    return make(vendor.url)


@pytest.fixture
def hasty(vendor: Vendor, make: Make) -> KasClient:
    """A client whose calls may last half a second."""
    return make(vendor.url, call_timeout=SHORT)


def all_calls(client: KasClient, lock: str = "SS000001", **more: Any) -> list[Answer]:
    """Each call once."""
    return [
        client.list_pins(lock, **more),
        client.add_pin(lock, PIN, **more),
        client.delete_pin(lock, 101, **more),
        client.set_clock(lock, **more),
    ]


def kinds(answers: list[Answer]) -> list[Kind]:
    """The class of each."""
    return [answer.outcome.kind for answer in answers]


# --- the document's examples --------------------------------------------------------------------------------


def test_list_as_the_document_prints_it(vendor: Vendor, client: KasClient) -> None:
    """GET remotePassword brings the example's PIN, and sends no body."""
    vendor.example("list_200.json")

    answer = client.list_pins("SS000761")

    assert (Kind.DONE, 200, None) == (answer.outcome.kind, answer.outcome.http_status, answer.outcome.ack)
    assert (Entry(150, "224126", "Cleaner 5213", "1907141412", "1907260000"),) == answer.entries
    assert "GET /api/lockCommand/remotePassword/SS000761 HTTP/1.1" == vendor.seen[0].line
    assert b"" == vendor.seen[0].body


def test_add_as_the_document_prints_it(vendor: Vendor, client: KasClient) -> None:
    """POST remotePassword sends the example's body (its e-mail asked for) and brings the lock's list."""
    vendor.example("add_200.json")

    answer = client.add_pin("SS000910", PIN)

    assert (Kind.DONE, 1, "Success") == (answer.outcome.kind, answer.outcome.ack, answer.outcome.message)
    assert (
        Entry(101, "654321", "John Pin Code", "1904031142", "1909261142"),
        Entry(103, "0953", "Cleaner pin", "1901011200", "1904251200"),
    ) == answer.entries
    assert "POST /api/lockCommand/remotePassword/SS000910 HTTP/1.1" == vendor.seen[0].line
    assert json.loads((EXAMPLES / "add_request.json").read_text()) == json.loads(vendor.seen[0].body)


def test_delete_as_the_document_prints_it(vendor: Vendor, client: KasClient) -> None:
    """DELETE remotePassword sends the id only."""
    vendor.example("delete_200.json")

    answer = client.delete_pin("SS000510", 101)

    assert (Kind.DONE, "Password deleted successfully.", None) == (
        answer.outcome.kind,
        answer.outcome.message,
        answer.entries,
    )
    assert "DELETE /api/lockCommand/remotePassword/SS000510 HTTP/1.1" == vendor.seen[0].line
    assert json.loads((EXAMPLES / "delete_request.json").read_text()) == json.loads(vendor.seen[0].body)


def test_clock_as_the_document_prints_it(vendor: Vendor, client: KasClient) -> None:
    """PUT setClock sends no body."""
    vendor.example("clock_200.json")

    answer = client.set_clock("SS000510")

    assert (Kind.DONE, "Clock set successfully.") == (answer.outcome.kind, answer.outcome.message)
    assert "PUT /api/lockCommand/setClock/SS000510 HTTP/1.1" == vendor.seen[0].line
    assert b"" == vendor.seen[0].body


@pytest.mark.parametrize(
    ("name", "status", "kind", "ref"),
    [("offline_200.json", 200, Kind.OFFLINE, None), ("gateway_504.json", 504, Kind.DOUBT, "UOWS-Xmuj")],
)
def test_other_examples_mean_the_same_to_every_call(
    vendor: Vendor, client: KasClient, name: str, status: int, kind: Kind, ref: str | None
) -> None:
    """Ack 8 is offline and 504 is doubt, with its reference, whatever was asked."""
    vendor.example(name, status)

    answers = all_calls(client)

    assert [kind] * 4 == kinds(answers)
    assert [(ref, None)] * 4 == [(answer.outcome.ref, answer.entries) for answer in answers]


def test_headers_and_key(vendor: Vendor, client: KasClient) -> None:
    """Each call bears the JSON type and the key: the call's own, else the client's; never in the URL."""
    vendor.example("clock_200.json")

    all_calls(client)
    client.set_clock("SS000001", key="fresher-key")

    assert [KEY] * 4 + ["fresher-key"] == [seen.headers["x-auth-token"] for seen in vendor.seen]
    assert {"application/json"} == {seen.headers["content-type"] for seen in vendor.seen}
    assert [] == [seen.line for seen in vendor.seen if KEY in seen.line or "fresher" in seen.line]


def test_connection_is_kept_and_no_cookie(vendor: Vendor, client: KasClient) -> None:
    """Calls in a row share one connection, and a cookie that the vendor sets is not sent back."""
    vendor.answers(b'{"ack": 1}', headers="Set-Cookie: session=1; Path=/\r\n")

    all_calls(client)

    assert 1 == vendor.connections
    assert [] == [seen for seen in vendor.seen if "cookie" in seen.headers]


# --- refused before it leaves -------------------------------------------------------------------------------


def test_bad_requests_never_leave(vendor: Vendor, client: KasClient) -> None:
    """A lock, slot, PIN or key outside the limits raises, and the vendor sees nothing."""
    bad: list[tuple[str, Callable[[], Answer]]] = [
        ("lock", lambda: client.list_pins("../admin")),
        ("slot", lambda: client.delete_pin("SS000001", 201)),
        ("pin", lambda: client.add_pin("SS000001", NewPin(101, "१२३४", "x", "1901011200", "1904251200"))),
        ("key", lambda: client.set_clock("SS000001", key="two\r\nlines")),
    ]
    for name, call in bad:
        with pytest.raises(BadRequest) as caught:
            call()
        assert name == caught.value.field

    assert (0, []) == (vendor.connections, vendor.seen)


def test_call_without_any_key_is_refused(vendor: Vendor, make: Make) -> None:
    """Neither a default key nor one with the call: refused by name."""
    with pytest.raises(BadRequest, match="key"):
        make(vendor.url, api_key=None).list_pins("SS000001")


@pytest.mark.parametrize("url", ["", "cloud.kas.com.au/api", "ftp://x/api", "http://", "http://x:99999/api"])
def test_base_url_must_be_one(url: str) -> None:
    """An address that is none is refused when the client is made."""
    with pytest.raises(BadRequest, match="base_url"):
        KasClient(url)


# --- the moment after which nothing leaves ------------------------------------------------------------------


def test_too_late_before_the_start(vendor: Vendor, client: KasClient) -> None:
    """A call whose moment has passed opens no connection."""
    answers = all_calls(client, not_after=time.monotonic() - 1)

    assert [Kind.NOT_SENT] * 4 == kinds(answers)
    assert (0, []) == (vendor.connections, vendor.seen)


@pytest.mark.parametrize("warm", [False, True])
def test_too_late_at_the_wire(
    vendor: Vendor, client: KasClient, monkeypatch: pytest.MonkeyPatch, *, warm: bool
) -> None:
    """The moment passes after the call began, on a new or a kept connection: no byte leaves."""
    vendor.example("clock_200.json")
    if warm:
        client.set_clock("SS000001")
    before = len(vendor.seen)
    pool = client._exchange._transport._pool  # type: ignore[attr-defined]
    real = pool.handle_request

    def slow(request: Any) -> Any:
        monkeypatch.setattr("time.monotonic", lambda: now + 2)
        return real(request)

    now = time.monotonic()
    monkeypatch.setattr(pool, "handle_request", slow)
    answer = client.set_clock("SS000001", not_after=now + 1)
    monkeypatch.undo()

    assert (Kind.NOT_SENT, None) == (answer.outcome.kind, answer.outcome.http_status)
    assert before == len(vendor.seen)
    assert [Kind.DONE] * 3 == [client.set_clock("SS000001").outcome.kind for _ in range(3)]
    assert before + 3 == len(vendor.seen)


def test_too_late_between_headers_and_body(
    vendor: Vendor, client: KasClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Frozen with half a request sent, the rest is kept back, so that the vendor cannot run it."""
    vendor.example("add_200.json")
    now = time.monotonic()
    real = socket.socket.send

    def send(conn: socket.socket, data: bytes, *flags: int) -> int:
        sent = real(conn, data, *flags)
        if data.startswith(b"POST"):
            monkeypatch.setattr("time.monotonic", lambda: now + 2)
        return sent

    monkeypatch.setattr(socket.socket, "send", send)
    answer = client.add_pin("SS000001", PIN, not_after=now + 1)
    monkeypatch.undo()

    assert Kind.DOUBT is answer.outcome.kind
    assert [] == [seen for seen in vendor.seen if seen.body]
    assert Kind.DONE is client.add_pin("SS000001", PIN).outcome.kind


def test_in_time_is_sent(vendor: Vendor, client: KasClient) -> None:
    """A moment still ahead changes nothing."""
    vendor.example("clock_200.json")

    assert Kind.DONE is client.set_clock("SS000001", not_after=time.monotonic() + 60).outcome.kind


# --- the total deadline -------------------------------------------------------------------------------------


def keep_silent(vendor: Vendor) -> Script:
    """Say nothing until the test is over."""

    def script(conn: socket.socket) -> None:
        vendor.gone.wait(60)

    return script


def drips(data: bytes, vendor: Vendor, head: bytes = b"") -> Script:
    """`head` at once, then for a minute a byte of `data` at a time, each within any single read's limit."""

    def script(conn: socket.socket) -> None:
        conn.sendall(head)
        for at in range(600):
            conn.sendall(data[at % len(data) :][:1])
            if vendor.gone.wait(0.1):
                return

    return script


@pytest.mark.parametrize(
    ("head", "data"),
    [
        (b"", b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 600),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 20 + b"x" * 600),
        (b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n", b'{"ack": 1}'),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    ],
    ids=["headers", "informational", "endless", "body", "chunks"],
)
def test_dripping_vendor_ends_at_the_total_deadline(
    vendor: Vendor, hasty: KasClient, head: bytes, data: bytes
) -> None:
    """Bytes that keep coming do not stretch a call: unanswered soon after its time, and the pool goes on."""
    vendor.script = drips(data, vendor, head)
    began = time.monotonic()

    outcome = hasty.add_pin("SS000001", PIN).outcome

    assert SHORT.total_seconds() <= time.monotonic() - began < PATIENCE
    assert (Kind.UNANSWERED, None) == (outcome.kind, outcome.http_status)
    vendor.example("clock_200.json")
    assert Kind.DONE is hasty.set_clock("SS000001").outcome.kind


def test_silent_vendor_is_unanswered(vendor: Vendor, hasty: KasClient) -> None:
    """A vendor that takes the request and says nothing: unanswered, for every call."""
    vendor.script = keep_silent(vendor)

    assert [Kind.UNANSWERED] * 4 == kinds(all_calls(hasty))


def test_look_up_without_end_is_bounded(hasty: KasClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that hangs holds the call no longer than its deadline; nothing was sent."""
    stop = threading.Event()

    def look_up(*_: object, **__: object) -> list[object]:
        stop.wait(60)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    began = time.monotonic()

    outcome = hasty.list_pins("SS000001").outcome
    stop.set()

    assert time.monotonic() - began < PATIENCE
    assert Kind.DOUBT is outcome.kind
    assert outcome.message.startswith("could not connect")


# --- connections that fail ----------------------------------------------------------------------------------


def test_refused_connection_is_doubt_and_says_so(make: Make) -> None:
    """Nobody listens: doubt without a status, and the message names the failed connection."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = make(f"http://127.0.0.1:{free.getsockname()[1]}/api", call_timeout=SHORT)
        answers = all_calls(client)

    assert [(Kind.DOUBT, None)] * 4 == [
        (answer.outcome.kind, answer.outcome.http_status) for answer in answers
    ]
    assert {True} == {answer.outcome.message.startswith("could not connect") for answer in answers}


def test_unknown_host_is_doubt_and_says_so(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not resolve: doubt, and the message names it."""

    def fails(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    outcome = make("http://kas.invalid/api").list_pins("SS000001").outcome

    assert (Kind.DOUBT, "could not connect: host name not found (gaierror)") == (
        outcome.kind,
        outcome.message,
    )


def test_second_address_is_tried(vendor: Vendor, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host whose first address refuses is reached at its next one."""
    vendor.example("clock_200.json")
    rows = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.0.2", "127.0.0.1")
    ]
    real = socket.getaddrinfo

    def look_up(host: str, *args: Any, **more: Any) -> Any:
        return rows if host == "kas.test" else real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    client = make(vendor.url.replace("127.0.0.1", "kas.test"))

    assert Kind.DONE is client.set_clock("SS000001").outcome.kind


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", None),
        (b"HTTP/1.1 200 OK\r\nContent-Le", None),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", 200),
        (b"HTTP/1.1 400 Bad\r\nContent-Length: 50\r\n\r\nInvalid Token.", 400),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 200),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope", 200),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None),
        (b"HTTP/1.1 200 OK\r\nbad header 1234\r\n\r\n", None),
    ],
)
def test_cut_or_broken_answers_are_doubt(
    vendor: Vendor, client: KasClient, sent: bytes, status: int | None
) -> None:
    """A connection cut anywhere in the answer, or an answer that is no HTTP: doubt, nothing retried."""

    def script(conn: socket.socket) -> None:
        conn.sendall(sent)
        conn.shutdown(socket.SHUT_RDWR)

    vendor.script = script
    answers = all_calls(client)

    assert [(Kind.DOUBT, status)] * 4 == [
        (answer.outcome.kind, answer.outcome.http_status) for answer in answers
    ]
    assert 4 == len(vendor.seen)
    assert [] == [answer for answer in answers if "1234" in answer.outcome.message]


def test_kept_connection_that_the_vendor_drops_is_doubt(vendor: Vendor, client: KasClient) -> None:
    """A kept connection that ends without a byte after a command was sent: doubt, not sent again."""
    vendor.example("clock_200.json")
    client.set_clock("SS000001")
    vendor.script = lambda conn: conn.shutdown(socket.SHUT_RDWR)

    outcome = client.add_pin("SS000001", PIN).outcome

    assert (Kind.DOUBT, None, 1) == (outcome.kind, outcome.http_status, vendor.connections)
    assert ["PUT", "POST"] == [seen.line.split()[0] for seen in vendor.seen]


def test_redirects_are_not_followed(vendor: Vendor, client: KasClient) -> None:
    """A redirect is a refusal, wherever it points; the key is not carried on."""
    for target in (vendor.url, "http://[", "/elsewhere"):
        vendor.answers(b"", 307, f"Location: {target}\r\n")
        assert [(Kind.REFUSED, 307)] * 4 == [
            (answer.outcome.kind, answer.outcome.http_status) for answer in all_calls(client)
        ]

    assert 12 == len(vendor.seen)


@pytest.mark.parametrize("length", ["Content-Length: 3000000\r\n", ""])
def test_endless_body_is_doubt(vendor: Vendor, client: KasClient, length: str) -> None:
    """A body over 1 MiB is not read to its end: doubt."""

    def script(conn: socket.socket) -> None:
        conn.sendall(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode() + b" " * 3_000_000)
        conn.shutdown(socket.SHUT_RDWR)

    vendor.script = script
    outcome = client.set_clock("SS000001").outcome

    assert (Kind.DOUBT, 200, "the answer is larger than 1 MiB") == (
        outcome.kind,
        outcome.http_status,
        outcome.message,
    )


def test_body_below_the_cap_is_read(vendor: Vendor, client: KasClient) -> None:
    """A body just below 1 MiB is an answer like any other."""
    vendor.answers(b'{"ack": 1}'.ljust(2**20))

    assert Kind.DONE is client.set_clock("SS000001").outcome.kind


def test_throttled_says_when(vendor: Vendor, client: KasClient) -> None:
    """The Retry-After header of a 429 arrives with the outcome."""
    vendor.answers(b"Too many", 429, "Retry-After: 7\r\n")

    assert (Kind.THROTTLED, 7.0) == (
        client.set_clock("SS000001").outcome.kind,
        client.set_clock("SS000001").outcome.retry_after,
    )


# --- many at once -------------------------------------------------------------------------------------------


def test_as_many_calls_as_connections_go_out_together(vendor: Vendor, make: Make) -> None:
    """Sixty calls of one client are all with the vendor at the same time; none waits for a connection."""
    together = threading.Barrier(60)
    reply = says(b'{"ack": 1}')

    def script(conn: socket.socket) -> None:
        together.wait(timeout=30)
        reply(conn)

    vendor.script = script
    client = make(vendor.url, max_connections=60)
    with ThreadPoolExecutor(60) as pool:
        answers = list(pool.map(lambda _: client.set_clock("SS000001"), range(60)))

    assert [Kind.DONE] * 60 == kinds(answers)


def test_no_free_connection_in_time_is_not_sent(vendor: Vendor, make: Make) -> None:
    """A call beyond the connections that finds none before its deadline has surely not been sent."""
    vendor.script = keep_silent(vendor)
    client = make(vendor.url, max_connections=1, call_timeout=SHORT)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: client.set_clock("SS000001"), range(2)))

    # The connection that frees in the last millisecond may leave no time to connect: not sent either.
    unsent = [a.outcome for a in answers if a.outcome.kind is not Kind.UNANSWERED]
    assert all(o.kind is Kind.NOT_SENT or o.message.startswith("could not connect") for o in unsent)
    # What the vendor has seen is never called unsent; what left in the last moment it may not have read yet.
    assert 1 <= len(vendor.seen) <= 2 - len(unsent)


def test_failures_leave_no_connection_behind(vendor: Vendor, make: Make) -> None:
    """After more failed calls than connections, of every sort, each connection can still be used."""
    client = make(vendor.url, max_connections=2, call_timeout=SHORT)
    scripts: list[Script] = [
        lambda conn: conn.shutdown(socket.SHUT_RDWR),
        lambda conn: conn.sendall(b"nonsense\r\n\r\n"),
        lambda conn: conn.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 2_000_000),
        lambda conn: conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"),
    ]
    for vendor.script in scripts * 2:
        assert Kind.DONE is not client.set_clock("SS000001").outcome.kind
    client.set_clock("SS000001", not_after=time.monotonic())
    vendor.example("clock_200.json")

    with ThreadPoolExecutor(2) as pool:
        assert [Kind.DONE] * 8 == kinds(list(pool.map(lambda _: client.set_clock("SS000001"), range(8))))


# --- secrets ------------------------------------------------------------------------------------------------


def test_vendor_that_echoes_everything_leaks_nothing(
    vendor: Vendor, client: KasClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A vendor that repeats PIN, key and guest: none of it is in the outcome or a log (promise 9)."""
    caplog.set_level("DEBUG")
    echo = f"Code 1234 of John <test@email.com>, Watch out for the dog., {KEY}"
    for status in (200, 400, 500):
        for body in (
            echo.encode(),
            json.dumps({"ack": 2, "message": echo.replace("<", "("), "ref": echo}).encode(),
        ):
            vendor.answers(body, status)
            shown = repr(client.add_pin("SS000001", PIN)) + caplog.text
            assert [] == [
                secret for secret in ("1234", KEY, "John", "test@email", "the dog") if secret in shown
            ]


def test_list_repr_hides_pins(vendor: Vendor, client: KasClient) -> None:
    """The list's PINs and names are not in the answer's repr."""
    vendor.example("list_200.json")
    shown = repr(client.list_pins("SS000761"))

    assert [] == [secret for secret in ("224126", "Cleaner") if secret in shown]


def test_transport_can_be_replaced() -> None:
    """With a transport of the caller's own no network is touched."""
    mock = httpx.MockTransport(lambda request: httpx.Response(200, json={"ack": 1, "url": str(request.url)}))

    client = KasClient("http://kas.test/api/", api_key=KEY, transport=mock)

    assert Kind.DONE is client.set_clock("SS1").outcome.kind

"""The sandbox as a server: connections, bad HTTP, restarts with its memory, and life as a process."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.contract.sandbox_kit import DEADLINE_SECONDS, LOCK, Stage, StandingClock, stage
from worker.kas.sandbox import Latency, LockSpec, Setup, running_sandbox
from worker.kas.sandbox.store import FILE_NAME


@contextmanager
def _raw(scene: Stage) -> Iterator[socket.socket]:
    address = ("127.0.0.1", scene.sandbox.port)
    with socket.create_connection(address, timeout=DEADLINE_SECONDS) as connection:
        yield connection


def _receive_all(connection: socket.socket) -> bytes:
    received = b""
    while piece := connection.recv(65536):
        received += piece
    return received


def test_connections_are_kept_alive() -> None:
    """Two requests on one connection both get their answers, in order."""
    with stage() as scene, _raw(scene) as connection:
        line = (
            f"GET /api/lockCommand/remotePassword/{LOCK} HTTP/1.1\r\nHost: x\r\nx-auth-token: {scene.key}\r\n"
        )
        connection.sendall(f"{line}\r\n{line}Connection: close\r\n\r\n".encode())
        assert 2 == _receive_all(connection).count(b"HTTP/1.1 200 OK")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("Content-Length: 2000000", 413),
        ("Content-Length: -5", 400),
        ("Transfer-Encoding: chunked", 411),
    ],
)
def test_bodies_it_cannot_take_are_refused(head: str, status: int) -> None:
    """Too large, senseless or chunked bodies get their status, and the connection ends."""
    with stage() as scene, _raw(scene) as connection:
        connection.sendall(f"POST /control/locks HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
        assert _receive_all(connection).startswith(f"HTTP/1.1 {status} ".encode())


def test_unknown_paths_are_404() -> None:
    """Nothing but the API, the control and the page."""
    with stage() as scene:
        assert 404 == httpx.get(f"{scene.sandbox.page_url}favicon.ico").status_code
        assert 405 == httpx.post(scene.sandbox.page_url).status_code


def test_a_bug_is_a_500_and_not_a_hanging_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bug of the sandbox answers 500 without the error's words; the place in the queue is free again."""

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("482913")

    with stage() as scene:
        monkeypatch.setattr(scene.sandbox.core, "delay", broken)
        answer = scene.add()
        assert (500, "Unknown Error") == (answer.status_code, answer.text)
        assert 0 == scene.control.stats()["outstanding"]
        printed = capsys.readouterr()
        assert "sandbox.bug" in printed.out + printed.err
        assert "482913" not in printed.out + printed.err


def test_many_threads_never_lose_a_code() -> None:
    """Ten threads fill a lock's hundred slots at once: each code is there in the end."""
    with stage() as scene:

        def fill(first: int) -> None:
            for slot in range(first, 201, 10):
                scene.add(slot=slot, pin=f"{slot:06}")

        threads = [threading.Thread(target=fill, args=(first,)) for first in range(101, 111)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(DEADLINE_SECONDS)
        assert list(range(101, 201)) == scene.slots()
        assert 0 == scene.control.stats()["outstanding"]


def test_memory_survives_a_restart(tmp_path: Path) -> None:
    """Codes, e-mails, lock properties, keys, late commands and a lagging list are there after a restart."""
    clock = StandingClock()
    setup = Setup(
        locks=[LOCK, LockSpec("SS2", title="Two")], data_dir=tmp_path / "new", accounts={"default": ("k",)}
    )
    with stage(setup, clock) as scene:
        scene.key = "k"
        scene.control.set_lock(
            "SS2", list_lag=60, gateway_online=True, latency={"base_seconds": 0}, auth="manager"
        )
        scene.control.set_keys(add=["fresh"], revoke=["k"])
        scene.key = "fresh"
        scene.add(email_checked=True)
        scene.control.hand("SS2", 150, "1357", "Cleaner")
        scene.control.add_fault("status", executed="late", late_seconds=60, times=3)
        scene.add(slot=130, pin="2468")
        scene.delete(password_id=120)
        scene.clock()
        before, emails = scene.control.state(), scene.control.emails()
    with stage(setup, clock) as scene:
        assert before == scene.control.state()
        assert emails == scene.control.emails()
        scene.key = "k"
        assert "Invalid Token." == scene.read().text
        scene.key = "fresh"
        assert [] == scene.slots("SS2")
        clock.forward(60)
        assert ([130], [150]) == (scene.slots(), scene.slots("SS2"))


def test_a_set_up_adds_to_the_memory(tmp_path: Path) -> None:
    """New locks and keys of a set-up appear beside what was saved; saved locks keep their properties."""
    with stage(Setup(locks=[LOCK], data_dir=tmp_path)) as scene:
        scene.add()
        scene.control.set_lock(LOCK, title="Changed")
    accounts = {"default": ("second",), "more": ("third",)}
    again = Setup(locks=[LockSpec(LOCK, title="Set up"), "SS2"], data_dir=tmp_path, accounts=accounts)
    with stage(again) as scene:
        assert ("Changed", [120]) == (scene.control.lock(LOCK)["title"], scene.slots())
        assert {"default": 2, "more": 1} == scene.control.state()["accounts"]
        assert [] == scene.slots("SS2")


def test_the_memory_of_an_older_version_is_read(tmp_path: Path) -> None:
    """A file that knows no tags, doors and batteries is read as it was: nothing is lost, the rest is new."""
    with stage(Setup(locks=[LOCK], data_dir=tmp_path)) as scene:
        scene.add()
    saved = json.loads((tmp_path / FILE_NAME).read_text())
    for name in ("reader", "clock_error", "battery", "drain", "tags", "openings"):
        del saved["locks"][LOCK][name]
    (tmp_path / FILE_NAME).write_text(json.dumps(saved))
    with stage(Setup(data_dir=tmp_path)) as scene:
        assert ([120], {}) == (scene.slots(), scene.control.tags(LOCK))
        assert 100 == scene.control.lock(LOCK)["battery"]


def test_a_latency_that_is_given_goes_before_the_saved_one(tmp_path: Path) -> None:
    """Without one a restart keeps what the control API set."""
    with stage(Setup(data_dir=tmp_path)) as scene:
        scene.control.set_profile("usual")
    with stage(Setup(data_dir=tmp_path)) as scene:
        assert 1.0 == scene.control.state()["latency"]["base_seconds"]
    with stage(Setup(data_dir=tmp_path, latency=Latency(0.5))) as scene:
        assert 0.5 == scene.control.state()["latency"]["base_seconds"]


def test_a_damaged_memory_is_named(tmp_path: Path) -> None:
    """A file that cannot be read stops the start, with its path and the cure."""
    (tmp_path / FILE_NAME).write_text("{")
    with (
        pytest.raises(ValueError, match=f"{FILE_NAME} is damaged .* move it away"),
        running_sandbox(Setup(data_dir=tmp_path)),
    ):
        pass
    (tmp_path / FILE_NAME).write_text(json.dumps({"accounts": {}}))
    with pytest.raises(ValueError, match="is damaged"), running_sandbox(Setup(data_dir=tmp_path)):
        pass


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox of a test leaves no trace."""
    monkeypatch.chdir(tmp_path)
    with stage() as scene:
        scene.add()
    assert [] == list(tmp_path.iterdir())


def test_a_stopped_sandbox_frees_its_port() -> None:
    """Another one can start on the same port at once."""
    with running_sandbox() as first:
        port = first.port
        httpx.get(first.page_url)
    with running_sandbox(port=port) as second:
        assert 200 == httpx.get(second.page_url).status_code


PROGRAM = """
import sys
from pathlib import Path
from worker.kas.sandbox import run_sandbox
run_sandbox(port=0, data_dir=Path(sys.argv[1]), api_key="k", accounts={"b": ("kb",)}, locks=["SS000001"])
print("over")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_run_sandbox_blocks_until_told_to_end(tmp_path: Path, number: signal.Signals) -> None:
    """It prints its addresses, answers, keeps its memory, and ends by itself on SIGTERM or SIGINT."""
    command = [sys.executable, "-c", PROGRAM, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(5)]
            url = lines[1].split()[-1]
            headers = {"x-auth-token": "k"}
            assert 200 == httpx.put(f"{url}/lockCommand/setClock/{LOCK}", headers=headers).status_code
            process.send_signal(number)
            rest, _ = process.communicate(timeout=DEADLINE_SECONDS)
        finally:
            process.kill()
    assert ("over\n", 0) == (rest, process.returncode)
    assert (tmp_path / FILE_NAME).stat().st_size > 0

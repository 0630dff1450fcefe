"""The embedded Redis keeps what it was given, through every way to end, and never shares its folder."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from cryptography.fernet import Fernet

from tests.integration import command_line, is_gone, until
from tests.redis_server import redis_server, server_binary
from worker.processes import StartError
from worker.processes.data_folder import DataFolderInUse, made_once, running_url, secret_key
from worker.processes.embedded_redis import EmbeddedRedis, NoServerBinary, ServerNotReady

OWNER = """
import sys
from pathlib import Path
from worker.processes.embedded_redis import EmbeddedRedis
binary = Path(sys.argv[3]) if sys.argv[3] else None
server = EmbeddedRedis(Path(sys.argv[1]), die_with_parent=sys.argv[2] == "1", binary=binary).start()
print(server.pid, flush=True)
sys.stdin.read()
server.stop()
"""


def start_owner(folder: Path, *, die_with_parent: bool = False) -> tuple[subprocess.Popen[str], int]:
    """Another process that runs a server on `folder`, and the server's pid."""
    flag, binary = str(int(die_with_parent)), str(server_binary() or "")
    argv = [sys.executable, "-c", OWNER, str(folder), flag, binary]
    owner = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    return owner, int(owner.stdout.readline())


def end_owner(owner: subprocess.Popen[str]) -> None:
    """Close its input, which is its sign to stop, and collect it."""
    owner.communicate()


def mode(path: Path) -> int:
    """Who may read and write the file."""
    return stat.S_IMODE(path.stat().st_mode)


def plain(folder: Path) -> EmbeddedRedis:
    """A server that outlives its parent, not started."""
    return EmbeddedRedis(folder, binary=server_binary())


def test_is_set_up_to_lose_nothing(tmp_path: Path) -> None:
    """Promise 1: every write reaches the disk, and nothing is ever evicted."""
    with redis_server(tmp_path) as server, redis.Redis.from_url(server.url, decode_responses=True) as client:
        settings = client.config_get("appendonly", "appendfsync", "save", "maxmemory-policy", "bind")

    expected = {
        "appendonly": "yes",
        "appendfsync": "always",
        "save": "",
        "maxmemory-policy": "noeviction",
        "bind": "127.0.0.1",
    }
    assert expected == settings


def test_asks_for_its_password(tmp_path: Path) -> None:
    """Another program of this machine cannot read it without the password."""
    refused = pytest.raises(redis.exceptions.AuthenticationError)
    with redis_server(tmp_path) as server, redis.Redis(port=server.port) as stranger, refused:
        stranger.ping()


def test_password_is_in_private_files_only(tmp_path: Path) -> None:
    """Promise 9: everybody can see a command line, so the password is not on it; its files are private."""
    with redis_server(tmp_path) as server:
        visible = command_line(server.pid)
        password = (tmp_path / "redis.password").read_text().strip()

        assert password in server.url
        assert str(server.port) in visible
        assert password not in visible
        assert [0o600, 0o600] == [mode(tmp_path / "redis.password"), mode(tmp_path / "redis" / "redis.conf")]


def test_keeps_its_data_over_kill_9(tmp_path: Path) -> None:
    """Promise 1: what was answered is there after `kill -9`, on the same address."""
    with redis_server(tmp_path) as server, redis.Redis.from_url(server.url, decode_responses=True) as client:
        address, first = server.url, server.pid
        for number in range(200):
            client.set(f"key:{number}", number)
        server.kill()
        server.restart()

        assert address == server.url
        assert first != server.pid
        assert [str(number) for number in range(200)] == client.mget(
            [f"key:{number}" for number in range(200)]
        )


def test_keeps_its_data_from_run_to_run(tmp_path: Path) -> None:
    """A stop and a new start on the folder find the same data."""
    for expected in (None, "1"):
        with (
            redis_server(tmp_path) as server,
            redis.Redis.from_url(server.url, decode_responses=True) as client,
        ):
            assert expected == client.get("a")
            client.set("a", "1")


def test_starts_with_a_torn_tail(tmp_path: Path) -> None:
    """A write that was cut off by a crash of the machine does not keep the server from starting."""
    with redis_server(tmp_path) as server, redis.Redis.from_url(server.url, decode_responses=True) as client:
        client.set("a", "1")
        server.kill()
        [newest] = (tmp_path / "redis" / "appendonlydir").glob("*.incr.aof")
        with newest.open("ab") as file:
            file.write(b"*3\r\n$3\r\nSET\r\n$1\r\nb")
        server.restart()

        assert ["a"] == client.keys()


def test_second_start_is_refused_while_the_owner_lives(tmp_path: Path) -> None:
    """Two servers on one folder would ruin the file: the second is refused and the first goes on."""
    owner, server_pid = start_owner(tmp_path)
    try:
        with pytest.raises(DataFolderInUse) as caught:
            plain(tmp_path).start()

        assert server_pid == caught.value.pid
        assert all(
            word in str(caught.value)
            for word in (str(tmp_path), str(server_pid), str(owner.pid), "INNKEY_DATA")
        )
        url = running_url(tmp_path)
        assert url is not None
        with redis.Redis.from_url(url) as client:
            assert client.ping()
    finally:
        end_owner(owner)


def test_second_start_is_refused_while_an_orphaned_server_lives(tmp_path: Path) -> None:
    """The server holds the folder itself: `kill -9` of its Innkey does not open the way for a second one."""
    owner, server_pid = start_owner(tmp_path)
    owner.kill()
    end_owner(owner)
    try:
        assert not is_gone(server_pid)
        with pytest.raises(DataFolderInUse, match=f"kill {server_pid}"):
            plain(tmp_path).start()
    finally:
        os.kill(server_pid, signal.SIGTERM)
    until(lambda: is_gone(server_pid), "the end of the orphan")
    plain(tmp_path).start().stop()


def test_server_that_dies_with_its_parent_lets_the_next_one_in(tmp_path: Path) -> None:
    """After `kill -9` of Innkey the next start waits for the old server's end, and goes on with its data.

    Only Linux tells a child that its parent is gone: elsewhere a person has to end the server.
    """
    owner, server_pid = start_owner(tmp_path, die_with_parent=True)
    url = running_url(tmp_path)
    assert url is not None
    with redis.Redis.from_url(url) as client:
        client.set("a", "1")
    owner.kill()
    end_owner(owner)
    if not sys.platform.startswith("linux"):
        os.kill(server_pid, signal.SIGTERM)

    with redis_server(tmp_path) as server, redis.Redis.from_url(server.url, decode_responses=True) as client:
        assert server.after_crash
        assert is_gone(server_pid)
        assert "1" == client.get("a")


def test_folder_is_free_after_stop(tmp_path: Path) -> None:
    """A stopped server leaves nothing behind that refuses the next one."""
    server = plain(tmp_path).start()
    pid = server.pid
    server.stop()

    assert is_gone(pid)
    assert running_url(tmp_path) is None
    with redis_server(tmp_path) as second:
        assert not second.after_crash


def test_folder_stays_ours_while_the_server_is_down(tmp_path: Path) -> None:
    """Between a crash of the server and its restart nobody else may take the folder."""
    with redis_server(tmp_path) as server:
        server.kill()
        with pytest.raises(DataFolderInUse):
            plain(tmp_path).start()


def test_two_folders_run_side_by_side(tmp_path: Path) -> None:
    """Each server takes a port of its own."""
    with redis_server(tmp_path / "a") as first, redis_server(tmp_path / "b") as second:
        assert first.port != second.port


def test_folder_name_may_hold_anything(tmp_path: Path) -> None:
    """Spaces, quotes and backslashes in the folder's name reach the server as they are."""
    folder = tmp_path / 'my "data" \\ folder'
    with redis_server(folder) as server, redis.Redis.from_url(server.url, decode_responses=True) as client:
        assert {"dir": str(folder / "redis")} == client.config_get("dir")


def test_early_end_is_told_with_the_log(tmp_path: Path) -> None:
    """A server that ends at once is noticed at once, and the error shows what the server said."""
    server = EmbeddedRedis(tmp_path, binary=server_binary(), extra_config=["no-such-setting 1"])
    with pytest.raises(ServerNotReady, match="no-such-setting"):
        server.start()
    plain(tmp_path).start().stop()


def test_taken_port_is_an_error(tmp_path: Path) -> None:
    """A port that was asked for is not replaced by another one."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ServerNotReady, match="in use"):
            EmbeddedRedis(tmp_path, port=other.getsockname()[1], binary=server_binary()).start()


def test_missing_binary_names_the_cure(tmp_path: Path) -> None:
    """Where no server runs, the user is told to set REDIS_URL."""
    with pytest.raises(NoServerBinary, match="Set REDIS_URL"):
        EmbeddedRedis(tmp_path, binary=tmp_path / "no-such-server").start()


def test_unusable_folder_names_the_cure(tmp_path: Path) -> None:
    """A folder that cannot be made is an error in one line, not a traceback."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match="INNKEY_DATA"):
        plain(tmp_path / "file" / "data").start()


def test_secret_key_is_made_once(tmp_path: Path) -> None:
    """The key is a Fernet key, private, the same for all who ask at once and ever after."""
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(lambda _: secret_key(tmp_path / "data"), range(32)))

    [key] = keys
    Fernet(key)
    assert key == secret_key(tmp_path / "data")
    assert 0o600 == mode(tmp_path / "data" / "secret.key")
    assert ["secret.key"] == [path.name for path in (tmp_path / "data").iterdir()]


def test_empty_secret_file_is_not_replaced(tmp_path: Path) -> None:
    """An emptied key file is an error: a new key could not read the data."""
    path = tmp_path / "secret.key"
    path.touch()
    with pytest.raises(StartError, match="is empty"):
        made_once(path, lambda: "new")
    assert "" == path.read_text()


def test_note_of_a_server_that_is_gone_gives_no_address(tmp_path: Path) -> None:
    """`running_url` does not send other commands to a server of yesterday."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "innkey.lock").write_text(json.dumps({"owner": ended.pid, "server": ended.pid, "port": 1}))
    assert running_url(tmp_path) is None

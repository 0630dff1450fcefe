"""`innkey up` and `make run` refuse what cannot work, and give all processes the same Redis and keys."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import redis
from cryptography.fernet import Fernet

from tests.integration import until
from worker.commands.record import completed
from worker.configuration_error import ConfigurationError
from worker.processes import StartError
from worker.processes.data_folder import DataFolderInUse, running_url
from worker.processes.embedded_redis import EmbeddedRedis, free_port
from worker.processes.stack import PortInUse, run_stack

# Runs the stack with each command replaced by one that writes down its arguments and environment, and waits.
STACK = """
import json, os, sys
import worker.processes.stack as stack

CHILD = '''
import json, os, signal, sys
from pathlib import Path
asked = {"argv": sys.argv[2:], "env": dict(os.environ), "pid": os.getpid()}
path = Path(os.environ["OUT"], sys.argv[1])
path.with_suffix(".new").write_text(json.dumps(asked))
path.with_suffix(".new").rename(path)
signal.pause()
'''
real = stack.Command

def recorder(name, argv, **options):
    return real(name, [sys.executable, "-c", CHILD, name, *argv], **options)

stack.Command = recorder
stack.run_stack(os.environ, with_sandbox=sys.argv[1] == "sandbox")
"""


class Stack:
    """A running stack of recorders."""

    def __init__(self, folder: Path, mode: str, environ: Mapping[str, str]) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.out = folder / "out"
        with self.out.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-c", STACK, mode],
                cwd=folder,
                env={"PATH": os.environ["PATH"], "OUT": str(folder), **environ},
                stdout=out,
                stderr=out,
                start_new_session=True,
            )

    def child(self, name: str) -> dict[str, Any]:
        """What the child `name` was given."""
        path = self.folder / name
        until(lambda: path.exists() or self.process.poll() is not None, f"start of {name}")
        recorded: dict[str, Any] = json.loads(path.read_text())
        return recorded

    def stop(self) -> str:
        """End it as a user does and return what it printed."""
        self.process.terminate()
        assert 0 == self.process.wait(60)
        return self.out.read_text()


@contextlib.contextmanager
def stack(folder: Path, mode: str = "", **environ: str) -> Iterator[Stack]:
    """Run the stack in `folder`; `mode` "sandbox" is `make run`."""
    running = Stack(folder, mode, {"PORT": str(free_port()), **environ})
    try:
        yield running
    finally:
        running.process.terminate()
        running.process.wait()


def given(folder: Path, **more: str) -> dict[str, str]:
    """An environment for `run_stack` in this process."""
    return {"INNKEY_DATA": str(folder), "PORT": str(free_port()), **more}


def test_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    """The error names PORT, and no Redis was started for nothing."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        with pytest.raises(PortInUse, match=f"port {port}.*set PORT"):
            run_stack(given(tmp_path, PORT=port))

    assert ["innkey.lock"] == [path.name for path in tmp_path.iterdir()]


def test_port_of_a_killed_stack_is_waited_for(tmp_path: Path) -> None:
    """After `kill -9` its web process may still be ending: the next start waits for it."""
    note = tmp_path / "innkey.lock"
    left_behind = json.dumps({"owner": None, "server": 1, "port": 1})
    note.write_text(left_behind)
    other = socket.create_server(("127.0.0.1", 0))

    def end_once_the_folder_is_taken() -> None:
        until(lambda: left_behind != note.read_text(), "the new stack's note")
        other.close()

    def check(_environ: Mapping[str, str]) -> None:
        raise LookupError("far enough")

    ending = threading.Thread(target=end_once_the_folder_is_taken)
    environ = given(tmp_path, PORT=str(other.getsockname()[1]))
    ending.start()
    with pytest.raises(LookupError, match="far enough"):
        run_stack(environ, check=check)
    ending.join()


def test_second_stack_on_the_folder_is_refused(tmp_path: Path) -> None:
    """Even with the same PORT, the folder is named: that is what the two share."""
    with EmbeddedRedis(tmp_path), socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(DataFolderInUse):
            run_stack(given(tmp_path, PORT=str(other.getsockname()[1])))


def test_lost_secret_key_is_not_replaced(tmp_path: Path) -> None:
    """A new key could not read the record: the start is refused and nothing is written."""
    with EmbeddedRedis(tmp_path) as server, redis.Redis.from_url(server.url) as client:
        client.set("a", "1")
    with pytest.raises(StartError, match=r"secret\.key is missing"):
        run_stack(given(tmp_path))

    assert not (tmp_path / "secret.key").exists()


def test_bad_environment_is_told_first(tmp_path: Path) -> None:
    """Every problem of the environment at once, before anything starts."""
    with pytest.raises(ConfigurationError) as caught:
        run_stack(given(tmp_path / "data", PORT="many", WORKER_THREADS="few"))

    assert ["PORT", "WORKER_THREADS"] == sorted(problem.where for problem in caught.value.problems)
    assert not (tmp_path / "data").exists()


def test_failed_check_ends_the_stack(tmp_path: Path) -> None:
    """What the check raises comes through, after it saw the children's environment; Redis is stopped."""
    seen: dict[str, str] = {}

    def check(environ: Mapping[str, str]) -> None:
        seen.update(environ)
        raise LookupError("no such lock")

    with pytest.raises(LookupError, match="no such lock"):
        run_stack(given(tmp_path), check=check)

    assert seen["REDIS_URL"].startswith("redis://:")
    Fernet(seen["INNKEY_SECRET_KEY"])
    assert running_url(tmp_path) is None


def test_sandbox_is_never_passed_by(tmp_path: Path) -> None:
    """A property file that names the vendor's address is refused: a demo must not move real doors."""
    properties = tmp_path / "properties.toml"
    properties.write_text('[accounts.default]\nbase_url = "https://cloud.kas.com.au/api"\n')
    with pytest.raises(StartError, match=r"accounts\.default\.base_url"):
        run_stack(given(tmp_path, INNKEY_PROPERTIES=str(properties)), with_sandbox=True)


def test_all_share_redis_and_key(tmp_path: Path) -> None:
    """`innkey up` with nothing set: web and worker get the embedded Redis and the key of the data folder."""
    with stack(tmp_path, WORKER_THREADS="4", REDIS_URL="") as running:
        web, worker = running.child("web"), running.child("worker")
        url = running_url(tmp_path / "data")
        assert url is not None
        assert [url, url] == [web["env"]["REDIS_URL"], worker["env"]["REDIS_URL"]]
        assert web["env"]["INNKEY_SECRET_KEY"] == worker["env"]["INNKEY_SECRET_KEY"]
        assert "webhooks:create_app()" == web["argv"][-1]
        threads = worker["argv"].index("--threads") + 1
        assert ["14", "worker.actors:start"] == worker["argv"][threads : threads + 2]
        output = running.stop()

    assert web["env"]["INNKEY_SECRET_KEY"] not in output
    assert url not in output
    assert not (tmp_path / "sandbox").exists()


def test_redis_is_restarted_in_place(tmp_path: Path) -> None:
    """After `kill -9` of Redis it is back on the same address, while web and worker go on."""
    with stack(tmp_path) as running:
        worker = running.child("worker")
        url = worker["env"]["REDIS_URL"]
        with redis.Redis.from_url(url, retry=None, decode_responses=True) as client:
            client.set("a", "1")
            os.kill(int(client.info("server")["process_id"]), signal.SIGKILL)

            def answers() -> bool:
                with contextlib.suppress(redis.exceptions.RedisError):
                    return bool(client.get("a") == "1")
                return False

            until(lambda: "redis was ended by SIGKILL" in running.out.read_text(), "the report")
            until(answers, "Redis on the same address")
        assert worker["pid"] == running.child("worker")["pid"]


def test_next_start_after_kill_9_goes_on(tmp_path: Path) -> None:
    """`kill -9` of the whole stack's parent costs nothing: the next start has the same data."""
    with stack(tmp_path) as first:
        with redis.Redis.from_url(first.child("worker")["env"]["REDIS_URL"]) as client:
            client.set("a", "1")
        first.process.kill()
        first.process.wait()
    for name in ("web", "worker"):
        (tmp_path / name).unlink()
    if not sys.platform.startswith("linux"):  # nobody tells the server that its parent is gone
        os.kill(json.loads((tmp_path / "data" / "innkey.lock").read_text())["server"], signal.SIGTERM)

    with stack(tmp_path) as second:
        url = second.child("worker")["env"]["REDIS_URL"]
        client = redis.Redis.from_url(url, decode_responses=True)
        expected = "1"
        assert expected == client.get("a")
        client.close()


def test_run_without_any_configuration(tmp_path: Path) -> None:
    """`make run` for a new user: a demo of two locks, its secrets in private files, their paths printed."""
    with stack(
        tmp_path, "sandbox", KAS_API_KEY="the-real-key", KAS_BASE_URL="https://cloud.kas.com.au/api"
    ) as running:
        sandbox, worker = running.child("sandbox"), running.child("worker")
        data = {"INNKEY_DATA": str(tmp_path / "data")}
        seen = completed({**data, "KAS_API_KEY": "the-real-key", "KAS_EMAIL": "a@example.com"})
        output = running.stop()

    port = sandbox["argv"][sandbox["argv"].index("--port") + 1]
    assert ["--lock", "SS000001", "--lock", "SS000002"] == sandbox["argv"][-4:]
    assert f"http://127.0.0.1:{port}/api" == worker["env"]["KAS_BASE_URL"]
    assert "the-real-key" not in (worker["env"] | sandbox["env"]).values()
    kas = {name: value for name, value in seen.items() if name.startswith("KAS_")}
    assert {name: worker["env"][name] for name in ("KAS_BASE_URL", "KAS_API_KEY")} == kas
    for name, variable in (
        ("direct-webhook-secret", "DIRECT_WEBHOOK_SECRET"),
        ("api-token", "INNKEY_API_TOKEN"),
    ):
        path = tmp_path / "data" / name
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
        assert path.read_text().strip() == worker["env"][variable]
        assert str(path) in output
        assert worker["env"][variable] not in output
    assert f"http://127.0.0.1:{port}/" in output
    assert str(tmp_path / "data" / "properties.toml") == worker["env"]["INNKEY_PROPERTIES"]


def test_commands_beside_an_innkey_without_sandbox(tmp_path: Path) -> None:
    """What an earlier run with the sandbox noted is forgotten: commands speak to the vendor again."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "sandbox-address").write_text("http://127.0.0.1:1\n")
    with stack(tmp_path) as running:
        running.child("worker")
        seen = completed({"INNKEY_DATA": str(tmp_path / "data"), "KAS_API_KEY": "the-real-key"})

    assert {"KAS_API_KEY": "the-real-key"} == {
        name: value for name, value in seen.items() if name.startswith("KAS_")
    }


def test_run_takes_the_users_own_properties(tmp_path: Path) -> None:
    """With a property file of the user's own, the sandbox has its locks, and no demo is written."""
    (tmp_path / "properties.toml").write_text('[locks.LK7]\ntitle = "Door"\n')
    with stack(tmp_path, "sandbox") as running:
        sandbox = running.child("sandbox")

    assert ["--lock", "LK7"] == sandbox["argv"][-2:]
    assert not (tmp_path / "data" / "properties.toml").exists()

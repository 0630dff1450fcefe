"""The supervisor restarts what dies, stops in order, and leaves nobody behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import pytest

from tests.integration import is_gone, until
from worker.processes.supervisor import Backoff

# Runs a Supervisor over the children that the JSON in argv names, with a base that tells what happens to it.
SUPERVISOR = """
import json, os, sys
from pathlib import Path
from worker.processes.supervisor import Command, Supervisor

asked = json.loads(sys.argv[1])

class Base:
    name = "base"

    def launch(self):
        print("base launched", flush=True)
        Path(asked["folder"], "base-died").unlink()

    def poll(self):
        return 7 if Path(asked["folder"], "base-died").exists() else None

    def stop(self):
        print("base stopped", flush=True)

commands = [
    Command(name, [sys.executable, "-u", "-c", code, asked["folder"]], reloads=name == "reloads")
    for name, code in asked["children"].items()
]
bad = Path(asked["folder"], "bad-file")
check = lambda: bad.read_text() if bad.exists() else ""
Supervisor(commands, base=Base(), grace_s=asked["grace_s"], why_not_reload=check).run()
print("supervisor ended", flush=True)
"""

# A child that writes its pid, waits, and says which signal ended it.
CALM = """
import os, signal, sys
from pathlib import Path
name = "{name}"
def on_signal(number, frame):
    print("got", signal.Signals(number).name, flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, on_signal)
signal.signal(signal.SIGINT, on_signal)
Path(sys.argv[1], name).write_text(str(os.getpid()))
while True:
    signal.pause()
"""

# A master with a helper in its process group: each writes down the signals it gets.
MASTER = """
import os, signal, sys
from pathlib import Path
folder = Path(sys.argv[1])
helper = os.fork()
name = "master" if helper else "helper"
def on_signal(number, frame):
    Path(folder, name + ".signals").open("a").write(signal.Signals(number).name + " ")
    if {obedient}:
        os._exit(0)
signal.signal(signal.SIGTERM, on_signal)
Path(folder, name).write_text(str(os.getpid()))
while True:
    signal.pause()
"""


class Running:
    """A supervisor in a process of its own, with its output in a file."""

    def __init__(self, folder: Path, children: Mapping[str, str], grace_s: float) -> None:
        self.folder = folder
        self._log = folder / "log"
        asked = json.dumps({"folder": str(folder), "children": dict(children), "grace_s": grace_s})
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", SUPERVISOR, asked], stdout=log, stderr=log, start_new_session=True
            )

    @property
    def log(self) -> str:
        """All it and its children printed so far."""
        return self._log.read_text()

    def pid(self, name: str) -> int:
        """The pid that the child `name` wrote down, once it has."""
        path = self.folder / name
        until(lambda: path.exists() and path.read_text(), f"start of {name}")
        return int(path.read_text())

    def stop(self, number: signal.Signals = signal.SIGTERM) -> list[str]:
        """Signal the supervisor alone, wait for its end and return its log."""
        self.process.send_signal(number)
        assert 0 == self.process.wait(60), self.log
        return self.log.splitlines()


@contextlib.contextmanager
def supervisor(folder: Path, children: Mapping[str, str], grace_s: float = 60.0) -> Iterator[Running]:
    """Run `children` (name: Python code); what is left of them is killed at the end."""
    running = Running(folder, children, grace_s)
    try:
        yield running
    finally:
        running.process.kill()
        running.process.wait()
        for name in children:
            if (folder / name).exists():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(int((folder / name).read_text()), signal.SIGKILL)


def calm(*names: str) -> dict[str, str]:
    """Children that wait until they are asked to end."""
    return {name: CALM.replace("{name}", name) for name in names}


def test_restarts_what_dies(tmp_path: Path) -> None:
    """A child that is killed is reported in one line and started again; the others are left alone."""
    with supervisor(tmp_path, calm("one", "two")) as running:
        first, other = running.pid("one"), running.pid("two")
        (tmp_path / "one").unlink()
        os.kill(first, signal.SIGKILL)

        assert first != running.pid("one")
        assert other == running.pid("two")
        reports = [line for line in running.stop() if "one was" in line]
        assert ["innkey | one was ended by SIGKILL; it is started again in 0.5 s"] == reports


def test_waits_longer_each_time(tmp_path: Path) -> None:
    """A child that cannot live is started again and again, at growing distances."""
    with supervisor(tmp_path, {"bad": "import sys; print('no', flush=True); sys.exit(3)"}) as running:
        until(lambda: "again in 2 s" in running.log, "the third restart")
        lines = running.stop()

    reports = [line for line in lines if "bad ended" in line]
    expected = [
        f"innkey | bad ended with exit code 3; it is started again in {s} s" for s in ("0.5", "1", "2")
    ]
    assert expected == reports[:3]
    assert "bad    | no" in lines


@pytest.mark.parametrize(
    ("lives", "expected"),
    [
        ([0, 0, 0, 0, 0, 0, 0], [0.5, 1, 2, 4, 8, 10, 10]),
        ([0, 0, 30, 0], [0.5, 1, 0.5, 1]),
        ([0, 29.9, 0], [0.5, 1, 2]),
    ],
)
def test_backoff(lives: list[float], expected: list[float]) -> None:
    """Waits double from 0.5 s to 10 s, and begin anew after 30 s alive."""
    backoff = Backoff()
    assert expected == [backoff.after(lived) for lived in lives]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """The last started ends first, each before the next is asked, the base after all of them."""
    with supervisor(tmp_path, calm("sandbox", "web", "worker")) as running:
        pids = [running.pid(name) for name in ("sandbox", "web", "worker")]
        lines = running.stop(number)

    expected = [
        "innkey  | stopping worker",
        "worker  | got SIGTERM",
        "innkey  | stopping web",
        "web     | got SIGTERM",
        "innkey  | stopping sandbox",
        "sandbox | got SIGTERM",
        "innkey  | stopping base",
        "base stopped",
        "supervisor ended",
    ]
    assert expected == lines
    assert all(map(is_gone, pids))


def test_signals_the_master_alone(tmp_path: Path) -> None:
    """Dramatiq drains only if its master alone is asked to end; the rest of the group hears nothing."""
    with supervisor(tmp_path, {"master": MASTER.replace("{obedient}", "True")}) as running:
        running.pid("master")
        helper = running.pid("helper")
        running.stop()

        assert "SIGTERM " == (tmp_path / "master.signals").read_text()
        assert not (tmp_path / "helper.signals").exists()
        until(lambda: is_gone(helper), "end of the helper, which is killed after its master's end")


def test_kills_the_group_after_the_grace(tmp_path: Path) -> None:
    """A master that does not end is killed, and its helpers with it."""
    with supervisor(tmp_path, {"master": MASTER.replace("{obedient}", "False")}, grace_s=0.5) as running:
        pids = [running.pid("master"), running.pid("helper")]
        lines = running.stop()

        assert "innkey | master did not end in time and is killed" in lines
        assert "SIGTERM " == (tmp_path / "master.signals").read_text()
        for pid in pids:
            until(partial(is_gone, pid), "end of the group")


def test_second_interrupt_hurries(tmp_path: Path) -> None:
    """Who presses Ctrl-C twice does not want to wait for the grace."""
    with supervisor(tmp_path, {"master": MASTER.replace("{obedient}", "False")}) as running:
        running.pid("master")
        running.process.send_signal(signal.SIGINT)
        until((tmp_path / "master.signals").exists, "the first SIGTERM")

        assert "supervisor ended" in running.stop(signal.SIGINT)


def test_dead_masters_helpers_are_told_to_end(tmp_path: Path) -> None:
    """Workers of a killed Dramatiq master must not go on beside those of the new one."""
    with supervisor(tmp_path, {"master": MASTER.replace("{obedient}", "True")}) as running:
        master, helper = running.pid("master"), running.pid("helper")
        os.kill(master, signal.SIGKILL)

        until(lambda: is_gone(helper), "end of the helper")
        assert "SIGTERM " == (tmp_path / "helper.signals").read_text()


def test_restarts_the_base(tmp_path: Path) -> None:
    """Redis is kept running like the others, and they are left alone meanwhile."""
    with supervisor(tmp_path, calm("one")) as running:
        first = running.pid("one")
        (tmp_path / "base-died").touch()
        until(lambda: "base launched" in running.log, "the base's restart")

        assert first == running.pid("one")
        assert "base ended with exit code 7; it is started again in 0.5 s" in "\n".join(running.stop())


def test_keeps_the_base_up_while_stopping(tmp_path: Path) -> None:
    """A worker that drains needs Redis to the end."""
    with supervisor(tmp_path, {"master": MASTER.replace("{obedient}", "False")}) as running:
        running.pid("master")
        running.process.send_signal(signal.SIGTERM)
        until((tmp_path / "master.signals").exists, "the begin of the drain")
        (tmp_path / "base-died").touch()

        until(lambda: "base launched" in running.log, "the base's restart")


def test_children_end_with_a_killed_supervisor(tmp_path: Path) -> None:
    """After `kill -9` of the supervisor its children get SIGTERM (on Linux; elsewhere they stay)."""
    with supervisor(tmp_path, calm("one", "two")) as running:
        pids = [running.pid("one"), running.pid("two")]
        running.process.kill()
        running.process.wait()
        if not sys.platform.startswith("linux"):
            for pid in pids:
                os.kill(pid, signal.SIGTERM)

        for pid in pids:
            until(partial(is_gone, pid), "end of the child")


def test_passes_hangup_on_to_those_who_reload(tmp_path: Path) -> None:
    """SIGHUP reaches web and worker, which read their files again, not the sandbox, which it would end."""
    hears = CALM.replace("{name}", "reloads") + "\n"
    hears = hears.replace("signal.signal(signal.SIGINT, on_signal)", "signal.signal(signal.SIGHUP, note)")
    hears = "def note(number, frame): print('reloaded', flush=True)\n" + hears
    with supervisor(tmp_path, {"reloads": hears, **calm("other")}) as running:
        other = running.pid("other")
        running.pid("reloads")
        running.process.send_signal(signal.SIGHUP)
        until(lambda: "reloads | reloaded" in running.log, "the reload")

        assert other == running.pid("other")
        assert not [line for line in running.stop() if "started again" in line]


def test_a_faulty_configuration_is_not_passed_on(tmp_path: Path) -> None:
    """A mistake in the property file, then SIGHUP: each problem is told, and the processes go on."""
    hears = CALM.replace("{name}", "reloads")
    hears = hears.replace(
        "signal.signal(signal.SIGINT, on_signal)", "signal.signal(signal.SIGHUP, on_signal)"
    )
    with supervisor(tmp_path, {"reloads": hears}) as running:
        running.pid("reloads")
        (tmp_path / "bad-file").write_text("locks.SS1: there is no account 'x'\nunits.y: is empty")
        running.process.send_signal(signal.SIGHUP)
        until(lambda: "was not read again" in running.log, "the refusal")
        lines = running.stop()
        assert [line for line in lines if "locks.SS1" in line]
        assert [line for line in lines if "units.y" in line]
        assert not [line for line in lines if "got SIGHUP" in line]


def test_command_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    """A program that is missing is a line and a new try, and no end of the others."""
    code = """
import sys
from worker.processes.supervisor import Command, Supervisor
Supervisor([Command("missing", ["/no/such/program"])]).run()
"""
    log = tmp_path / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen([sys.executable, "-c", code], stdout=out, stderr=out) as process,
    ):
        until(lambda: "again in 1 s" in log.read_text(), "the second try")
        process.terminate()

    assert 0 == process.returncode
    assert "missing could not be started" in log.read_text()


def test_output_without_line_breaks_comes_through(tmp_path: Path) -> None:
    """Long lines, torn UTF-8 and a last line without its end are printed, and nothing waits for ever."""
    code = r"import os, signal; os.write(1, b'\xff' + b'x' * 200_000 + b'\nlast'); signal.pause()"
    with supervisor(tmp_path, {"loud": code}) as running:
        until(lambda: running.log.count("x") >= 200_000, "the long line")
        lines = running.stop()

    assert 200_000 == "".join(lines).count("x")
    assert "loud   | last" in lines

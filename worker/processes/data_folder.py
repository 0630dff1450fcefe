"""The data folder of one machine: who holds it, and the secrets that are made in it once."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography.fernet import Fernet

from worker.processes import StartError

__all__ = [
    "DataFolderInUse",
    "FolderLock",
    "made_once",
    "redis_password",
    "redis_url",
    "running_url",
    "secret_key",
]

POLL_S = 0.02


class DataFolderInUse(StartError):
    """Another server works on the folder; a second one would ruin its file.

    `folder` is the data folder, `pid` the process that holds it (None if it left no note).
    """

    def __init__(self, folder: Path, holder: dict[str, Any]) -> None:
        self.folder = folder
        server, owner = holder.get("server"), holder.get("owner")
        self.pid: int | None = server or owner
        if self.pid is None:
            who, cure = "another process", "Stop that one first"
        elif owner is not None and owner != server and not _alive(owner):
            who = f"a Redis server (pid {self.pid}) whose Innkey (pid {owner}) is gone"
            cure = f"End it with 'kill {self.pid}' (it keeps its data)"
        else:
            who = f"another Innkey (pid {owner}, its Redis server: pid {server})"
            cure = "Stop that one first"
        super().__init__(
            f"The data folder {folder} is in use by {who}. {cure}, or set INNKEY_DATA to another folder."
        )


def made_once(path: Path, make: Callable[[], str]) -> str:
    """The text of the file `path`; if missing it is written with `make()`, mode 0600, whole or not at all.

    Processes that ask at the same time get the same text. Raises StartError if the file is empty.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(make() + "\n")
                file.flush()
                os.fsync(file.fileno())
            _link_if_absent(temporary, path)
        finally:
            Path(temporary).unlink(missing_ok=True)
    text = path.read_text(encoding="utf-8").strip()
    if not text:
        raise StartError(
            f"The file {path} is empty. Restore it from a backup, or delete it to have a new one."
        )
    return text


def _link_if_absent(temporary: str, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        return
    except OSError as error:
        # Some file systems know no hard links.
        if error.errno not in (errno.EPERM, errno.ENOTSUP, errno.ENOSYS):
            raise
        Path(temporary).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def secret_key(data_dir: Path) -> str:
    """The Fernet key of this data folder, made at first use (file `secret.key`, mode 0600)."""
    return made_once(data_dir / "secret.key", lambda: Fernet.generate_key().decode())


def redis_password(data_dir: Path) -> str:
    """The password of this data folder's Redis, made at first use (file `redis.password`, mode 0600)."""
    return made_once(data_dir / "redis.password", lambda: secrets.token_hex(32))


def running_url(data_dir: Path) -> str | None:
    """The address of the Redis that now runs on `data_dir`, for other commands on this machine; or None."""
    note = _read_note(data_dir / "innkey.lock")
    if not (note.get("port") and note.get("server") and _alive(note["server"])):
        return None
    return redis_url(redis_password(data_dir), note["port"])


def note_sandbox(data_dir: Path, address: str | None) -> None:
    """Write down where the sandbox of the Innkey on this folder listens, for commands; None: it has none."""
    path = data_dir / "sandbox-address"
    if address is None:
        path.unlink(missing_ok=True)
    else:
        path.write_text(f"{address}\n", encoding="utf-8")


def sandbox_address(data_dir: Path) -> str | None:
    """What `note_sandbox` wrote; it counts only while `running_url` says that an Innkey runs."""
    path = data_dir / "sandbox-address"
    return path.read_text(encoding="utf-8").strip() if path.exists() else None


def redis_url(password: str, port: int) -> str:
    """The address of a Redis of this machine."""
    return f"redis://:{password}@127.0.0.1:{port}/0"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _read_note(path: Path) -> dict[str, Any]:
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


class FolderLock:
    """An flock on the data folder. The server inherits it, so it holds as long as either of the two lives."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "innkey.lock"
        self.fd: int | None = None
        self.after_crash = False

    def acquire(self, orphan_wait_s: float) -> None:
        """Take the lock or raise DataFolderInUse; wait `orphan_wait_s` for a server whose Innkey is gone.

        `after_crash` then tells whether the last holder left without giving the folder back.
        """
        if self.fd is not None:
            return
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        deadline = time.monotonic() + orphan_wait_s
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _read_note(self._path)
                owner = holder.get("owner")
                if owner is None or _alive(owner) or time.monotonic() >= deadline:
                    os.close(fd)
                    raise DataFolderInUse(self._folder, holder) from None
                time.sleep(POLL_S)
            else:
                break
        self.fd = fd
        self.after_crash = bool(_read_note(self._path))
        self.note()

    def note(self, *, server: int | None = None, port: int | None = None) -> None:
        """Write down who holds the folder, for whoever finds it locked and for `running_url`."""
        if self.fd is None:
            raise RuntimeError("note() before acquire()")
        text = json.dumps({"owner": os.getpid(), "server": server, "port": port}).encode()
        os.pwrite(self.fd, text, 0)
        os.ftruncate(self.fd, len(text))

    def release(self) -> None:
        """Give our hold back, the server having ended. The lock itself ends with its last holder."""
        if self.fd is not None:
            os.ftruncate(self.fd, 0)
            os.close(self.fd)
            self.fd = None

"""How commands act for a person: logged under their name, and with errors that say what is in the way."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import click
import redis

from worker.bootstrap import Innkey
from worker.commands.errors import Failure
from worker.commands.record import open_record
from worker.domain.house import Lock
from worker.service.by_hand import LostLoanError, OccupiedError, QuietError
from worker.service.operators import Act, Operator

__all__ = ["agreed", "at_lock", "does", "known_lock", "who"]


def who() -> str:
    """The person at this terminal, as the operator log names one."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid {os.getuid()}"
    return f"cli {user}@{socket.gethostname()}"


def does(innkey: Innkey, what: str, on: str) -> AbstractContextManager[Act]:
    """Log what this command does; see `Operator.does`."""
    return Operator(innkey.store.operators, who()).does(what, on)


@contextmanager
def at_lock(name: str) -> Iterator[tuple[Innkey, Lock]]:
    """The services and the lock; what keeps a person from it becomes a Failure."""
    with open_record() as innkey:
        try:
            yield innkey, known_lock(innkey, name)
        except QuietError as error:
            raise Failure(f"lock {name}: {error}") from None
        except OccupiedError as error:
            cure = "try again when less is going on"
            raise Failure(f"lock {name}: nothing was sent: {error}; {cure}") from None
        except LostLoanError:
            raise Failure(f"lock {name}: it took so long that somebody else has it now; try again") from None
        finally:
            _close(innkey)


def known_lock(innkey: Innkey, name: str) -> Lock:
    """A lock of the property file."""
    locks = innkey.house().locks
    if name not in locks:
        cause = f"the property file has no lock {name!r} (known: {', '.join(locks) or 'none'})"
        raise click.BadParameter(cause, param_hint="LOCK")
    return locks[name]


def agreed(question: str, *, yes: bool) -> None:
    """Ask before something is done; `yes`: it was agreed on the command line."""
    if yes:
        return
    try:
        is_agreed = click.confirm(question, err=True)
    except click.Abort:
        raise click.UsageError("nobody answers here; give --yes to do it without being asked") from None
    if not is_agreed:
        raise Failure("nothing was done, as you wished")


def _close(innkey: Innkey) -> None:
    for client in innkey.key_ring().clients.values():
        client.close()
    try:
        innkey.report_counts()
    except redis.RedisError:
        return  # the counters are not worth an error

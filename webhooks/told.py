"""What people are told of a source or a calendar that is in trouble, and that it is over."""

from __future__ import annotations

from worker.bootstrap import Innkey
from worker.domain.notices import About
from worker.service.notice_writes import source_commands
from worker.store.errands import Commands, forget_command, note_command

__all__ = ["settle", "tell", "tell_cause"]


def tell(innkey: Innkey, source: str, about: About, cause: str) -> None:
    """Owe a person a mail, unless that is told already; in one write with the note of it.

    No secret, no guest in `cause`.
    """
    if about.value not in innkey.store.errands.notes(source):
        innkey.ledger.run_commands(_told(innkey, source, about, cause))


def tell_cause(innkey: Innkey, source: str, about: About, cause: str) -> None:
    """As `tell`, but another cause takes the place of the one before."""
    before = innkey.store.errands.notes(source).get(about.value)
    if before == cause:
        return
    over = _over(innkey, source, about, before) if before is not None else []
    innkey.ledger.run_commands([*over, *_told(innkey, source, about, cause)])


def settle(innkey: Innkey, source: str, *abouts: About) -> None:
    """Say of whatever was told that it is over."""
    told = innkey.store.errands.notes(source)
    for about in abouts:
        if about.value in told:
            innkey.ledger.run_commands(_over(innkey, source, about, told[about.value]))


def _told(innkey: Innkey, source: str, about: About, cause: str) -> Commands:
    rows = source_commands(about, source, innkey.clock.now(), cause=cause)
    return [*rows, note_command(source, about.value, cause)]


def _over(innkey: Innkey, source: str, about: About, cause: str) -> Commands:
    """By the cause that was told: it is part of the notice's id."""
    rows = source_commands(about, source, innkey.clock.now(), cause=cause, is_over=True)
    return [*rows, forget_command(source, about.value)]

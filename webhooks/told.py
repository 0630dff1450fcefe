"""What people are told of a source or a calendar that is in trouble, and that it is over."""

from __future__ import annotations

from worker.bootstrap import Innkey
from worker.domain.notices import About
from worker.service.notice_writes import source_commands

__all__ = ["settle", "tell", "tell_once"]


def tell(innkey: Innkey, source: str, about: About, cause: str) -> None:
    """Owe a person a mail, and note it of the source. No secret, no guest in `cause`."""
    innkey.ledger.run_commands(source_commands(about, source, innkey.clock.now(), cause=cause))
    innkey.store.errands.note(source, about.value, cause)


def tell_once(innkey: Innkey, source: str, about: About, cause: str) -> None:
    """As `tell`, but not what is told already; another cause takes the place of the one before."""
    if innkey.store.errands.notes(source).get(about.value) != cause:
        settle(innkey, source, about)
        tell(innkey, source, about, cause)


def settle(innkey: Innkey, source: str, *abouts: About) -> None:
    """Say of whatever was told that it is over."""
    told = innkey.store.errands.notes(source)
    for about in abouts:
        if about.value in told:
            now, cause = innkey.clock.now(), told[about.value]
            innkey.ledger.run_commands(source_commands(about, source, now, cause=cause, is_over=True))
            innkey.store.errands.forget_note(source, about.value)

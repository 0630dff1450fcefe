"""What is told beside letters, as Redis commands that go along with the write they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from worker.domain.booking import StayKey
from worker.domain.media import door_of
from worker.domain.notices import TOLD_ONCE, About, DoorWarning, Notice
from worker.domain.record import Stay
from worker.domain.signs import Signs
from worker.domain.source_signs import SourceSigns
from worker.store.commit import Commit
from worker.store.notices import settled_commands, told_commands


def notice_changes(commit: Commit, before: Stay | None, after: Stay, now: datetime) -> None:
    """Add to `commit` each notice that begins or ends between `before` and `after`."""
    old, new = set(before.warned if before is not None else ()), set(after.warned)
    for warning in sorted(new - old):
        commit.commands += told_commands(_notice(after, warning, now))
    for warning in sorted(old - new):
        if warning.about not in TOLD_ONCE:
            commit.commands += settled_commands(_notice(after, warning, now))


def _notice(stay: Stay, warning: DoorWarning, now: datetime) -> Notice:
    return Notice(
        about=warning.about,
        # When the vendor's cloud is away every arrival is at risk: one list, and not a mail for each door.
        where="arrivals" if warning.about is About.AT_RISK else door_of(warning.lock),
        opened=now,
        source=stay.key.source,
        booking=stay.key.id,
        lock=warning.lock,
    )


def unmanaged_commands(
    lock: str, new: Mapping[str, str], gone: Mapping[str, str], now: datetime
) -> list[list[str | int]]:
    """The Redis commands that tell of codes (slot -> mark) without a booking, and of those no longer so."""
    told = [told_commands(_unmanaged(lock, slot, mark, now)) for slot, mark in new.items()]
    settled = [settled_commands(_unmanaged(lock, slot, mark, now)) for slot, mark in gone.items()]
    return [command for commands in told + settled for command in commands]


def _unmanaged(lock: str, slot: str, mark: str, now: datetime) -> Notice:
    key = StayKey.parse(mark)
    return Notice(
        about=About.UNMANAGED,
        where=door_of(lock),
        opened=now,
        source=key.source,
        booking=key.id,
        lock=lock,
        slot=int(slot),
    )


def bad_event_commands(source: str, rejected_id: str, now: datetime) -> list[list[str | int]]:
    """The Redis commands that tell of a delivery that was proven, not understood, and is kept."""
    detail = f"kept as {rejected_id}"
    return told_commands(
        Notice(about=About.BAD_EVENT, where=source, opened=now, source=source, detail=detail)
    )


def source_commands(
    about: About, source: str, now: datetime, *, cause: str, is_over: bool = False
) -> list[list[str | int]]:
    """The Redis commands that tell of what is wrong with a source, or that it is over; the same `cause`."""
    notice = Notice(about=about, where=source, opened=now, source=source, detail=cause)
    return settled_commands(notice) if is_over else told_commands(notice)


def source_signs_commands(
    source: str, before: SourceSigns, after: SourceSigns, now: datetime
) -> list[list[str | int]]:
    """The Redis commands that tell of a source's silence or of its failing proofs, and of their ends."""
    commands: list[list[str | int]] = []
    for about, words, old, new in (
        (About.SOURCE_SILENT, "Nothing has come since", before.silent, after.silent),
        (About.SOURCE_UNPROVEN, "All has been refused since", before.unproven, after.unproven),
    ):
        if old is not None and old != new:
            cause = f"{words} {old:%Y-%m-%d at %H:%M} UTC."
            commands += source_commands(about, source, now, cause=cause, is_over=True)
        if new is not None and old != new:
            commands += source_commands(about, source, now, cause=f"{words} {new:%Y-%m-%d at %H:%M} UTC.")
    return commands


def signs_commands(lock: str, before: Signs, after: Signs, now: datetime) -> list[list[str | int]]:
    """The Redis commands that tell of a low battery or of silence, and of their ends."""
    commands: list[list[str | int]] = []
    for old, new in zip(_signs_notices(lock, before, now), _signs_notices(lock, after, now), strict=True):
        if old is None and new is not None:
            commands += told_commands(new)
        elif old is not None and new is None:
            commands += settled_commands(old)
    return commands


def _signs_notices(lock: str, signs: Signs, now: datetime) -> list[Notice | None]:
    level = f"It is at {signs.low} %." if signs.low is not None else ""
    since = (
        f"It was last heard of on {signs.unseen:%Y-%m-%d at %H:%M} UTC." if signs.unseen is not None else ""
    )
    told = [(About.LOW_BATTERY, level), (About.NOT_SEEN, since)]
    return [
        Notice(about=about, where=lock, opened=now, lock=lock, detail=detail) if detail else None
        for about, detail in told
    ]

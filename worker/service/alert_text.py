"""The words of an alert: what happened, to which doors and bookings, and what to do. No PIN, no guest."""

from __future__ import annotations

from collections.abc import Sequence

from worker.domain.dead_letter import DeadLetter
from worker.domain.house import House
from worker.domain.media import door_of, is_tags
from worker.domain.notices import WORDS, Notice
from worker.domain.reasons import ADVICE

MOST_LISTED = 50
Row = DeadLetter | Notice


def opened_mail(rows: Sequence[Row], house: House, base_url: str) -> tuple[str, str]:
    """Subject and text for what has come up of one problem: letters, notices, or both."""
    what, cure = _words(rows[0])
    lines = [what, "", f"What to do: {cure}", "", *_list(rows, house), ""]
    if any(isinstance(row, DeadLetter) for row in rows):
        lines += [
            "Retry:   innkey dead-letters retry ID",
            'Settle:  innkey dead-letters resolve ID --note "what was done"',
        ]
    return f"[Innkey] {_title(rows, house)}", "\n".join([*lines, f"Innkey:  {base_url}"]) + "\n"


def cleared_mail(rows: Sequence[Row], house: House, base_url: str) -> tuple[str, str]:
    """Subject and text once everything about a problem is settled."""
    notes = [f"- {_subject_of(row, house)}: {_end_of(row)}" for row in rows[:MOST_LISTED]]
    lines = ["This problem is settled.", "", *notes, "", f"Innkey:  {base_url}"]
    return f"[Innkey] Cleared: {_title(rows, house)}", "\n".join(lines) + "\n"


def _words(row: Row) -> tuple[str, str]:
    if isinstance(row, Notice):
        return WORDS[row.about].what, WORDS[row.about].cure
    return row.message or ADVICE[row.reason].what, ADVICE[row.reason].cure


def _end_of(row: Row) -> str:
    return (row.note or "settled") if isinstance(row, DeadLetter) else "no longer so"


def _title(rows: Sequence[Row], house: House) -> str:
    first = rows[0]
    word = first.about if isinstance(first, Notice) else first.reason
    name = word.value.replace("_", " ")
    where = first.booking or first.problem.partition(":")[2]
    if first.lock is not None:
        where = _door(first, house)
    more = f" (and {len(rows) - 1} more)" if len(rows) > 1 else ""
    return f"{name[0].upper()}{name[1:]}: {where}{more}"


def _door(row: Row, house: House) -> str:
    door = door_of(row.lock or "")
    lock = house.lock(door)
    name = f"{lock.title} ({door})" if lock is not None and lock.title else door
    return f"{name}, RFID tags" if is_tags(row.lock or "") else name


def _list(rows: Sequence[Row], house: House) -> list[str]:
    lines: list[str] = []
    for row in rows[:MOST_LISTED]:
        lines += [f"- {_subject_of(row, house)}", *_details(row)]
    if len(rows) > MOST_LISTED:
        lines.append(f"- and {len(rows) - MOST_LISTED} more")
    return lines


def _details(row: Row) -> list[str]:
    if isinstance(row, Notice):
        return [f"  {row.detail}"] if row.detail else []
    lines = [f"  letter {row.id}, opened {row.opened:%Y-%m-%d %H:%M} UTC, step {row.step.value}"]
    last = row.last
    if last is not None:
        said, ref = last.message or last.kind.value, f", ref {last.ref}" if last.ref else ""
        lines.append(f"  the vendor's last answer: {said}{ref} (attempts: {len(row.tries)})")
    return lines


def _subject_of(row: Row, house: House) -> str:
    if isinstance(row, Notice) and row.booking is None and row.lock is not None:
        return _door(row, house)
    subject = f"booking {row.source}/{row.booking}" if row.booking else row.problem
    slot = f", slot {row.slot}" if row.slot is not None else ""
    return f"{subject}, {_door(row, house)}{slot}" if row.lock is not None else subject

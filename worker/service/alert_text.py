"""The words of an alert: what happened, to which doors and bookings, and what to do. No PIN, no guest."""

from __future__ import annotations

from worker.domain.dead_letter import DeadLetter
from worker.domain.house import House
from worker.domain.reasons import ADVICE

MOST_LISTED = 50


def opened_mail(letters: list[DeadLetter], house: House, base_url: str) -> tuple[str, str]:
    """Subject and text for letters of one problem that were opened."""
    first = letters[0]
    lines = [
        first.message or ADVICE[first.reason].what,
        "",
        f"What to do: {ADVICE[first.reason].cure}",
        "",
        *_list(letters, house),
        "",
        "Retry:   innkey dead-letters retry ID",
        'Settle:  innkey dead-letters resolve ID --note "what was done"',
        f"Innkey:  {base_url}",
    ]
    return f"[Innkey] {_title(letters, house)}", "\n".join(lines) + "\n"


def cleared_mail(letters: list[DeadLetter], house: House, base_url: str) -> tuple[str, str]:
    """Subject and text once every letter of a problem is settled."""
    notes = [
        f"- {_subject_of(letter, house)}: {letter.note or 'settled'}" for letter in letters[:MOST_LISTED]
    ]
    lines = ["This problem is settled.", "", *notes, "", f"Innkey:  {base_url}"]
    return f"[Innkey] Cleared: {_title(letters, house)}", "\n".join(lines) + "\n"


def _title(letters: list[DeadLetter], house: House) -> str:
    first = letters[0]
    name = first.reason.value.replace("_", " ")
    where = (
        _door(first, house) if first.lock is not None else (first.booking or first.problem.partition(":")[2])
    )
    more = f" (and {len(letters) - 1} more)" if len(letters) > 1 else ""
    return f"{name[0].upper()}{name[1:]}: {where}{more}"


def _door(letter: DeadLetter, house: House) -> str:
    lock = house.locks.get(letter.lock or "")
    return f"{lock.title} ({lock.name})" if lock is not None and lock.title else str(letter.lock)


def _list(letters: list[DeadLetter], house: House) -> list[str]:
    rows: list[str] = []
    for letter in letters[:MOST_LISTED]:
        rows.append(f"- {_subject_of(letter, house)}")
        rows.append(
            f"  letter {letter.id}, opened {letter.opened:%Y-%m-%d %H:%M} UTC, step {letter.step.value}"
        )
        last = letter.last
        if last is not None:
            said = last.message or last.kind.value
            ref = f", ref {last.ref}" if last.ref else ""
            rows.append(f"  the vendor's last answer: {said}{ref} (attempts: {len(letter.tries)})")
    if len(letters) > MOST_LISTED:
        rows.append(f"- and {len(letters) - MOST_LISTED} more")
    return rows


def _subject_of(letter: DeadLetter, house: House) -> str:
    booking = f"booking {letter.source}/{letter.booking}" if letter.booking else letter.problem
    slot = f", slot {letter.slot}" if letter.slot is not None else ""
    return f"{booking}, {_door(letter, house)}{slot}" if letter.lock is not None else booking

"""The words of an alert: what happened, to which doors and bookings, and what to do. No PIN, no guest."""

from __future__ import annotations

from worker.domain.dead_letter import DeadLetter
from worker.domain.house import House
from worker.domain.reasons import Reason
from worker.service.letter_writes import WORDS

MOST_LISTED = 50

CURES = {
    Reason.LOCK_FAILED: "Check the lock's batteries and the distance to its gateway, then retry.",
    Reason.GATEWAY_OFFLINE: "See that the gateway has power and network, then retry; or type the code by hand.",
    Reason.PENDING_TOO_LONG: "Retry in some minutes; if it stays pending, restart the gateway.",
    Reason.UNCONFIRMED: "Look at the lock's codes in the vendor's app, then retry or settle it by hand.",
    Reason.NO_FREE_SLOT: "Delete codes that are no longer needed from the lock; Innkey goes on by itself.",
    Reason.PIN_TAKEN: "Remove the other code with this PIN from the lock, or rotate the booking's PIN.",
    Reason.BAD_WINDOW: "Check the booking's times and the lock's clock and time zone, then retry.",
    Reason.NOT_ADMIN: "Make the account an administrator of the lock in the vendor's app, then retry.",
    Reason.LOCK_NOT_FOUND: "Check the lock's name in the property file and the vendor's app, then retry.",
    Reason.INVALID_KEY: "Put a valid key into the configuration; Innkey goes on by itself once it works.",
    Reason.REFUSED: "Read the vendor's words below; mend the cause, then retry.",
    Reason.OVERWRITTEN_ELSEWHERE: "See in the vendor's app who holds the slot. Free it and retry, or settle it by hand.",
    Reason.UNKNOWN_UNIT: "Add the unit, or an alias for it, to the property file, then retry.",
    Reason.BAD_EVENT: "Correct the booking in the booking system, so that it sends the event again.",
    Reason.BUG: "Please report it with the log lines of this booking; then retry or settle it by hand.",
}


def opened_mail(letters: list[DeadLetter], house: House, base_url: str) -> tuple[str, str]:
    """Subject and text for letters of one problem that were opened."""
    first = letters[0]
    lines = [
        letters[0].message or WORDS.get(first.reason, first.reason.value),
        "",
        f"What to do: {CURES[first.reason]}",
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

"""Dead letters in Redis. They hold ids and the vendor's words, never a PIN or a guest."""

from __future__ import annotations

import json
from typing import Any

import redis

from worker.domain.access_code import Try
from worker.domain.dead_letter import DeadLetter, LetterState
from worker.domain.reasons import Job, Reason
from worker.store import keys
from worker.store.codec import dump_outcome, from_millis, load_outcome, to_millis
from worker.store.pages import Page, page_of


def dump_letter(letter: DeadLetter) -> str:
    """The letter as text."""
    row: dict[str, Any] = {
        "id": letter.id,
        "reason": letter.reason.value,
        "step": letter.step.value,
        "state": letter.state.value,
        "opened": to_millis(letter.opened),
        "source": letter.source,
        "booking": letter.booking,
        "lock": letter.lock,
        "slot": letter.slot,
        "message": letter.message,
        "tries": [[to_millis(t.at), t.job.value, dump_outcome(t.outcome)] for t in letter.tries],
        "resolved": to_millis(letter.resolved) if letter.resolved else None,
        "note": letter.note,
        "problem": letter.problem,
    }
    return json.dumps(row, separators=(",", ":"))


def load_letter(text: str) -> DeadLetter:
    """What `dump_letter` wrote."""
    row = json.loads(text)
    return DeadLetter(
        id=row["id"],
        reason=Reason(row["reason"]),
        step=Job(row["step"]),
        state=LetterState(row["state"]),
        opened=from_millis(row["opened"]),
        source=row["source"],
        booking=row["booking"],
        lock=row["lock"],
        slot=row["slot"],
        message=row["message"],
        tries=tuple(Try(from_millis(at), Job(job), load_outcome(o)) for at, job, o in row["tries"]),
        resolved=from_millis(row["resolved"]) if row["resolved"] else None,
        note=row["note"],
        problem=row["problem"],
    )


class Letters:
    """Reads letters; they are written together with the stay they belong to (`worker.service.ledger`)."""

    def __init__(self, client: redis.Redis) -> None:
        """Nothing is sent yet."""
        self._client = client

    def raw(self, letter_id: str) -> str | None:
        """The letter as it is stored, for a guarded change."""
        found = self._client.get(keys.letter(letter_id))
        return None if found is None else str(found)

    def get(self, letter_id: str) -> DeadLetter | None:
        """One letter."""
        raw = self.raw(letter_id)
        return None if raw is None else load_letter(raw)

    def get_many(self, ids: list[str]) -> list[DeadLetter]:
        """Those of the letters that exist, in the order of `ids`."""
        if not ids:
            return []
        found = self._client.mget([keys.letter(i) for i in ids])
        return [load_letter(str(raw)) for raw in found if raw is not None]

    def page(self, *, is_open: bool, limit: int, cursor: str | None) -> Page[DeadLetter]:
        """Letters, the latest first; with `is_open` only those not resolved yet."""
        index = keys.OPEN_LETTERS if is_open else keys.LETTERS
        ids, following = page_of(self._client, index, limit=limit, cursor=cursor, newest_first=True)
        return Page(self.get_many(ids), following)

    def open_count(self) -> int:
        """How many letters wait for a person, retrying ones included."""
        return int(self._client.zcard(keys.OPEN_LETTERS))


def writes_for(letter: DeadLetter) -> list[list[str | int]]:
    """The Redis commands that store a letter and its places in the indexes."""
    text, opened = dump_letter(letter), to_millis(letter.opened)
    commands: list[list[str | int]] = [
        ["SET", keys.letter(letter.id), text],
        ["ZADD", keys.LETTERS, opened, letter.id],
    ]
    if letter.state is LetterState.RESOLVED:
        commands.append(["ZREM", keys.OPEN_LETTERS, letter.id])
    else:
        commands.append(["ZADD", keys.OPEN_LETTERS, opened, letter.id])
    return commands

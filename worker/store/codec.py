"""A stay as one compact text: short-keyed JSON, with PINs and guest details encrypted.

A million stays must fit: fields at their default are left out, times are seconds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from worker.domain.access_code import AccessCode, Blank, Doubt, GaveUp, LetterRef, Phase, Try, Written
from worker.domain.booking import Booking, Status, StayKey, Version
from worker.domain.notices import About, DoorWarning
from worker.domain.outcomes import Kind, Outcome
from worker.domain.reasons import Job, Reason
from worker.domain.record import Note, Stay
from worker.store.vault import Vault

_GUEST = ("guest_name", "guest_email", "guest_phone", "email_message", "pin", "rfid")
_TERNARY = {None: "", True: "yes", False: "no"}
_FROM_TERNARY = {word: value for value, word in _TERNARY.items()}
_EPOCH, _MILLISECOND = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1)
_Json = dict[str, Any]


def dump_stay(stay: Stay, vault: Vault) -> str:
    """The stay as text."""
    booking = stay.booking
    secret = {
        "g": [getattr(booking, name) for name in _GUEST],
        "p": [stay.pin, stay.shown_pin],
        "b": stay.written_pin,
        "e": _written(stay.emailed),
        "w": {c.lock: [_written(w) for w in c.writes] for c in stay.codes if c.writes},
        "a": {c.lock: _written(c.mailed) for c in stay.codes if c.mailed},
    }
    plain = {
        "k": [booking.key.source, booking.key.id],
        "v": [booking.version.number, booking.version.text, _micros(booking.version.stamp)],
        "st": booking.status.value,
        "u": booking.unit,
        "i": booking.check_in,
        "o": booking.check_out,
        "m": _TERNARY[booking.send_email],
        "cl": list(booking.cleared),
        "dr": list(booking.doors),
        "sb": list(booking.siblings),
        "c": [_code(code) for code in stay.codes],
        "t": stay.told,
        "ci": _seconds(stay.check_in),
        "co": _seconds(stay.check_out),
        "pl": _seconds(stay.planned_at),
        "rt": stay.rejected_times,
        "ar": _seconds(stay.arrived_at),
        "gn": stay.generation,
        "l": _letter(stay.letter),
        "wv": stay.waived.value if stay.waived else None,
        "wn": [[one.about.value, one.lock] for one in stay.warned],
        "n": [_note(note) for note in stay.timeline],
        "x": vault.seal(_compact(secret)),
    }
    return json.dumps(_compact(plain), separators=(",", ":"))


def load_stay(text: str, vault: Vault) -> Stay:
    """The stay that `dump_stay` wrote. Raises UnreadableError without its key."""
    plain = json.loads(text)
    secret = vault.open(plain["x"])
    number, version_text, stamp = plain["v"]
    guest = dict(zip(_GUEST, secret.get("g", [None] * len(_GUEST)), strict=True))
    booking = Booking(
        key=StayKey(*plain["k"]),
        version=Version(number=number, text=version_text, stamp=_from_micros(stamp)),
        status=Status(plain["st"]),
        unit=plain.get("u"),
        check_in=plain.get("i"),
        check_out=plain.get("o"),
        send_email=_FROM_TERNARY[plain.get("m", "")],
        cleared=tuple(plain.get("cl", ())),
        doors=tuple(plain.get("dr", ())),
        siblings=tuple(plain.get("sb", ())),
        **guest,
    )
    pin, shown = secret.get("p", [None, None])
    writes, mailed = secret.get("w", {}), secret.get("a", {})
    return Stay(
        booking=booking,
        codes=tuple(
            _load_code(code, writes.get(code["l"], []), mailed.get(code["l"])) for code in plain.get("c", [])
        ),
        pin=pin,
        shown_pin=shown,
        written_pin=secret.get("b"),
        told=plain.get("t", False),
        emailed=_load_written(secret.get("e")),
        check_in=_moment(plain.get("ci")),
        check_out=_moment(plain.get("co")),
        planned_at=_moment(plain.get("pl")),
        rejected_times=plain.get("rt", False),
        arrived_at=_moment(plain.get("ar")),
        generation=plain.get("gn", 0),
        letter=_load_letter(plain.get("l")),
        waived=Reason(plain["wv"]) if "wv" in plain else None,
        warned=tuple(DoorWarning(About(about), lock) for about, lock in plain.get("wn", ())),
        timeline=tuple(_load_note(note) for note in plain.get("n", [])),
    )


_FLAGS = {
    "pr": "proven",
    "fl": "in_flight",
    "ow": "removal_owed",
    "rp": "removal_repeated",
    "wt": "waiting",
    "bh": "by_hand",
}
_COUNTS = {
    "at": "attempts",
    "f": "failures",
    "rf": "refused_pins",
    "of": "offline",
    "mr": "misreads",
    "cr": "crashes",
}
_MOMENTS = {"sd": "started", "sn": "seen_at", "na": "next_arrival", "dl": "deadline"}
_EXACT = {"ag": "again_at", "du": "due"}  # to the millisecond, as they stand on the timetable


def _code(code: AccessCode) -> _Json:
    row: _Json = {"l": code.lock, "ph": code.phase.value, "s": code.slot}
    row |= {short: getattr(code, name) for names in (_FLAGS, _COUNTS) for short, name in names.items()}
    row["ai"], row["bl"] = code.aim, code.blank.value
    row |= {short: _seconds(getattr(code, name)) for short, name in _MOMENTS.items()}
    row["ff"] = code.failed_for.value if code.failed_for else None
    row |= {short: _exact(getattr(code, name)) for short, name in _EXACT.items()}
    row["gu"] = [code.gave_up.reason.value, code.gave_up.job.value] if code.gave_up else None
    row["lt"] = _letter(code.letter)
    row["la"] = dump_outcome(code.last) if code.last else None
    row["tr"] = [[to_millis(t.at), t.job.value, dump_outcome(t.outcome)] for t in code.tries]
    row["d"] = _doubt(code.doubt) if code.doubt else None
    return _compact(row)


def _load_code(row: _Json, writes: list[list[str]], mailed: list[str] | None) -> AccessCode:
    gave_up, doubt, failed, last = row.get("gu"), row.get("d"), row.get("ff"), row.get("la")
    loaded: _Json = {name: row.get(short, False) for short, name in _FLAGS.items()}
    loaded |= {name: row.get(short, 0) for short, name in _COUNTS.items()}
    loaded |= {name: _moment(row.get(short)) for short, name in _MOMENTS.items()}
    loaded |= {name: _from_exact(row.get(short)) for short, name in _EXACT.items()}
    return AccessCode(
        lock=row["l"],
        aim=row.get("ai", ""),
        blank=Blank(row.get("bl", "")),
        phase=Phase(row["ph"]),
        slot=row.get("s"),
        writes=tuple(Written(*w) for w in writes),
        mailed=_load_written(mailed),
        failed_for=Reason(failed) if failed else None,
        gave_up=GaveUp(Reason(gave_up[0]), Job(gave_up[1])) if gave_up else None,
        letter=_load_letter(row.get("lt")),
        last=load_outcome(last) if last else None,
        tries=tuple(Try(from_millis(at), Job(job), load_outcome(o)) for at, job, o in row.get("tr", [])),
        doubt=_load_doubt(doubt) if doubt else None,
        **loaded,
    )


def _doubt(doubt: Doubt) -> list[Any]:
    since, refutes = to_millis(doubt.since), to_millis(doubt.refutes_from)
    looked = to_millis(doubt.looked_at) if doubt.looked_at is not None else None
    flags = int(doubt.answered), int(doubt.is_free), int(doubt.tells), int(doubt.asks)
    return [doubt.job.value, since, refutes, doubt.reason.value, *flags, looked]


def _load_doubt(row: list[Any]) -> Doubt:
    job, since, refutes, reason, answered, is_free, tells, asks, looked = row
    return Doubt(
        job=Job(job),
        since=from_millis(since),
        refutes_from=from_millis(refutes),
        reason=Reason(reason),
        answered=bool(answered),
        is_free=bool(is_free),
        tells=bool(tells),
        asks=bool(asks),
        looked_at=from_millis(looked) if looked is not None else None,
    )


def dump_outcome(outcome: Outcome) -> _Json:
    """An outcome as JSON, without what it does not have."""
    row = {
        "k": outcome.kind.value,
        "a": outcome.ack,
        "h": outcome.http_status,
        "m": outcome.message or None,
        "r": outcome.ref,
    }
    return {key: value for key, value in row.items() if value is not None}


def load_outcome(row: Mapping[str, Any]) -> Outcome:
    """What `dump_outcome` wrote."""
    return Outcome(Kind(row["k"]), row.get("a"), row.get("h"), row.get("m", ""), row.get("r"))


def _letter(letter: LetterRef | None) -> list[Any] | None:
    return [letter.id, letter.reason.value, letter.job.value, int(letter.retrying)] if letter else None


def _load_letter(row: list[Any] | None) -> LetterRef | None:
    return LetterRef(row[0], Reason(row[1]), Job(row[2]), bool(row[3])) if row else None


def _note(note: Note) -> list[Any]:
    return (
        [_seconds(note.at), note.what, dict(note.detail)] if note.detail else [_seconds(note.at), note.what]
    )


def _load_note(row: list[Any]) -> Note:
    return Note(_at(row[0]), row[1], row[2] if len(row) > 2 else {})


def _written(written: Written | None) -> list[str] | None:
    return [written.pin, written.starts, written.ends] if written else None


def _load_written(row: list[str] | None) -> Written | None:
    return Written(*row) if row else None


def _compact(row: Mapping[str, Any]) -> _Json:
    return {key: value for key, value in row.items() if value not in (None, "", [], {}, False, 0)}


def _seconds(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp())


def _exact(moment: datetime | None) -> int | None:
    return None if moment is None else to_millis(moment)


def _from_exact(millis: int | None) -> datetime | None:
    return None if millis is None else from_millis(millis)


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else _at(seconds)


def from_millis(millis: int) -> datetime:
    """An aware moment from Redis' milliseconds."""
    return datetime.fromtimestamp(millis / 1000, UTC)


def to_millis(moment: datetime) -> int:
    """Redis' milliseconds of an aware moment, upwards: what waits for it is never found just short of it."""
    return -((_EPOCH - moment) // _MILLISECOND)


def _micros(moment: datetime) -> int:
    return round(moment.timestamp() * 1_000_000)


def _from_micros(micros: int) -> datetime:
    return datetime.fromtimestamp(micros / 1_000_000, UTC)

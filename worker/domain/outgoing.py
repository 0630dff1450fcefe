"""What other systems are told of: the news between two records of a stay, and of a dead letter. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from worker.domain.access_code import AccessCode, Phase
from worker.domain.dead_letter import DeadLetter, LetterState
from worker.domain.goals import Wish
from worker.domain.history import code_news
from worker.domain.house import House
from worker.domain.media import door_of, is_tags
from worker.domain.notices import About
from worker.domain.record import Stay
from worker.domain.states import BookingState, booking_state, code_state
from worker.domain.stay import moment_of
from worker.domain.wanted import goals, unit_of

MOST_CODES = 100  # so that a body stays far below 20 kB


class Topic(StrEnum):
    """The `type` of an outgoing event."""

    CODE_SET = "code.set"
    BOOKING_READY = "booking.ready"
    BOOKING_AT_RISK = "booking.at_risk"
    BOOKING_ARRIVED = "booking.arrived"
    CODE_REMOVED = "code.removed"
    LETTER_OPENED = "dead_letter.opened"
    LETTER_RESOLVED = "dead_letter.resolved"
    TEST = "innkey.test"


TOPICS = tuple(topic for topic in Topic if topic is not Topic.TEST)
WITH_PIN = frozenset({Topic.CODE_SET, Topic.BOOKING_READY})
_OF_CODES = {"code.set": Topic.CODE_SET, "code.removed": Topic.CODE_REMOVED}


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing to tell. `data` has ids, states and instants (RFC 3339): no PIN, no guest.

    `lock`: the memory (of PINs or tags) that it is about. `pin`: the PIN that it is about, which is never
    kept with it.
    """

    topic: Topic
    at: datetime
    data: Mapping[str, object]
    lock: str | None = None
    pin: str | None = field(default=None, repr=False)


def news_of_stay(before: Stay | None, after: Stay, house: House, now: datetime) -> list[News]:
    """What a write of a stay means to others. A stay that is ready again, after it was not, is news again."""
    found = [one for code in after.codes for one in _code_news(before, after, code, house, now)]
    is_ready = booking_state(after, house, now) is BookingState.READY
    was_ready = before is not None and booking_state(before, house, now) is BookingState.READY
    if is_ready and not was_ready:
        found.append(_of_booking(Topic.BOOKING_READY, after, house, now, pin=after.pin))
    if _is_warned(after) and not (before is not None and _is_warned(before)):
        found.append(_of_booking(Topic.BOOKING_AT_RISK, after, house, now))
    if after.arrived_at is not None and (before is None or before.arrived_at is None):
        arrived = _instant(after.arrived_at, house, after)
        found.append(_of_booking(Topic.BOOKING_ARRIVED, after, house, now, arrived=arrived))
    return found


def news_of_letter(letter: DeadLetter, now: datetime) -> News | None:
    """What a letter means to others, as it is written; None while it is being retried.

    The vendor's words are left out, and those of whoever settled it: both may name a guest.
    """
    if letter.state is LetterState.RETRYING:
        return None
    data = {
        "id": letter.id,
        "state": letter.state.value,
        "reason": letter.reason.value,
        "step": letter.step.value,
        "source": letter.source,
        "booking": letter.booking,
        **_door(letter.lock),
        "slot": letter.slot,
        "message": letter.message,
        "attempts": len(letter.tries),
        "opened": _utc(letter.opened),
        "resolved": _utc(letter.resolved) if letter.resolved is not None else None,
    }
    is_over = letter.state is LetterState.RESOLVED
    return News(
        topic=Topic.LETTER_RESOLVED if is_over else Topic.LETTER_OPENED, at=now, data=data, lock=letter.lock
    )


def pin_to_tell(topic: Topic, lock: str | None, stay: Stay, house: House, now: datetime) -> str | None:
    """The PIN that may be told with this news as things stand now; None where there is none.

    Only a PIN that the guest was told, and only while the code is on its lock, or the stay is ready.
    """
    if topic is Topic.BOOKING_READY:
        return stay.shown_pin if booking_state(stay, house, now) is BookingState.READY else None
    code = stay.code(lock) if topic is Topic.CODE_SET and lock is not None else None
    if code is None or code.phase is not Phase.SET or is_tags(code.lock):
        return None
    return stay.shown_pin if _pin_of(code, stay) == stay.shown_pin else None


def probe_news(endpoint: str, now: datetime) -> News:
    """What a person sends to see whether an endpoint takes it."""
    words = "A test of Innkey's: nothing has happened."
    return News(topic=Topic.TEST, at=now, data={"endpoint": endpoint, "message": words})


def _code_news(before: Stay | None, after: Stay, code: AccessCode, house: House, now: datetime) -> list[News]:
    old = before.code(code.lock) if before is not None else None
    told = code_news(old, code)
    if told is None:
        return []
    what, slot = told
    data = {
        **_booking(after, house, now),
        **_door(code.lock),
        "slot": slot,
        "code": code_state(code),
        **_window(after, old, code, house, now),
    }
    pin = _pin_of(code, after) if what == Topic.CODE_SET and not is_tags(code.lock) else None
    return [News(topic=_OF_CODES[what], at=now, data=data, lock=code.lock, pin=pin)]


def _of_booking(
    topic: Topic, stay: Stay, house: House, now: datetime, *, pin: str | None = None, **more: object
) -> News:
    codes = [
        {**_door(code.lock), "slot": code.slot, "state": code_state(code)} for code in stay.codes[:MOST_CODES]
    ]
    times = {
        "check_in": _instant(stay.check_in, house, stay),
        "check_out": _instant(stay.check_out, house, stay),
    }
    return News(
        topic=topic, at=now, data={**_booking(stay, house, now), **times, **more, "codes": codes}, pin=pin
    )


def _booking(stay: Stay, house: House, now: datetime) -> dict[str, object]:
    unit = unit_of(stay, house)
    return {
        "source": stay.key.source,
        "booking": stay.key.id,
        "unit": unit.name if unit is not None else stay.booking.unit,
        "state": booking_state(stay, house, now).value,
    }


def _door(lock: str | None) -> dict[str, object]:
    if lock is None:
        return {"lock": None, "medium": None}
    return {"lock": door_of(lock), "medium": "rfid" if is_tags(lock) else "pin"}


def _pin_of(code: AccessCode, stay: Stay) -> str | None:
    """The PIN that the code is about; what a person typed by hand is taken to be the stay's."""
    return code.latest.pin if code.latest is not None and not code.by_hand else stay.pin


def _window(
    stay: Stay, old: AccessCode | None, code: AccessCode, house: House, now: datetime
) -> dict[str, object]:
    """The window as it is, or was, on the lock."""
    zone = house.zone_of(code.lock)
    written = code.latest or (old.latest if old is not None else None)
    goal = goals(stay, house, now).get(code.lock)
    if isinstance(goal, Wish) and (
        written is None or (written.starts, written.ends) == (goal.starts_text, goal.ends_text)
    ):
        starts: datetime | None = goal.starts
        ends: datetime | None = goal.ends
    else:
        starts, ends = (
            (moment_of(text, zone) for text in (written.starts, written.ends)) if written else (None, None)
        )
    return {
        name: at.astimezone(zone).isoformat(timespec="seconds") if at is not None else None
        for name, at in (("starts", starts), ("ends", ends))
    }


def _is_warned(stay: Stay) -> bool:
    return any(one.about is About.AT_RISK for one in stay.warned)


def _instant(moment: datetime | None, house: House, stay: Stay) -> str | None:
    unit = unit_of(stay, house)
    zone = unit.zone if unit is not None else house.zone
    return None if moment is None else moment.astimezone(zone).isoformat(timespec="seconds")


def _utc(moment: datetime) -> str:
    whole = moment - timedelta(microseconds=moment.microsecond)
    return whole.isoformat().replace("+00:00", "Z")

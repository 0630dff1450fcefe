"""What the booking system tells of each booking: the same seed, the same events. Pure.

Moments are seconds after the campaign's start; the sender makes dates of them.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from worker.domain.pins import is_weak

MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
MOST_CHANGES = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One event. `check_in` and `check_out` in `data` are seconds after the start.

    `in_order`: it is sent only after those before it were accepted. `copies`: it is sent that often, under
    one id.
    """

    at: float
    booking: str
    version: int
    type: str
    data: Mapping[str, Any] = field(repr=False)
    in_order: bool = False
    copies: int = 1

    @property
    def id(self) -> str:
        """The delivery's id."""
        return f"msg_{self.booking}_{self.version}"


@dataclass(frozen=True, slots=True)
class Canary:
    """What no log and no mail may show of one guest."""

    name: str
    email: str
    phone: str
    pin: str | None


def canary(seed: int, number: int) -> Canary:
    """The guest of a booking, whose words nothing else contains; every sixteenth brings a PIN along."""
    word = "Zq" + hashlib.sha256(f"{seed}/{number}".encode()).hexdigest()[:12]
    pin = f"{900_000 + (number * 7919 + seed) % 99_991:06}"
    brings = number % 16 == 0 and not is_weak(pin)
    return Canary(word, f"{word.lower()}@example.com", f"+61477{number:06}", pin if brings else None)


def story(seed: int, number: int, units: Sequence[str], seconds: float) -> list[Event]:
    """All events of one booking, in the order of their versions; their moments may be in another order."""
    dice = random.Random(f"{seed}/story/{number}")
    at = dice.uniform(0, seconds * 0.85)
    facts = _first_facts(dice, canary(seed, number), at, units, seconds)
    in_order = dice.random() < 0.6
    booking = f"BK-{number:05}"
    events = [
        Event(at=at, booking=booking, version=1, type="booking.created", data=dict(facts), in_order=in_order)
    ]
    moments = sorted(dice.uniform(at, seconds) for _ in range(dice.randint(0, MOST_CHANGES)))
    for version, moment in enumerate(moments, start=2):
        events.append(_changed(dice, facts, booking, version, moment, units, in_order=in_order))
    if not in_order and dice.random() < 0.5:
        events = _disordered(dice, events)
    return [replace(event, copies=2) if dice.random() < 0.08 else event for event in events]


def _first_facts(
    dice: random.Random, guest: Canary, at: float, units: Sequence[str], seconds: float
) -> dict[str, Any]:
    """What the first event says: a stay that ends during the campaign, one that stays, one far away."""
    kind = dice.choices(("passing", "staying", "far"), (0.45, 0.33, 0.22))[0]
    check_in = at - dice.uniform(0, HOUR) if kind == "passing" else dice.uniform(-HOUR / 2, HOUR / 3)
    check_out = check_in + dice.uniform(2, 5) * DAY
    if kind == "passing":
        check_out = dice.uniform(at + 20, max(at + 30, seconds))
    if kind == "far":
        check_in = dice.uniform(20, 60) * DAY
        check_out = check_in + dice.uniform(1, 9) * DAY
    facts: dict[str, Any] = {
        "unit": dice.choice(units),
        "status": dice.choices(("confirmed", "tentative", "blocked"), (0.9, 0.07, 0.03))[0],
        "check_in": check_in,
        "check_out": check_out,
        "guest": {"name": f"{guest.name} Guest", "phone": guest.phone},
    }
    if dice.random() < 0.6:
        facts["guest"]["email"], facts["send_email"] = guest.email, True
    return facts | ({"pin": guest.pin} if guest.pin else {})


def _changed(
    dice: random.Random,
    facts: dict[str, Any],
    booking: str,
    version: int,
    at: float,
    units: Sequence[str],
    *,
    in_order: bool,
) -> Event:
    """The next event; `facts` are changed in place to what the booking is from then on."""
    kinds = ("end", "shift", "move", "rename", "leave", "cancel", "confirm", "same")
    kind = dice.choices(kinds, (3, 2, 2, 1, 1, 2.2, 3, 0.5))[0]
    if kind == "cancel":
        facts["status"] = "cancelled"
        return Event(
            at=at, booking=booking, version=version, type="booking.cancelled", data={}, in_order=in_order
        )
    changed = _change(dice, kind, facts, at, units)
    facts.update(changed)
    data = changed if in_order and dice.random() < 0.5 and changed else dict(facts)
    return Event(
        at=at, booking=booking, version=version, type="booking.updated", data=data, in_order=in_order
    )


def _change(
    dice: random.Random, kind: str, facts: Mapping[str, Any], at: float, units: Sequence[str]
) -> dict[str, Any]:
    """The fields that a change of this kind names."""
    check_in, check_out = facts["check_in"], facts["check_out"]
    match kind:
        case "end":
            return {"check_out": max(check_out + dice.uniform(-2, 3) * HOUR, check_in + HOUR, at + MINUTE)}
        case "shift":
            by = dice.uniform(-1, 1) * HOUR
            return {
                "check_in": check_in + by,
                "check_out": max(check_out + by, at + MINUTE, check_in + by + HOUR),
            }
        case "move":
            return {"unit": dice.choice(units)}
        case "rename":
            return {"guest": {**facts["guest"], "name": f"{facts['guest']['name']} {dice.randint(2, 9)}"}}
        case "leave":
            return {"check_out": max(at + 5, check_in + MINUTE)}
        case "confirm":
            return {"status": "confirmed"}
    return {}


def _disordered(dice: random.Random, events: list[Event]) -> list[Event]:
    """The same events, sent in another order."""
    moments = [event.at for event in events]
    dice.shuffle(moments)
    return [replace(event, at=moment) for event, moment in zip(events, moments, strict=True)]

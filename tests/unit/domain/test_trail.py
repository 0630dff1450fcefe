"""When a lock's audit trail is read, whose code opened the door, and when a guest arrived."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from zoneinfo import ZoneInfo

import pytest

from tests.unit.domain.kit import BRISBANE, DAY, DOOR, GATE, HOUR, KEY, MINUTE, NOW, PIN, SECOND, Bench
from worker.domain.access_code import Phase, Written
from worker.domain.house import TrailRules
from worker.domain.lock_events import LockEvent
from worker.domain.outcomes import Kind, Outcome
from worker.domain.record import Stay
from worker.domain.trail import (
    AFTER_FAILURE,
    AFTER_REFUSED_KEY,
    SOON,
    Guest,
    after_failure,
    arrived,
    guest_of,
    is_kept,
    next_reading,
    opened_by,
)

RULES = TrailRules()
CHECK_IN = NOW + 5 * HOUR  # 15:00 in Brisbane
ENDS = NOW + 4 * DAY  # 10:00 in Brisbane
SLOT = 120
GUEST = Guest(
    ref=str(KEY),
    slot=SLOT,
    windows=((CHECK_IN, ENDS),),
    check_in=CHECK_IN,
    has_arrived=False,
    is_staying=True,
)


def an_unlock(at: datetime, slot: int | None = SLOT, **more: object) -> LockEvent:
    """The vendor's event of a PIN that opened the door."""
    told: dict[str, object] = {"event_type": 1, "user_kind": "password", "user_value": PIN, **more}
    return LockEvent("evt", at, user_id=slot, **told)  # type: ignore[arg-type]


def a_stay() -> Stay:
    """A stay whose code is on the door."""
    bench = Bench().book()
    bench.put_on()
    return bench.stay


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (CHECK_IN - 10 * DAY, CHECK_IN - SOON),
        (CHECK_IN - DAY, CHECK_IN + HOUR),
        (CHECK_IN, CHECK_IN + HOUR),
        (CHECK_IN + HOUR, CHECK_IN + 2 * HOUR),
        (CHECK_IN + 23 * HOUR, CHECK_IN + 24 * HOUR),
        (CHECK_IN + 24 * HOUR, CHECK_IN + 30 * HOUR),
        (ENDS - 2 * HOUR, ENDS),
        (ENDS, None),
    ],
)
def test_a_trail_is_read_while_somebody_is_near(now: datetime, expected: datetime | None) -> None:
    """Three days ahead, hourly until the guest is there (a day at most), every 6 h, and at the end."""
    assert expected == next_reading([GUEST], RULES, now)


def test_a_guest_who_is_there_is_asked_for_no_more() -> None:
    """Once arrived, every 6 h will do; so it does at a door that nobody else comes to."""
    there = replace(GUEST, has_arrived=True)
    assert CHECK_IN + 7 * HOUR == next_reading([there], RULES, CHECK_IN + HOUR)


def test_the_guest_with_the_nearest_moment_counts() -> None:
    """At a gate it is the earliest moment of all; who leaves, or has no window there, asks for nothing."""
    later = replace(GUEST, ref="direct/BK-2", check_in=CHECK_IN + DAY, windows=((CHECK_IN + DAY, ENDS),))
    assert CHECK_IN + HOUR == next_reading([later, GUEST], RULES, NOW)
    assert next_reading([replace(GUEST, is_staying=False)], RULES, CHECK_IN + HOUR) is None
    assert next_reading([], RULES, NOW) is None


def test_a_window_that_opens_before_check_in_is_in_use() -> None:
    """With `grace_before` somebody may be in the house before check-in."""
    early = replace(GUEST, windows=((NOW, ENDS),), check_in=NOW + 20 * HOUR)
    assert NOW + 6 * HOUR == next_reading([early], RULES, NOW)


def test_the_next_reading_is_never_now() -> None:
    """A reading that asked for another one at once would go round in circles."""
    moments = [CHECK_IN - SOON + hours * HOUR / 2 for hours in range(400)]
    found = [(at, next_reading([GUEST], RULES, at)) for at in moments]
    assert all(after is None or after > at for at, after in found)


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome(Kind.DOUBT), AFTER_FAILURE),
        (Outcome(Kind.UNANSWERED), AFTER_FAILURE),
        (Outcome(Kind.INVALID_TOKEN), AFTER_REFUSED_KEY),
        (Outcome(Kind.THROTTLED, retry_after=90.0), timedelta(seconds=90)),
        (Outcome(Kind.THROTTLED, retry_after=0.0), AFTER_REFUSED_KEY),
        (Outcome(Kind.NOT_ADMIN), RULES.every),
        (Outcome(Kind.LOCK_NOT_FOUND), RULES.every),
        (Outcome(Kind.REFUSED), RULES.every),
    ],
)
def test_a_reading_that_failed_comes_again(outcome: Outcome, expected: timedelta) -> None:
    """Promise 6: nothing is concluded from it; what will not change soon is not asked again soon."""
    assert NOW + expected == after_failure(outcome, RULES, NOW)


@pytest.mark.parametrize(
    ("at", "is_ours"),
    [
        (CHECK_IN - 5 * MINUTE - SECOND, False),
        (CHECK_IN - 5 * MINUTE, True),
        (CHECK_IN + DAY, True),
        (ENDS + 5 * MINUTE, True),
        (ENDS + 5 * MINUTE + SECOND, False),
    ],
)
def test_an_unlock_belongs_to_the_slot_within_its_window(at: datetime, is_ours: bool) -> None:  # noqa: FBT001
    """L01: by our slot in the window of its PIN; the clocks of lock and cloud may be five minutes apart."""
    assert (str(KEY) if is_ours else None) == opened_by(an_unlock(at), [GUEST])


@pytest.mark.parametrize(
    "event",
    [
        an_unlock(CHECK_IN, 121),
        an_unlock(CHECK_IN, None),
        an_unlock(CHECK_IN, user_kind="Remote Unlock"),
        an_unlock(CHECK_IN, user_kind="rfid"),
        an_unlock(CHECK_IN, event_type=2),
        an_unlock(CHECK_IN, user_kind=""),
    ],
)
def test_what_is_no_unlock_with_our_pin_is_nobodys(event: LockEvent) -> None:
    """L01: another slot, a tag with the same number, a remote unlock: none of them is the guest."""
    assert opened_by(event, [GUEST]) is None


def test_the_vendors_example_of_a_pin_is_understood() -> None:
    """The kind is compared whatever its case; an event without a type is an unlock, as the list says."""
    assert str(KEY) == opened_by(an_unlock(CHECK_IN, user_kind=" Password ", event_type=None), [GUEST])


def test_a_slot_that_changed_hands_is_told_by_the_window() -> None:
    """A late event of the former guest in a slot is not the next one's."""
    next_one = replace(GUEST, ref="direct/BK-2", windows=((ENDS + 5 * HOUR, ENDS + DAY),))
    assert opened_by(an_unlock(ENDS - HOUR), [next_one]) is None


def test_a_stay_is_seen_by_its_slot_and_windows() -> None:
    """The windows are those that were written, in instants; without a slot there is nothing to match."""
    stay = a_stay()
    expected = replace(GUEST, windows=((CHECK_IN, NOW + 4 * DAY),))
    assert expected == guest_of(stay, DOOR, BRISBANE)
    assert guest_of(stay, GATE, BRISBANE) is None
    code = stay.code(DOOR)
    assert code is not None
    assert guest_of(stay.with_code(replace(code, slot=None)), DOOR, BRISBANE) is None


def test_a_moved_window_still_knows_the_old_one() -> None:
    """Until the move is proven either PIN window may have opened the door; garbage is left out."""
    stay = a_stay()
    code = stay.code(DOOR)
    assert code is not None
    assert code.latest is not None
    moved = replace(code.latest, starts="2612021500")
    found = guest_of(
        stay.with_code(
            replace(code, writes=(code.latest, Written(PIN, "", "x"), moved), phase=Phase.SETTING)
        ),
        DOOR,
        BRISBANE,
    )
    assert found is not None
    assert ((CHECK_IN, ENDS), (CHECK_IN + DAY, ENDS)) == found.windows
    assert found.is_staying


def test_windows_are_read_by_the_locks_own_clock() -> None:
    """The window YYMMDDHHmm is local to the lock: another zone means another instant."""
    found = guest_of(a_stay(), DOOR, ZoneInfo("Europe/Berlin"))
    assert found is not None
    assert datetime(2026, 12, 1, 14, 0, tzinfo=UTC) == found.windows[-1][0]


def test_the_first_unlock_is_the_arrival() -> None:
    """L01: gate and door at the same time are one arrival, with one line on the timeline."""
    at = CHECK_IN + timedelta(minutes=7, milliseconds=140)
    stay = arrived(a_stay(), GATE, at)
    assert stay is not None
    assert CHECK_IN + 7 * MINUTE == stay.arrived_at
    assert arrived(stay, DOOR, at) is None
    (note,) = [note for note in stay.timeline if note.what == "guest.arrived"]
    assert (CHECK_IN + 7 * MINUTE, {"lock": GATE}) == (note.at, note.detail)


def test_later_unlocks_change_nothing() -> None:
    """L03: neither the stay's end nor its codes; a later unlock is not even written."""
    before = a_stay()
    stay = arrived(before, DOOR, CHECK_IN)
    assert stay is not None
    assert (before.check_out, before.codes) == (stay.check_out, stay.codes)
    assert arrived(stay, DOOR, CHECK_IN + DAY) is None


@pytest.mark.parametrize("order", list(permutations([(GATE, 1), (DOOR, 2), (DOOR, 90)])))
def test_the_order_in_which_events_turn_up_does_not_matter(order: tuple[tuple[str, int], ...]) -> None:
    """L01: an earlier unlock that a gateway delivers late is the arrival; it is told once."""
    stay = a_stay()
    for lock, minutes in order:
        stay = arrived(stay, lock, CHECK_IN + minutes * MINUTE) or stay
    assert CHECK_IN + MINUTE == stay.arrived_at
    notes = [note for note in stay.timeline if note.what == "guest.arrived"]
    assert [(CHECK_IN + MINUTE, {"lock": GATE})] == [(note.at, note.detail) for note in notes]


@pytest.mark.parametrize(
    ("age", "expected"),
    [(94 * DAY, False), (93 * DAY, True), (-HOUR, True), (-2 * DAY, False)],
)
def test_three_months_are_kept(age: timedelta, expected: bool) -> None:  # noqa: FBT001
    """As the vendor does; an event of the day after tomorrow is of a clock that is wrong."""
    assert expected is is_kept(an_unlock(NOW - age), NOW)

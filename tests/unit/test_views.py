"""Bookings, letters and locks as the API and the command line show them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from worker.domain.access_code import AccessCode, LetterRef, Phase, Try, Written
from worker.domain.booking import Booking, StayKey, Version
from worker.domain.dead_letter import DeadLetter, LetterState
from worker.domain.house import Account, House, Lock, Unit
from worker.domain.outcomes import Kind, Outcome
from worker.domain.reasons import Job, Reason
from worker.domain.record import Note, Stay
from worker.domain.signs import Signs
from worker.service.views import battery_view, booking_view, letter_view, lock_view, slots_view, trail_view
from worker.store.trail import TrailRow

ZONE = ZoneInfo("Australia/Brisbane")
NOW = datetime(2026, 11, 30, 10, tzinfo=UTC)
LOCK = Lock(name="SS000001", zone=ZONE, title="Front gate")
HOUSE = House(
    accounts={"default": Account(name="default")},
    locks={"SS000001": LOCK},
    units={"beach-house": Unit(name="beach-house", zone=ZONE, locks=("SS000001",))},
)
WRITTEN = Written("482913", "2612011500", "2612051000")
DONE = Outcome(Kind.DONE, ack=1, http_status=200, message="Success")
CODE = AccessCode(
    lock="SS000001",
    phase=Phase.SET,
    slot=120,
    writes=(WRITTEN,),
    proven=True,
    attempts=1,
    last=DONE,
    due=datetime(2026, 12, 5, tzinfo=UTC),
)
BOOKING = Booking(
    key=StayKey("direct", "BK-1001"),
    version=Version(number=1, text="1", stamp=NOW),
    unit="beach-house",
    check_in="2026-12-01T15:00",
    check_out="2026-12-05T10:00",
    guest_name="John Lee",
    guest_email="john@example.com",
)
STAY = Stay(
    booking=BOOKING,
    codes=(CODE,),
    pin="482913",
    shown_pin="482913",
    told=True,
    emailed=WRITTEN,
    check_in=datetime(2026, 12, 1, 5, tzinfo=UTC),
    check_out=datetime(2026, 12, 5, 0, tzinfo=UTC),
    timeline=(Note(NOW, "event.accepted", {"event": "msg_1"}),),
)


def test_booking_is_the_documented_object() -> None:
    """Every field of the reference, in its order and form; nothing of the guest but the PIN."""
    expected = {
        "source": "direct",
        "id": "BK-1001",
        "unit": "beach-house",
        "status": "confirmed",
        "version": "1",
        "check_in": "2026-12-01T15:00:00+10:00",
        "check_out": "2026-12-05T10:00:00+10:00",
        "arrived": None,
        "state": "ready",
        "at_risk": False,
        "pin": "482913",
        "email": "requested",
        "codes": [
            {
                "lock": "SS000001",
                "medium": "pin",
                "slot": 120,
                "state": "set",
                "starts": "2612011500",
                "ends": "2612051000",
                "attempts": 1,
                "due": "2026-12-05T00:00:00Z",
                "last": {"outcome": "done", "ack": 1, "message": "Success", "ref": None},
            }
        ],
        "timeline": [{"at": "2026-11-30T10:00:00Z", "what": "event.accepted", "detail": {"event": "msg_1"}}],
    }

    view = booking_view(STAY, HOUSE, NOW)

    assert expected == view
    assert list(expected) == list(view)


def test_pin_is_the_one_that_was_told() -> None:
    """A PIN that is chosen but not told yet is not shown."""
    assert booking_view(replace(STAY, shown_pin=None), HOUSE, NOW)["pin"] is None


def test_window_of_a_code_that_was_never_written_is_the_planned_one() -> None:
    """Before the first push the window comes from the plan; without a plan there is none."""
    planned = replace(STAY, codes=(AccessCode(lock="SS000001"), AccessCode(lock="SS000009")))

    codes = booking_view(planned, HOUSE, NOW)["codes"]

    expected = [("2612011500", "2612051000"), (None, None)]
    assert expected == [(code["starts"], code["ends"]) for code in codes]
    assert [None, None] == [code["last"] for code in codes]


def test_code_with_a_letter_is_in_review() -> None:
    """An open letter shows as `review` on the code and on the booking."""
    ref = LetterRef("L1", Reason.LOCK_FAILED, Job.SET)
    view = booking_view(replace(STAY, codes=(replace(CODE, phase=Phase.SETTING, letter=ref),)), HOUSE, NOW)

    assert ("review", "review") == (view["codes"][0]["state"], view["state"])


def test_booking_of_an_unknown_unit() -> None:
    """No unit, no times: null, and the version is the event's own time where the sender gave none."""
    booking = replace(BOOKING, unit="nowhere", version=Version(stamp=NOW + timedelta(microseconds=7)))
    view = booking_view(Stay(booking=booking), HOUSE, NOW)

    assert "2026-11-30T10:00:00.000007Z" == view["version"]
    assert (None, None) == (view["check_in"], view["check_out"])
    assert [] == view["codes"]


def test_letter_is_the_documented_object() -> None:
    """The last attempt gives ack, status, reference and the vendor's words."""
    failed = Outcome(Kind.FAILED, ack=4, http_status=200, message="Lock failed", ref="UOWS-Xmuj")
    letter = DeadLetter(
        id="L1",
        reason=Reason.LOCK_FAILED,
        step=Job.SET,
        opened=NOW,
        source="direct",
        booking="BK-1001",
        lock="SS000001",
        slot=120,
        message="Our own words.",
        tries=(Try(NOW, Job.SET, failed),),
        state=LetterState.RESOLVED,
        resolved=NOW + timedelta(hours=1),
        note="typed by hand",
    )
    answer = {"ack": 4, "http_status": 200, "message": "Lock failed", "ref": "UOWS-Xmuj"}
    expected = {
        "id": "L1",
        "state": "resolved",
        "reason": "lock_failed",
        "source": "direct",
        "booking": "BK-1001",
        "lock": "SS000001",
        "slot": 120,
        "step": "set",
        **answer,
        "attempts": [{"at": "2026-11-30T10:00:00Z", "step": "set", "outcome": "failed", **answer}],
        "opened": "2026-11-30T10:00:00Z",
        "resolved": "2026-11-30T11:00:00Z",
        "note": "typed by hand",
    }

    view = letter_view(letter)

    assert expected == view
    assert list(expected) == list(view)


def test_letter_without_the_vendors_words_has_ours() -> None:
    """No attempt, or one that was answered by silence: our explanation stands there."""
    silent = Try(NOW, Job.SET, Outcome(Kind.UNANSWERED))
    bare = DeadLetter(id="L1", reason=Reason.BUG, step=Job.EVENT, opened=NOW, message="Our own words.")

    for letter in (bare, replace(bare, tries=(silent,))):
        assert "Our own words." == letter_view(letter)["message"]
    assert (None, None, None) == tuple(letter_view(bare)[name] for name in ("ack", "ref", "resolved"))


def test_lock_shows_who_holds_which_slot() -> None:
    """F32: slots in order, fenced ones marked; what was last seen as UTC, null for a lock never reached."""
    facts = {"clock": round(NOW.timestamp() * 1000)}
    view = lock_view(LOCK, HOUSE, 2, facts)

    assert [
        {"slot": 120, "holder": "direct/BK-1", "fenced": False},
        {"slot": 121, "holder": "direct/BK-2", "fenced": True},
    ] == slots_view({121: "!direct/BK-2", 120: "direct/BK-1"})
    assert ("2026-11-30T10:00:00Z", None) == (view["clock"], view["last_seen"])
    assert ("SS000001", 2) == (view["lock"], view["slots_in_use"])


def test_lock_shows_its_battery_and_when_it_was_heard_of() -> None:
    """F32: a list that was read is no sign of life; null for a lock of which nothing was heard yet."""
    signs = Signs(battery=64, battery_at=NOW, heard=NOW + timedelta(hours=1))
    view = lock_view(LOCK, HOUSE, 0, {}, signs)

    assert (64, "2026-11-30T10:00:00Z", "2026-11-30T11:00:00Z") == (
        view["battery"],
        view["battery_at"],
        view["last_heard"],
    )
    bare = lock_view(LOCK, HOUSE, 0, {})
    assert [None] * 3 == [bare[name] for name in ("battery", "battery_at", "last_heard")]
    assert [{"date": "2026-11-30", "level": 64}] == battery_view({date(2026, 11, 30): 64})


def test_openings_stand_in_the_timeline_by_their_time() -> None:
    """L01: an arrival that was noted later than it was, and what the doors did, in order."""
    at = NOW + timedelta(days=1)
    stay = replace(
        STAY,
        arrived_at=at,
        timeline=(
            *STAY.timeline,
            Note(at + timedelta(hours=2), "code.attempt"),
            Note(at, "guest.arrived", {"lock": "SS000001"}),
        ),
    )
    view = booking_view(stay, HOUSE, NOW, [(at, "SS000001"), (at + timedelta(hours=1), "SS000001")])

    assert "2026-12-01T10:00:00Z" == view["arrived"]
    assert ["event.accepted", "guest.arrived", "door.opened", "door.opened", "code.attempt"] == [
        note["what"] for note in view["timeline"]
    ]
    assert {"at": "2026-12-01T11:00:00Z", "what": "door.opened", "detail": {"lock": "SS000001"}} == view[
        "timeline"
    ][3]


def test_trail_shows_neither_pin_nor_name() -> None:
    """Promise 9: what happened at the door, and the booking whose PIN it was."""
    row = TrailRow(
        id="evt-1", at=NOW, type=1, label="Unlock Event", kind="password", slot=120, ref="direct/BK-1"
    )

    assert {
        "id": "evt-1",
        "at": "2026-11-30T10:00:00.000Z",
        "type": 1,
        "label": "Unlock Event",
        "kind": "password",
        "slot": 120,
        "battery": None,
        "booking": "direct/BK-1",
    } == trail_view(row)

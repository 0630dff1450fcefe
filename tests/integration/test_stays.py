"""The main job: a booking becomes a PIN on its doors, follows the stay, and is gone at check-out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.engine_kit import DOOR, GATE, Engine, engine
from worker.domain.access_code import AccessCode, Phase
from worker.domain.booking import Status, StayKey
from worker.service.requests import NotNowError, UnknownBookingError


@pytest.fixture
def inn(tmp_path: Path) -> Iterator[Engine]:
    """A running engine."""
    with engine(tmp_path) as made:
        yield made


def ops(inn: Engine, lock: str | None = None) -> list[str]:
    """The calls so far, by kind, without the clock."""
    return [call["op"] for call in inn.calls(lock=lock) if call["op"] != "clock"]


def test_one_door(inn: Engine) -> None:
    """A stay behind one door costs one list and one add, into the first slot (A05)."""
    inn.book(unit="cabin")
    inn.settle()
    assert inn.state() == "ready"
    assert ops(inn) == ["list", "add"]
    assert [120] == list(inn.vendor.codes(DOOR))
    assert inn.vendor.codes(DOOR)[120]["pin"] == inn.view()["pin"]


def test_two_doors_hold_the_same_pin_and_window(inn: Engine) -> None:
    """Each mapped lock gets the same PIN and window, with one list and one add each (J01, J02)."""
    inn.book()
    inn.settle()
    gate, door = inn.vendor.codes(GATE)[120], inn.vendor.codes(DOOR)[120]
    assert (gate["pin"], gate["starts"], gate["ends"]) == (door["pin"], door["starts"], door["ends"])
    assert ["add", "list"] == sorted(ops(inn, GATE))
    assert ["add", "list"] == sorted(ops(inn, DOOR))
    assert gate["name"].endswith("direct/BK-1")


def test_a_room_move_waits_for_the_new_door_and_not_past_the_next_arrival(tmp_path: Path) -> None:
    """D09: in doubt the guest keeps the old room's code, until an hour before the next guest comes there."""
    shed = '[units.shed]\nlocks = ["SS000003"]'
    with engine(tmp_path, locks=(GATE, DOOR, "SS000003"), units=shed) as inn:
        inn.book("BK-1", unit="cabin", begins=-1, days=5)
        inn.settle(lambda: inn.state("BK-1") == "ready")
        inn.vendor.add_fault("hang", op="list", lock="SS000003", times=None)
        inn.send("BK-1", kind="booking.updated", unit="shed")
        inn.settle(lambda: bool(inn.calls("list", "SS000003")))
        assert [120] == list(inn.vendor.codes(DOOR))
        inn.book("BK-2", unit="cabin", begins=30)
        inn.book("BK-3", unit="house", begins=40)
        inn.settle(lambda: inn.state("BK-2") == "ready")
        code = look_again(inn, "BK-1")
        assert code.next_arrival == inn.stay("BK-2").check_in
        inn.send(
            "BK-2", kind="booking.updated", check_in=(datetime.now(UTC) + timedelta(minutes=50)).isoformat()
        )
        inn.settle(lambda: inn.state("BK-2") == "ready")
        look_again(inn, "BK-1")
        inn.settle(lambda: not [c for c in inn.vendor.codes(DOOR).values() if "BK-1" in c["name"]])


def look_again(inn: Engine, booking: str) -> AccessCode:
    """The code on the door after the half-hourly look."""
    inn.innkey.ledger.change(StayKey("direct", booking), lambda stay, _: stay)
    code = inn.stay(booking).code(DOOR)
    assert code is not None
    return code


def test_clock_is_set_once(inn: Engine) -> None:
    """The clock is set before the first push on a lock, and not again for the next stay."""
    inn.book("BK-1", unit="cabin")
    inn.settle()
    inn.book("BK-2", unit="cabin")
    inn.settle()
    assert 1 == len(inn.calls("clock"))
    first = [call["op"] for call in inn.calls()]
    assert first.index("clock") < first.index("add")


def test_extension_moves_the_end_in_place(inn: Engine) -> None:
    """An extension keeps slot and PIN, and only the end moves: one list and one add (promise 3, D01)."""
    inn.book(unit="cabin")
    inn.settle()
    before = inn.vendor.codes(DOOR)[120]
    later = datetime.now(UTC) + timedelta(days=5)
    inn.send(check_out=later.isoformat(), kind="booking.updated")
    inn.settle()
    after = inn.vendor.codes(DOOR)[120]
    assert (before["pin"], before["starts"]) == (after["pin"], after["starts"])
    assert before["ends"] < after["ends"]
    assert ["list", "add", "list", "add"] == ops(inn)
    assert inn.state() == "ready"


def test_same_times_again_cost_no_call(inn: Engine) -> None:
    """An update that changes nothing on the lock costs no call (B02, D06, D07)."""
    inn.book(unit="cabin", guest_name="John Lee")
    inn.settle()
    seen = len(inn.calls())
    stay = inn.stay()
    assert stay.check_in is not None
    inn.send(kind="booking.updated", check_in=stay.check_in.isoformat(), guest_name="Johnny Lee")
    inn.settle()
    assert seen == len(inn.calls())


def test_cancel_takes_the_code_off(inn: Engine) -> None:
    """A cancel after the push removes the code now: one list and one delete a door."""
    inn.book()
    inn.settle()
    inn.send(kind="booking.cancelled")
    inn.settle()
    assert inn.state() == "cancelled"
    assert {} == inn.vendor.codes(GATE)
    assert {} == inn.vendor.codes(DOOR)
    assert ["add", "delete", "list", "list"] == sorted(ops(inn, GATE))


def test_cancel_before_the_push_never_pushes(inn: Engine) -> None:
    """A stay that is cancelled before its PINs are due costs no call at all."""
    inn.book(begins=24 * 40)
    inn.settle()
    assert "planned" == inn.state()
    inn.send(kind="booking.cancelled")
    inn.settle()
    assert "cancelled" == inn.state()
    assert [] == inn.calls()


def test_far_booking_waits_for_its_lead_time(inn: Engine) -> None:
    """A booking beyond `push_ahead` is planned and not sent (E08)."""
    inn.book(begins=24 * 40)
    inn.settle()
    assert "planned" == inn.state()
    assert [] == inn.calls()


def test_check_out_by_the_clock(tmp_path: Path) -> None:
    """When the stay is over, its code is removed and its slot is free again (A12, E06)."""
    with engine(tmp_path, policy={"first_slot": "120", "last_slot": "120"}) as inn:
        ends = datetime.now(UTC) + timedelta(seconds=4)
        soon = ends.replace(microsecond=0)
        # The window ends on a whole minute: the stay is over when that minute has come.
        inn.send(unit="cabin", check_in=(soon - timedelta(hours=2)).isoformat(), check_out=soon.isoformat())
        inn.settle()
        assert "ready" == inn.state()
        inn.settle(lambda: inn.state() == "ended", seconds=90)
        assert {} == inn.vendor.codes(DOOR)
        inn.book("BK-2", unit="cabin")
        inn.settle()
        assert [120] == list(inn.vendor.codes(DOOR))


def test_room_move(inn: Engine) -> None:
    """A move keeps the shared door's code, sets the new door, and clears the old one (D09)."""
    inn.book(unit="house")
    inn.settle()
    pin = inn.view()["pin"]
    inn.send(unit="cabin", kind="booking.updated")
    inn.settle()
    assert {} == inn.vendor.codes(GATE)
    assert pin == inn.vendor.codes(DOOR)[120]["pin"]
    assert [DOOR] == [code["lock"] for code in inn.view()["codes"]]
    assert "ready" == inn.state()


def test_same_event_twice(inn: Engine) -> None:
    """The same event again is a duplicate and costs nothing (B01, B03)."""
    inn.book(unit="cabin", event_id="evt-once", version=7)
    inn.book(unit="cabin", event_id="evt-once", version=7)
    inn.settle()
    assert ["list", "add"] == ops(inn)
    accepted = [line for line in inn.view()["timeline"] if line["what"] == "event.accepted"]
    assert 1 == len(accepted)


def test_disorder(inn: Engine) -> None:
    """A cancel before its booking leaves a tombstone that an older booking does not undo (B12)."""
    inn.send(kind="booking.cancelled", version=5)
    inn.settle()
    inn.book(unit="cabin", version=4)
    inn.settle()
    assert "cancelled" == inn.state()
    assert [] == inn.calls()


def test_reinstated(inn: Engine) -> None:
    """A cancelled stay that a newer event confirms gets its told PIN back (D21)."""
    inn.book(unit="cabin")
    inn.settle()
    pin = inn.view()["pin"]
    inn.send(kind="booking.cancelled")
    inn.settle()
    inn.send(kind="booking.updated", status="confirmed")
    inn.settle()
    assert "ready" == inn.state()
    assert pin == inn.vendor.codes(DOOR)[120]["pin"]


def test_twenty_at_once_on_one_lock(inn: Engine) -> None:
    """Twenty bookings at once get twenty slots and PINs, one command at a time (A01, A02, F21, promise 5)."""
    for number in range(20):
        inn.book(f"BK-{number}", unit="cabin")
    inn.settle()
    codes = inn.vendor.codes(DOOR)
    assert list(range(120, 140)) == sorted(codes)
    assert 20 == len({code["pin"] for code in codes.values()})
    assert 20 == len(inn.calls("add"))
    assert {} == inn.vendor.stats()["overlaps"]


def test_hand_typed_code_is_never_touched(inn: Engine) -> None:
    """A code typed by hand keeps its slot and outlives the stay beside it (promise 2, A07)."""
    inn.vendor.hand(DOOR, 120, "0953", name="Cleaner")
    inn.book(unit="cabin")
    inn.settle()
    assert [120, 121] == sorted(inn.vendor.codes(DOOR))
    inn.send(kind="booking.cancelled")
    inn.settle()
    assert "0953" == inn.vendor.codes(DOOR)[120]["pin"]


def test_unknown_unit(inn: Engine) -> None:
    """A unit that no file knows becomes one letter, and no call (J05)."""
    inn.book(unit="castle")
    inn.settle()
    assert "review" == inn.state()
    letters = inn.innkey.store.letters.page(is_open=True, limit=10, cursor=None).items
    assert ["unknown_unit"] == [letter.reason.value for letter in letters]
    assert [] == inn.calls()
    assert "castle" in inn.outbox.mails[0][1]


def test_failed_acks_become_a_letter_that_a_retry_heals(inn: Engine) -> None:
    """Acks 2 to the last attempt: one letter, one mail; the retry heals both (F01)."""
    inn.vendor.add_fault("ack", ack=2, op="add", lock=DOOR, times=3)
    inn.book(unit="cabin")
    inn.settle(lambda: bool(inn.outbox.mails))
    assert "review" == inn.state()
    assert 3 == len(inn.calls("add"))
    (letter,) = inn.innkey.store.letters.page(is_open=True, limit=10, cursor=None).items
    assert ("lock_failed", "set", DOOR) == (letter.reason.value, letter.step.value, letter.lock)
    assert 3 == len(letter.tries)
    inn.innkey.review.retry(letter.id)
    inn.settle()
    assert "ready" == inn.state()
    resolved = inn.innkey.store.letters.get(letter.id)
    assert resolved is not None
    assert "resolved" == resolved.state.value
    assert inn.view()["pin"] not in inn.outbox.mails[0][1]


def test_executed_in_spite_of_a_504(inn: Engine) -> None:
    """A 504 whose command was carried out is found by the read-back: no second push (promise 6)."""
    inn.vendor.add_fault("status", status=504, op="add", executed=True)
    inn.book(unit="cabin")
    inn.settle(lambda: inn.state() == "ready")
    assert ["list", "add", "list"] == ops(inn)


def test_lost_504_is_pushed_again(inn: Engine) -> None:
    """A 504 whose command was lost is read back and pushed again, into the same slot (F24)."""
    inn.vendor.add_fault("status", status=504, op="add", executed=False)
    inn.book(unit="cabin")
    inn.settle(lambda: inn.state() == "ready")
    assert ["list", "add", "list", "add"] == ops(inn)
    assert [120] == list(inn.vendor.codes(DOOR))


def test_email_goes_with_the_own_door_once(inn: Engine) -> None:
    """The guest gets one e-mail, with the own door's push (promise 7)."""
    inn.book(guest_email="john@example.com", email_message="Watch out for the dog.")
    inn.settle(lambda: inn.state() == "ready")
    (mail,) = inn.vendor.emails()
    assert (DOOR, "john@example.com") == (mail["lock"], mail["to"])
    assert "requested" == inn.view()["email"]


def test_sweep_finds_lost_entries(inn: Engine) -> None:
    """A record with work due whose entry is lost is found again (promise 1)."""
    inn.book(unit="cabin", begins=24 * 40)
    inn.settle()
    inn.innkey.store.agenda.forget(DOOR, "direct/BK-1")
    assert 0 == inn.housekeeping.sweep(0)
    assert inn.innkey.store.agenda.is_scheduled(DOOR, "direct/BK-1")


def test_full_lock_waits_and_is_woken(tmp_path: Path) -> None:
    """On a full lock the next booking waits, becomes a letter, and gets the slot that frees (A03, A04)."""
    with engine(tmp_path, policy={"first_slot": "120", "last_slot": "120"}) as inn:
        inn.book("BK-1", unit="cabin")
        inn.settle()
        inn.book("BK-2", unit="cabin", pin="704261")
        inn.settle()
        assert "review" == inn.state("BK-2")
        inn.send("BK-1", kind="booking.cancelled")
        inn.settle(lambda: inn.state("BK-2") == "ready")
        assert "704261" == inn.vendor.codes(DOOR)[120]["pin"]
        assert 0 == inn.innkey.store.letters.open_count()


@pytest.mark.parametrize("kind", ["answered", "in doubt"])
def test_the_slot_that_frees_is_filled_at_once(tmp_path: Path, kind: str) -> None:
    """A stay that waits and has no PIN yet gets it and the slot as soon as the removal is confirmed (A03).

    By the answer, or by the list that is read after a doubtful one.
    """
    with engine(tmp_path, policy={"first_slot": "120", "last_slot": "120", "at_risk": '"0s"'}) as inn:
        inn.book("BK-1", unit="cabin")
        inn.settle()
        inn.book("BK-2", unit="cabin", check_in=(datetime.now(UTC) + timedelta(hours=3)).isoformat())
        inn.settle()
        assert "setting" == inn.state("BK-2")
        if kind == "in doubt":
            inn.vendor.add_fault("status", status=504, op="delete", executed="yes", times=2)
        inn.send("BK-1", kind="booking.cancelled")
        inn.settle(lambda: inn.state("BK-2") == "ready")
        assert "cancelled" == inn.state("BK-1")


def test_the_slot_of_a_stay_that_moved_away_is_filled_at_once(tmp_path: Path) -> None:
    """A stay that left the door is not listed there any more; its slot frees all the same (A03, D09)."""
    policy = {"first_slot": "120", "last_slot": "120", "at_risk": '"0s"'}
    with engine(tmp_path, policy=policy, units=f'[units.shed]\nlocks = ["{GATE}"]') as inn:
        inn.book("BK-1", unit="cabin")
        inn.settle()
        inn.book("BK-2", unit="cabin", check_in=(datetime.now(UTC) + timedelta(hours=3)).isoformat())
        inn.settle()
        inn.send("BK-1", kind="booking.updated", unit="shed")
        inn.settle(lambda: inn.state("BK-2") == "ready")
        assert ["direct/BK-2"] == [code["name"] for code in inn.vendor.codes(DOOR).values()]


def test_who_waits_is_looked_at_in_any_visit(tmp_path: Path) -> None:
    """A hand-typed code that went away wakes nobody, but the next visit sees it, the waiting first (A07)."""
    with engine(tmp_path, policy={"first_slot": "120", "last_slot": "121", "at_risk": '"0s"'}) as inn:
        inn.vendor.hand(DOOR, 121, "998877", "Cleaner")
        inn.book("BK-1", unit="cabin", begins=5)
        inn.settle()
        inn.book("BK-2", unit="cabin", begins=3)
        inn.settle()
        assert "setting" == inn.state("BK-2")
        inn.vendor.wipe(DOOR, 121)
        inn.book("BK-1", unit="cabin", begins=6)
        inn.settle()
        assert "ready" == inn.state("BK-2")


def test_code_lost_on_the_lock_is_pushed_again(inn: Engine) -> None:
    """A code that vanished from the lock is pushed again at the next look (F14)."""
    inn.book(unit="cabin")
    inn.settle()
    inn.vendor.wipe(DOOR, 120)
    inn.send(kind="booking.updated", check_out=(datetime.now(UTC) + timedelta(days=4)).isoformat())
    inn.settle()
    assert Phase.SET is inn.stay().codes[0].phase
    assert [120] == list(inn.vendor.codes(DOOR))


def test_rotate_pin(inn: Engine) -> None:
    """A rotation writes another PIN on both doors in place; the old one is shown meanwhile."""
    inn.book()
    inn.settle()
    old = inn.view()["pin"]
    inn.innkey.requests.rotate_pin(inn.stay().key)
    assert old == inn.view()["pin"]
    inn.settle(lambda: inn.state() == "ready")
    new = inn.view()["pin"]
    assert old != new
    assert [new, new] == [inn.vendor.codes(lock)[120]["pin"] for lock in (GATE, DOOR)]


def test_resend(inn: Engine) -> None:
    """The guest's e-mail goes once more, by a push in place of the own door alone."""
    inn.book(guest_email="john@example.com")
    inn.settle(lambda: inn.view()["email"] == "requested")
    inn.innkey.requests.resend(inn.stay().key)
    assert "waiting" == inn.view()["email"]
    inn.settle(lambda: inn.view()["email"] == "requested")
    assert [DOOR, DOOR] == [mail["lock"] for mail in inn.vendor.emails()]
    assert 1 == len(inn.calls("add", GATE))


def test_a_cancelled_stay_has_nothing_to_rotate(inn: Engine) -> None:
    """What cannot be done is said, and nothing is changed."""
    inn.book()
    inn.settle()
    inn.send(kind="booking.cancelled")
    inn.settle()
    with pytest.raises(NotNowError, match="cancelled"):
        inn.innkey.requests.rotate_pin(inn.stay().key)
    with pytest.raises(UnknownBookingError):
        inn.innkey.requests.resend(StayKey("direct", "BK-404"))


def test_cancelled_by_hand(inn: Engine) -> None:
    """Its code comes off now, and newer news of the source alone brings the stay back."""
    inn.book("BK-1", unit="cabin")
    inn.settle()
    cancelled = inn.innkey.requests.cancel(StayKey("direct", "BK-1"))
    assert Status.CANCELLED is cancelled.booking.status
    inn.settle(lambda: inn.state() == "cancelled")
    assert {} == inn.vendor.codes(DOOR)
    inn.book("BK-1", unit="cabin", version=1)
    inn.settle()
    assert "cancelled" == inn.state()
    inn.book("BK-1", unit="cabin")
    inn.settle()
    assert "ready" == inn.state()


def test_cancelled_by_hand_before_its_push(inn: Engine) -> None:
    """A code that was never pushed makes no call, and news that waits unapplied counts as from before."""
    inn.book("BK-1", begins=24 * 30)
    inn.settle()
    inn.book("BK-1")
    inn.innkey.requests.cancel(StayKey("direct", "BK-1"))
    inn.settle()
    assert ("cancelled", []) == (inn.state(), inn.calls("add"))


def test_cancelled_by_hand_settles_its_letters(inn: Engine) -> None:
    """The letter of an unknown unit has nothing to ask any more."""
    inn.book("BK-1", unit="nowhere")
    inn.settle()
    assert "review" == inn.state()
    inn.innkey.requests.cancel(StayKey("direct", "BK-1"))
    assert ("cancelled", 0) == (inn.state(), inn.innkey.store.letters.open_count())


def test_what_cannot_be_cancelled_by_hand(inn: Engine) -> None:
    """Each is said, and nothing is changed."""
    key, cancel = StayKey("direct", "BK-1"), inn.innkey.requests.cancel
    with pytest.raises(UnknownBookingError):
        cancel(key)
    inn.book("BK-1", begins=-50)
    inn.settle()
    with pytest.raises(NotNowError, match="over"):
        cancel(key)
    inn.book("BK-1")
    cancel(key)
    with pytest.raises(NotNowError, match="already"):
        cancel(key)


def test_events_of_one_stay_are_applied_in_order(inn: Engine) -> None:
    """Workers that take a stay's events up in any order lose none of the partial updates (promise 1, B12)."""
    inn.book(unit="cabin", guest_name="John Lee")
    later = datetime.now(UTC) + timedelta(days=9)
    inn.send(kind="booking.updated", check_out=later.isoformat())
    inn.send(kind="booking.updated", guest_name="Johanna Lee")
    inn.queue.events.reverse()
    inn.settle()
    stay = inn.stay()
    assert ("Johanna Lee", "ready") == (stay.booking.guest_name, inn.state())
    assert stay.check_out is not None
    assert abs(stay.check_out - later) < timedelta(seconds=1)


def test_an_older_event_fills_what_no_newer_one_has_named(inn: Engine) -> None:
    """The sender's update came first: its booking completes it, and turns nothing back (C08)."""
    later = datetime.now(UTC) + timedelta(days=9)
    inn.send(kind="booking.updated", version=5, check_out=later.isoformat(), guest_name=None)
    inn.settle()
    assert "review" == inn.state()
    inn.book(unit="cabin", version=4, guest_name="John Lee")
    inn.settle()
    stay = inn.stay()
    assert (None, "ready") == (stay.booking.guest_name, inn.state())
    assert stay.check_out is not None
    assert abs(stay.check_out - later) < timedelta(seconds=1)

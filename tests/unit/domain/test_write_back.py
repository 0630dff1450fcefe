"""What a booking system shall show as the door code of a stay, and which change makes that wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from worker.domain.access_code import AccessCode, Doubt, Phase
from worker.domain.booking import Booking, Status, StayKey, Version
from worker.domain.house import Account, House, Lock, Unit
from worker.domain.reasons import Job, Reason
from worker.domain.record import Stay
from worker.domain.write_back import has_to_be_written, is_owed, pin_to_show, text_to_show

NOW = datetime(2026, 11, 24, tzinfo=UTC)
ZONE = ZoneInfo("Australia/Brisbane")
HOUSE = House(
    accounts=MappingProxyType({"default": Account(name="default")}),
    locks=MappingProxyType({"SS000001": Lock(name="SS000001", zone=ZONE)}),
    units=MappingProxyType({"beach-house": Unit(name="beach-house", zone=ZONE, locks=("SS000001",))}),
    sources=frozenset({"pms"}),
    write_back=frozenset({"pms"}),
)
BOOKING = Booking(key=StayKey("pms", "501"), version=Version(stamp=NOW), unit="beach-house")
ON = Stay(
    booking=BOOKING,
    pin="482913",
    shown_pin="482913",
    codes=(AccessCode(lock="SS000001", phase=Phase.SET, slot=120),),
)
NOT_YET = replace(ON, shown_pin=None, codes=(AccessCode(lock="SS000001", phase=Phase.SETTING, slot=120),))
OFF = replace(ON, codes=(AccessCode(lock="SS000001", phase=Phase.REMOVED),))
CANCELLED = replace(ON, booking=replace(BOOKING, status=Status.CANCELLED))


@pytest.mark.parametrize(
    ("stay", "expected"),
    [
        (NOT_YET, None),
        (ON, "482913"),
        (replace(ON, pin="771204"), "482913"),
        (CANCELLED, None),
        (replace(ON, booking=replace(BOOKING, status=Status.TENTATIVE)), None),
        (OFF, None),
        (replace(OFF, codes=(*OFF.codes, AccessCode(lock="SS000001~rfid", phase=Phase.SET, slot=1))), None),
        (replace(ON, codes=()), None),
    ],
)
def test_what_is_shown(stay: Stay, expected: str | None) -> None:
    """Only a PIN that was on all doors; in a rotation the old one; none once it opens no door."""
    assert expected == pin_to_show(stay)


def _codes(*codes: AccessCode) -> tuple[AccessCode, ...]:
    return tuple(replace(code, lock=f"SS00000{number}") for number, code in enumerate(codes, 1))


PLANNED, SET = AccessCode(lock=""), AccessCode(lock="", phase=Phase.SET, slot=120, seen_at=NOW)
PUSHED = AccessCode(lock="", phase=Phase.SETTING, slot=120)
MOVING, GOING = replace(SET, phase=Phase.SETTING), replace(SET, phase=Phase.REMOVING)
SENT_OFF = replace(GOING, doubt=Doubt(job=Job.REMOVE, since=NOW, refutes_from=NOW, reason=Reason.UNCONFIRMED))
BY_HAND = AccessCode(lock="", by_hand=True)


@pytest.mark.parametrize(
    ("codes", "first", "later"),
    [
        ((PLANNED,), False, False),
        ((PUSHED,), False, False),
        ((SET,), True, True),
        ((BY_HAND,), True, True),
        ((MOVING,), False, True),
        ((GOING,), False, True),
        ((SENT_OFF,), False, False),
        ((replace(SENT_OFF, phase=Phase.SETTING),), False, False),
        ((SET, PLANNED), False, True),
        ((SET, MOVING), False, True),
        ((GOING, PLANNED), False, True),
        ((PUSHED, PLANNED), False, False),
        ((AccessCode(lock="", phase=Phase.REMOVED), SET), True, True),
    ],
)
def test_which_codes_count_as_on(codes: tuple[AccessCode, ...], first: bool, later: bool) -> None:  # noqa: FBT001
    """To be shown for the first time it must be on every door; to stay shown, still on one."""
    told = replace(ON, codes=_codes(*codes))
    assert ("482913" if first else None) == pin_to_show(told)
    assert ("482913" if later else None) == pin_to_show(replace(told, written_pin="482913"))


def test_a_stay_that_is_confirmed_again_is_shown_once_its_doors_have_it_again() -> None:
    """Its PIN was told and taken off the doors: until it is back on all of them it opens nothing."""
    again = replace(ON, told=True, codes=_codes(PLANNED, PLANNED))
    for codes, expected in (
        ((PLANNED, PLANNED), None),
        ((PUSHED, PLANNED), None),
        ((SET, PUSHED), None),
        ((SET, SET), "482913"),
    ):
        assert expected == pin_to_show(replace(again, codes=_codes(*codes)))


def test_what_is_owed() -> None:
    """What differs from what was last seen there; nothing to a source that wants no PINs."""
    assert is_owed(ON, HOUSE)
    assert not is_owed(replace(ON, written_pin="482913"), HOUSE)
    assert is_owed(replace(OFF, written_pin="482913"), HOUSE)
    assert not is_owed(ON, replace(HOUSE, write_back=frozenset()))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (None, NOT_YET, False),
        (None, ON, True),
        (NOT_YET, ON, True),
        (ON, ON, False),
        (ON, replace(ON, written_pin="482913"), False),
        (replace(ON, written_pin="482913"), replace(ON, shown_pin="771204", written_pin="482913"), True),
        (replace(ON, written_pin="482913"), replace(CANCELLED, written_pin="482913"), True),
        (ON, CANCELLED, False),
        (CANCELLED, replace(CANCELLED, written_pin="482913"), True),
        (replace(ON, written_pin="482913"), replace(OFF, written_pin="482913"), True),
    ],
)
def test_which_change_has_to_be_written(before: Stay | None, after: Stay, expected: bool) -> None:  # noqa: FBT001
    """The one that makes the booking system's field wrong, once; not what was never written there."""
    assert expected == has_to_be_written(before, after, HOUSE)


def test_the_text_of_a_reservation() -> None:
    """One stay is its PIN alone; of several units each has its name before it."""
    attic = replace(BOOKING, key=StayKey("pms", "501.2"), unit="attic")
    other = replace(ON, booking=attic, shown_pin="771204")
    assert "482913" == text_to_show([ON], HOUSE)
    assert "" == text_to_show([OFF], HOUSE)
    assert "beach-house: 482913, attic: 771204" == text_to_show([ON, other], HOUSE)
    assert "attic: 771204" == text_to_show([OFF, other], HOUSE)
    assert "" == text_to_show([OFF, NOT_YET], HOUSE)

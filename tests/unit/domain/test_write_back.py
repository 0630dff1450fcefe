"""What a booking system shall show as the door code of a stay, and which change makes that wrong."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest

from worker.domain.access_code import AccessCode, Phase
from worker.domain.booking import Booking, Status, StayKey, Version
from worker.domain.house import Account, House, Lock, Unit
from worker.domain.record import Stay
from worker.domain.write_back import has_to_be_written, is_owed, pin_to_show, text_to_show

ZONE = ZoneInfo("Australia/Brisbane")
HOUSE = House(
    accounts=MappingProxyType({"default": Account(name="default")}),
    locks=MappingProxyType({"SS000001": Lock(name="SS000001", zone=ZONE)}),
    units=MappingProxyType({"beach-house": Unit(name="beach-house", zone=ZONE, locks=("SS000001",))}),
    sources=frozenset({"pms"}),
    write_back=frozenset({"pms"}),
)
BOOKING = Booking(
    key=StayKey("pms", "501"), version=Version(stamp=datetime(2026, 11, 24, tzinfo=UTC)), unit="beach-house"
)
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
        (
            replace(OFF, codes=(*OFF.codes, AccessCode(lock="SS000002", phase=Phase.REMOVING, slot=1))),
            "482913",
        ),
        (replace(OFF, codes=(*OFF.codes, AccessCode(lock="SS000001~rfid", phase=Phase.SET, slot=1))), None),
        (replace(ON, codes=()), None),
    ],
)
def test_what_is_shown(stay: Stay, expected: str | None) -> None:
    """Only a PIN that was on all doors; in a rotation the old one; none once it opens no door."""
    assert expected == pin_to_show(stay)


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

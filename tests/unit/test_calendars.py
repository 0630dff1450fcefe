"""Calendars of the sites, and hostile ones: what is read of them, and that one event loses no other."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.calendar_kit import (
    AIRBNB,
    BOOKING,
    OLD_AIRBNB,
    VRBO,
    airbnb,
    calendar,
    event,
    vrbo,
)
from webhooks.feeds.calendars import CutOffError, Found, NotACalendarError, new_id, read_calendar
from webhooks.feeds.words import kind_of, words_of
from worker.domain.booking import Status
from worker.domain.feeds import FeedKind, Listed


def read(content: bytes, kind: FeedKind | None = None, closed: str = "stay") -> Found:
    """Read a calendar as a feed without more keys does."""
    return read_calendar(content, kind, closed, ZoneInfo("Europe/Berlin"))


def only(content: bytes, **how: str) -> Listed:
    """The one stay of a calendar."""
    found = read(content, **how)  # type: ignore[arg-type]
    assert () == found.unread
    (one,) = found.calendar.listed
    return one


@pytest.mark.parametrize("maker", [AIRBNB, OLD_AIRBNB])
def test_a_booking_of_airbnb(maker: str) -> None:
    """Code and last digits of the telephone are in its folded description; the end is exclusive."""
    assert Listed(
        uid="7f662ec65913-0b1f@airbnb.com",
        starts="2026-12-01",
        ends="2026-12-05",
        code="HMABCDEFGH",
        phone="1234",
    ) == only(calendar(airbnb(), maker=maker))


def test_the_words_for_the_digits_may_be_of_any_language() -> None:
    """The label is translated, its form is not."""
    told = "https://www.airbnb.fr/hosting/reservations/details/HM1234567\nNuméro (4 derniers chiffres) : 0042"
    assert ("HM1234567", "0042") == (
        words_of("Réservé", told, FeedKind.AIRBNB, "stay").code,
        words_of("Réservé", told, FeedKind.AIRBNB, "stay").phone,
    )


def test_a_booking_of_airbnb_without_description() -> None:
    """Then the uid is all there is."""
    assert Listed(uid="a@airbnb.com", starts="2026-12-01", ends="2026-12-05") == only(
        calendar(event("SUMMARY:Reserved", uid="a@airbnb.com"), maker=AIRBNB)
    )


def test_a_booking_of_vrbo() -> None:
    """Its summary tells the guest's first name; one calendar was seen with a duration and no end."""
    one = only(calendar(event("SUMMARY:Réservée - Anne-Sophie", "DURATION:P3D", ends=None), maker=VRBO))
    assert ("Anne-Sophie", "2026-12-04") == (one.guest, one.ends)


@pytest.mark.parametrize(
    ("maker", "summary"),
    [
        (AIRBNB, "Airbnb (Not available)"),
        (AIRBNB, "Airbnb (Nicht verfügbar)"),
        (AIRBNB, "Airbnb (予約不可)"),
        (AIRBNB, "Not available"),
        (VRBO, "Blocked"),
        (VRBO, "Indisponible"),
        (VRBO, "Blocked By Guesty"),
        ("PRODID:-//Somebody//EN", "CLOSED - Not available"),
        ("PRODID:-//Somebody//EN", "Gesperrt"),
    ],
)
def test_blocked_dates_are_no_stays(maker: str, summary: str) -> None:
    """E10: they are counted as events, and nothing more."""
    found = read(calendar(event(f"SUMMARY:{summary}"), maker=maker))
    assert ((), 1, ()) == (found.calendar.listed, found.calendar.events, found.unread)


def test_a_guest_whose_name_is_a_word_for_blocked_has_a_stay() -> None:
    """What stands before the dash says what it is."""
    assert "Closed Blocked" == only(calendar(vrbo("Closed Blocked"), maker=VRBO)).guest


@pytest.mark.parametrize(
    "summary", ["CLOSED - Not available", "CLOSED – Not available", "Closed -  not available"]
)
def test_booking_com_tells_bookings_and_closures_alike(summary: str) -> None:
    """E10: the property file says what they are; a stay, where it does not."""
    content = calendar(event(f"SUMMARY:{summary}", uid="1@booking.com"))
    assert "1@booking.com" == only(content).uid
    assert () == read(content, closed="block").calendar.listed


@pytest.mark.parametrize(
    ("maker", "uid", "expected"),
    [
        (AIRBNB, "1", FeedKind.AIRBNB),
        (VRBO, "1", FeedKind.VRBO),
        (BOOKING, "1", FeedKind.BOOKING),
        ("", "1@airbnb.com", FeedKind.AIRBNB),
        ("", "1@booking.com", FeedKind.BOOKING),
        ("PRODID:-//Somebody//EN", "1@example.com", FeedKind.GENERIC),
    ],
)
def test_a_calendar_tells_whose_it_is(maker: str, uid: str, expected: FeedKind) -> None:
    """By its maker, else by its uids."""
    assert expected == kind_of(maker, ["", uid])


def test_the_property_file_says_it_where_the_calendar_does_not() -> None:
    """A name is only read where the site is known to write it."""
    assert None is only(calendar(vrbo())).guest
    assert "Ann" == read(calendar(vrbo()), FeedKind.VRBO).calendar.listed[0].guest


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (
            ["DTSTART:20261201T150000", "DTEND:20261205T100000"],
            ("2026-12-01T15:00:00", "2026-12-05T10:00:00"),
        ),
        (
            ["DTSTART;TZID=Australia/Brisbane:20261201T150000", "DTEND:20261205T000100Z"],
            ("2026-12-01T15:00:00+10:00", "2026-12-05T00:01:00+00:00"),
        ),
        (["DTSTART:20261201T000000Z", "DTEND:20261205T000000Z"], ("2026-12-01", "2026-12-05")),
        (["DTSTART:20260531T220000Z", "DTEND:20260605T220000Z"], ("2026-06-01", "2026-06-06")),
        (["DTSTART:20261023T220000Z", "DTEND:20261025T230000Z"], ("2026-10-24", "2026-10-26")),
        (
            ["DTSTART;TZID=Nowhere/At-all:20261201T150000", "DURATION:P1DT2H"],
            ("2026-12-01T15:00:00", "2026-12-02T17:00:00"),
        ),
        (["DTSTART;VALUE=DATE:20261201"], ("2026-12-01", "2026-12-02")),
        (["DTSTART;VALUE=DATE:20261201", "DTEND:20261203T110000"], ("2026-12-01", "2026-12-03T11:00:00")),
        (["DTSTART:20261201", "DTEND:20261203"], ("2026-12-01", "2026-12-03")),
    ],
)
def test_dates_are_read_in_all_their_forms(lines: list[str], expected: tuple[str, str]) -> None:
    """D16, D17, D18: whole days are dates, also where midnights stand for them; local times stay local."""
    one = only(calendar(event(*lines, starts=None, ends=None)))
    assert expected == (one.starts, one.ends)


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        (["DTEND;VALUE=DATE:20261205"], "DTSTART"),
        (["DTSTART;VALUE=DATE:soon", "DTEND;VALUE=DATE:20261205"], "DTSTART"),
        (["DTSTART;VALUE=DATE:20261201", "DTSTART;VALUE=DATE:20261202"], "DTSTART"),
        (["DTSTART;VALUE=DATE:20261205", "DTEND;VALUE=DATE:20261201"], "DTEND"),
        (["DTSTART;VALUE=DATE:20261205", "DTEND;VALUE=DATE:20261205"], "DTEND"),
        (["DTSTART:20261205T100000", "DTEND:20261205T090000"], "DTEND"),
        (["DTSTART:20261201T150000"], "DTEND"),
        (["DTSTART;VALUE=DATE:20261201", "DURATION:for ever"], "DURATION"),
        (["DTSTART;VALUE=DATE:20261201", "DURATION:P99999999999999D"], "DURATION"),
        (["DTSTART;VALUE=DATE:20261201", "DURATION:P9999999D"], "DURATION"),
        (["DTSTART;VALUE=DATE:19991201", "DTEND;VALUE=DATE:20261205"], "DTSTART"),
        (["DTSTART;VALUE=DATE:20261201", "DTEND;VALUE=DATE:29991205"], "DTEND"),
        (["DTSTART;VALUE=DATE:20261201", "RRULE:FREQ=WEEKLY"], "RRULE"),
        (["DTSTART;VALUE=DATE:20261201", "RDATE;VALUE=DATE:20270101"], "RDATE"),
        (["DTSTART;VALUE=DATE:20261201", "RECURRENCE-ID;VALUE=DATE:20261208"], "RECURRENCE-ID"),
    ],
)
def test_what_is_not_understood_loses_no_other_event(lines: list[str], field: str) -> None:
    """D11: it is for a person, named by its uid, and no value of it stands in the error."""
    found = read(calendar(event(*lines, uid="odd", starts=None, ends=None), event("SUMMARY:Ann", uid="good")))
    assert ["good"] == [one.uid for one in found.calendar.listed]
    assert ([field], frozenset({"odd"}), True) == (
        [*found.unread[0].errors],
        found.calendar.unread,
        found.calendar.is_whole,
    )


@pytest.mark.parametrize(
    "broken",
    [
        "BEGIN:VEVENT\r\nno colon at all\r\nEND:VEVENT",
        'BEGIN:VEVENT\r\nUID;X="open:1\r\nEND:VEVENT',
        "BEGIN:VEVENT\r\nUID:odd\r\nDTSTART;VALUE=DATE:20261201",
        "BEGIN:VEVENT\r\nBEGIN:VALARM\r\nEND:VEVENT",
        "BEGIN:VEVENT\r\nEND:VALARM\r\nEND:VEVENT",
    ],
)
def test_a_broken_event_loses_no_other(broken: str) -> None:
    """Whatever it is; and while it tells no uid, nothing is held to be missing."""
    found = read(calendar(event(uid="a"), broken, event(uid="b")))
    assert {"a", "b"} <= {one.uid for one in found.calendar.listed}
    assert 3 == found.calendar.events


def test_a_line_outside_of_events_loses_none() -> None:
    """What is not an event is not looked at: zones, tasks, nonsense."""
    found = read(calendar("BEGIN:VTIMEZONE", "odd", "END:VTIMEZONE", "nonsense", event()))
    assert ["u1"] == [one.uid for one in found.calendar.listed]


def test_a_cancelled_event_says_so() -> None:
    """Sites leave the event out; whoever writes STATUS is believed."""
    assert Status.CANCELLED == only(calendar(event("STATUS:CANCELLED"))).status
    assert Status.TENTATIVE == only(calendar(event("STATUS:TENTATIVE"))).status


def test_an_event_without_a_uid_gets_one_of_its_own() -> None:
    """The standard demands one; where it is missing, the dates and the summary tell two events apart."""
    found = read(calendar(event(uid=None), event("SUMMARY:Bob", uid=None), event(uid=None)))
    assert 2 == len({one.uid for one in found.calendar.listed}) == len(found.calendar.listed)


def test_doubles_are_one() -> None:
    """A uid twice is one stay, and so is a reservation in two events."""
    parts = airbnb(ends="20261203"), airbnb(uid="other@airbnb.com", starts="20261203")
    assert ("2026-12-01", "2026-12-05") == (only(calendar(*parts)).starts, only(calendar(*parts)).ends)
    assert "2026-12-09" == only(calendar(event(), event(ends="20261209"))).ends


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>Log in</html>",
        b'{"error": "no"}',
        b"BEGIN:VEVENT\r\nEND:VEVENT",
        b"\xff\xfe\x00",
    ],
)
def test_what_is_no_calendar_is_told_so(content: bytes) -> None:
    """E05: a page that asks for a login is no empty calendar."""
    with pytest.raises(NotACalendarError):
        read(content)


def test_a_calendar_that_is_cut_off_is_told_so() -> None:
    """E05: wherever it ends too early, nothing is concluded from it."""
    content = calendar(airbnb(), airbnb("HM12345678", "u2"))
    for length in range(len("BEGIN:VCALENDAR"), len(content) - 3):
        with pytest.raises(CutOffError):
            read(content[:length])
    assert 2 == len(read(content[:-2]).calendar.listed)


def test_a_calendar_of_too_many_events_is_refused() -> None:
    """No house has so many; whoever sends them means harm."""
    with pytest.raises(NotACalendarError):
        read(calendar("BEGIN:VEVENT\r\nEND:VEVENT\r\n" * 10_001))


def test_thousands_of_events_are_read() -> None:
    """A whole house in one calendar, and years of it."""
    content = calendar(*(airbnb(code=f"HM{n:08}", uid=f"u{n}") for n in range(3000)))
    assert 3000 == len(read(content).calendar.listed)


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        ({"uid": "u1", "code": "HMABCDEFGH"}, "HMABCDEFGH"),
        ({"uid": "0e9f1c1c-6d2f-4b55-a1f3-3d6c2f3f0a11"}, "0e9f1c1c-6d2f-4b55-a1f3-3d6c2f3f0a11"),
        ({"uid": "99aa@booking.com"}, "99aa@booking.com"),
    ],
)
def test_a_stay_is_called_as_the_site_calls_it(listed: dict[str, Any], expected: str) -> None:
    """Where that is short enough to stand on a lock."""
    assert expected == new_id(Listed(starts="2026-12-01", ends="2026-12-02", **listed))


@pytest.mark.parametrize("uid", ["x" * 37, "a b", "a/b", "a\nb", "ü", "a%b"])
def test_what_cannot_stand_on_a_lock_is_called_by_its_digest(uid: str) -> None:
    """C06: no control character, slash or blank becomes part of a key."""
    name = new_id(Listed(uid=uid, starts="2026-12-01", ends="2026-12-02"))
    assert (20, True) == (len(name), name.isalnum())


def test_nothing_of_an_event_is_in_a_repr() -> None:
    """Promise 9: the body of what was not understood may hold the guest."""
    found = read(calendar(event("SUMMARY:Canary", "RRULE:FREQ=DAILY")))
    assert "Canary" not in repr(found)


LINES = st.sampled_from(
    [
        "BEGIN:VEVENT",
        "END:VEVENT",
        "BEGIN:VALARM",
        "END:VALARM",
        "BEGIN:VCALENDAR",
        "END:VCALENDAR",
        "UID:u1",
        "UID;X=1:",
        "DTSTART;VALUE=DATE:20261201",
        "DTSTART;TZID=Europe/Berlin:00010101T000000",
        "DTSTART:99991231T235959Z",
        "DTEND;VALUE=PERIOD:20261201T000000Z/P1D",
        "DTEND;VALUE=DATE:20261204",
        "DTEND:20261204T100000",
        "DURATION:-P1W",
        "SUMMARY:Reserved",
        "RRULE:FREQ=DAILY;COUNT=-1",
        " folded",
        "STATUS:CANCELLED",
    ]
)
ANY = st.text(max_size=40).map(lambda text: text.replace("\r", "").replace("\n", ""))


@given(st.lists(LINES | ANY, max_size=25))
def test_no_calendar_is_a_fault(lines: list[str]) -> None:
    """Whatever a site sends: it is read, or said to be no calendar, and what is read fits the record."""
    content = "\r\n".join(["BEGIN:VCALENDAR", *lines, "END:VCALENDAR"]).encode("utf-8", "surrogatepass")
    found = read(content)
    for one in found.calendar.listed:
        assert one.starts[:10] <= one.ends[:10]
        assert one.uid
        assert new_id(one).isprintable()


@given(st.binary(max_size=300))
def test_no_bytes_are_a_fault(content: bytes) -> None:
    """Bytes that are no text at all, inside of a calendar too."""
    with pytest.raises(NotACalendarError):
        read(content)
    read(b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n" + content + b"\r\nEND:VEVENT\r\nEND:VCALENDAR")

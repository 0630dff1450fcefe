"""Calendars as the sites write them: lines of CRLF, folded at 75 octets."""

from __future__ import annotations

__all__ = ["AIRBNB", "BOOKING", "GENERIC", "VRBO", "airbnb", "booking", "calendar", "event", "folded", "vrbo"]

AIRBNB = "PRODID:-//Airbnb Inc//Hosting Calendar 1.0//EN"
OLD_AIRBNB = "PRODID;X-RICAL-TZSOURCE=TZINFO:-//Airbnb Inc//Hosting Calendar 0.8.8//EN"
VRBO = "PRODID:-//HomeAway.com, Inc.//EN"
BOOKING = "PRODID:-//Booking.com//EN"
GENERIC = "PRODID:-//Somebody//EN"


def folded(line: str) -> str:
    """A line as RFC 5545 folds it."""
    parts, rest = [line[:75]], line[75:]
    while rest:
        parts.append(" " + rest[:74])
        rest = rest[74:]
    return "\r\n".join(parts)


def event(
    *lines: str, uid: str | None = "u1", starts: str | None = "20261201", ends: str | None = "20261205"
) -> str:
    """An event of whole days, with more lines; None leaves a line out."""
    told = [
        f"DTSTART;VALUE=DATE:{starts}" if starts else "",
        f"DTEND;VALUE=DATE:{ends}" if ends else "",
        f"UID:{uid}" if uid else "",
        *lines,
    ]
    return "\r\n".join(["BEGIN:VEVENT", *(folded(line) for line in told if line), "END:VEVENT"])


def calendar(*events: str, maker: str = GENERIC) -> bytes:
    """A whole calendar."""
    lines = ["BEGIN:VCALENDAR", maker, "CALSCALE:GREGORIAN", "VERSION:2.0", *events, "END:VCALENDAR"]
    return ("\r\n".join(lines) + "\r\n").encode()


def airbnb(
    code: str = "HMABCDEFGH", uid: str = "7f662ec65913-0b1f@airbnb.com", phone: str = "1234", **when: str
) -> str:
    """A booking of Airbnb's."""
    told = (
        f"https://www.airbnb.com/hosting/reservations/details/{code}\\nPhone Number (Last 4 Digits): {phone}"
    )
    return event("SUMMARY:Reserved", f"DESCRIPTION:Reservation URL: {told}", uid=uid, **when)


def vrbo(name: str = "Ann", uid: str = "0e9f1c1c-6d2f-4b55-a1f3-3d6c2f3f0a11", **when: str) -> str:
    """A booking of Vrbo's."""
    return event(f"SUMMARY:Reserved - {name}", uid=uid, **when)


def booking(uid: str = "99aa@booking.com", **when: str) -> str:
    """Booked or closed dates of Booking.com's."""
    return event("SUMMARY:CLOSED - Not available", uid=uid, **when)

"""The text in which a stay is kept gives back the same stay, and shows nothing secret."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain.kit import KEY, NOW, PIN, Bench, an_event
from worker.domain.access_code import AccessCode, Blank, Doubt, GaveUp, LetterRef, Phase, Try, Written
from worker.domain.booking import Booking, Status, StayKey, Version
from worker.domain.outcomes import Kind, Outcome
from worker.domain.plan import applied
from worker.domain.reasons import Job, Reason
from worker.domain.record import Note, Stay
from worker.store.codec import dump_stay, load_stay
from worker.store.vault import UnreadableError, Vault

VAULT = Vault([Fernet.generate_key().decode()])
SECONDS = st.integers(1, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))
TEXT = st.text(min_size=1, max_size=12)
DIGITS = st.text("0123456789", max_size=10)
PINS = st.text("0123456789", min_size=4, max_size=6)
REASONS, JOBS = st.sampled_from(Reason), st.sampled_from(Job)
COUNTS = st.integers(0, 9)
WRITTEN = st.builds(Written, PINS | st.just(""), DIGITS, DIGITS)
OUTCOMES = st.builds(
    Outcome,
    kind=st.sampled_from(Kind),
    ack=st.none() | st.integers(0, 10),
    http_status=st.none() | st.integers(100, 599),
    message=st.text(max_size=12),
    ref=st.none() | TEXT,
)


DOUBTS = st.builds(
    Doubt,
    job=JOBS,
    since=SECONDS,
    refutes_from=SECONDS,
    reason=REASONS,
    answered=st.booleans(),
    is_free=st.booleans(),
    tells=st.booleans(),
    asks=st.booleans(),
    looked_at=st.none() | SECONDS,
)
LETTERS = st.builds(LetterRef, TEXT, REASONS, JOBS, st.booleans())
CODES = st.builds(
    AccessCode,
    lock=TEXT,
    phase=st.sampled_from(Phase),
    slot=st.none() | st.integers(101, 200),
    writes=st.lists(WRITTEN, max_size=3).map(tuple),
    proven=st.booleans(),
    started=st.none() | SECONDS,
    doubt=st.none() | DOUBTS,
    in_flight=st.booleans(),
    removal_owed=st.booleans(),
    removal_repeated=st.booleans(),
    attempts=COUNTS,
    failures=COUNTS,
    refused_pins=COUNTS,
    offline=COUNTS,
    misreads=COUNTS,
    crashes=COUNTS,
    again_at=st.none() | SECONDS,
    failed_for=st.none() | REASONS,
    gave_up=st.none() | st.builds(GaveUp, REASONS, JOBS),
    last=st.none() | OUTCOMES,
    tries=st.lists(st.builds(Try, SECONDS, JOBS, OUTCOMES), max_size=2).map(tuple),
    waiting=st.booleans(),
    by_hand=st.booleans(),
    letter=st.none() | LETTERS,
    mailed=st.none() | WRITTEN,
    aim=DIGITS,
    blank=st.sampled_from(Blank),
    due=st.none() | SECONDS,
    deadline=st.none() | SECONDS,
)
GUEST = st.none() | st.text(max_size=12)
BOOKINGS = st.builds(
    Booking,
    key=st.builds(StayKey, TEXT, TEXT),
    version=st.builds(
        Version, number=st.none() | st.integers(0, 2**53), text=st.text(max_size=9), stamp=SECONDS
    ),
    status=st.sampled_from(Status),
    unit=st.none() | TEXT,
    check_in=st.none() | TEXT,
    check_out=st.none() | TEXT,
    guest_name=GUEST,
    guest_email=GUEST,
    guest_phone=GUEST,
    send_email=st.none() | st.booleans(),
    email_message=GUEST,
    pin=st.none() | PINS,
)
NOTES = st.builds(Note, SECONDS, TEXT, st.dictionaries(TEXT, TEXT | st.integers(-99, 99), max_size=2))
STAYS = st.builds(
    Stay,
    booking=BOOKINGS,
    codes=st.lists(CODES, max_size=2, unique_by=lambda c: c.lock).map(tuple),
    pin=st.none() | PINS,
    shown_pin=st.none() | PINS,
    written_pin=st.none() | PINS,
    told=st.booleans(),
    emailed=st.none() | WRITTEN,
    check_in=st.none() | SECONDS,
    check_out=st.none() | SECONDS,
    planned_at=st.none() | SECONDS,
    rejected_times=st.booleans(),
    arrived_at=st.none() | SECONDS,
    generation=COUNTS,
    letter=st.none() | LETTERS,
    waived=st.none() | REASONS,
    timeline=st.lists(NOTES, max_size=2).map(tuple),
)


def again(stay: Stay) -> Stay:
    """The stay after it was written and read."""
    return load_stay(dump_stay(stay, VAULT), VAULT)


@settings(max_examples=250, deadline=None)
@given(STAYS)
def test_what_is_read_is_what_was_written(stay: Stay) -> None:
    """Promise 1: every field survives; times to the second."""
    assert stay == again(stay)


@settings(deadline=None)
@given(SECONDS, st.integers(1, 999_999))
def test_a_moment_to_wait_for_never_comes_back_earlier(moment: datetime, micros: int) -> None:
    """F26: what is not due before a moment is not due before it after a restart either."""
    exact = moment + timedelta(microseconds=micros)
    code = again(Bench().book().change(again_at=exact).stay).codes[0]
    assert code.again_at is not None
    assert timedelta(0) <= code.again_at - exact < timedelta(seconds=1)


@settings(deadline=None)
@given(SECONDS, st.integers(0, 999_999))
def test_the_times_of_a_doubt_keep_their_milliseconds(moment: datetime, micros: int) -> None:
    """Promise 6: a list read just before a command is not taken for one read after it."""
    exact = moment + timedelta(microseconds=micros)
    doubt = Doubt(job=Job.SET, since=exact, refutes_from=exact, reason=Reason.UNCONFIRMED)
    found = again(Bench().book().stay.with_code(AccessCode(lock="x", slot=120, doubt=doubt))).codes[-1].doubt
    assert found is not None
    assert abs(found.since - exact) <= timedelta(milliseconds=1)
    assert abs(found.refutes_from - exact) <= timedelta(milliseconds=1)


@settings(deadline=None)
@given(st.integers(0, 2**48))
def test_the_order_of_events_survives_to_the_microsecond(micros: int) -> None:
    """B12: a stamp that comes back older or newer would let a stale event in."""
    stamp = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)
    event = replace(an_event(unit="cabin"), version=Version(stamp=stamp))
    assert stamp == again(applied(None, event, NOW)).booking.version.stamp


def test_leading_zeros_survive() -> None:
    """H01: a PIN is text."""
    bench = Bench().book(pin="004829")
    bench.put_on()
    found = again(bench.stay)
    assert ("004829", "004829") == (found.pin, found.codes[0].writes[0].pin)


def test_neither_pin_nor_guest_is_in_the_text() -> None:
    """Promise 9: what lies in Redis is encrypted."""
    bench = Bench().book(
        guest_name="Ann Lee",
        guest_email="ann@example.com",
        guest_phone="+61400482913",
        email_message="The dog.",
    )
    bench.put_on()
    text = dump_stay(bench.stay, VAULT)
    assert [] == [s for s in (PIN, "Ann", "example.com", "61400", "dog") if s in text]
    assert str(KEY.id) in text


def test_another_key_reads_nothing() -> None:
    """Promise 9: without its key the record is unreadable, and says so."""
    text = dump_stay(Bench().book().stay, VAULT)
    with pytest.raises(UnreadableError, match="INNKEY_SECRET_KEY"):
        load_stay(text, Vault([Fernet.generate_key().decode()]))


def test_a_name_with_half_a_character_can_be_written() -> None:
    """Promise 1: JSON may carry a lone surrogate; an accepted event must not become unwritable by it."""
    assert dump_stay(Bench().book(guest_name="Ann \ud83d").stay, VAULT)


def test_a_stay_with_everything_at_its_default_is_small() -> None:
    """A million stays must fit: what is at its default is left out."""
    assert len(dump_stay(Bench().book().stay, VAULT)) < 1000

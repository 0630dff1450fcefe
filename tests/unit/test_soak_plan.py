"""The schedule of a campaign follows from its seed alone."""

from __future__ import annotations

import tomllib
from collections import Counter

import pytest

from tests.soak.layout import DOORS, LAST_SLOT, TIGHT_FIRST, Layout
from tests.soak.plan import Deed, What, schedule
from tests.soak.stories import canary, story

UNITS = tuple(Layout(3).units)


def test_the_same_seed_gives_the_same_campaign() -> None:
    """Every event and every fault is the same again; another seed gives others."""
    assert schedule(7, 60) == schedule(7, 60)
    assert schedule(7, 60) != schedule(8, 60)


def test_half_an_hour_is_a_full_load() -> None:
    """Half an hour: 5,000 bookings on a hundred locks, 20,000 events."""
    plan = schedule(1, 1800)
    assert 5040 == plan.bookings
    assert 100 == len(plan.layout.locks)
    assert 19_000 < len(plan.events) < 21_500


@pytest.mark.parametrize("seed", range(5))
def test_a_minute_has_every_great_fault(seed: int) -> None:
    """A minute kills, freezes, fills the disk, moves the clock, and takes mail and Redis away."""
    done = Counter(deed.what for deed in schedule(seed, 60).deeds)
    great = {What.KILL, What.FREEZE, What.REDIS_KILL, What.REDIS_SLOW, What.DISK_FULL, What.BROKER}
    great |= {What.SMTP, What.CLOCK, What.TWIN, What.TERM, What.DICE, What.RATES, What.HAND, What.OFFLINE}
    assert set() == great - set(done)


def test_the_key_is_revoked_in_some_minutes() -> None:
    """A revoked key stops the account for half a minute: some campaigns have it, not all."""
    revoked = [any(deed.what is What.KEY for deed in schedule(seed, 60).deeds) for seed in range(20)]
    assert {True, False} == set(revoked)


@pytest.mark.parametrize("seed", range(5))
def test_faults_end_with_the_campaign(seed: int) -> None:
    """Nothing outlasts the injected phase but a revoked key, given back then; what is late comes soon."""

    def ends(deed: Deed) -> float:
        late = deed.details["late"][1] if deed.what is What.RATES else 0.0
        lasts = 0.0 if deed.what in (What.RATES, What.KEY) else deed.lasts
        return deed.at + max(lasts, late)

    plan = schedule(seed, 60)
    assert max(ends(deed) for deed in plan.deeds) <= 60 + 16
    assert max(event.at for event in plan.events) <= 60


@pytest.mark.parametrize("number", range(200))
def test_a_story_makes_sense(number: int) -> None:
    """Versions rise, check-out is after check-in, and the first event says everything."""
    events = sorted(story(3, number, UNITS, 60), key=lambda event: event.version)
    assert [*range(1, len(events) + 1)] == [event.version for event in events]
    assert {"unit", "status", "check_in", "check_out", "guest"} <= set(events[0].data)
    facts: dict[str, float] = {}
    for event in events:
        facts |= {key: event.data[key] for key in ("check_in", "check_out") if key in event.data}
        assert facts["check_in"] < facts["check_out"]


def test_events_that_name_few_fields_come_in_order() -> None:
    """Out of order an update names every field, since an older one that comes later is not applied."""
    events = [event for number in range(300) for event in story(3, number, UNITS, 60)]
    partial = [e for e in events if e.type == "booking.updated" and "unit" not in e.data]
    assert partial
    assert all(event.in_order for event in partial if set(event.data) & {"check_in", "check_out"})
    assert any(not event.in_order for event in events)


def test_every_guest_is_a_canary() -> None:
    """No two guests share a name, an address, a phone or a PIN; some bring a PIN."""
    guests = [canary(5, number) for number in range(2000)]
    for words in ([g.name for g in guests], [g.phone for g in guests], [g.pin for g in guests if g.pin]):
        assert words
        assert len(words) == len(set(words))


def test_the_property_file_names_all() -> None:
    """Every lock and unit is in the file; the last door of a building has three slots."""
    layout = Layout(2)
    read = tomllib.loads(layout.properties())
    assert {*layout.locks, *layout.busy_locks} == set(read["locks"])
    assert {name: list(locks) for name, locks in layout.all_units.items()} == {
        name: unit["locks"] for name, unit in read["units"].items()
    }
    assert TIGHT_FIRST == read["units"][f"b01-{DOORS}"]["policy"]["first_slot"]
    assert 3 == len(layout.slots_of(f"b01-{DOORS}"))
    assert LAST_SLOT in layout.slots_of("b01-1")

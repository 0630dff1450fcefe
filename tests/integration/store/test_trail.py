"""The audit trail's entry on the timetable, and what is kept of a trail: against a real Redis."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from tests.integration.store.conftest import Desk, ago, make_house, schedule
from worker.domain.house import House
from worker.domain.lock_events import LockEvent
from worker.domain.trail import GIVES_WAY, KEPT, TRAIL, Guest
from worker.service.generation import OlderFileError
from worker.service.trail import TrailKeeper
from worker.store import keys
from worker.store.agenda import Claim
from worker.store.codec import to_millis
from worker.store.store import Store
from worker.store.trail import MOST_OPENINGS

LEASE = timedelta(seconds=30)
DAY = timedelta(days=1)
PIN, NAME = "482913", "Wilhelmina Canary"


def _claim(store: Store, house: House) -> Claim:
    schedule(store, house, [("SS1", "direct/A", ago(store), ago(store))])
    claim = store.agenda.claim(house.locks["SS1"], LEASE)
    assert claim is not None
    store.agenda.forget("SS1", "direct/A")
    return claim


def _entry(store: Store) -> tuple[float | None, float | None]:
    """Due and deadline of the trail."""
    return (
        store.client.zscore(keys.lock_due("SS1"), TRAIL),
        store.client.zscore(keys.lock_deadline("SS1"), TRAIL),
    )


def an_unlock(number: int, at: datetime, **more: object) -> LockEvent:
    """The vendor's event of a PIN that opened the door."""
    told: dict[str, object] = {
        "event_type": 1,
        "user_id": 120,
        "user_kind": "password",
        "user_value": PIN,
        "user_name": NAME,
        **more,
    }
    return LockEvent(f"evt-{number}", at, **told)  # type: ignore[arg-type]


def _keeper(store: Store) -> tuple[Desk, TrailKeeper]:
    desk = Desk(store, make_house("SS1"))
    return desk, TrailKeeper(store, desk.ledger, lambda: desk.house)


def _take_in(desk: Desk, keeper: TrailKeeper, *events: LockEvent, guests: tuple[Guest, ...] = ()) -> None:
    keeper.take_in(desk.house.locks["SS1"], events, guests)


def _guest(now: datetime) -> Guest:
    return Guest(
        ref="direct/BK-1",
        slot=120,
        windows=((now - 90 * DAY, now + DAY),),
        check_in=now - 90 * DAY,
        has_arrived=False,
        is_staying=True,
    )


def test_the_end_of_a_visit_brings_a_reading_forward_and_never_puts_it_off(store: Store) -> None:
    """Promise 10: with a deadline six hours later, so that it gives way to arrivals; the earliest stays."""
    house, now = make_house("SS1"), store.agenda.now()
    for wanted, expected in [(9, 9), (None, 9), (12, 9), (3, 3)]:
        at = None if wanted is None else now + wanted * timedelta(hours=1)
        store.agenda.release(_claim(store, house), house, trail_at=at)
        due = now + expected * timedelta(hours=1)
        assert (to_millis(due), to_millis(due + GIVES_WAY)) == _entry(store)
        assert to_millis(due) == store.client.zscore(keys.DUE, "SS1")


def test_a_holder_without_its_lease_schedules_no_reading(store: Store) -> None:
    """Promise 5: what the lock's new holder said stays."""
    house = make_house("SS1")
    claim = _claim(store, house)
    store.client.set(keys.lease("SS1"), "another holder")
    store.agenda.release(claim, house, trail_at=store.agenda.now() + DAY)
    assert (None, None) == _entry(store)


def test_a_reading_gives_way_to_an_arrival(store: Store) -> None:
    """Promise 10: a lock that only has its trail to read waits behind one where somebody arrives sooner."""
    house, now = make_house("SS0", "SS1", "SS2", places=1), store.agenda.now()
    assert ["SS0"] == schedule(store, house, [("SS0", "direct/busy", now, now)])
    claim = store.agenda.claim(house.locks["SS0"], LEASE)
    assert claim is not None
    store.agenda.forget("SS0", "direct/busy")
    schedule(store, house, [("SS1", TRAIL, now, now + GIVES_WAY)])
    schedule(store, house, [("SS2", "direct/B", now, now + timedelta(hours=5))])
    assert ["SS2"] == store.agenda.release(claim, house)[0]


def test_events_are_kept_once_whatever_their_order(store: Store) -> None:
    """Duplicates, disorder and reading again are normal: each event is kept once, the newest shown first."""
    desk, keeper = _keeper(store)
    now = store.agenda.now().replace(microsecond=0)
    events = [an_unlock(n, now - n * timedelta(minutes=1), battery=60 + n) for n in range(5)]
    _take_in(desk, keeper, events[3], events[1], events[3])
    _take_in(desk, keeper, *events, *events)
    rows = store.trails.rows("SS1", 10)
    assert [f"evt-{n}" for n in range(5)] == [row.id for row in rows]
    assert [60, 61, 62, 63, 64] == [row.battery for row in rows]
    assert ["evt-2", "evt-3"] == [row.id for row in store.trails.rows("SS1", 2, before=events[1].at)]


def test_neither_pin_nor_name_is_kept(store: Store) -> None:
    """Promise 9: not even encrypted."""
    desk, keeper = _keeper(store)
    _take_in(desk, keeper, an_unlock(1, store.agenda.now()))
    held = str(store.client.hgetall(keys.trail_rows("SS1")))
    assert '"s":120' in held
    assert PIN not in held
    assert NAME not in held


def test_what_is_older_than_three_months_goes(store: Store) -> None:
    """The vendor keeps three months too; what it still shows of before is not taken in again."""
    desk, keeper = _keeper(store)
    now = store.agenda.now()
    old, new = an_unlock(1, now - KEPT + timedelta(minutes=1)), an_unlock(2, now)
    _take_in(desk, keeper, old)
    store.client.zadd(keys.trail("SS1"), {"evt-1": to_millis(now - KEPT - DAY)})
    _take_in(desk, keeper, an_unlock(3, now - KEPT - DAY), new)
    assert ["evt-2"] == [row.id for row in store.trails.rows("SS1", 10)]
    assert 1 == store.client.hlen(keys.trail_rows("SS1"))


def test_the_battery_has_one_value_a_day_for_a_year(store: Store) -> None:
    """The last of each day in the lock's zone; one that comes late replaces no later one."""
    desk, keeper = _keeper(store)
    lock = desk.house.locks["SS1"]
    noon = datetime.combine(store.agenda.now().astimezone(lock.zone).date(), datetime.min.time(), lock.zone)
    noon = noon.astimezone(UTC) - timedelta(hours=12)
    today = noon.astimezone(lock.zone).date()
    store.client.hset(keys.battery("SS1"), (today - timedelta(days=400)).isoformat(), 99)
    _take_in(desk, keeper, an_unlock(1, noon, battery=71), an_unlock(2, noon - DAY, battery=75))
    _take_in(desk, keeper, an_unlock(3, noon + timedelta(hours=1), battery=70))
    _take_in(
        desk, keeper, an_unlock(4, noon - timedelta(hours=1), battery=72), an_unlock(5, noon, battery=None)
    )
    expected: dict[date, int] = {today - DAY: 75, today: 70}
    assert expected == store.trails.battery("SS1")
    signs = store.trails.signs(["SS1", "SS2"])
    assert (70, noon + timedelta(hours=1)) == (signs["SS1"].battery, signs["SS1"].battery_at)
    assert signs["SS2"].battery is None


def test_the_newest_openings_of_a_stay_are_kept(store: Store) -> None:
    """L03: fifty of them, beside the record and not in it; they go three months after the last."""
    desk, keeper = _keeper(store)
    now = store.agenda.now()
    desk.book("BK-1")
    events = [an_unlock(n, now - (60 - n) * timedelta(minutes=1)) for n in range(60)]
    _take_in(desk, keeper, *events, guests=(_guest(now),))
    openings = store.trails.openings("direct/BK-1")
    assert MOST_OPENINGS == len(openings)
    assert (events[-1].at.replace(microsecond=0), "SS1") == (openings[-1][0].replace(microsecond=0), "SS1")
    assert 0 < store.client.ttl(keys.openings("direct/BK-1")) <= KEPT.total_seconds()
    assert ["guest.arrived"] == [
        n.what for n in desk.change("BK-1", lambda s: s).timeline if "guest" in n.what
    ]


def test_a_stay_of_a_newer_file_is_left_to_who_has_it(store: Store) -> None:
    """What its PIN opened stays new, so that a process with the newer file marks the arrival."""
    desk, keeper = _keeper(store)
    now = store.agenda.now()

    def refuse(ref: str, _change: object) -> None:
        raise OlderFileError(ref)

    events = [an_unlock(1, now), an_unlock(2, now, user_id=121)]
    keeper.take_in(desk.house.locks["SS1"], events, [_guest(now)], change=refuse)
    assert ["evt-2"] == [row.id for row in store.trails.rows("SS1", 10)]

"""The timetable and the line: who is next, and that every due lock is found by exactly one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Barrier

from tests.integration.store.conftest import Desk, ago, keeper_of, make_house, run_out, schedule
from worker.domain.house import House
from worker.domain.outcomes import Kind, Outcome
from worker.service.accounts import Accounts
from worker.store import keys
from worker.store.agenda import Claim
from worker.store.commit import Commit
from worker.store.store import Store

LEASE = timedelta(seconds=30)
DAY = timedelta(days=1)


def _house_of(count: int, places: int) -> House:
    return make_house(*(f"SS{number}" for number in range(count)), places=places)


def _busy(store: Store, house: House, lock: str) -> Callable[[], list[str]]:
    """Fill the one place of the window; the call that frees it, and says who is next."""
    assert [lock] == schedule(store, house, [(lock, "direct/busy", ago(store), ago(store))])
    claim = store.agenda.claim(house.locks[lock], LEASE)
    assert claim is not None
    store.agenda.forget(lock, "direct/busy")
    return partial(_freed, store, house, claim)


def _freed(store: Store, house: House, claim: Claim) -> list[str]:
    return store.agenda.release(claim, house)[0]


def test_the_line_is_ordered_by_deadline(store: Store) -> None:
    """Promise 10: whatever the order of arrival, the lock with the nearest deadline gets the free place."""
    house, now = _house_of(6, places=1), store.agenda.now()
    free = _busy(store, house, "SS0")
    for lock, hours in (("SS3", 3), ("SS1", 1), ("SS5", 5), ("SS2", 2), ("SS4", 4)):
        schedule(store, house, [(lock, "direct/A", now, now + timedelta(hours=hours))])
    order = free()
    while len(order) < 5:
        claim = store.agenda.claim(house.locks[order[-1]], LEASE)
        assert claim is not None
        store.agenda.forget(claim.lock, "direct/A")
        order += store.agenda.release(claim, house)[0]
    assert ["SS1", "SS2", "SS3", "SS4", "SS5"] == order


def test_an_arrival_overtakes_ten_thousand_removals(store: Store) -> None:
    """Promise 10: the arrival in twenty minutes is next, though 10,000 removals have waited for an hour."""
    house, now = _house_of(10_002, places=1), store.agenda.now()
    free = _busy(store, house, "SS0")
    due = now - timedelta(hours=1)
    rows = [(f"SS{number}", "direct/gone", due, due + DAY) for number in range(1, 10_001)]
    for first in range(0, len(rows), 500):
        schedule(store, house, rows[first : first + 500])
    assert (1, 10_000) == store.health.waiting(["default"])["default"]
    schedule(store, house, [("SS10001", "direct/arrival", now, now + timedelta(minutes=20))])
    assert ["SS10001"] == free()


def test_an_arrival_overtakes_the_backlog_of_its_own_lock(store: Store) -> None:
    """Promise 10: of 300 codes due on one lock, the latest to come but first to arrive is in the visit."""
    house, now = _house_of(2, places=1), store.agenda.now()
    free = _busy(store, house, "SS0")
    due = now - timedelta(hours=1)
    schedule(store, house, [("SS1", f"direct/{n}", due, now + DAY) for n in range(300)])
    arrival = now + timedelta(minutes=20)
    schedule(store, house, [("SS1", "direct/arrival", now, arrival)])
    urgency = store.client.zscore(keys.line("default"), "SS1")
    assert ["SS1"] == free()
    claim = store.agenda.claim(house.locks["SS1"], LEASE)
    assert claim is not None
    assert "direct/arrival" in claim.refs
    assert round(arrival.timestamp() * 1000) == urgency


def test_something_more_urgent_moves_a_lock_forward(store: Store) -> None:
    """Promise 10: a lock that stands in line behind another overtakes it when an arrival comes to it."""
    house, now = _house_of(3, places=1), store.agenda.now()
    free = _busy(store, house, "SS0")
    schedule(store, house, [("SS1", "direct/A", now, now + timedelta(hours=2))])
    schedule(store, house, [("SS2", "direct/B", now, now + timedelta(hours=9))])
    schedule(store, house, [("SS2", "direct/C", now, now + timedelta(hours=1))])
    assert ["SS2"] == free()


def test_a_lock_without_due_work_leaves_the_line(store: Store) -> None:
    """A lock whose only due entry is put off takes no place from another, nor a paused account's probe."""
    house, now = _house_of(3, places=1), store.agenda.now()
    free = _busy(store, house, "SS0")
    schedule(store, house, [("SS1", "direct/A", now, now + timedelta(hours=1))])
    schedule(store, house, [("SS2", "direct/B", now, now + timedelta(hours=2))])
    schedule(store, house, [("SS1", "direct/A", now + DAY, now + 2 * DAY)])
    assert ["SS2"] == free()
    assert store.client.zscore(keys.DUE, "SS1") is not None


def test_a_removal_has_the_urgency_of_the_arrival_that_waits_for_its_slot(store: Store) -> None:
    """Promise 10: on a full lock a removal is as urgent as the stay that waits for a slot there."""
    house, now = _house_of(3, places=1), store.agenda.now()
    free = _busy(store, house, "SS0")
    soon = now + timedelta(minutes=20)
    store.client.zadd(keys.lock_waiting("SS2"), {"direct/arrival": soon.timestamp() * 1000})
    schedule(store, house, [("SS1", "direct/A", now, now + timedelta(hours=1))])
    schedule(store, house, [("SS2", "direct/gone", now, now + DAY)])
    assert ["SS2"] == free()
    claim = store.agenda.claim(house.locks["SS2"], LEASE)
    assert claim is not None
    assert ["direct/gone", "direct/arrival"] == claim.refs


def test_a_slot_that_frees_is_offered_to_all_who_wait(store: Store) -> None:
    """Promise 10: those first in line may not use that slot, and must not hide those behind them.

    A campaign found stays that waited beside free slots: twenty came first whose units have but three.
    """
    house, now = _house_of(2, places=1), store.agenda.now()
    waiting = {f"direct/{number:02}": now.timestamp() * 1000 + number for number in range(60)}
    store.client.zadd(keys.lock_waiting("SS1"), waiting)
    commit = Commit()
    commit.call_in("SS1", "default")
    assert ["SS1"] == commit.run(store.scripts, house)[1]
    assert list(waiting) == store.client.zrange(keys.lock_due("SS1"), 0, -1)
    claim = store.agenda.claim(house.locks["SS1"], LEASE)
    assert claim is not None
    assert list(waiting) == sorted(claim.refs)


def test_no_removal_starves(store: Store) -> None:
    """Promise 10: a removal is served although with every free place another arrival comes."""
    house, now = _house_of(60, places=1), store.agenda.now()
    free = _busy(store, house, "SS0")
    schedule(store, house, [("SS1", "direct/gone", now, now + DAY)])
    served = []
    for number in range(2, 52):
        arrival = now + timedelta(hours=number)
        schedule(store, house, [(f"SS{number}", "direct/arrival", now, arrival)])
        served += free()
        claim = store.agenda.claim(house.locks[served[-1]], LEASE)
        assert claim is not None
        store.agenda.forget(claim.lock, claim.refs[0])
        free = partial(_freed, store, house, claim)
    # Those within the removal's day of grace go before it, and no other.
    assert [f"SS{n}" for n in range(2, 24)] == served[:22]
    assert "SS1" in served[22:25]


def test_two_tickers_never_wake_one_lock_twice(opened: Callable[[], Store]) -> None:
    """Each due lock is handed to exactly one of the processes that tick at the same moment."""
    house = _house_of(300, places=1000)
    stores = [opened() for _ in range(4)]
    now = stores[0].agenda.now()
    for first in range(0, 300, 100):
        due = {f"SS{n}": (now - timedelta(seconds=n)).timestamp() * 1000 for n in range(first, first + 100)}
        for lock, score in due.items():
            stores[0].client.zadd(keys.lock_due(lock), {"direct/A": score})
        stores[0].client.zadd(keys.DUE, due)
    together = Barrier(len(stores))

    def tick(store: Store) -> list[str]:
        together.wait()
        return store.agenda.tick(house).woken + store.agenda.tick(house).woken

    with ThreadPoolExecutor(len(stores)) as pool:
        woken = Counter(lock for found in pool.map(tick, stores) for lock in found)
    assert Counter({f"SS{n}": 1 for n in range(300)}) == woken


def test_a_tick_finds_every_due_lock_when_every_message_was_lost(store: Store) -> None:
    """Promise 1: with the broker emptied, the tick wakes again each lock that nobody has claimed."""
    house, now = _house_of(50, places=50), store.agenda.now()
    first = schedule(store, house, [(f"SS{n}", "direct/A", now, now + DAY) for n in range(50)])
    assert set(house.locks) == set(first)
    assert [] == store.agenda.tick(house).woken
    for lock in first:
        run_out(store, "default", lock)
    assert set(house.locks) == set(store.agenda.tick(house).woken)


def test_a_far_entry_blocks_nothing_and_is_late_by_nothing(store: Store) -> None:
    """A check-out a year ahead keeps its lock on the timetable and out of the line."""
    house, now = _house_of(2, places=5), store.agenda.now()
    assert [] == schedule(store, house, [("SS0", "direct/A", now + 365 * DAY, now + 366 * DAY)])
    tick = store.agenda.tick(house)
    assert ([], timedelta(0)) == (tick.woken, tick.late)
    assert ["SS0"] == schedule(store, house, [("SS0", "direct/B", now, now + DAY)])


def test_lateness_is_measured(store: Store) -> None:
    """The tick says how late the latest entry was, for the metric."""
    house, now = _house_of(1, places=5), store.agenda.now()
    store.client.zadd(keys.lock_due("SS0"), {"direct/A": (now.timestamp() - 60) * 1000})
    store.client.zadd(keys.DUE, {"SS0": (now.timestamp() - 60) * 1000})
    late = store.agenda.tick(house).late
    assert timedelta(seconds=60) <= late < timedelta(seconds=90)


def test_a_lock_that_changes_its_account_is_served_there(store: Store) -> None:
    """A lock woken under its old account is claimed under the new one, once the lost wake-up has run out."""
    before = make_house("SS0@old", accounts={"new": 3, "old": 3})
    after = make_house("SS0@new", accounts={"new": 3, "old": 3})
    now = store.agenda.now()
    assert ["SS0"] == schedule(store, before, [("SS0", "direct/A", now, now + DAY)])
    run_out(store, "old", "SS0")
    store.agenda.tick(after)
    assert store.agenda.claim(after.locks["SS0"], LEASE) is not None


def test_a_lock_gone_from_the_file_while_in_line_is_served(store: Store) -> None:
    """Promise 8: a lock taken out of the file as it stood in line is served by the first account."""
    before = make_house("SS0@old", "SS1@new", accounts={"new": 3, "old": 3})
    after = make_house("SS1@new", accounts={"new": 3, "old": 3})
    now = store.agenda.now()
    assert ["SS0"] == schedule(store, before, [("SS0", "direct/A", now, now + DAY)])
    run_out(store, "old", "SS0")
    for _ in range(3):
        store.agenda.tick(after)
    store.agenda.mend(after)
    served = make_house("SS0@new", accounts={"new": 3, "old": 3}).locks["SS0"]
    assert store.agenda.claim(served, LEASE) is not None


def test_a_paused_account_lets_one_probe_out(store: Store) -> None:
    """While its key is refused an account wakes one lock in half a minute, and all once it works again."""
    house, now = _house_of(5, places=5), store.agenda.now()
    accounts = Accounts(store, Desk(store, house).ledger)
    accounts.key_refused("default", Outcome(Kind.INVALID_TOKEN, None, 403, "Invalid Token."))
    assert [] == schedule(store, house, [(f"SS{n}", "direct/A", now, now + DAY) for n in range(5)])
    store.client.delete(keys.probe("default"))
    assert 1 == len(store.agenda.tick(house).woken)
    assert [] == store.agenda.tick(house).woken
    accounts.key_accepted("default")
    assert 4 == len(store.agenda.tick(house).woken)


def test_housekeeping_passes_on_what_the_tick_found(store: Store) -> None:
    """The tick thread's hints: the locks whose turn it is, each once."""
    house, now = _house_of(3, places=2), store.agenda.now()
    for lock in house.locks:
        store.client.zadd(keys.lock_due(lock), {"direct/A": now.timestamp() * 1000})
        store.client.zadd(keys.DUE, {lock: now.timestamp() * 1000})
    woken: list[str] = []
    hints = {"hint_event": woken.append, "hint_alert": woken.append, "hint_stay": woken.append}
    keeper = keeper_of(store, house, wake=woken.extend, **hints)
    keeper.tick()
    keeper.tick()
    assert 2 == len(woken)
    assert 2 == len(set(woken))

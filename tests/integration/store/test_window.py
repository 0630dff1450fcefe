"""Places and leases: promise 4 under many threads, and what becomes of what a dead holder left."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Event, Lock, Thread

import pytest

from tests.integration.store.conftest import Desk, ago, make_house, poll, run_out, schedule
from worker.domain.booking import StayKey
from worker.domain.house import House
from worker.service.ledger import Extras
from worker.store import keys
from worker.store.agenda import Claim, lease_key
from worker.store.commit import Commit, FencedError
from worker.store.store import Store

LEASE = timedelta(seconds=30)
SHORT = timedelta(milliseconds=60)
DAY = timedelta(days=1)


def _claimed(store: Store, house: House, lock: str, lease: timedelta = LEASE) -> Claim:
    """Make a lock due, have it woken, and claim it."""
    assert [lock] == schedule(store, house, [(lock, "direct/A", ago(store), ago(store) + DAY)])
    claim = store.agenda.claim(house.locks[lock], lease)
    assert claim is not None
    return claim


def _is_woken(store: Store, house: House, lock: str) -> Callable[[], bool]:
    return lambda: lock in store.agenda.tick(house).woken


@dataclass
class Crowd:
    """Workers that visit locks whose entries are always due; some crash, some leave a call unanswered."""

    store: Store
    house: House
    visits: int
    turns: deque[str] = field(default_factory=deque)
    spans: list[tuple[str, str, datetime, datetime]] = field(default_factory=list)
    doubled: int = 0
    done: Event = field(default_factory=Event)
    mutex: Lock = field(default_factory=Lock)

    def work(self, seed: int) -> None:
        """One thread's part, until there were enough visits."""
        chance = random.Random(seed)
        while not self.done.is_set():
            try:
                lock = self.turns.popleft()
            except IndexError:
                self.hint(self.store.agenda.tick(self.house).woken, chance)
            else:
                self.visit(lock, chance)

    def hint(self, woken: list[str], chance: random.Random) -> None:
        """Send messages; some come twice."""
        self.turns.extend(woken)
        self.turns.extend(lock for lock in woken if chance.random() < 0.2)

    def visit(self, lock: str, chance: random.Random) -> None:
        """Claim, hold the place for a moment, and end in one of three ways."""
        kind = chance.choices(("released", "crashed", "unanswered"), (8, 1, 1))[0]
        lease = SHORT if kind == "crashed" else LEASE
        claim = self.store.agenda.claim(self.house.locks[lock], lease)
        if claim is None:
            return
        if self.store.agenda.claim(self.house.locks[lock], LEASE) is not None:
            self.doubled += kind != "crashed"
        ends = claim.now + lease
        if kind != "crashed":
            now = self.store.agenda.now()
            ghost = now + SHORT if kind == "unanswered" else None
            woken, _ = self.store.agenda.release(claim, self.house, ghost_until=ghost)
            ends = ghost or now
            self.hint(woken, chance)
        with self.mutex:
            self.spans.append((claim.account, lock, claim.now, ends))
            if len(self.spans) >= self.visits:
                self.done.set()


def _most_at_once(spans: list[tuple[datetime, datetime]]) -> int:
    edges = sorted([(end, -1) for _, end in spans] + [(start, 1) for start, _ in spans])
    most = now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most


def test_the_window_is_never_overrun(store: Store) -> None:
    """Promises 4, 5: 16 threads, crashes, unanswered calls: never above the window, never two on a lock."""
    names = [f"SS{n}@one" for n in range(12)] + [f"SS{n}@two" for n in range(12, 24)]
    house = make_house(*names, accounts={"one": 2, "two": 5})
    now = ago(store, minutes=5)
    crowd = Crowd(store, house, visits=1500)
    crowd.turns.extend(schedule(store, house, [(lock, "direct/A", now, now + DAY) for lock in house.locks]))
    with ThreadPoolExecutor(16) as pool:
        for job in [pool.submit(crowd.work, seed) for seed in range(16)]:
            job.result()
    assert 0 == crowd.doubled
    for account, most in (("one", 2), ("two", 5)):
        assert most == _most_at_once([(s, e) for a, _, s, e in crowd.spans if a == account])
        assert store.client.zcard(keys.window(account)) <= most


def test_one_account_takes_no_place_of_another(store: Store) -> None:
    """Two accounts have a window each: a full one holds up nobody else."""
    house = make_house("SS0@one", "SS1@one", "SS2@two", accounts={"one": 1, "two": 1})
    now = ago(store)
    rows = [(lock, "direct/A", now, now + DAY) for lock in house.locks]
    assert ["SS0", "SS2"] == sorted(schedule(store, house, rows))
    assert {"one": (1, 1), "two": (1, 0)} == store.health.waiting(["one", "two"])


def test_an_unanswered_call_keeps_its_place_until_its_time(store: Store) -> None:
    """Promise 4: the ghost of a call counts although its lock is given back; then its place is free."""
    house = make_house("SS0", "SS1", places=1)
    claim = _claimed(store, house, "SS0")
    store.agenda.forget("SS0", "direct/A")
    assert [] == schedule(store, house, [("SS1", "direct/A", ago(store), ago(store) + DAY)])
    until = store.agenda.now() + timedelta(milliseconds=300)
    assert ([], []) == store.agenda.release(claim, house, ghost_until=until, quiet_until=until)
    assert store.agenda.claim(house.locks["SS1"], LEASE) is None
    poll(_is_woken(store, house, "SS1"), "the ghost's place")
    assert store.agenda.now() >= until
    assert store.agenda.claim(house.locks["SS1"], LEASE) is not None


def test_a_lock_in_doubt_is_quiet_until_its_time(store: Store) -> None:
    """Promise 5: whoever visits the lock next is told until when no command may go to it."""
    house = make_house("SS0", places=2)
    claim = _claimed(store, house, "SS0")
    until = store.agenda.now() + timedelta(seconds=40)
    assert ["SS0"] == store.agenda.release(claim, house, ghost_until=until, quiet_until=until)[0]
    again = store.agenda.claim(house.locks["SS0"], LEASE)
    assert again is not None
    assert again.quiet_until is not None
    assert abs(again.quiet_until - until) < timedelta(milliseconds=50)


def test_a_wake_up_that_nobody_claims_is_given_again(store: Store) -> None:
    """A lost message costs its lock a wake-up's time and no more; the place is not lost either."""
    house = make_house("SS0", places=1)
    assert ["SS0"] == schedule(store, house, [("SS0", "direct/A", ago(store), ago(store))])
    assert [] == store.agenda.tick(house).woken
    held = store.client.zscore(keys.window("default"), "SS0")
    assert held is not None
    assert held - store.agenda.now().timestamp() * 1000 <= 30_000
    run_out(store, "default", "SS0")
    assert ["SS0"] == store.agenda.tick(house).woken


def test_what_a_crashed_holder_left_is_reaped(store: Store) -> None:
    """A holder that died gives its lock and its place back when its lease ends, not before."""
    house = make_house("SS0", places=1)
    claim = _claimed(store, house, "SS0", timedelta(milliseconds=300))
    poll(_is_woken(store, house, "SS0"), "the crashed holder's lock")
    assert store.agenda.now() >= claim.now + timedelta(milliseconds=300)
    again = store.agenda.claim(house.locks["SS0"], LEASE)
    assert again is not None
    assert claim.token != again.token
    assert ["direct/A"] == again.refs


def test_a_leased_lock_is_not_claimed_again(store: Store) -> None:
    """A second message for a busy lock ends at once, and spoils nothing."""
    house = make_house("SS0", places=5)
    claim = _claimed(store, house, "SS0")
    assert store.agenda.claim(house.locks["SS0"], LEASE) is None
    assert [] == schedule(store, house, [("SS0", "direct/B", ago(store), ago(store) + DAY)])
    assert [] == store.agenda.tick(house).woken
    woken, refs = store.agenda.release(claim, house, may_go_on=True)
    assert ([], {"direct/A", "direct/B"}) == (woken, set(refs))


def test_a_lock_is_not_claimed_out_of_turn(store: Store) -> None:
    """A message for a lock that has no place in the window claims nothing: it is late, or a repetition."""
    house = make_house("SS0", "SS1", places=1)
    claim = _claimed(store, house, "SS0")
    schedule(store, house, [("SS1", "direct/A", ago(store), ago(store) + DAY)])
    assert store.agenda.claim(house.locks["SS1"], LEASE) is None
    store.agenda.forget("SS0", "direct/A")
    assert ["SS1"] == store.agenda.release(claim, house)[0]
    assert store.agenda.claim(house.locks["SS0"], LEASE) is None


def test_a_claim_whose_answer_was_lost_is_repeated(store: Store) -> None:
    """The client sends a script again when its answer is lost: the same token has the same claim."""
    house = make_house("SS0", places=1)
    claim = _claimed(store, house, "SS0")
    args = ["SS0", "default", claim.token, 30_000, 100]
    assert ["direct/A"] == store.scripts.run("claim", args)[5]
    assert store.client.zcard(keys.window("default")) == 1


def test_a_stale_holder_can_neither_write_nor_release(store: Store) -> None:
    """B07, promise 4: once its lease was taken over a holder's writes are refused, its release is void."""
    desk = Desk(store, make_house("SS1", places=1))
    desk.book()
    stale = _claimed(store, desk.house, "SS1")
    run_out(store, "default", "SS1")
    assert ["SS1"] == store.agenda.tick(desk.house).woken
    holder = store.agenda.claim(desk.house.locks["SS1"], LEASE)
    assert holder is not None
    raw = store.stays.raw(StayKey("direct", "BK-1"))

    with pytest.raises(FencedError):
        desk.ledger.change(
            StayKey("direct", "BK-1"),
            lambda stay, now: stay.noted(now, "stale") if stay else None,
            extras=Extras(claim=stale, renew=LEASE),
        )
    until = store.agenda.now() + LEASE
    gone = store.agenda.release(
        stale, desk.house, facts={"list": 1}, ghost_until=until, quiet_until=until, may_go_on=True
    )
    assert ([], []) == gone
    assert raw == store.stays.raw(StayKey("direct", "BK-1"))
    assert holder.token == store.client.get(keys.lease("SS1"))
    assert ["SS1"] == store.client.zrange(keys.window("default"), 0, -1)
    assert {} == store.locks.facts("SS1")
    assert not store.client.exists(keys.quiet("SS1"))


def test_a_renewal_prolongs_lease_and_place(store: Store) -> None:
    """A write that renews keeps the lock through a long call, though its first lease was short."""
    house = make_house("SS0", places=1)
    claim = _claimed(store, house, "SS0", timedelta(seconds=5))
    commit = Commit(fence=lease_key(claim))
    commit.renew("SS0", "default", timedelta(seconds=100))
    now, _ = commit.run(store.scripts, house)
    lease_ends = store.client.pexpiretime(keys.lease("SS0"))
    place = store.client.zscore(keys.window("default"), "SS0")
    assert place is not None
    assert 100_000 <= lease_ends - now.timestamp() * 1000 < 100_010
    assert lease_ends < place < lease_ends + 100, "who is woken by the end of a place must find no lease"


def test_a_smaller_window_drains_before_it_admits(store: Store) -> None:
    """When `max_in_flight` was lowered, nobody gets a place until enough are free."""
    house = make_house("SS0", "SS1", "SS2", places=2)
    first, second = _claimed(store, house, "SS0"), _claimed(store, house, "SS1")
    schedule(store, house, [("SS2", "direct/A", ago(store), ago(store))])
    for lock in ("SS0", "SS1"):
        store.agenda.forget(lock, "direct/A")
    smaller = make_house("SS0", "SS1", "SS2", places=1)
    assert [] == store.agenda.release(first, smaller)[0]
    assert ["SS2"] == store.agenda.release(second, smaller)[0]


def test_release_and_a_new_entry_never_lose_each_other(store: Store) -> None:
    """An entry that comes in the instant in which its lock is given back is found either way."""
    house = make_house("SS0", places=5)
    for number in range(150):
        claim = _claimed(store, house, "SS0")
        store.agenda.forget("SS0", "direct/A")
        ref = f"direct/{number}"
        now = ago(store)
        writer = Thread(target=schedule, args=(store, house, [("SS0", ref, now, now + DAY)]))
        writer.start()
        refs = store.agenda.release(claim, house, may_go_on=True)[1]
        writer.join()
        if refs:
            store.agenda.release(claim, house)
        found = store.agenda.claim(house.locks["SS0"], LEASE)
        assert found is not None
        assert [ref] == found.refs
        store.agenda.forget("SS0", ref)
        store.agenda.release(found, house)

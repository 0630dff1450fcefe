"""A person's own calls: counted in the window, and never beside a worker's visit to the same lock."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from tests.integration.store.conftest import DEADLINE, ago, make_house, poll, schedule
from worker.domain.house import House
from worker.domain.media import tags_of
from worker.store import keys
from worker.store.commit import Commit
from worker.store.loans import InTheWay, Loan, Loans, new_token
from worker.store.store import Store

LASTS = timedelta(seconds=30)
SHORT = timedelta(milliseconds=60)
DAY = timedelta(days=1)


def loans(store: Store) -> Loans:
    """What lends."""
    return Loans(store.client, store.scripts)


def taken(store: Store, house: House, lock: str = "", lasts: timedelta = LASTS) -> Loan:
    """A loan that is expected to be given."""
    found = loans(store).take(house.accounts["default"], lasts, lock=lock)
    assert isinstance(found, Loan)
    return found


def due(store: Store, house: House, lock: str) -> list[str]:
    """Make a lock due; the locks that this wakes."""
    return schedule(store, house, [(lock, "direct/A", ago(store), ago(store) + DAY)])


class TestPlaces:
    """Promise 4: operators' calls count too."""

    def test_no_more_than_there_are(self, store: Store) -> None:
        """Of many who ask at a time just as many get a place as there are."""
        house = make_house("SS1", places=3)
        with ThreadPoolExecutor(12) as pool:
            asked = [pool.submit(loans(store).take, house.accounts["default"], LASTS) for _ in range(12)]
        found = [one.result() for one in asked]
        assert 3 == sum(isinstance(one, Loan) for one in found)
        assert {InTheWay.FULL} == {one for one in found if not isinstance(one, Loan)}

    def test_workers_places_count(self, store: Store) -> None:
        """A lock that a worker visits takes a place from a person, and the other way round."""
        house = make_house("SS1", "SS2", places=1)
        assert ["SS1"] == due(store, house, "SS1")
        assert InTheWay.FULL is loans(store).take(house.accounts["default"], LASTS)
        store.client.delete(keys.window("default"), keys.lock_due("SS1"))
        loan = taken(store, house)
        assert [] == due(store, house, "SS2")
        loans(store).give_back(loan)
        assert ["SS2"] == store.agenda.tick(house).woken

    def test_an_unanswered_call_keeps_its_place(self, store: Store) -> None:
        """Until the vendor has surely let go of it."""
        house = make_house("SS1", places=1)
        loans(store).give_back(taken(store, house), ghost_until=store.agenda.now() + DAY)
        assert InTheWay.FULL is loans(store).take(house.accounts["default"], LASTS)

    def test_a_holder_that_died(self, store: Store) -> None:
        """Its place is free again by itself, also where no worker ticks."""
        house = make_house("SS1", places=1)
        taken(store, house, lasts=SHORT)
        poll(lambda: isinstance(loans(store).take(house.accounts["default"], SHORT), Loan), "a place")

    def test_a_place_that_ran_out(self, store: Store) -> None:
        """Nobody goes on in it where all places have been given to others meanwhile."""
        house = make_house("SS1", places=1)
        store.client.zadd(keys.window("default"), {"SS1": 1})
        taken(store, house)
        assert InTheWay.FULL is loans(store).take(house.accounts["default"], LASTS, lock="SS1")

    def test_prolonged(self, store: Store) -> None:
        """With its token a loan is prolonged, and takes no second place."""
        house = make_house("SS1", places=1)
        loan = taken(store, house)
        again = loans(store).take(house.accounts["default"], DAY, token=loan.token)
        assert isinstance(again, Loan)
        assert 1 == store.client.zcard(keys.window("default"))


class TestFirst:
    """A person who waits goes first, and only as long as the person waits."""

    def test_each_keeps_a_place(self, store: Store) -> None:
        """Of two places that become free one is for each of two people, and none for those in line."""
        house = make_house("SS1", "SS2", "SS3", places=2)
        held = [taken(store, house), taken(store, house)]
        account, tokens = house.accounts["default"], [new_token(), new_token()]
        for token in tokens:
            assert InTheWay.FULL is loans(store).take(account, LASTS, token=token, waits=LASTS)
        for lock in ("SS1", "SS2", "SS3"):
            due(store, house, lock)
        for loan in held:
            loans(store).give_back(loan)
        assert [] == store.agenda.tick(house).woken
        got = [loans(store).take(account, LASTS, token=token) for token in tokens]
        assert all(isinstance(one, Loan) for one in got)
        assert [] == store.agenda.tick(house).woken
        assert isinstance(got[0], Loan)
        loans(store).give_back(got[0])
        assert 1 == len(store.agenda.tick(house).woken)

    def test_who_gave_up(self, store: Store) -> None:
        """A place is kept for a moment after it was last asked for, and no longer."""
        house = make_house("SS1", places=1)
        held = taken(store, house)
        assert InTheWay.FULL is loans(store).take(house.accounts["default"], LASTS, waits=SHORT)
        due(store, house, "SS1")
        loans(store).give_back(held)
        poll(lambda: store.agenda.tick(house).woken == ["SS1"], "the lock's turn")
        assert not store.client.exists(keys.hand("default"))

    def test_a_wanted_lock(self, store: Store) -> None:
        """Its visit is told; it is not claimed anew, gives its place back and is not forgotten."""
        house = make_house("SS1", places=2)
        due(store, house, "SS1")
        claim = store.agenda.claim(house.locks["SS1"], LASTS)
        assert claim is not None
        assert not store.agenda.is_wanted("SS1")
        token, account = new_token(), house.accounts["default"]
        assert InTheWay.BUSY is loans(store).take(account, LASTS, lock="SS1", token=token, waits=LASTS)
        assert store.agenda.is_wanted("SS1")
        assert (["SS1"], []) == store.agenda.release(claim, house)
        assert store.agenda.claim(house.locks["SS1"], LASTS) is None
        assert store.client.zscore(keys.line("default"), "SS1") is not None
        loan = loans(store).take(account, LASTS, lock="SS1", token=token)
        assert isinstance(loan, Loan)
        assert not store.agenda.is_wanted("SS1")
        assert ["SS1"] == loans(store).give_back(loan)
        assert store.agenda.claim(house.locks["SS1"], LASTS) is not None

    def test_a_wanted_door(self, store: Store) -> None:
        """Who wants the door goes before visits to its tags too: both send commands to one lock."""
        house = make_house("SS1", places=2)
        tags = tags_of("SS1")
        commit = Commit()
        commit.schedule(tags, "default", "direct/A", ago(store), ago(store) + DAY)
        assert [tags] == commit.run(store.scripts, house)[1]
        store.client.set(keys.wanted("SS1"), "1", px=60_000)
        assert store.agenda.is_wanted(tags)
        lock = replace(house.locks["SS1"], name=tags)
        assert store.agenda.claim(lock, LASTS) is None
        store.client.delete(keys.wanted("SS1"))
        assert [tags] == store.agenda.tick(house).woken
        assert store.agenda.claim(lock, LASTS) is not None


class TestLocks:
    """Promise 5: one at a time per lock."""

    def test_not_beside_a_visit(self, store: Store) -> None:
        """A lock that a worker is at is not lent."""
        house = make_house("SS1")
        due(store, house, "SS1")
        claim = store.agenda.claim(house.locks["SS1"], LASTS)
        assert claim is not None
        assert InTheWay.BUSY is loans(store).take(house.accounts["default"], LASTS, lock="SS1")

    def test_no_visit_beside_it(self, store: Store) -> None:
        """A lock that is lent is neither claimed nor woken; given back it is its turn at once."""
        house = make_house("SS1")
        loan = taken(store, house, "SS1")
        assert [] == due(store, house, "SS1")
        assert [] == store.agenda.tick(house).woken
        assert store.agenda.claim(house.locks["SS1"], LASTS) is None
        assert ["SS1"] == loans(store).give_back(loan)
        assert store.agenda.claim(house.locks["SS1"], LASTS) is not None

    def test_a_lock_that_was_woken(self, store: Store) -> None:
        """Lent before the worker came: one place for both, and its message finds nothing to do."""
        house = make_house("SS1", places=1)
        assert ["SS1"] == due(store, house, "SS1")
        loan = taken(store, house, "SS1")
        assert store.agenda.claim(house.locks["SS1"], LASTS) is None
        assert 1 == store.client.zcard(keys.window("default"))
        assert ["SS1"] == loans(store).give_back(loan)

    def test_quiet(self, store: Store) -> None:
        """After an unanswered command the next one is told how long to leave the lock alone."""
        house = make_house("SS1")
        until = store.agenda.now() + DAY
        loans(store).give_back(taken(store, house, "SS1"), ghost_until=until, quiet_until=until)
        assert timedelta(hours=23) < taken(store, house, "SS1").quiet <= DAY

    def test_a_holder_that_died(self, store: Store) -> None:
        """The lease ends no later than the place: the tick wakes nobody who would find it still there."""
        house = make_house("SS1")
        for _ in range(20):
            store.client.flushall()
            taken(store, house, "SS1", timedelta(milliseconds=5))
            due(store, house, "SS1")
            ends = time.monotonic() + DEADLINE
            while "SS1" not in store.agenda.tick(house).woken:
                assert time.monotonic() < ends
            assert store.agenda.claim(house.locks["SS1"], LASTS) is not None

"""A commit is all or nothing, is done once, and is there after `kill -9`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread

import pytest
import redis

from tests.integration.store.conftest import (
    SECRET,
    Desk,
    ago,
    an_event,
    keeper_of,
    make_house,
    poll,
    schedule,
)
from tests.redis_server import redis_server
from worker.domain.booking import StayKey
from worker.domain.house import House
from worker.processes.embedded_redis import EmbeddedRedis
from worker.service.housekeeping import Housekeeping
from worker.store import keys
from worker.store.commit import Commit, ConflictError, FencedError, TakenError
from worker.store.events import RejectedEvent
from worker.store.store import Store, open_store

DAY = timedelta(days=1)
HOUSE = make_house("SS1", "SS2", places=3)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedRedis]:
    """A server that a test may kill."""
    with redis_server(tmp_path) as running:
        yield running


def _everything(store: Store) -> dict[str, bytes | None]:
    """Every key with its content, as Redis dumps it."""
    with redis.Redis.from_url(_url(store)) as raw:
        return {key.decode(): raw.dump(key) for key in raw.scan_iter()}


def _url(store: Store) -> str:
    given = store.client.connection_pool.connection_kwargs
    return f"redis://:{given['password']}@{given['host']}:{given['port']}/0"


def _full(store: Store) -> Commit:
    """A commit that would change one key of each kind."""
    commit = Commit(commands=[["SET", "innkey:stay:direct/A", "new"], ["ZADD", keys.STAYS, 1, "direct/A"]])
    commit.freed.append((keys.lock_slots("SS1"), "120", "direct/A"))
    commit.schedule("SS1", "default", "direct/A", ago(store), ago(store) + DAY)
    return commit


def _prepared(store: Store) -> None:
    store.client.set("innkey:stay:direct/A", "old")
    store.client.hset(keys.lock_slots("SS1"), "120", "direct/A")
    store.client.hset(keys.lock_pins("SS1"), "tag", "direct/B")


def _bad_guard(commit: Commit) -> None:
    commit.guards = [("innkey:stay:direct/A", "old"), ("innkey:letter:1", "something")]


def _bad_fence(commit: Commit) -> None:
    commit.fence = (keys.lease("SS1"), "a token")
    commit.renew("SS1", "default", DAY)


def _taken_pin(commit: Commit) -> None:
    commit.guards = [("innkey:stay:direct/A", "old")]
    commit.vacant = [(keys.lock_pins("SS2"), "tag", "direct/A"), (keys.lock_pins("SS1"), "tag", "direct/A")]


@pytest.mark.parametrize(
    ("spoil", "error"),
    [(_bad_guard, ConflictError), (_bad_fence, FencedError), (_taken_pin, TakenError)],
)
def test_a_refused_commit_changes_nothing(
    store: Store, spoil: Callable[[Commit], None], error: type[Exception]
) -> None:
    """Where one guard, the lease or a PIN does not hold, no key is other than before."""
    _prepared(store)
    before, commit = _everything(store), _full(store)
    spoil(commit)
    with pytest.raises(error):
        commit.run(store.scripts, HOUSE)
    assert before == _everything(store)


def test_a_commit_changes_all(store: Store) -> None:
    """Record, index, slot, timetable, line and window change together."""
    _prepared(store)
    commit = _full(store)
    commit.guards = [("innkey:stay:direct/A", "old"), ("innkey:stay:direct/none", "")]
    commit.vacant = [(keys.lock_pins("SS1"), "other", "direct/A"), (keys.lock_pins("SS1"), "tag", "direct/B")]
    now, woken = commit.run(store.scripts, HOUSE)
    assert ["SS1"] == woken
    assert "new" == store.client.get("innkey:stay:direct/A")
    assert 1.0 == store.client.zscore(keys.STAYS, "direct/A")
    assert {} == store.locks.slots("SS1")
    assert store.agenda.is_scheduled("SS1", "direct/A")
    assert abs(now - store.agenda.now()) < timedelta(seconds=30)


def test_a_slot_is_freed_only_by_its_holder(store: Store) -> None:
    """A row to free is left alone where another stay holds it meanwhile, or a fence does."""
    store.client.hset(keys.lock_slots("SS1"), mapping={"120": "direct/B", "121": "!direct/A"})
    commit = Commit(freed=[(keys.lock_slots("SS1"), n, "direct/A") for n in ("120", "121", "122")])
    commit.run(store.scripts, HOUSE)
    assert {120: "direct/B", 121: "!direct/A"} == store.locks.slots("SS1")


def test_a_repeated_script_is_no_conflict_and_does_nothing_twice(store: Store) -> None:
    """A client that lost the answer sends the script again: it succeeds, and counts nothing again."""
    commit = Commit(
        already=("innkey:stay:direct/A", "new"),
        guards=[("innkey:stay:direct/A", "")],
        commands=[["SET", "innkey:stay:direct/A", "new"], ["HINCRBY", "innkey:metrics", "x", 1]],
    )
    commit.schedule("SS1", "default", "direct/A", ago(store), ago(store) + DAY)
    assert ["SS1"] == commit.run(store.scripts, HOUSE)[1]
    before = _everything(store)
    assert [] == commit.run(store.scripts, HOUSE)[1]
    assert before == _everything(store)
    assert {"x": 1} == store.health.counters()


def test_a_repeated_write_of_a_stale_holder_is_still_its_own(store: Store) -> None:
    """A fenced write that went through, and whose lease ended before the repetition, is no FencedError."""
    store.client.set(keys.lease("SS1"), "token")
    commit = Commit(
        already=("innkey:stay:direct/A", "new"),
        fence=(keys.lease("SS1"), "token"),
        guards=[("innkey:stay:direct/A", "")],
        commands=[["SET", "innkey:stay:direct/A", "new"]],
    )
    commit.run(store.scripts, HOUSE)
    store.client.delete(keys.lease("SS1"))
    assert [] == commit.run(store.scripts, HOUSE)[1]


def test_any_text_comes_back_as_it_was(store: Store) -> None:
    """Guards compare and writes keep texts of any script, control characters and quotes included."""
    for text in ('{"a":"Zoë \\ud83d"}', "Ω\x00\x1f\x7f\u2028 \\ \" '", "𝄞" * 50, "\\u0000"):
        Commit(commands=[["SET", "innkey:text", text]]).run(store.scripts, HOUSE)
        assert text == store.client.get("innkey:text")
        Commit(guards=[("innkey:text", text)], commands=[["DEL", "innkey:text"]]).run(store.scripts, HOUSE)
        assert store.client.get("innkey:text") is None


def test_large_scores_keep_their_milliseconds(store: Store) -> None:
    """A moment a hundred years ahead is due at that very millisecond."""
    due = store.agenda.now() + timedelta(days=36_500, milliseconds=7)
    schedule(store, HOUSE, [("SS1", "direct/A", due, due)])
    millis = round(due.timestamp() * 1000)
    assert millis == store.client.zscore(keys.lock_due("SS1"), "direct/A")
    assert millis == store.client.zscore(keys.DUE, "SS1")


def test_what_was_committed_outlives_kill_nine(own_server: EmbeddedRedis) -> None:
    """Promise 1: writers go on while Redis is killed three times; each write they were told of is there."""
    store = open_store(own_server.url, [SECRET])
    told: list[list[str]] = [[] for _ in range(4)]
    is_over: list[bool] = []
    later = ago(store) + DAY

    def write(mine: list[str], number: int) -> None:
        while not is_over:
            ref = f"direct/{number}-{len(mine)}"
            commit = Commit(commands=[["SET", keys.stay(ref), "text"], ["ZADD", keys.STAYS, 1, ref]])
            commit.schedule("SS1", "default", ref, later, later + DAY)
            try:
                commit.run(store.scripts, HOUSE)
            except redis.RedisError:
                continue
            mine.append(ref)

    writers = [Thread(target=write, args=(mine, number)) for number, mine in enumerate(told)]
    for writer in writers:
        writer.start()
    for kills in range(1, 4):
        poll(lambda: sum(map(len, told)) >= 150 * kills, "writes between two kills")  # noqa: B023
        own_server.kill()
        own_server.restart()
    is_over.append(True)
    for writer in writers:
        writer.join()
    refs = [ref for mine in told for ref in mine]
    assert len(refs) >= 450
    assert [] == [ref for ref in refs if store.client.get(keys.stay(ref)) != "text"]
    assert [] == [ref for ref in refs if not store.agenda.is_scheduled("SS1", ref)]
    assert set(refs) <= set(store.client.zrange(keys.STAYS, 0, -1))
    store.client.close()


def test_a_whole_stay_outlives_kill_nine(own_server: EmbeddedRedis) -> None:
    """Promise 1: event, stay, letter, owed mail, rejected delivery and timetable outlive a restart."""
    store = open_store(own_server.url, [SECRET])
    desk = Desk(store, HOUSE)
    event = an_event("BK-7")
    store.events.accept(event)
    desk.book("BK-1", pin="480213", guest_name="Zoë")
    desk.book("BK-2", unit="nowhere")
    rejected = RejectedEvent(
        id="r1", source="direct", received=desk.clock.now(), content_type="", errors={}, body=b"\xff{"
    )
    store.events.keep_rejected(rejected)
    before, stay = _everything(store), store.stays.get(StayKey("direct", "BK-1"))
    own_server.kill()
    own_server.restart()
    assert before == _everything(store)
    assert stay == store.stays.get(StayKey("direct", "BK-1"))
    assert (event.id, False) == (event.id, store.events.accept(event)[1])
    assert 1 == store.letters.open_count()
    assert ["unknown_unit:direct"] == store.alerts.due(store.agenda.now())
    assert rejected.body == getattr(store.events.get_rejected("r1"), "body", None)
    store.client.close()


def test_leases_and_places_end_after_a_restart(own_server: EmbeddedRedis) -> None:
    """A holder that died together with Redis does not hold its lock for good."""
    store = open_store(own_server.url, [SECRET])
    house = make_house("SS1", places=1)
    assert ["SS1"] == schedule(store, house, [("SS1", "direct/A", ago(store), ago(store) + DAY)])
    assert store.agenda.claim(house.locks["SS1"], timedelta(milliseconds=500)) is not None
    own_server.kill()
    own_server.restart()
    poll(lambda: store.agenda.tick(house).woken == ["SS1"], "the lock of the holder that died")
    assert store.agenda.claim(house.locks["SS1"], timedelta(seconds=5)) is not None
    store.client.close()


def _keeper(store: Store, house: House, woken: list[str]) -> Housekeeping:
    return keeper_of(store, house, wake=woken.extend)


def _woken_by(keeper: Housekeeping, woken: list[str]) -> Callable[[], bool]:
    def is_woken() -> bool:
        keeper.tick()
        return bool(woken)

    return is_woken


def _swept(keeper: Housekeeping) -> None:
    position = keeper.sweep(0)
    while position:
        position = keeper.sweep(position)


def test_the_sweep_puts_a_lost_entry_back(store: Store) -> None:
    """Promise 1: an entry that is gone from its lock's timetable is written again from the record."""
    desk, woken = Desk(store, HOUSE), list[str]()
    stay = desk.book(starts_in=timedelta(hours=1))
    assert ["SS1"] == desk.woken
    store.client.delete(
        keys.lock_due("SS1"),
        keys.lock_deadline("SS1"),
        keys.DUE,
        keys.window("default"),
        keys.line("default"),
    )
    assert [] == store.agenda.tick(HOUSE).woken
    keeper = _keeper(store, HOUSE, woken)
    _swept(keeper)
    # The record keeps whole seconds, rounded up: the entry may be due within one.
    poll(_woken_by(keeper, woken), "the lock of the entry that was put back")
    assert ["SS1"] == woken
    code = stay.code("SS1")
    assert code is not None
    assert code.deadline is not None
    deadline = store.client.zscore(keys.lock_deadline("SS1"), "direct/BK-1")
    assert deadline is not None
    assert abs(deadline / 1000 - code.deadline.timestamp()) <= 1


def test_the_sweep_puts_a_lost_lock_back(store: Store) -> None:
    """Promise 1: a lock with entries that stands nowhere comes back on the timetable, or in the line."""
    desk, woken = Desk(store, HOUSE), list[str]()
    desk.book(starts_in=DAY * 60)
    later = store.client.zscore(keys.DUE, "SS1")
    desk.book("BK-2", unit="SS2", starts_in=timedelta(hours=1))
    store.client.delete(keys.DUE, keys.window("default"))
    keeper = _keeper(store, HOUSE, woken)
    _swept(keeper)
    poll(_woken_by(keeper, woken), "the lock that was put back")
    assert ["SS2"] == woken
    assert later == store.client.zscore(keys.DUE, "SS1")


def test_the_sweep_goes_through_all_stays(store: Store) -> None:
    """With more stays than one step takes, each lost entry is put back."""
    desk = Desk(store, HOUSE)
    for number in range(450):
        desk.book(f"BK-{number}")
    store.client.delete(keys.lock_due("SS1"), keys.DUE)
    _swept(_keeper(store, HOUSE, []))
    assert 450 == store.client.zcard(keys.lock_due("SS1"))
    assert store.client.zscore(keys.DUE, "SS1") is not None


def test_one_unreadable_record_does_not_stop_the_sweep(store: Store) -> None:
    """G04: one failing entry never stops a batch: the other stays' entries are put back all the same."""
    desk = Desk(store, HOUSE)
    for number in range(3):
        desk.book(f"BK-{number}", starts_in=DAY * (20 + number))
    store.client.set(keys.stay("direct/BK-1"), '{"x":"gAAAAnot-of-this-key"}')
    store.client.delete(keys.lock_due("SS1"), keys.DUE)
    _swept(_keeper(store, HOUSE, []))
    assert ["direct/BK-0", "direct/BK-2"] == store.client.zrange(keys.lock_due("SS1"), 0, -1)
    assert store.client.zscore(keys.DUE, "SS1") is not None

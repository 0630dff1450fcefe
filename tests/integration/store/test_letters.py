"""Dead letters: opened, reopened and settled in the same write as what they are about; each can be ended."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import redis

from tests.integration.store.conftest import Desk, make_house
from worker.domain.access_code import GaveUp, Phase, Try, Written
from worker.domain.booking import EventType, StayKey
from worker.domain.dead_letter import DeadLetter, LetterState
from worker.domain.outcomes import Kind, Outcome
from worker.domain.reasons import Job, Reason
from worker.domain.record import Stay
from worker.service.accounts import Accounts
from worker.service.review import SettledLetterError, UnknownLetterError
from worker.store import keys
from worker.store.letters import dump_letter, load_letter, writes_for
from worker.store.scripts import Scripts
from worker.store.store import Store

KEY = StayKey("direct", "BK-1")
REFUSED_KEY = Outcome(Kind.INVALID_TOKEN, None, 403, "Invalid Token.", "ref-1")


def _desk(store: Store) -> Desk:
    return Desk(store, make_house("SS1", "SS2"))


def _gives_up(stay: Stay, reason: Reason = Reason.LOCK_FAILED, job: Job = Job.SET) -> Stay:
    code = stay.code("SS1")
    assert code is not None
    return stay.with_code(replace(code, gave_up=GaveUp(reason, job)))


def _in_slot(stay: Stay) -> Stay:
    code = stay.code("SS1")
    assert code is not None
    written = (Written("480213", "2601010500", "2601040100"),)
    return stay.with_code(replace(code, phase=Phase.SET, slot=120, writes=written, proven=True))


def _open(store: Store) -> list[DeadLetter]:
    return store.letters.page(is_open=True, limit=99, cursor=None).items


def _failed(desk: Desk) -> DeadLetter:
    """A stay whose code gave up, and its letter."""
    desk.book(starts_in=timedelta(days=2), pin="480213")
    desk.change("BK-1", _gives_up)
    (letter,) = _open(desk.store)
    return letter


def test_a_letter_is_opened_with_its_stay(store: Store) -> None:
    """The write in which a code gives up opens the letter and owes the mail."""
    desk = _desk(store)
    letter = _failed(desk)
    stay = store.stays.get(KEY)
    assert stay is not None
    code = stay.code("SS1")
    assert code is not None
    assert code.letter is not None
    assert letter.id == code.letter.id
    assert (Reason.LOCK_FAILED, "SS1", LetterState.OPEN) == (letter.reason, letter.lock, letter.state)
    assert {letter.id: "new"} == store.alerts.rows(letter.problem)
    assert [letter.problem] == store.alerts.due(store.agenda.now() + timedelta(seconds=1))


def test_a_refused_write_opens_no_letter(store: Store) -> None:
    """A letter whose stay was changed meanwhile is opened once, by the write that goes through."""
    desk = _desk(store)
    desk.book(starts_in=timedelta(days=2))

    def interfered(stay: Stay) -> Stay:
        if not store.letters.open_count() and len(tries) < 3:
            tries.append(1)
            store.client.append(keys.stay(str(KEY)), " ")
        return _gives_up(stay)

    tries: list[int] = []
    desk.change("BK-1", interfered)
    assert 3 == len(tries)
    assert 1 == store.letters.open_count()
    assert 1 == store.client.zcard(keys.LETTERS)


def test_a_letter_is_settled_with_its_stay(store: Store) -> None:
    """A cancel settles the letter in the same write, with a note, and its alert row is cleared."""
    desk = _desk(store)
    letter = _failed(desk)
    desk.book(kind=EventType.CANCELLED)
    done = store.letters.get(letter.id)
    assert done is not None
    assert LetterState.RESOLVED is done.state
    assert done.note
    assert 0 == store.letters.open_count()
    assert {letter.id: "cleared"} == store.alerts.rows(letter.problem)


def test_a_booking_that_can_be_planned_settles_its_letter(store: Store) -> None:
    """An unknown unit is a letter; the event that names a known one settles it and plans the stay."""
    desk = _desk(store)
    desk.book(unit="nowhere")
    (letter,) = _open(store)
    assert Reason.UNKNOWN_UNIT is letter.reason
    desk.book(unit="SS2")
    assert [] == _open(store)
    assert store.agenda.is_scheduled("SS2", "direct/BK-1")


def test_a_retry_that_fails_reopens_the_same_letter(store: Store) -> None:
    """A person's retry works under the same letter; failing again asks for another mail."""
    desk = _desk(store)
    letter = _failed(desk)
    assert LetterState.RETRYING is desk.review.retry(letter.id).state
    desk.change("BK-1", lambda stay: _gives_up(stay, Reason.UNCONFIRMED))
    (again,) = _open(store)
    assert (letter.id, Reason.UNCONFIRMED, LetterState.OPEN) == (again.id, again.reason, again.state)


def test_a_set_settled_by_hand_counts_as_done(store: Store) -> None:
    """The letter bears the person's note, the code is set by hand, nothing is due before the stay's end."""
    desk = _desk(store)
    letter = _failed(desk)
    done = desk.review.resolve(letter.id, "typed it in")
    assert (LetterState.RESOLVED, "typed it in") == (done.state, done.note)
    stay = store.stays.get(KEY)
    assert stay is not None
    code = stay.code("SS1")
    assert code is not None
    assert (Phase.SET, True) == (code.phase, code.by_hand)
    assert code.due is not None
    assert stay.check_out is not None
    assert code.due >= stay.check_out
    with pytest.raises(SettledLetterError):
        desk.review.resolve(letter.id, "again")
    with pytest.raises(UnknownLetterError):
        desk.review.retry("none")


def test_a_removal_settled_by_hand_keeps_its_slot(store: Store) -> None:
    """Promise 2: until a list is clean the slot stays taken, fenced, though the code counts as removed."""
    desk = _desk(store)
    desk.book(starts_in=timedelta(days=2), pin="480213")
    desk.change("BK-1", _in_slot)
    desk.book(kind=EventType.CANCELLED)
    desk.change("BK-1", lambda stay: _gives_up(stay, Reason.LOCK_FAILED, Job.REMOVE))
    (letter,) = _open(store)
    assert 120 == letter.slot
    desk.review.resolve(letter.id, "deleted it at the door")
    assert {120: "!direct/BK-1"} == store.locks.slots("SS1")
    assert 0 == store.letters.open_count()


def test_two_people_settle_one_letter_once(store: Store) -> None:
    """Of those who settle a letter at once one note stands, and there is one line on the timeline."""
    desk = _desk(store)
    letter = _failed(desk)

    def settle(who: str) -> None:
        with suppress(SettledLetterError):
            desk.review.resolve(letter.id, who)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(settle, "ABCDEFGH"))
    stay = store.stays.get(KEY)
    assert stay is not None
    assert 1 == sum(line.what == "dead_letter.resolved" for line in stay.timeline)
    assert 0 == store.letters.open_count()


def test_an_event_letter_can_be_settled(store: Store) -> None:
    """Promise 8: a letter about an event that cannot be applied is a person's to end, as any other."""
    desk = _desk(store)
    desk.ledger.open_event_letter("direct:abc", KEY)
    (letter,) = _open(store)
    assert (Reason.BUG, Job.EVENT) == (letter.reason, letter.step)
    done = desk.review.resolve(letter.id, "the sender corrected it")
    assert (LetterState.RESOLVED, "the sender corrected it") == (done.state, done.note)
    assert [] == _open(store)


def _told(store: Store, letter: DeadLetter) -> None:
    """The letter's mail has gone out."""
    now = store.agenda.now()
    assert store.alerts.claim(letter.problem, now + timedelta(seconds=1))
    store.alerts.mailed(letter.problem, [letter.id], [], now)


def test_a_refused_key_is_one_letter_that_ends_by_itself(store: Store) -> None:
    """However many calls are refused there is one letter; the first call that works settles it."""
    desk = _desk(store)
    accounts = Accounts(store, desk.ledger)
    for _ in range(3):
        accounts.key_refused("default", REFUSED_KEY)
    (letter,) = _open(store)
    assert "invalid_key:default" == letter.problem
    _told(store, letter)
    accounts.key_accepted("default")
    accounts.key_accepted("default")
    assert [] == _open(store)
    assert {letter.id: "cleared"} == store.alerts.rows(letter.problem)
    assert not store.client.exists(keys.paused("default"))


@contextmanager
def _dying_before_the_commit() -> Iterator[None]:
    """What a worker's death, or that of Redis, does to a write: it does not come about."""
    with pytest.MonkeyPatch.context() as patch:
        run = Scripts.run

        def dies(scripts: Scripts, name: str, args: list[Any], names: list[str] | None = None) -> Any:
            if name == "commit":
                raise redis.ConnectionError
            return run(scripts, name, args, names)

        patch.setattr(Scripts, "run", dies)
        with pytest.raises(redis.ConnectionError):
            yield


def test_a_pause_without_its_letter_gets_it(store: Store) -> None:
    """Promise 8: a worker that died as it paused an account must not leave it paused in silence."""
    accounts = Accounts(store, _desk(store).ledger)
    with _dying_before_the_commit():
        accounts.key_refused("default", REFUSED_KEY)
    accounts.key_refused("default", REFUSED_KEY)
    assert ["invalid_key:default"] == [letter.problem for letter in _open(store)]


def test_a_resumed_account_leaves_no_letter_open(store: Store) -> None:
    """Promise 8: a worker that died as it resumed an account leaves work for the next, no open letter."""
    accounts = Accounts(store, _desk(store).ledger)
    accounts.key_refused("default", REFUSED_KEY)
    with _dying_before_the_commit():
        accounts.key_accepted("default")
    accounts.key_accepted("default")
    assert [] == _open(store)


def test_an_account_letter_settled_by_hand_owes_its_clearance(store: Store) -> None:
    """A letter of an account that a person settles clears its alert row, as every other letter does."""
    desk = _desk(store)
    Accounts(store, desk.ledger).key_refused("default", REFUSED_KEY)
    (letter,) = _open(store)
    _told(store, letter)
    desk.review.resolve(letter.id, "a new key is on its way")
    assert {letter.id: "cleared"} == store.alerts.rows(letter.problem)


def _a_letter(store: Store, number: int, **fields: object) -> DeadLetter:
    letter = DeadLetter(
        id=f"l-{number:03}",
        reason=Reason.UNCONFIRMED,
        step=Job.SET,
        opened=store.agenda.now() + timedelta(seconds=number // 3),
        source="direct",
        booking="BK-1",
        lock="SS1",
        slot=120,
        message='Words "of" the vendor Ω\n',
        tries=(Try(store.agenda.now(), Job.SET, Outcome(Kind.DONE, 1, 200, "", "ref")),),
        problem="unconfirmed:SS1",
    )
    return replace(letter, **fields)  # type: ignore[arg-type]


def test_letters_come_back_as_they_were(store: Store) -> None:
    """Every field survives the store."""
    letter = _a_letter(store, 1, resolved=store.agenda.now(), note="Ω", state=LetterState.RESOLVED)
    assert letter == load_letter(dump_letter(letter))


def test_pages_of_letters(store: Store) -> None:
    """The latest first; open ones apart; ids without a letter are left out."""
    desk = _desk(store)
    letters = [_a_letter(store, n) for n in range(30)]
    done = replace(letters[4], state=LetterState.RESOLVED, resolved=store.agenda.now())
    for letter in [*letters, done]:
        desk.ledger.run_commands(writes_for(letter))
    everything, still_open = _paged(store, is_open=False), _paged(store, is_open=True)
    expected = sorted(letters, key=lambda x: (x.opened, x.id), reverse=True)
    assert [x.id for x in expected] == everything
    assert [i for i in everything if i != done.id] == still_open
    assert 29 == store.letters.open_count()
    assert [done] == store.letters.get_many(["none", done.id])
    assert [] == store.letters.get_many([])


def _paged(store: Store, *, is_open: bool) -> list[str]:
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = store.letters.page(is_open=is_open, limit=7, cursor=cursor)
        found += [letter.id for letter in page.items]
        cursor = page.next
        if cursor is None:
            return found

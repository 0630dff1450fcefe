"""Mails about problems: one per problem, gathered, by one worker, owed until sent, and one when it clears."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from threading import Barrier, Thread

from tests.integration.store.conftest import Desk, make_house
from worker.domain.dead_letter import DeadLetter
from worker.domain.reasons import Job, Reason
from worker.service.clock import Clock
from worker.service.escalate import Escalation
from worker.store import keys
from worker.store.alerts import Alerts, cleared_commands, raised_commands
from worker.store.commit import Commit
from worker.store.letters import writes_for
from worker.store.store import Store

PROBLEM = "gateway_offline:SS1"
HOUSE = make_house("SS1", "SS2")
GATHER = HOUSE.policy.alert_gather


class SetClock(Clock):
    """A clock that a test moves on."""

    def __init__(self, now: datetime) -> None:
        """Stands at `now`."""
        super().__init__()
        self.at = now

    def now(self) -> datetime:
        """The time it was set to."""
        return self.at


@dataclass
class Inbox:
    """The operations inbox, and the letters that fill it."""

    store: Store
    mails: list[tuple[str, str]] = field(default_factory=list)
    is_away: bool = False

    def __post_init__(self) -> None:
        """Wire the escalation with a clock of our own."""
        self.clock = SetClock(self.store.agenda.now())
        self.numbers = itertools.count(1)
        self.escalation = Escalation(
            store=self.store,
            house=lambda: HOUSE,
            clock=self.clock,
            mailer=self,
            base_url="http://127.0.0.1",
        )

    def send(self, subject: str, text: str) -> None:
        """Keep a mail, or fail."""
        if self.is_away:
            raise OSError
        self.mails.append((subject, text))

    def raise_letter(self, problem: str = PROBLEM) -> DeadLetter:
        """A letter opens."""
        letter = DeadLetter(
            id=f"letter-{next(self.numbers):04}",
            reason=Reason.GATEWAY_OFFLINE,
            step=Job.SET,
            opened=self.clock.at,
            source="direct",
            booking="BK-1",
            lock=problem.partition(":")[2],
            problem=problem,
        )
        self._write([*writes_for(letter), *raised_commands(problem, letter.id, self.clock.at)])
        return letter

    def clear(self, letter: DeadLetter) -> None:
        """A letter is settled."""
        done = letter.settled(self.clock.at, "it works again")
        self._write([*writes_for(done), *cleared_commands(letter.problem, letter.id, self.clock.at)])

    def _write(self, commands: list[list[str | int]]) -> None:
        Commit(commands=commands).run(self.store.scripts, HOUSE)

    def beat(self, **later: float) -> list[str]:
        """Time passes, and the workers are hinted at what is due; the subjects of the new mails."""
        self.clock.at += timedelta(**later)
        before = len(self.mails)
        for problem in self.store.alerts.due(self.clock.at):
            self.escalation.alert(problem)
        return [subject for subject, _ in self.mails[before:]]


def test_the_first_mail_goes_at_once_and_only_once(store: Store) -> None:
    """A new problem is mailed on the next tick; later ticks have nothing to say."""
    inbox = Inbox(store)
    letter = inbox.raise_letter()
    (subject,) = inbox.beat()
    assert "Gateway offline: SS1" in subject
    assert letter.id in inbox.mails[0][1]
    assert [] == inbox.beat(minutes=5) + inbox.beat(days=1)
    assert [] == store.alerts.due(inbox.clock.at)


def test_forty_letters_of_one_problem_are_one_mail(store: Store) -> None:
    """All codes behind a dead gateway are told of in one mail that lists forty."""
    inbox = Inbox(store)
    letters = [inbox.raise_letter() for _ in range(40)]
    (subject,) = inbox.beat()
    assert "39 more" in subject
    assert all(letter.id in inbox.mails[0][1] for letter in letters)


def test_followers_are_gathered(store: Store) -> None:
    """What follows within `alert_gather` of a mail comes in one more mail after it."""
    inbox = Inbox(store)
    inbox.raise_letter()
    inbox.beat()
    for _ in range(5):
        inbox.raise_letter()
        assert [] == inbox.beat(seconds=5)
    assert 1 == len(inbox.beat(seconds=GATHER.total_seconds()))
    assert [] == inbox.beat(hours=1)


def test_another_problem_has_its_own_mail(store: Store) -> None:
    """One lock's trouble does not hold up the mail about another's."""
    inbox = Inbox(store)
    inbox.raise_letter()
    inbox.beat()
    inbox.raise_letter("gateway_offline:SS2")
    (subject,) = inbox.beat(seconds=1)
    assert "SS2" in subject


def test_one_mail_when_it_clears(store: Store) -> None:
    """While one letter is left nothing is said; when the last is settled there is one mail, and no trace."""
    inbox = Inbox(store)
    first, second = inbox.raise_letter(), inbox.raise_letter()
    inbox.beat()
    inbox.clear(first)
    assert [] == inbox.beat(minutes=2)
    inbox.clear(second)
    (subject,) = inbox.beat(minutes=2)
    assert "Cleared" in subject
    assert [] == inbox.beat(days=1)
    assert not store.client.exists(keys.alert(PROBLEM), keys.ALERTS)


def test_a_partly_cleared_problem_rests(store: Store) -> None:
    """A problem of which one letter is settled and one is not is not due again with every tick."""
    inbox = Inbox(store)
    first, _ = inbox.raise_letter(), inbox.raise_letter()
    inbox.beat()
    inbox.clear(first)
    inbox.beat(minutes=2)
    assert [] == store.alerts.due(inbox.clock.at + timedelta(hours=1))


def test_a_follower_is_told_at_once_when_no_mail_went_out_lately(store: Store) -> None:
    """What was cleared without a mail does not make a new letter wait: only a mail does."""
    inbox = Inbox(store)
    first, _ = inbox.raise_letter(), inbox.raise_letter()
    inbox.beat()
    inbox.clear(first)
    inbox.beat(minutes=10)
    inbox.raise_letter()
    assert 1 == len(inbox.beat(seconds=1))


def test_what_was_over_before_its_mail_is_not_mailed(store: Store) -> None:
    """A letter that opened and settled between two ticks is no news."""
    inbox = Inbox(store)
    inbox.clear(inbox.raise_letter())
    assert [] == inbox.beat(minutes=1)
    assert not store.client.exists(keys.alert(PROBLEM), keys.ALERTS)


def test_a_row_whose_letter_is_settled_comes_to_rest(store: Store) -> None:
    """A row that asks for a mail about a letter which is settled, or gone, is not due for ever."""
    inbox = Inbox(store)
    letter = inbox.raise_letter()
    inbox._write(writes_for(letter.settled(inbox.clock.at, "by hand")))
    assert [] == inbox.beat(minutes=1) + inbox.beat(minutes=2)
    assert [] == store.alerts.due(inbox.clock.at + timedelta(hours=1))


def test_a_failing_mail_server_keeps_the_mail_owed(store: Store) -> None:
    """The mail is tried again after 10 s, then less and less often, until the server takes it."""
    inbox = Inbox(store, is_away=True)
    inbox.raise_letter()
    inbox.beat()
    waits = []
    for _ in range(8):
        due = store.client.zscore(keys.ALERTS, PROBLEM)
        assert due is not None
        waits.append(round(due / 1000 - inbox.clock.at.timestamp()))
        inbox.beat(seconds=waits[-1] + 1)
    assert [10, 20, 40, 80, 160, 300, 300, 300] == waits
    inbox.is_away = False
    assert 1 == len(inbox.beat(minutes=6))
    assert [] == inbox.beat(days=1)


def test_a_follower_brings_an_owed_mail_forward(store: Store) -> None:
    """A letter that comes while the server is away brings the mail forward, and both are told together."""
    inbox = Inbox(store, is_away=True)
    inbox.raise_letter()
    for _ in range(6):
        inbox.beat(minutes=6)
    inbox.is_away = False
    inbox.raise_letter()
    (subject,) = inbox.beat(seconds=1)
    assert "1 more" in subject


def test_a_worker_that_died_with_the_mail_in_hand_is_replaced(store: Store) -> None:
    """The problem is due again after a minute and a half: twice told is better than never."""
    inbox = Inbox(store)
    inbox.raise_letter()
    assert store.alerts.claim(PROBLEM, inbox.clock.at)
    assert [] == inbox.beat(seconds=60)
    assert 1 == len(inbox.beat(seconds=31))


def test_two_workers_never_mail_one_problem_at_once(opened: Callable[[], Store]) -> None:
    """Of eight workers that take up a due problem at once, clocks a few milliseconds apart, one has it."""
    stores, together = [opened() for _ in range(8)], Barrier(8)
    now = stores[0].agenda.now()
    rounds = 150
    stores[0].client.zadd(keys.ALERTS, {f"p:{n}": 1 for n in range(rounds)})

    def claim(number: int) -> list[int]:
        taken = []
        for turn in range(rounds):
            together.wait()
            if stores[number].alerts.claim(f"p:{turn}", now + timedelta(milliseconds=number)):
                taken.append(turn)
        return taken

    with ThreadPoolExecutor(8) as pool:
        taken = [turn for mine in pool.map(claim, range(8)) for turn in mine]
    assert list(range(rounds)) == sorted(taken)


def test_no_letter_is_forgotten_while_mails_go_out(opened: Callable[[], Store]) -> None:
    """Promise 8: letters that open and settle in the very moment of a mail are told of, or still owed one."""
    writer, mailer = Inbox(opened()), Inbox(opened())
    over: list[bool] = []

    def write() -> None:
        for _ in range(700):
            letter = writer.raise_letter()
            writer.clear(letter)
            writer.raise_letter()
        over.append(True)

    thread = Thread(target=write)
    thread.start()
    alerts, now = mailer.store.alerts, mailer.clock.at + timedelta(seconds=1)
    while not over:
        if alerts.claim(PROBLEM, now):
            rows = alerts.rows(PROBLEM)
            alerts.mailed(PROBLEM, [i for i, state in rows.items() if state == "new"], [], now)
            alerts.move(PROBLEM, [(i, "cleared", "") for i, state in rows.items() if state == "cleared"], now)
            lost = [i for i, state in alerts.rows(PROBLEM).items() if state == "new"]
            owed = mailer.store.client.zscore(keys.ALERTS, PROBLEM) is not None
            settled = alerts.rows(PROBLEM)
            assert owed or not [i for i in lost if settled.get(i) == "new"]
    thread.join()
    rows = alerts.rows(PROBLEM)
    is_owed = mailer.store.client.zscore(keys.ALERTS, PROBLEM) is not None
    assert is_owed or "new" not in rows.values()
    told_wrongly = [
        letter
        for letter in mailer.store.letters.get_many([i for i, state in rows.items() if state == "mailed"])
        if letter.state.value == "resolved"
    ]
    assert [] == told_wrongly


def test_a_letter_that_comes_as_the_problem_is_put_to_rest_is_owed(store: Store) -> None:
    """Promise 8: as the problem is taken off the timetable another letter may open."""
    inbox = Inbox(store)
    alerts, read = store.alerts, store.alerts.rows
    for _ in range(2):
        inbox.raise_letter()
    told = list(read(PROBLEM))
    reads: list[int] = []

    class Interrupted(Alerts):
        def rows(self, problem: str) -> dict[str, str]:
            found = read(problem)
            reads.append(1)
            if len(reads) == 2:
                inbox.raise_letter()
            return found

    Interrupted(store.client).mailed(PROBLEM, told, [], inbox.clock.at)
    if len(reads) < 2:
        inbox.raise_letter()
    assert "new" in read(PROBLEM).values()
    assert [PROBLEM] == alerts.due(inbox.clock.at)


def test_a_letter_of_a_stay_is_mailed_and_cleared(store: Store) -> None:
    """From a booking that cannot be planned to the mail, and from its correction to the other mail."""
    desk, inbox = Desk(store, HOUSE), Inbox(store)
    desk.book(unit="nowhere")
    inbox.clock.at += timedelta(seconds=1)
    (subject,) = inbox.beat()
    assert "Unknown unit" in subject
    desk.book(unit="SS1")
    (subject,) = inbox.beat(minutes=2)
    assert "Cleared" in subject


def test_a_mail_is_due_for_a_changed_letter_again(store: Store) -> None:
    """A letter that a failed retry reopened asks for another mail."""
    inbox = Inbox(store)
    letter = inbox.raise_letter()
    inbox.beat()
    inbox._write(
        [
            *writes_for(replace(letter, message="again")),
            *raised_commands(PROBLEM, letter.id, inbox.clock.at),
        ]
    )
    assert 1 == len(inbox.beat(minutes=2))

"""The schedule of one message, what an answer means, and when an endpoint is left alone for a while."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest

from tests.unit.domain.kit import DAY, HOUR, MINUTE, NOW, SECOND
from worker.domain.deliveries import (
    GIVEN_UP_AFTER,
    JITTER,
    LONGEST_WAIT,
    SCHEDULE,
    Delivery,
    DeliveryState,
    EndpointState,
    Reply,
    Verdict,
    again,
    answered,
    endpoint_after,
    retry_after,
    verdict_of,
)
from worker.domain.outgoing import Topic

MESSAGE = Delivery(id="msg_1", endpoint="crm", topic=Topic.CODE_SET, at=NOW, data={}, begun=NOW, next=NOW)
REFUSED = Reply(verdict=Verdict.REFUSED, status=500)
DELIVERED = Reply(verdict=Verdict.DELIVERED, status=204)


def tried(delivery: Delivery, reply: Reply, chance: float = 0) -> tuple[Delivery, datetime]:
    """The message after an attempt at the moment at which it is due, and that moment."""
    assert delivery.next is not None
    return answered(delivery, reply, delivery.next, chance), delivery.next


def test_ten_attempts_in_three_days() -> None:
    """The schedule that Standard Webhooks give as an example; then the message is kept as failed."""
    delivery, moments = MESSAGE, list[datetime]()
    while delivery.next is not None:
        delivery, at = tried(delivery, REFUSED)
        moments.append(at)
    waits = [later - earlier for earlier, later in pairwise(moments)]
    assert list(SCHEDULE[1:]) == waits
    assert (10, DeliveryState.FAILED) == (len(delivery.attempts), delivery.state)
    assert timedelta(days=3) <= moments[-1] - moments[0] < GIVEN_UP_AFTER


@pytest.mark.parametrize("chance", [0, 0.5, 1])
def test_waits_are_spread(chance: float) -> None:
    """Never sooner than the schedule says, and a tenth later at the most."""
    delivery, _ = tried(MESSAGE, REFUSED, chance)
    assert NOW + SCHEDULE[1] * (1 + JITTER * chance) == delivery.next


def test_a_success_ends_it() -> None:
    """Nothing is due any more, and the attempts are told."""
    delivery, _ = tried(tried(MESSAGE, REFUSED)[0], DELIVERED)
    assert (DeliveryState.DELIVERED, None) == (delivery.state, delivery.next)
    assert [500, 204] == [attempt.status for attempt in delivery.attempts]


def test_gone_ends_it_at_once() -> None:
    """410 is no failure to be tried again."""
    delivery, _ = tried(MESSAGE, Reply(verdict=Verdict.GONE, status=410))
    assert (DeliveryState.GONE, None) == (delivery.state, delivery.next)


def test_retry_after_is_waited_for() -> None:
    """Where it asks for more than the schedule; a shorter one hurries nothing."""
    asks = Reply(verdict=Verdict.THROTTLED, status=429, retry_after=HOUR)
    assert NOW + HOUR == tried(MESSAGE, asks)[0].next
    hurries = replace(asks, retry_after=SECOND)
    assert NOW + SCHEDULE[1] == tried(MESSAGE, hurries)[0].next


def test_what_waited_behind_others_is_not_tried_for_ever() -> None:
    """After four days one attempt is all that it gets."""
    late = replace(MESSAGE, next=NOW + GIVEN_UP_AFTER)
    assert DeliveryState.FAILED == tried(late, REFUSED)[0].state


def test_a_replay_has_the_whole_schedule_again() -> None:
    """Under the same id; the old attempts stay in the log."""
    failed = replace(answered(MESSAGE, REFUSED, NOW, 0), state=DeliveryState.FAILED, failures=10, next=None)
    later = NOW + 9 * DAY
    replayed = again(failed, later)
    assert ("msg_1", later, 0, 1) == (
        replayed.id,
        replayed.next,
        replayed.failures,
        len(replayed.attempts),
    )
    assert later + SCHEDULE[1] == tried(replayed, REFUSED)[0].next


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Verdict.DELIVERED),
        (299, Verdict.DELIVERED),
        (199, Verdict.REFUSED),
        (301, Verdict.REFUSED),
        (308, Verdict.REFUSED),
        (400, Verdict.REFUSED),
        (404, Verdict.REFUSED),
        (410, Verdict.GONE),
        (429, Verdict.THROTTLED),
        (500, Verdict.REFUSED),
        (502, Verdict.THROTTLED),
        (503, Verdict.THROTTLED),
        (504, Verdict.THROTTLED),
    ],
)
def test_statuses(status: int, expected: Verdict) -> None:
    """2xx alone is success; a redirect is a failure."""
    assert expected == verdict_of(status)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("120", 2 * MINUTE),
        (" 0 ", timedelta(0)),
        ("9" * 40, LONGEST_WAIT),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("", None),
        (format_datetime(NOW + HOUR, usegmt=True), HOUR),
        (format_datetime(NOW - HOUR, usegmt=True), timedelta(0)),
        (format_datetime(NOW + 9 * DAY, usegmt=True), LONGEST_WAIT),
        ("Tue, 99 Foo 2026 00:00:00 GMT", None),
    ],
)
def test_what_retry_after_asks_for(text: str | None, expected: timedelta | None) -> None:
    """Seconds or an HTTP date, a day at the most; anything else asks for nothing."""
    assert expected == retry_after(text, NOW)


class TestEndpoint:
    """An endpoint that cannot take anything just now is not asked message by message."""

    @staticmethod
    def after(state: EndpointState, reply: Reply, *, now: datetime = NOW) -> EndpointState:
        """What is known after the answer."""
        return endpoint_after(state, answered(MESSAGE, reply, now, 0), reply, "digest", now)

    @pytest.mark.parametrize(
        "verdict", [Verdict.THROTTLED, Verdict.TIMEOUT, Verdict.UNREACHABLE, Verdict.NOT_ALLOWED]
    )
    def test_it_is_left_alone(self, verdict: Verdict) -> None:
        """For five seconds first, then for twice as long, up to a minute."""
        state, pauses = EndpointState(), list[float]()
        for _ in range(6):
            state = self.after(state, Reply(verdict=verdict))
            assert state.quiet_until is not None
            pauses.append((state.quiet_until - NOW).total_seconds())
        assert [5, 10, 20, 40, 60, 60] == pauses

    def test_its_own_wish_counts(self) -> None:
        """`Retry-After` holds for all messages to it."""
        state = self.after(EndpointState(), Reply(verdict=Verdict.THROTTLED, status=429, retry_after=HOUR))
        assert NOW + HOUR == state.quiet_until

    def test_a_refusal_is_about_one_message(self) -> None:
        """A 500 or 400 may be about that message alone: the next one is tried at once."""
        assert EndpointState() == self.after(EndpointState(fails=3, quiet_until=NOW), REFUSED)

    def test_success_ends_all(self) -> None:
        """Pause and notice."""
        state = EndpointState(fails=3, quiet_until=NOW, is_told=True)
        assert EndpointState() == self.after(state, DELIVERED)

    def test_gone(self) -> None:
        """With the address that said so, and the message that was refused."""
        state = self.after(EndpointState(), Reply(verdict=Verdict.GONE, status=410))
        assert (NOW, "msg_1", "digest") == (state.gone_at, state.gone_id, state.url)

    def test_a_message_given_up_is_told_until_one_is_taken(self) -> None:
        """One notice for the endpoint, however many messages fail."""
        last = replace(MESSAGE, failures=len(SCHEDULE) - 1)
        failed = answered(last, REFUSED, NOW, 0)
        state = endpoint_after(EndpointState(), failed, REFUSED, "digest", NOW)
        assert state.is_told
        assert self.after(state, REFUSED).is_told
        assert not self.after(state, DELIVERED).is_told

"""Messages to other systems in Redis: what waits, the log, and what is known of each endpoint.

They hold ids and states, never a PIN or a guest.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import redis

from worker.domain.deliveries import Attempt, Delivery, DeliveryState, EndpointState, Verdict
from worker.domain.outgoing import Topic
from worker.store import keys
from worker.store.codec import from_millis, to_millis
from worker.store.commit import Commit
from worker.store.pages import Page, page_of
from worker.store.scripts import Scripts

KEPT = timedelta(days=30)
MOST_KEPT = 10_000  # settled messages of one endpoint
LEASE = timedelta(seconds=60)  # longer than an attempt and its write
_HINT_AGAIN = timedelta(seconds=3)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Turn:
    """Who sends to an endpoint just now: one worker at a time."""

    endpoint: str
    token: str


@dataclass(frozen=True, slots=True)
class Look:
    """When an endpoint's next message is due, what is known of it, and whether somebody sends to it."""

    due: datetime | None
    state: EndpointState
    is_taken: bool


class Deliveries:
    """Reads messages and endpoints, and writes what came of an attempt."""

    def __init__(self, client: redis.Redis, scripts: Scripts) -> None:
        """Nothing is sent yet."""
        self._client, self._scripts = client, scripts

    def look(self, endpoints: Sequence[str]) -> dict[str, Look]:
        """One look at each endpoint, in one round trip."""
        pipe = self._client.pipeline(transaction=False)
        for name in endpoints:
            pipe.zrange(keys.outgoing_due(name), 0, 0, withscores=True)
            pipe.hgetall(keys.outgoing_state(name))
            pipe.exists(keys.outgoing_lease(name))
        found = pipe.execute() if endpoints else []
        rows = [found[at : at + 3] for at in range(0, len(found), 3)]
        return {
            name: Look(from_millis(int(due[0][1])) if due else None, _state(state), bool(taken))
            for name, (due, state, taken) in zip(endpoints, rows, strict=True)
        }

    def may_hint(self, endpoint: str) -> bool:
        """Whether this process is the one to hint at the endpoint, for some seconds."""
        return bool(self._client.set(keys.outgoing_hinted(endpoint), "1", nx=True, px=_ms(_HINT_AGAIN)))

    def take(self, endpoint: str) -> Turn | None:
        """The turn to send to the endpoint; None where somebody has it."""
        token = secrets.token_hex(8)
        if not self._client.set(keys.outgoing_lease(endpoint), token, nx=True, px=_ms(LEASE)):
            return None
        self._client.delete(keys.outgoing_hinted(endpoint))
        return Turn(endpoint, token)

    def renew(self, turn: Turn) -> None:
        """Have the turn for another minute. Raises FencedError where it is lost."""
        name = keys.outgoing_lease(turn.endpoint)
        self._commit([["PEXPIRE", name, _ms(LEASE)]], turn=turn)

    def give_back(self, turn: Turn) -> None:
        """End the turn. Raises FencedError where it is lost."""
        self._commit([["DEL", keys.outgoing_lease(turn.endpoint)]], turn=turn)

    def next_due(self, endpoint: str, now: datetime) -> str | None:
        """The message that has been due for the longest time."""
        found = self._client.zrange(
            keys.outgoing_due(endpoint), "-inf", to_millis(now), byscore=True, offset=0, num=1
        )
        return str(found[0]) if found else None

    def state(self, endpoint: str) -> EndpointState:
        """What is known of an endpoint."""
        return _state(self._client.hgetall(keys.outgoing_state(endpoint)))

    def raw(self, message: str) -> str | None:
        """A message as it is stored, for a guarded change."""
        found = self._client.get(keys.outgoing_message(message))
        return None if found is None else str(found)

    def get(self, message: str) -> Delivery | None:
        """One message."""
        raw = self.raw(message)
        return None if raw is None else load_delivery(raw)

    def change(
        self, raw: str, delivery: Delivery, commands: Iterable[list[str | int]] = (), turn: Turn | None = None
    ) -> None:
        """Write a message that was `raw`, and what goes along. Raises ConflictError, FencedError."""
        name = keys.outgoing_message(delivery.id)
        written: list[list[str | int]] = [["SET", name, dump_delivery(delivery), "KEEPTTL"], _due(delivery)]
        self._commit([*written, *commands], guards=[(name, raw)], turn=turn)

    def forget(self, endpoint: str, message: str) -> None:
        """Take a message off the timetable that is no longer kept."""
        self._client.zrem(keys.outgoing_due(endpoint), message)

    def put_off(self, endpoint: str, message: str, until: datetime) -> None:
        """Send a message not before then, if it is to be sent at all."""
        self._client.zadd(keys.outgoing_due(endpoint), {message: to_millis(until)}, xx=True)

    def page(self, endpoint: str, *, limit: int, cursor: str | None) -> Page[Delivery]:
        """The messages of an endpoint, the latest first. Raises BadCursorError."""
        ids, following = page_of(
            self._client, keys.outgoing_log(endpoint), limit=limit, cursor=cursor, newest_first=True
        )
        return Page(self._many(ids), following)

    def waiting(self, endpoints: Sequence[str]) -> dict[str, int]:
        """How many messages wait, by endpoint."""
        pipe = self._client.pipeline(transaction=False)
        for name in endpoints:
            pipe.zcard(keys.outgoing_due(name))
        found = pipe.execute() if endpoints else []
        return {name: int(count) for name, count in zip(endpoints, found, strict=True)}

    def tidy(self, now: datetime) -> None:
        """Forget what is older than thirty days, and the oldest settled ones beyond ten thousand."""
        until = to_millis(now - KEPT)
        for name in map(str, self._client.smembers(keys.OUTGOING)):
            log, due = keys.outgoing_log(name), keys.outgoing_due(name)
            old = [str(one) for one in self._client.zrange(log, "-inf", until, byscore=True)]
            more = int(self._client.zcard(log)) - len(old) - MOST_KEPT
            ranked = (
                self._client.zrange(log, len(old), len(old) + min(more, _BATCH * 20) - 1) if more > 0 else []
            )
            settled = [d.id for d in self._many(map(str, ranked)) if d.state is not DeliveryState.WAITING]
            self._drop([*old, *settled], log, due)
            if not self._client.exists(log):
                self._client.srem(keys.OUTGOING, name)

    def _drop(self, ids: list[str], log: str, due: str) -> None:
        for at in range(0, len(ids), _BATCH):
            batch = ids[at : at + _BATCH]
            pipe = self._client.pipeline()
            pipe.delete(*(keys.outgoing_message(one) for one in batch))
            pipe.zrem(log, *batch)
            pipe.zrem(due, *batch)
            pipe.execute()

    def _many(self, ids: Iterable[str]) -> list[Delivery]:
        names = [keys.outgoing_message(one) for one in ids]
        found = self._client.mget(names) if names else []
        return [load_delivery(str(raw)) for raw in found if raw is not None]

    def _commit(
        self,
        commands: list[list[str | int]],
        *,
        guards: Sequence[tuple[str, str]] = (),
        turn: Turn | None,
    ) -> None:
        fence = (keys.outgoing_lease(turn.endpoint), turn.token) if turn is not None else None
        Commit(guards=list(guards), fence=fence, commands=commands).run(self._scripts)


def new_commands(delivery: Delivery) -> list[list[str | int]]:
    """The Redis commands that put a message down, in the same write as what it tells."""
    return [
        ["SET", keys.outgoing_message(delivery.id), dump_delivery(delivery), "PX", _ms(KEPT)],
        ["ZADD", keys.outgoing_log(delivery.endpoint), to_millis(delivery.at), delivery.id],
        ["SADD", keys.OUTGOING, delivery.endpoint],
        _due(delivery),
    ]


def state_commands(endpoint: str, state: EndpointState) -> list[list[str | int]]:
    """The Redis commands that keep what is known of an endpoint."""
    name = keys.outgoing_state(endpoint)
    given: dict[str, str | int | None] = {
        "gone": to_millis(state.gone_at) if state.gone_at is not None else None,
        "gone_id": state.gone_id,
        "url": state.url or None,
        "fails": state.fails or None,
        "quiet": to_millis(state.quiet_until) if state.quiet_until is not None else None,
        "told": 1 if state.is_told else None,
    }
    fields: list[str | int] = [
        part for key, value in given.items() if value is not None for part in (key, value)
    ]
    return [["DEL", name], *([["HSET", name, *fields]] if fields else [])]


def _due(delivery: Delivery) -> list[str | int]:
    name = keys.outgoing_due(delivery.endpoint)
    if delivery.next is None:
        return ["ZREM", name, delivery.id]
    return ["ZADD", name, to_millis(delivery.next), delivery.id]


def _state(found: Any) -> EndpointState:
    return EndpointState(
        gone_at=_moment(found.get("gone")),
        gone_id=found.get("gone_id"),
        url=found.get("url", ""),
        fails=int(found.get("fails", 0)),
        quiet_until=_moment(found.get("quiet")),
        is_told="told" in found,
    )


def _moment(millis: Any) -> datetime | None:
    return None if millis is None else from_millis(int(millis))


def dump_delivery(delivery: Delivery) -> str:
    """The message as text."""
    row: dict[str, Any] = {
        "id": delivery.id,
        "endpoint": delivery.endpoint,
        "type": delivery.topic.value,
        "at": to_millis(delivery.at),
        "data": dict(delivery.data),
        "begun": to_millis(delivery.begun),
        "lock": delivery.lock,
        "tag": delivery.pin_tag,
        "state": delivery.state.value,
        "failures": delivery.failures,
        "next": to_millis(delivery.next) if delivery.next is not None else None,
        "attempts": [[to_millis(a.at), a.verdict.value, a.status, _ms(a.took)] for a in delivery.attempts],
    }
    return json.dumps({key: value for key, value in row.items() if value is not None}, separators=(",", ":"))


def load_delivery(text: str) -> Delivery:
    """What `dump_delivery` wrote."""
    row = json.loads(text)
    return Delivery(
        id=row["id"],
        endpoint=row["endpoint"],
        topic=Topic(row["type"]),
        at=from_millis(row["at"]),
        data=row["data"],
        begun=from_millis(row["begun"]),
        lock=row.get("lock"),
        pin_tag=row.get("tag"),
        state=DeliveryState(row["state"]),
        failures=row["failures"],
        next=_moment(row.get("next")),
        attempts=tuple(
            Attempt(from_millis(at), Verdict(verdict), status, timedelta(milliseconds=took))
            for at, verdict, status, took in row["attempts"]
        ),
    )


def _ms(span: timedelta) -> int:
    return round(span.total_seconds() * 1000)

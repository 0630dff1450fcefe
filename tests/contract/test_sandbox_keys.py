"""The sandbox's dynamic keys: fetched with a login, valid for a day, ended by the next one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest

from tests.contract.sandbox_kit import LOCK, StandingClock
from worker.domain.outcomes import Kind, Outcome
from worker.kas import KasClient
from worker.kas.sandbox import SandboxControl, Setup, running_sandbox

EMAIL, PASSWORD = "ops@example.com", "canary-password"


@dataclass
class Desk:
    """A client at a sandbox with a login."""

    client: KasClient
    control: SandboxControl
    clock: StandingClock
    url: str

    def fetch(self, password: str = PASSWORD) -> tuple[Outcome, str | None]:
        """Ask for a key."""
        return self.client.fetch_key(f"{self.url}/users/apikey", EMAIL, password)

    def key(self) -> str:
        """A fresh key."""
        outcome, key = self.fetch()
        assert outcome.kind is Kind.DONE
        assert key is not None
        return key

    def kind(self, key: str) -> Kind:
        """What the cloud says to a read with this key."""
        return self.client.list_pins(LOCK, key=key).outcome.kind


@contextmanager
def desk(*, one_dynamic_key: bool = True) -> Iterator[Desk]:
    """A running one."""
    setup = Setup(locks=[LOCK], logins={"default": (EMAIL, PASSWORD)}, one_dynamic_key=one_dynamic_key)
    clock = StandingClock()
    with running_sandbox(setup, clock=clock) as sandbox, SandboxControl(sandbox.control_url) as control:
        client = KasClient(sandbox.url, call_timeout=timedelta(seconds=5))
        yield Desk(client, control, clock, sandbox.url)
        client.close()


def test_a_key_is_valid_for_a_day() -> None:
    """A fetched key opens the account for 24 hours, no longer."""
    with desk() as at:
        key = at.key()
        at.clock.forward(86_399)
        assert Kind.DONE is at.kind(key)
        at.clock.forward(1)
        assert Kind.INVALID_TOKEN is at.kind(key)


@pytest.mark.parametrize(("only_one", "kind"), [(True, Kind.INVALID_TOKEN), (False, Kind.DONE)])
def test_the_next_key_ends_the_one_before(*, only_one: bool, kind: Kind) -> None:
    """A new key ends the older ones, unless the set-up lets them live on."""
    with desk(one_dynamic_key=only_one) as at:
        first, second = at.key(), at.key()
        assert first != second
        assert kind is at.kind(first)
        assert Kind.DONE is at.kind(second)


def test_a_wrong_password_gets_no_key() -> None:
    """The login must be right; its password can be changed, and its keys ended."""
    with desk() as at:
        outcome, key = at.fetch("wrong")
        assert (Kind.INVALID_TOKEN, 401, None) == (outcome.kind, outcome.http_status, key)
        at.control.set_keys(password="wrong")
        _, key = at.fetch("wrong")
        assert key is not None
        at.control.set_keys(end_issued=True)
        assert Kind.INVALID_TOKEN is at.kind(key)


def test_fetches_are_counted_and_go_wrong_by_rule() -> None:
    """Each fetch is a call of kind key without its login; a rule for key spoils just fetches."""
    with desk() as at:
        for kind, details in (
            ("status", {"status": 503}),
            ("text", {"text": "Invalid Token."}),
            ("html", {}),
            ("garbage", {}),
            ("throttle", {"seconds": 7}),
            ("cut", {}),
        ):
            at.control.add_fault(kind, op="key", **details)
        kinds = [at.fetch()[0].kind for _ in range(6)]
        assert [Kind.DOUBT, Kind.INVALID_TOKEN, Kind.DOUBT, Kind.DOUBT, Kind.THROTTLED, Kind.DOUBT] == kinds
        assert at.key()
        calls = at.control.calls(op="key")
        assert 7 == len(calls) == at.control.stats()["calls"]["key"]
        assert all(call["body"] == {} and call["account"] == "default" for call in calls)
        assert 0 == at.control.stats()["outstanding"]
        assert 1 == at.control.stats()["max_outstanding"]

"""The accounts' keys: static ones, and dynamic ones that exactly one worker at a time fetches anew.

The KAS API document, section "Step 2: Retrieve your API Key": a key is valid for 24 hours.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import Enum, auto

import structlog

from worker.domain.answer_table import NO_ANSWER
from worker.domain.house import House
from worker.domain.outcomes import Kind, Outcome
from worker.kas import BadRequest, KasClient, Login
from worker.service.clock import Clock
from worker.service.counts import Counts
from worker.store.api_keys import ApiKeys, Fetching, StoredKey
from worker.store.commit import FencedError
from worker.store.store import Store

REFRESH_AFTER = timedelta(hours=23)
REFRESH_AGAIN = timedelta(minutes=10)  # after a refresh ahead of time that brought no key
YOUNG = timedelta(seconds=15)
AFTER_REFUSAL = timedelta(seconds=5)
AFTER_NO_ANSWER = timedelta(seconds=10)
LONGEST_PAUSE = timedelta(minutes=1)
MOST_FAILS = 6  # fetches in a row that did not get through, until people are told
CACHED_SECONDS = 1.0
_PASSING = (Kind.DOUBT, Kind.CUT, Kind.UNANSWERED, Kind.NOT_SENT, Kind.THROTTLED)

log = structlog.get_logger(__name__)


class Renewal(Enum):
    """What became of a refused key."""

    RENEWED = auto()  # a newer one is there already
    FETCHED = auto()  # this worker fetched a new one
    BUSY = auto()  # another worker is at it
    REFUSED = auto()  # no key to be had: a static one, a wrong login, or a fresh key refused at first use
    UNREACHABLE = auto()  # the fetch did not get through


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key to call with. `generation` is 0 for a static one."""

    text: str = field(repr=False)
    generation: int = 0


@dataclass(slots=True)
class KeyRing:
    """Each account's key. An account in `static` keeps that one; else its login fetches them."""

    store: Store = field(repr=False)
    house: Callable[[], House] = field(repr=False)
    clock: Clock
    static: Mapping[str, str] = field(default_factory=dict, repr=False)
    logins: Mapping[str, Login] = field(default_factory=dict)
    clients: Mapping[str, KasClient] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    _read: dict[str, tuple[float, StoredKey | None]] = field(default_factory=dict, repr=False)

    def current(self, account: str) -> ApiKey | None:
        """The key to use, as known for a second at most; None where there is none (yet)."""
        static = self.static.get(account)
        if static:
            return ApiKey(static)
        stored = self._stored(account)
        if stored is None or stored.text is None:
            return None
        return ApiKey(stored.text, stored.generation)

    def accepted(self, account: str, generation: int) -> None:
        """The vendor took this key: should it be refused one day, it has run out."""
        stored = self._stored(account)
        if stored is not None and stored.generation == generation and not stored.is_proven:
            self._keys().change(account, stored, is_proven=True)
            self._fresh(account)

    def renew(
        self, account: str, refused_generation: int, *, is_probe: bool = False
    ) -> tuple[Renewal, Outcome | None]:
        """A key of this generation was refused (0: there was none): see that there is a newer one.

        Only a probe fetches for an account that is paused, or after a key that was refused at first use. With
        REFUSED and UNREACHABLE comes the outcome of the fetch, if there was one.
        """
        if account in self.static or account not in self.logins:
            return Renewal.REFUSED, None
        stored = self._fresh(account)
        if _is_newer(stored, refused_generation):
            return Renewal.RENEWED, None
        is_hopeless = stored is not None and stored.text is not None and not stored.is_proven
        is_paused = self.store.agenda.pause_letter(account) is not None
        if (is_hopeless or is_paused) and not is_probe:
            return Renewal.REFUSED, None
        if is_hopeless and stored is not None and self.clock.now() - stored.fetched_at < YOUNG:
            # A visit that was on its way as the account was paused is no probe: no second fetch at once.
            return Renewal.REFUSED, None
        taken = self._keys().take(self.house().accounts[account], with_place=False)
        if taken is None:
            return Renewal.BUSY, None
        stored = self._fresh(account)
        if _is_newer(stored, refused_generation):
            self._keys().give_back(taken)
            return Renewal.RENEWED, None
        return self._fetch(taken, stored)

    def refresh_old(self) -> None:
        """Fetch a new key for each account whose key will soon be a day old; one worker does it.

        It takes a place of the account's window, if one is free. What fails here harms nobody yet.
        """
        for account in self.logins:
            stored = None if account in self.static else self._stored(account)
            if stored is None or self.clock.now() < stored.refresh_at:
                continue
            taken = self._keys().take(self.house().accounts[account], with_place=True)
            if taken is None:
                continue
            latest = self._fresh(account)
            if latest is None or self.clock.now() < latest.refresh_at:
                self._keys().give_back(taken)
                continue
            renewal, _ = self._fetch(taken, latest, is_early=True)
            if renewal in (Renewal.REFUSED, Renewal.UNREACHABLE):
                self._keys().change(account, latest, refresh_at=self.clock.now() + REFRESH_AGAIN)
                self._fresh(account)

    def _fetch(
        self, taken: Fetching, before: StoredKey | None, *, is_early: bool = False
    ) -> tuple[Renewal, Outcome | None]:
        account = taken.account
        outcome, text = self._ask(account)
        self.counts.add(f"calls:key:{outcome.kind.value}")
        if text is None:
            log.warning("key.not_fetched", account=account, kind=outcome.kind.value)
            return self._not_fetched(taken, outcome, is_early=is_early)
        now = self.clock.now()
        generation = before.generation + 1 if before is not None else 1
        try:
            self._keys().put(taken, StoredKey(generation, text, now, now + REFRESH_AFTER))
        except FencedError:
            log.warning("key.fetch_ran_out", account=account)
            return Renewal.BUSY, None
        self._fresh(account)
        log.info("key.fetched", account=account, generation=generation)
        return Renewal.FETCHED, None

    def _ask(self, account: str) -> tuple[Outcome, str | None]:
        login = self.logins[account]
        try:
            return self.clients[account].fetch_key(login.key_url, login.email, login.password)
        except BadRequest as error:
            return Outcome(Kind.REFUSED, message=f"Not sent: {error}"), None

    def _not_fetched(self, taken: Fetching, outcome: Outcome, *, is_early: bool) -> tuple[Renewal, Outcome]:
        """The gate stays shut for a moment, so that those whose calls are still out do not ask again.

        A refresh ahead of time opens it at once: the old key is still good.
        """
        is_passing = outcome.kind in _PASSING
        pause = AFTER_NO_ANSWER if is_passing else AFTER_REFUSAL
        if outcome.retry_after is not None:
            pause = min(timedelta(seconds=outcome.retry_after), LONGEST_PAUSE)
        self._keys().give_back(
            taken, timedelta(0) if is_early else pause, keeps_place=outcome.kind in NO_ANSWER
        )
        if is_passing and (is_early or self._keys().failed(taken.account) < MOST_FAILS):
            return Renewal.UNREACHABLE, outcome
        return Renewal.REFUSED, outcome

    def _stored(self, account: str) -> StoredKey | None:
        found = self._read.get(account)
        if found is not None and time.monotonic() < found[0]:
            return found[1]
        return self._fresh(account)

    def _fresh(self, account: str) -> StoredKey | None:
        asked = time.monotonic()
        stored = self._keys().get(account)
        self._read[account] = (asked + CACHED_SECONDS, stored)
        return stored

    def _keys(self) -> ApiKeys:
        return ApiKeys(self.store.client, self.store.scripts, self.store.vault, self.house)


def _is_newer(stored: StoredKey | None, generation: int) -> bool:
    return stored is not None and stored.text is not None and stored.generation > generation

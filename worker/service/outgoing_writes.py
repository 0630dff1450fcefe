"""Puts down what other systems are told, as Redis commands that go along with the write they belong to."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.dead_letter import DeadLetter
from worker.domain.deliveries import Delivery
from worker.domain.house import House
from worker.domain.outgoing import WITH_PIN, News, news_of_letter, news_of_stay
from worker.domain.record import Stay
from worker.property_outgoing import EndpointConfig
from worker.store.deliveries import new_commands
from worker.store.vault import Vault

Commands = list[list[str | int]]


def new_message_id() -> str:
    """The id of a message: its `webhook-id`."""
    return f"msg_{secrets.token_hex(12)}"


@dataclass(frozen=True, slots=True)
class Outbox:
    """One message for each endpoint that wants the news. Without an endpoint nothing is worked out."""

    vault: Vault
    endpoints: Mapping[str, EndpointConfig] = field(default_factory=dict)
    new_id: Callable[[], str] = new_message_id

    def of_stay(self, before: Stay | None, after: Stay, house: House, now: datetime) -> Commands:
        """What a write of a stay tells."""
        return self._messages(lambda: news_of_stay(before, after, house, now))

    def of_letters(self, letters: Iterable[DeadLetter], now: datetime) -> Commands:
        """What a write of letters tells: that each is open, or resolved."""
        found = (news_of_letter(letter, now) for letter in letters)
        return self._messages(lambda: [one for one in found if one is not None])

    def _messages(self, news: Callable[[], list[News]]) -> Commands:
        wanting = [endpoint for endpoint in self.endpoints.values() if endpoint.enabled]
        if not wanting:
            return []
        return [
            command
            for one in news()
            for endpoint in wanting
            if one.topic in endpoint.events
            for command in new_commands(self._message(one, endpoint))
        ]

    def _message(self, news: News, endpoint: EndpointConfig) -> Delivery:
        wants_pin = endpoint.with_pin and news.topic in WITH_PIN and news.pin is not None
        return Delivery(
            id=self.new_id(),
            endpoint=endpoint.name,
            topic=news.topic,
            at=news.at,
            data=news.data,
            begun=news.at,
            lock=news.lock,
            pin_tag=self.vault.tag(news.pin) if wants_pin and news.pin is not None else None,
            next=news.at,
        )

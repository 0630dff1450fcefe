"""Channex: revisions asked for one by one and by the feed, and acknowledged once they are on record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.asked_kit import KEY, Asking, asking
from tests.integration.pms_kit import Answer, Asked
from tests.integration.sources_kit import a_stay
from worker.domain.booking import Status, StayKey
from worker.sample_deliveries import channex
from worker.sample_deliveries.stay import SampleStay

NAME = "channex"
PING = {"event": "booking_new", "property_id": "p", "user_id": None, "timestamp": "2026-11-22T10:00:00Z"}


@dataclass
class Office:
    """Channex as its API shows it. `kit` is there once the test runs."""

    revisions: dict[str, dict[str, Any]] = field(default_factory=dict)
    feed: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    unrecorded: list[str] = field(default_factory=list)
    refusal: int = 0
    kit: Asking | None = None

    def put(self, stay: SampleStay, **changed: object) -> str:
        """Write a revision down; its id."""
        made = channex.document(stay)
        assert isinstance(made, dict)
        revision = {**made["payload"], **changed}
        self.revisions[revision["id"]] = revision
        self.feed.append(revision["id"])
        return str(revision["id"])

    def shown(self, revision: str) -> dict[str, Any]:
        """A revision as the API shows it."""
        return {"type": "booking_revision", "id": revision, "attributes": self.revisions[revision]}

    def answered(self, asked: Asked) -> Answer:
        """Answer as the API."""
        match asked.method, *asked.path.removeprefix("/api/booking_revisions/").split("/"):
            case "GET", "feed":
                page, limit = (int(asked.query[f"pagination[{name}]"]) for name in ("page", "limit"))
                ids = self.feed[(page - 1) * limit : page * limit]
                return Answer({"data": [self.shown(one) for one in ids], "meta": {"total": len(self.feed)}})
            case "GET", one if one in self.revisions:
                return Answer({"data": self.shown(one)})
            case "POST", one, "ack" if one in self.revisions:
                return self._acknowledge(one)
        return Answer({"errors": {"code": "resource_not_found"}}, 404)

    def _acknowledge(self, revision: str) -> Answer:
        if self.refusal:
            return Answer({"errors": {}}, self.refusal)
        if not self._is_on_record(self.revisions[revision]):
            self.unrecorded.append(revision)
        self.acknowledged.append(revision)
        if revision in self.feed:
            self.feed.remove(revision)
        return Answer({"meta": {"message": "Success"}})

    def _is_on_record(self, revision: dict[str, Any]) -> bool:
        """Whether Innkey has it durably: as an event in the inbox, a stay, or kept for a person."""
        assert self.kit is not None
        store, key = self.kit.web.innkey.store, StayKey(NAME, revision["booking_id"])
        kept = store.events.rejected_page(limit=100, cursor=None).items
        return bool(store.events.pending(key) or store.stays.get(key) or kept)


@pytest.fixture
def office() -> Office:
    """An office without bookings."""
    return Office()


@pytest.fixture
def kit(tmp_path: Path, office: Office) -> Iterator[Asking]:
    """A source beside it."""
    with asking(tmp_path, NAME, office.answered) as made:
        office.kit = made
        yield made


def unit(kit: Asking, booking: str) -> str | None:
    """The unit of a booking on record; None without one."""
    found = kit.booking(booking)
    return found.unit if found is not None else None


def test_an_id_is_asked_for_and_acknowledged(kit: Asking, office: Office) -> None:
    """Promise 1: with the key, and acknowledged only once it is on record."""
    stay = a_stay("501")
    revision = office.put(stay)
    assert "accepted" == kit.deliver(channex.told(stay))
    assert kit.booking("501") is None
    kit.run()
    assert "40160" == unit(kit, "501")
    assert ([revision], []) == (office.acknowledged, office.unrecorded)
    assert {KEY} == {one.headers["user-api-key"] for one in kit.api.asked}
    assert set() == kit.waiting()


def test_a_whole_booking_counts_at_once_and_is_acknowledged_too(kit: Asking, office: Office) -> None:
    """What is fetched for the acknowledgement is a duplicate."""
    stay = a_stay("501")
    revision = office.put(stay)
    assert ["accepted", "duplicate"] == [kit.deliver(channex.document(stay)) for _ in range(2)]
    assert "40160" == unit(kit, "501")
    before = kit.web.innkey.store.stays.raw(StayKey(NAME, "501"))
    kit.run()
    assert [revision] == office.acknowledged
    assert before == kit.web.innkey.store.stays.raw(StayKey(NAME, "501"))


def test_a_ping_asks_the_feed(kit: Asking, office: Office) -> None:
    """Without data all that is not acknowledged is read, however many pages; then the feed is empty."""
    ids = [office.put(a_stay(str(number))) for number in range(1, 203)]
    assert "accepted" == kit.deliver(PING)
    kit.run()
    assert (ids, [], []) == (office.acknowledged, office.unrecorded, office.feed)
    pages = [one.query["pagination[page]"] for one in kit.api.asked if one.path.endswith("feed")]
    assert ["1", "2", "3"] == pages
    assert "40160" == unit(kit, "202")


def test_the_feed_is_polled(kit: Asking, office: Office) -> None:
    """What no webhook told is found, and a modification after it."""
    stay = a_stay("501")
    office.put(stay)
    kit.begin()
    kit.run()
    assert "40160" == unit(kit, "501")
    office.put(replace(stay, kind="cancelled", changed=stay.changed + timedelta(seconds=60)))
    kit.pass_time()
    kit.run()
    found = kit.booking("501")
    assert found is not None
    assert Status.CANCELLED is found.status
    assert [] == office.feed


def test_a_revision_that_is_not_understood_is_kept_and_acknowledged(kit: Asking, office: Office) -> None:
    """A person is told here; Channex need not tell it every five minutes, and the others are not held up."""
    odd = office.put(a_stay("501"), status="odd")
    good = office.put(a_stay("502"))
    kit.deliver(PING)
    kit.run()
    (kept,) = kit.web.get("/v1/rejected-events").json["items"]
    assert ["status"] == list(kept["errors"])
    assert ([odd, good], []) == (office.acknowledged, office.unrecorded)
    assert "40160" == unit(kit, "502")
    office.revisions[odd]["status"] = "new"
    assert 202 == kit.web.post(f"/v1/rejected-events/{kept['id']}/replay").status_code
    kit.run()
    assert "40160" == unit(kit, "501")


@pytest.mark.parametrize("told", [PING, None])
def test_an_acknowledgement_that_is_not_answered_is_tried_again(
    kit: Asking, office: Office, told: dict[str, Any] | None
) -> None:
    """The stay is there; the revision stays to be done until Channex has heard of it."""
    stay = a_stay("501")
    revision = office.put(stay)
    office.refusal = 503
    kit.deliver(told or channex.told(stay))
    kit.run()
    assert ("40160", []) == (unit(kit, "501"), office.acknowledged)
    office.refusal = 0
    kit.pass_time()
    kit.run()
    assert [revision] == office.acknowledged


def test_an_acknowledgement_that_is_refused_holds_nothing_up(kit: Asking, office: Office) -> None:
    """As for one that was acknowledged before: there is nothing that a person could do."""
    office.put(a_stay("501"))
    office.put(a_stay("502"))
    office.refusal = 422
    kit.deliver(PING)
    kit.run()
    assert ("40160", "40160") == (unit(kit, "501"), unit(kit, "502"))
    assert [] == kit.web.get("/v1/rejected-events").json["items"]


def test_a_refused_key_is_told_of(kit: Asking, office: Office) -> None:
    """Also where only acknowledging is forbidden."""
    stay = a_stay("501")
    office.put(stay)
    office.refusal = 403
    kit.deliver(channex.told(stay))
    kit.run()
    assert ["new"] == list(kit.web.innkey.store.alerts.rows(f"source_refuses:{NAME}").values())
    assert "40160" == unit(kit, "501")


def test_several_rooms_are_several_stays(kit: Asking, office: Office) -> None:
    """One less in the next revision is a stay less."""
    stay = a_stay("501", units=("40160", "50160"))
    office.put(stay)
    kit.deliver(PING)
    kit.run()
    assert ("40160", "50160") == (unit(kit, "501"), unit(kit, "501.50160"))
    office.put(replace(stay, units=("40160",), kind="updated", changed=stay.changed + timedelta(seconds=60)))
    kit.deliver(PING)
    kit.pass_time()
    kit.run()
    gone = kit.booking("501.50160")
    assert gone is not None
    assert Status.CANCELLED is gone.status

"""The adapter `guesty`: what its words mean in both versions, and whose signature it takes."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.source_kit import NOW, config, errors, event, parse
from webhooks.sources import guesty
from webhooks.sources.adapter import Delivery, UnprovenError
from worker.domain.booking import EventType, Status
from worker.sample_deliveries import guesty as sender
from worker.sample_deliveries.stay import SampleStay
from worker.secret import Secret

SECRET = "whsec_" + base64.b64encode(b"the secret that both sides know!").decode()
DATA = {
    "reservationId": "65f0",
    "unitId": "40160",
    "status": "confirmed",
    "checkInDateLocalized": "2026-12-01",
    "checkOutDateLocalized": "2026-12-05",
    "checkIn": "2026-12-01T05:00:00.000Z",
    "checkOut": "2026-12-05T00:00:00.000Z",
}
BODY = b'{"event": "reservation.updated.v2"}'


def document(event: str = "reservation.updated.v2", **data: Any) -> dict[str, Any]:
    """A delivery of version 2; `...` leaves a field out."""
    given = {name: value for name, value in {**DATA, **data}.items() if value is not ...}
    return {"event": event, "publishedAt": "2026-11-22T10:00:00.000Z", "data": given}


def changes(**data: Any) -> dict[str, Any]:
    """What a delivery changes."""
    return dict(event("guesty", document(**data)).changes)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("confirmed", Status.CONFIRMED),
        ("checked_in", Status.CONFIRMED),
        ("checked-in", Status.CONFIRMED),
        ("checked_out", Status.CONFIRMED),
        ("reserved", Status.TENTATIVE),
        ("awaiting_payment", Status.TENTATIVE),
        ("inquiry", Status.TENTATIVE),
        ("canceled", Status.CANCELLED),
        ("cancelled", Status.CANCELLED),
        ("closed", Status.CANCELLED),
        ("declined", Status.CANCELLED),
        ("expired", Status.CANCELLED),
    ],
)
def test_statuses(word: str, expected: Status) -> None:
    """Both spellings of a cancellation; a guest who has arrived keeps the code."""
    assert expected == changes(status=word)["status"]


@pytest.mark.parametrize("word", ["maybe", None, 5, ...])
def test_unknown_statuses(word: object) -> None:
    """A status that is not known is for a person."""
    assert {"data.status"} == set(errors("guesty", document(status=word)))


def test_times() -> None:
    """D10: the local date counts, with the planned time of day where there is one."""
    assert "2026-12-01" == changes()["check_in"]
    assert "2026-12-01T16:30:00" == changes(plannedArrival="16:30")["check_in"]
    assert "2026-12-01" == changes(plannedArrival="late")["check_in"]
    assert "2026-12-05T09:00:00" == changes(plannedDeparture="09:00")["check_out"]


def test_an_instant_is_the_last_resort() -> None:
    """Without a local date the moment counts, as a moment."""
    assert "2026-12-01T05:00:00+00:00" == changes(checkInDateLocalized=...)["check_in"]
    found = changes(checkInDateLocalized=None, checkIn="2026-12-01T15:00:00+10:00")
    assert "2026-12-01T05:00:00+00:00" == found["check_in"]
    assert "check_in" not in changes(checkInDateLocalized=..., checkIn=...)


@pytest.mark.parametrize("moment", ["soon", "1999-12-01T00:00:00Z", 5])
def test_bad_times(moment: object) -> None:
    """What cannot be read is told by its place, and harms no cancellation."""
    given = document(checkInDateLocalized=..., checkIn=moment)
    assert {"data.checkIn"} == set(errors("guesty", given))
    assert {"data.checkInDateLocalized"} == set(errors("guesty", document(checkInDateLocalized="x")))
    assert Status.CANCELLED == changes(status="canceled", checkInDateLocalized="x")["status"]


@pytest.mark.parametrize(
    "envelope",
    [
        lambda id_, rest: {"reservation": {"_id": id_, **rest}},
        lambda id_, rest: {"reservation": {"id": id_, **rest}},
        lambda id_, rest: {"reservationId": id_, **rest},
        lambda id_, rest: {"data": {"reservation": {"_id": id_, **rest}}},
        lambda id_, rest: {"data": {"reservationId": id_, **rest}},
        lambda id_, rest: {"data": {"_id": id_, **rest}},
        lambda id_, rest: {"data": {"id": id_, **rest}},
    ],
)
def test_wherever_the_id_stands(envelope: Any) -> None:
    """No sample of version 2 was published: each place that programs look at will do."""
    rest = {name: value for name, value in DATA.items() if name != "reservationId"}
    found = event("guesty", {"event": "reservation.updated.v2", **envelope("65f0", rest)})
    assert ("65f0", "40160", "2026-12-01") == (
        found.key.id,
        found.changes["unit"],
        found.changes["check_in"],
    )


@pytest.mark.parametrize("status", ["confirmed", "cancelled", "tentative", "inquiry"])
def test_both_versions_say_the_same(status: str) -> None:
    """The older version says what the new one does, and the guest."""
    stay = SampleStay(
        id="65f0",
        unit="40160",
        check_in="2026-12-01",
        check_out="2026-12-05",
        changed=NOW,
        status=status,
        name="Ann Lee",
        email="ann@example.com",
        phone="1",
    )
    new, old = event("guesty", sender.document(stay)), event("guesty", sender.legacy(stay))
    assert (new.key, new.type, new.version) == (old.key, old.type, old.version)
    who = {"guest_name": "Ann Lee", "guest_email": "ann@example.com", "guest_phone": "1"}
    assert {**new.changes, **who} == old.changes


def test_lean_news_leave_the_guest() -> None:
    """C08: version 2 tells no guest, and so takes none away."""
    assert not any(name.startswith("guest") for name in changes())


def test_order() -> None:
    """`publishedAt` orders, else `lastUpdatedAt`, else the receipt."""
    one = event("guesty", document())
    later = {**document(), "publishedAt": "2026-11-22T10:00:00.001Z"}
    assert event("guesty", later).version.is_newer_than(one.version)
    old = {"event": "reservation.updated", "reservation": {**DATA, "lastUpdatedAt": "2026-11-22T10:00:01Z"}}
    assert event("guesty", old).version.is_newer_than(one.version)
    assert event("guesty", {"event": "reservation.updated", "reservation": DATA}).version.number is None


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("reservation.new", EventType.CREATED),
        ("reservation.created.v2", EventType.CREATED),
        ("reservation.updated", EventType.UPDATED),
        ("reservation.updated.v2", EventType.UPDATED),
        ("reservation_update_shortlist", EventType.UPDATED),
    ],
)
def test_events(name: str, expected: EventType) -> None:
    """What has happened, by the names of both versions."""
    assert expected is event("guesty", document(name)).type


@pytest.mark.parametrize(
    "name",
    [
        "reservation.messageReceived",
        "reservation.messageSent",
        "guest.updated",
        "listing.removed",
        "calendar.updated.v2",
        "task.created",
        "payments.failed",
    ],
)
def test_other_events(name: str) -> None:
    """What is no reservation concerns no stay."""
    assert () == parse("guesty", {"event": name}).events


def signed(
    prefix: str = "svix", *, at: datetime = NOW, body: bytes = BODY, secret: str = SECRET
) -> dict[str, str]:
    """The headers of a body by one of the two names."""
    made = sender.sign(body, Secret(secret), at)
    return {name.replace("svix", prefix): value for name, value in made.items()}


def verify(headers: dict[str, str]) -> None:
    """Check the signature of BODY."""
    source = config("guesty", secrets=(Secret(SECRET),))
    guesty.verify(Delivery(body=BODY, headers=headers, received=NOW), source, NOW)


@pytest.mark.parametrize("prefix", ["svix", "webhook"])
def test_signatures(prefix: str) -> None:
    """Svix' headers and those of Standard Webhooks are the same by two names."""
    verify(signed(prefix))


def test_the_id_of_the_news_is_the_signed_one() -> None:
    """Told apart by the id in the header; without headers, in a replay, by the content."""
    headers = signed()
    delivery = Delivery(body=b'{"event": "task.created"}', headers=headers, received=NOW)
    found = guesty.parse(delivery, config("guesty"))
    assert (headers["svix-id"], False) == (found.id, found.by_content)
    assert parse("guesty", document()).by_content


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed("x-guesty"),
        signed(body=b"other"),
        signed(at=NOW - timedelta(minutes=6)),
        signed(secret="whsec_" + base64.b64encode(b"guessed").decode()),
        {**signed("webhook"), "svix-id": "another"},
        {**signed(), "svix-timestamp": str(int(datetime(2026, 11, 22, 10, 1, tzinfo=UTC).timestamp()))},
    ],
)
def test_forged(headers: dict[str, str]) -> None:
    """C01: another body, time, secret or id, or headers of both kinds mixed, are refused."""
    with pytest.raises(UnprovenError):
        verify(headers)

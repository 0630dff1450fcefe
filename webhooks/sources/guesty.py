"""The adapter `guesty`: lean news of version 2 and whole reservations of the older one, signed by Svix."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from webhooks.sources import standard_webhooks
from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.json_body import FORM, JSON, read_documents
from webhooks.sources.reading import (
    Document,
    clock,
    day,
    identity,
    instant,
    mapping,
    moment,
    name_of,
    word,
)
from webhooks.sources.reservations import Reservation, content_id, guest, parsed, status_of
from worker.domain.booking import Status
from worker.property_access import SourceConfig

__all__ = ["answers_kept_with_200", "content_types", "parse", "verify"]

content_types = frozenset({JSON, FORM})
answers_kept_with_200 = True

_SIGNED = ("id", "timestamp", "signature")
_NOISE = ("reservation.message",)
_STATUSES: Mapping[str, Status] = {
    "confirmed": Status.CONFIRMED,
    "checkedin": Status.CONFIRMED,
    "checkedout": Status.CONFIRMED,
    "reserved": Status.TENTATIVE,
    "awaitingpayment": Status.TENTATIVE,
    "inquiry": Status.TENTATIVE,
    "canceled": Status.CANCELLED,
    "cancelled": Status.CANCELLED,
    "closed": Status.CANCELLED,
    "declined": Status.CANCELLED,
    "expired": Status.CANCELLED,
}


def verify(delivery: Delivery, config: SourceConfig, now: datetime) -> None:
    """Check the signature, whose headers begin with `svix-` or `webhook-`. Raises UnprovenError."""
    standard_webhooks.verify(_headers(delivery), delivery.body, config.secrets, now)


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read the reservations; messages, listings and the like concern no stay. Raises NotUnderstoodError."""
    documents = read_documents(delivery)
    sent_id = _headers(delivery).get("webhook-id", "")
    has_id = bool(standard_webhooks.ID.fullmatch(sent_id))
    news_id = sent_id if has_id else content_id(documents)
    found = [
        _reservation(one, f"{news_id}.{number}" if number else news_id)
        for number, one in enumerate(documents)
        if _is_of_a_reservation(one)
    ]
    return parsed(news_id, found, delivery, config, by_content=not has_id)


def _headers(delivery: Delivery) -> dict[str, str]:
    """The three headers by the names of Standard Webhooks; never one of each kind."""
    kind = "svix" if f"svix-{_SIGNED[0]}" in delivery.headers else "webhook"
    return {f"webhook-{name}": delivery.headers.get(f"{kind}-{name}", "") for name in _SIGNED}


def _is_of_a_reservation(document: Document) -> bool:
    event = document.get("event")
    if not isinstance(event, str):
        raise NotUnderstoodError({"event": ["is missing"]})
    return event.lower().startswith("reservation") and not event.lower().startswith(_NOISE)


def _told(document: Document) -> tuple[Document, str]:
    """Where the reservation is, and how that is called: no sample of version 2 was published."""
    data = mapping(document.get("data"))
    for found, path in (
        (mapping(document.get("reservation")), "reservation."),
        (mapping(data.get("reservation")), "data.reservation."),
        (data, "data."),
    ):
        if found:
            return found, path
    return document, ""


def _reservation(document: Document, news_id: str) -> Reservation:
    told, path = _told(document)
    status = status_of(told.get("status"), _STATUSES, f"{path}status")
    return Reservation(
        id=name_of(told, "reservationId", "_id", "id", path=path),
        event=news_id,
        status=status,
        changed=_changed(document, told),
        is_new=word(document.get("event")).startswith(("reservation.new", "reservation.created")),
        changes={**_unit(told, path), **_times(told, path, status), **_guest(told)},
    )


def _changed(document: Document, told: Document) -> datetime | None:
    given = (document.get("publishedAt"), told.get("publishedAt"), told.get("lastUpdatedAt"))
    return next((found for one in given if (found := moment(one)) is not None), None)


def _unit(told: Document, path: str) -> dict[str, object]:
    for value, name in (
        (told.get("unitId"), "unitId"),
        (told.get("listingId"), "listingId"),
        (mapping(told.get("listing")).get("_id"), "listing._id"),
    ):
        found = identity(value, f"{path}{name}")
        if found is not None:
            return {"unit": found}
    return {}


def _times(told: Document, path: str, status: Status) -> dict[str, object]:
    """The local date, with the planned time of day; else the instant. No code, no matter."""
    found: dict[str, object] = {}
    for name, end, planned in (
        ("check_in", "In", "plannedArrival"),
        ("check_out", "Out", "plannedDeparture"),
    ):
        try:
            date = day(told.get(f"check{end}DateLocalized"), f"{path}check{end}DateLocalized")
            moment_of_it = None if date else instant(told.get(f"check{end}"), f"{path}check{end}")
        except NotUnderstoodError:
            if status is Status.CONFIRMED:
                raise
            continue
        hour = clock(told.get(planned))
        if date is not None:
            found[name] = f"{date}T{hour}:00" if hour else date
        elif moment_of_it is not None:
            found[name] = moment_of_it
    return found


def _guest(told: Document) -> dict[str, object]:
    """Only the older version tells the guest; a name in one piece, else first and last."""
    who = mapping(told.get("guest"))
    name = "fullName" if who.get("fullName") else ("firstName", "lastName")
    return guest(who, name=name, email="email", phone="phone")

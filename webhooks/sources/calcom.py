"""The adapter `calcom`: whole bookings between two instants, signed over the body."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from webhooks.sources import hmac_hex
from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed, UnprovenError
from webhooks.sources.json_body import FORM, JSON, read_documents
from webhooks.sources.reading import Document, identity, instant, mapping, mappings, moment, name_of, word
from webhooks.sources.reservations import Reservation, content_id, guest, parsed, status_of
from worker.domain.booking import Status
from worker.property_access import SourceConfig

__all__ = ["answers_kept_with_200", "content_types", "parse", "verify"]

content_types = frozenset({JSON, FORM})
answers_kept_with_200 = True

_UNSIGNED = "no-secret-provided"
_NOISE = ("bookingnoshowupdated",)
# None: what the booking's own status says.
_TRIGGERS: Mapping[str, Status | None] = {
    "bookingcreated": None,
    "bookingrescheduled": None,
    "bookingpaid": None,
    "bookingrequested": Status.TENTATIVE,
    "bookingpaymentinitiated": Status.TENTATIVE,
    "bookingcancelled": Status.CANCELLED,
    "bookingrejected": Status.CANCELLED,
}
_STATUSES: Mapping[str, Status] = {
    "accepted": Status.CONFIRMED,
    "pending": Status.TENTATIVE,
    "awaitinghost": Status.TENTATIVE,
    "cancelled": Status.CANCELLED,
    "rejected": Status.CANCELLED,
}


def verify(delivery: Delivery, config: SourceConfig, now: datetime) -> None:  # noqa: ARG001 - the protocol's
    """Check `X-Cal-Signature-256`, the hexadecimal HMAC-SHA256 of the body. Raises UnprovenError."""
    given = delivery.headers.get("x-cal-signature-256", "").strip()
    if given == _UNSIGNED:
        raise UnprovenError("not signed, the webhook has no secret at Cal.com")
    hmac_hex.check(given, delivery.body, config.secrets)


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read the bookings; meetings, recordings and forms concern no stay. Raises NotUnderstoodError."""
    documents = read_documents(delivery)
    found = [made for one in documents if _is_of_a_booking(one) for made in _reservations(one)]
    return parsed(content_id(documents), found, delivery, config, by_content=True)


def _is_of_a_booking(document: Document) -> bool:
    trigger = document.get("triggerEvent")
    if not isinstance(trigger, str):
        raise NotUnderstoodError({"triggerEvent": ["is missing, as with a custom payload template"]})
    return word(trigger).startswith("booking") and word(trigger) not in _NOISE


def _reservations(document: Document) -> list[Reservation]:
    """The booking, and the one that it takes the place of: to reschedule is another booking in Cal.com.

    The new one first, so that its code is on the door before the other's is taken off.
    """
    payload = mapping(document.get("payload"))
    event, changed = content_id(document), moment(document.get("createdAt"))
    booking = Reservation(
        id=name_of(payload, "uid", path="payload."),
        event=event,
        status=_status(document, payload),
        changed=changed,
        is_new=word(document.get("triggerEvent")) == "bookingcreated",
        changes=_changes(payload, _status(document, payload)),
    )
    before = identity(payload.get("rescheduleUid"), "payload.rescheduleUid")
    if before in (None, booking.id):
        return [booking]
    return [
        booking,
        Reservation(
            id=before or "", event=f"{event}.before", status=Status.CANCELLED, changes={}, changed=changed
        ),
    ]


def _status(document: Document, payload: Document) -> Status:
    """By its trigger, where that leaves no doubt."""
    trigger = word(document.get("triggerEvent"))
    if trigger not in _TRIGGERS:
        raise NotUnderstoodError({"triggerEvent": ["is not one that this adapter knows"]})
    return _TRIGGERS[trigger] or status_of(payload.get("status"), _STATUSES, "payload.status")


def _changes(payload: Document, status: Status) -> dict[str, object]:
    unit = identity(payload.get("eventTypeId"), "payload.eventTypeId")
    found: dict[str, object] = {"unit": unit} if unit else {}
    for name, key in (("check_in", "startTime"), ("check_out", "endTime")):
        try:
            at = instant(payload.get(key), f"payload.{key}")
        except NotUnderstoodError:
            if status is Status.CONFIRMED:
                raise
            continue
        if at is not None:
            found[name] = at
    # The first of them is who booked.
    who = mappings(payload.get("attendees"))
    return {**found, **(guest(who[0], name="name", email="email", phone="phoneNumber") if who else {})}

"""Deliveries as Mews' general webhooks make them, and what its API says then. Not verified on a live one."""

from __future__ import annotations

from worker.sample_deliveries.stay import Document, SampleStay, instant, utc

__all__ = ["STATUSES", "answer", "document", "noise", "sign"]

STATUSES = {
    "confirmed": "Confirmed",
    "tentative": "Optional",
    "cancelled": "Canceled",
    "inquiry": "Inquired",
}
sign = None


def document(stay: SampleStay) -> Document:
    """One event of a reservation, whatever has happened, beside one of a customer."""
    events = [
        {"Discriminator": "ServiceOrderUpdated", "Value": {"Id": stay.id}},
        {"Discriminator": "CustomerUpdated", "Value": {"Id": "1"}},
    ]
    return {"EnterpriseId": "enterprise-1", "IntegrationId": "integration-1", "Events": events}


def answer(stay: SampleStay) -> Document:
    """What `reservations/getAll` and `customers/getAll` say of it, put together as Innkey does."""
    first, _, last = stay.name.partition(" ")
    owner = f"customer-{stay.id}"
    reservation = {
        "Id": stay.id,
        "AccountId": owner,
        "AccountType": "Customer",
        "Number": "52",
        "State": STATUSES[stay.word],
        "CreatedUtc": "2026-11-20T09:00:00Z",
        "UpdatedUtc": utc(stay.changed),
        "CancelledUtc": utc(stay.changed) if stay.is_cancelled else None,
        "AssignedResourceId": stay.unit or None,
        "ScheduledStartUtc": instant(stay.check_in),
        "ActualStartUtc": None,
        "ScheduledEndUtc": instant(stay.check_out),
        "ActualEndUtc": None,
    }
    customer = {
        "Id": owner,
        "FirstName": first,
        "LastName": last,
        "Email": stay.email,
        "Phone": stay.phone,
    }
    return {"reservation": reservation, "customer": customer}


def noise() -> Document:
    """What concerns no stay."""
    event = {"Discriminator": "ResourceUpdated", "Value": {"Id": "1"}}
    return {"EnterpriseId": "enterprise-1", "IntegrationId": "integration-1", "Events": [event]}

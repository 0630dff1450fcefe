"""`/v1/rejected-events`: authentic deliveries that were not understood, and their replay after a fix."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from webhooks.api.endpoints import Blueprint, endpoint
from webhooks.api.paging import listed
from webhooks.api.schemas import PageQuery, RejectedPage, RejectedSchema
from webhooks.errands import wanted
from webhooks.feeds.visit import FEED
from webhooks.problems import Problem
from webhooks.services import does, innkey, now
from webhooks.sources import ADAPTERS
from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from worker.service.views import rejected_view
from worker.store.events import RejectedEvent

__all__ = ["blueprint"]

blueprint = Blueprint("rejected-events", __name__, description="Deliveries that were not understood")


@endpoint(blueprint, "/v1/rejected-events", RejectedPage, query=PageQuery)
def list_rejected(query: dict[str, Any]) -> dict[str, Any]:
    """Kept deliveries, the latest first, without their bodies."""
    page = innkey().store.events.rejected_page(limit=query["limit"], cursor=query["cursor"])
    return listed(page, rejected_view)


@endpoint(
    blueprint,
    "/v1/rejected-events/<id>/replay",
    RejectedSchema,
    method="POST",
    status=202,
    fails=(404, 422),
)
def replay(id: str) -> dict[str, Any]:  # noqa: A002 - the name in the address
    """Read the kept body once more; its signature was checked when it came."""
    moment = now()
    rejected = innkey().store.events.get_rejected(id)
    if rejected is None:
        raise Problem(404, "No delivery is kept under this id.")
    with does("event.replay", id):
        return rejected_view(_replayed(rejected, moment))


def _replayed(rejected: RejectedEvent, moment: datetime) -> RejectedEvent:
    services, events = innkey(), innkey().store.events
    parsed = _parsed(rejected)
    errands = wanted(parsed)
    if errands:
        services.store.errands.add_all(rejected.source, errands, moment)
        services.hints.errands(rejected.source)
    for number, event in enumerate(parsed.events):
        name = f"replay:{rejected.id}" + (f".{number}" if number else "")
        key, is_new = events.accept(replace(event, id=name))
        if is_new:
            services.hints.event(key)
    done = rejected if rejected.replayed is not None else replace(rejected, replayed=moment)
    events.change_rejected(done)
    return done


def _parsed(rejected: RejectedEvent) -> Parsed:
    properties = innkey().configuration.properties
    config = properties.sources.get(rejected.source)
    if config is None and rejected.source not in properties.feeds:
        message = "is not in the property file any more; put it back, or leave this delivery be"
        raise Problem(422, "The delivery's source is gone.", errors={"source": [message]})
    if config is None or rejected.asked is not None:
        return Parsed(rejected.id, asks=(rejected.asked or FEED,))
    try:
        return ADAPTERS[config.adapter].parse(_delivery(rejected), config)
    except NotUnderstoodError as error:
        raise Problem(422, "The event is still not understood: see errors.", errors=error.errors) from None


def _delivery(rejected: RejectedEvent) -> Delivery:
    return Delivery(
        body=rejected.body,
        received=rejected.received,
        content_type=rejected.content_type.partition(";")[0].strip().lower(),
        query=rejected.query,
    )

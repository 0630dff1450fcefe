"""`/v1/sources`: the booking systems of the property file, and what was last heard of them."""

from __future__ import annotations

from typing import Any

from webhooks import tally
from webhooks.api.endpoints import Blueprint, endpoint
from webhooks.api.paging import page_by_name
from webhooks.api.schemas import PageQuery, SourcePage
from webhooks.services import innkey
from worker.service.source_views import source_views

__all__ = ["blueprint"]

blueprint = Blueprint("sources", __name__, description="Booking systems that send webhooks")


@endpoint(blueprint, "/v1/sources", SourcePage, query=PageQuery)
def list_sources(query: dict[str, Any]) -> dict[str, Any]:
    """The sources, in the order of the property file."""
    services = innkey()
    tally.report()
    sources = list(services.configuration.properties.sources.values())
    page = page_by_name(sources, lambda config: config.name, **query)
    return {"items": source_views(services.store, page.items), "next": page.next}

"""`/v1/outgoing`: the endpoints that Innkey sends events to, what was sent, what a person does about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore
from typing import Any

from webhooks.api.endpoints import Blueprint, endpoint
from webhooks.api.outgoing_schemas import (
    DeliveryPage,
    DeliverySchema,
    EndpointPage,
    EndpointSchema,
    TestedSchema,
)
from webhooks.api.paging import listed, page_by_name
from webhooks.api.schemas import PageQuery
from webhooks.problems import Problem
from webhooks.services import does, innkey, now
from worker.service.outgoing_desk import (
    OutgoingDesk,
    SwitchedOffError,
    UnknownDeliveryError,
    UnknownEndpointError,
    delivery_view,
    tested_view,
)

__all__ = ["blueprint"]

MOST_TESTS_AT_ONCE = 2  # of the eight threads of a web process

blueprint = Blueprint("outgoing", __name__, description="Events sent to other systems")
_free = BoundedSemaphore(MOST_TESTS_AT_ONCE)


@endpoint(blueprint, "/v1/outgoing", EndpointPage, query=PageQuery)
def list_endpoints(query: dict[str, Any]) -> dict[str, Any]:
    """The endpoints of the property file, by name."""
    now()
    views = innkey().outgoing_desk().endpoint_views()
    return listed(page_by_name(views, lambda view: str(view["name"]), **query), lambda view: view)


@endpoint(blueprint, "/v1/outgoing/<name>/deliveries", DeliveryPage, query=PageQuery)
def list_deliveries(query: dict[str, Any], name: str) -> dict[str, Any]:
    """What was sent to an endpoint, or is to be, the latest first; of the last thirty days."""
    with _known() as desk:
        return listed(desk.page(name, limit=query["limit"], cursor=query["cursor"]), delivery_view)


@endpoint(
    blueprint,
    "/v1/outgoing/<name>/deliveries/<id>/replay",
    DeliverySchema,
    method="POST",
    status=202,
    fails=(409,),
)
def replay(name: str, id: str) -> dict[str, Any]:  # noqa: A002 - the name in the address
    """Send it again, under the same `webhook-id`."""
    with _known() as desk:
        desk.delivery(name, id)
        with does("outgoing.replay", f"{name} {id}"):
            return delivery_view(desk.replay(name, id))


@endpoint(blueprint, "/v1/outgoing/<name>/test", TestedSchema, method="POST", status=202)
def test(name: str) -> dict[str, Any]:
    """Send an event `innkey.test` now, and say how the endpoint answered, within 20 s."""
    with _known() as desk:
        desk.endpoint(name)
        if not _free.acquire(blocking=False):
            raise Problem(503, "Other tests are under way; try again.", headers={"Retry-After": "5"})
        try:
            with does("outgoing.test", name) as act:
                tested = desk.test(name)
                act.result = tested.answered.reply.verdict.value
        finally:
            _free.release()
        return tested_view(tested)


@endpoint(blueprint, "/v1/outgoing/<name>/enable", EndpointSchema, method="POST", status=202, fails=(409,))
def enable(name: str) -> dict[str, Any]:
    """Send to an endpoint again that answered 410, or that is paused."""
    with _known() as desk:
        desk.endpoint(name)
        with does("outgoing.enable", name):
            return desk.enable(name)


@contextmanager
def _known() -> Iterator[OutgoingDesk]:
    now()
    try:
        yield innkey().outgoing_desk()
    except UnknownEndpointError:
        raise Problem(404, "The property file has no endpoint of this name.") from None
    except UnknownDeliveryError:
        raise Problem(404, "No delivery with this id is kept for this endpoint.") from None
    except SwitchedOffError as error:
        raise Problem(409, f"Nothing is sent to this endpoint: {error}.") from None

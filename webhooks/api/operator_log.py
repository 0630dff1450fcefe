"""`/v1/operator-log`: what people have done."""

from __future__ import annotations

from typing import Any

from webhooks.api.endpoints import Blueprint, endpoint
from webhooks.api.hand_schemas import OperatorLogPage
from webhooks.api.paging import listed
from webhooks.api.schemas import PageQuery
from webhooks.services import innkey
from worker.service.hand_views import line_view

__all__ = ["blueprint"]

blueprint = Blueprint("operator-log", __name__, description="What people have done")


@endpoint(blueprint, "/v1/operator-log", OperatorLogPage, query=PageQuery)
def list_lines(query: dict[str, Any]) -> dict[str, Any]:
    """The latest line first."""
    page = innkey().store.operators.page(limit=query["limit"], cursor=query["cursor"])
    return listed(page, line_view)

"""`/v1/locks/<lock>/rfids`: RFID tags of the house's own, and whatever else is on a lock."""

from __future__ import annotations

from typing import Any

from webhooks.api.endpoints import Blueprint, endpoint
from webhooks.api.hand_schemas import NewTagSchema, RemovalSchema, TagPage
from webhooks.api.lock_calls import at_desk, known, not_done
from webhooks.api.paging import listed, page_by_name
from webhooks.api.schemas import BookingSchema, PageQuery
from webhooks.problems import Problem
from webhooks.services import does, innkey, now
from worker.domain.outcomes import Kind
from worker.service.hand_views import tag_views, words_of
from worker.service.staff_tags import (
    BadTagError,
    GuestTagError,
    NewTag,
    NoSuchTagError,
    StaffTags,
    UnknownLockError,
    doors_of,
)
from worker.service.views import booking_view

__all__ = ["blueprint"]

blueprint = Blueprint("rfids", __name__, description="RFID tags")


@endpoint(blueprint, "/v1/locks/<lock>/rfids", TagPage, query=PageQuery, fails=(404, 502, 503, 504))
def list_tags(query: dict[str, Any], lock: str) -> dict[str, Any]:
    """The lock's tags, read now through its gateway."""
    found = known(lock)
    with at_desk() as desk, does("rfids.list", lock) as act:
        answer = desk.list_tags(found)
        act.result = answer.outcome.kind.value
    if answer.outcome.kind is not Kind.DONE:
        raise not_done(lock, answer.outcome, "")
    rows = tag_views(answer.entries or (), innkey().store)
    return listed(page_by_name(rows, lambda row: str(row["rfid_id"]), **query), lambda row: row)


@endpoint(
    blueprint,
    "/v1/locks/<lock>/rfids",
    BookingSchema,
    method="POST",
    status=202,
    body=NewTagSchema,
    fails=(404, 422),
)
def add_tag(body: dict[str, Any], lock: str) -> dict[str, Any]:
    """Put a tag on this lock, and on further ones. The work follows: the answer is the tag as a booking."""
    moment, given = now(), {**body, "doors": doors_of(lock, body["locks"])}
    del given["locks"]
    given["number"] = given["number"].upper()
    with does("rfids.add", lock):
        try:
            stay = _tags().add(NewTag(**given))
        except UnknownLockError as error:
            raise Problem(404, f"The property file has no lock {error}.") from None
        except BadTagError as error:
            raise Problem(
                422, "The tag is not good: see errors.", errors={error.field: [str(error)]}
            ) from None
    return booking_view(stay, innkey().house(), moment)


@endpoint(
    blueprint,
    "/v1/locks/<lock>/rfids/<int:rfid_id>",
    RemovalSchema,
    method="DELETE",
    status=202,
    fails=(404, 409, 502, 503, 504),
)
def delete_tag(lock: str, rfid_id: int) -> dict[str, Any]:
    """Take a tag off this lock: one of ours as the work follows, another one now. A guest's is refused."""
    found = known(lock)
    now()
    with does("rfids.delete", lock) as act:
        try:
            _tags().remove_at(lock, rfid_id)
        except GuestTagError as error:
            raise Problem(409, f"The tag is that of booking {error}: change or cancel the booking.") from None
        except NoSuchTagError:
            with at_desk() as desk:
                reply = desk.delete_tag(found, rfid_id)
            act.result = words_of(reply)
            if not reply.is_done:
                perhaps = "The tag was perhaps deleted." if reply.is_perhaps else ""
                raise not_done(lock, reply.outcome, perhaps) from None
            return {"lock": lock, "rfid_id": rfid_id, "state": "removed"}
    return {"lock": lock, "rfid_id": rfid_id, "state": "removing"}


def _tags() -> StaffTags:
    return StaffTags(innkey().store, innkey().ledger)

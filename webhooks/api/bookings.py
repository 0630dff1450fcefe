"""`/v1/bookings`: what each stay's codes are doing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from webhooks.api.endpoints import Blueprint, endpoint
from webhooks.api.paging import fitting, listed
from webhooks.api.schemas import BookingPage, BookingQuery, BookingSchema
from webhooks.moments import day_or_moment
from webhooks.problems import Problem
from webhooks.services import does, innkey, now
from worker.domain.booking import StayKey
from worker.domain.pins import NoPinLeftError
from worker.domain.record import Stay
from worker.domain.states import booking_state
from worker.service.requests import NotNowError, UnknownBookingError
from worker.service.views import booking_view
from worker.store.commit import TakenError
from worker.store.pages import Page

__all__ = ["blueprint"]

blueprint = Blueprint("bookings", __name__, description="Bookings and their codes")

# Stays without a known check-in stand at the beginning of time in the index, and fit no bound.
_FIRST = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)


@endpoint(blueprint, "/v1/bookings", BookingPage, query=BookingQuery)
def list_bookings(query: dict[str, Any]) -> dict[str, Any]:
    """Bookings by check-in.

    With `state`, a page may be short although a `next` page follows.
    """
    services, moment = innkey(), now()
    house = services.house()
    since, until = _bound(query["from_"], "from"), _bound(query["to"], "to")
    if since is not None or until is not None:
        since = max(since or _FIRST, _FIRST)

    def read(limit: int, cursor: str | None) -> Page[Stay]:
        return services.store.stays.page(limit=limit, cursor=cursor, since=since, until=until)

    wanted, limit, cursor = query["state"], query["limit"], query["cursor"]
    if wanted is None:
        page = read(limit, cursor)
    else:
        page = fitting(read, lambda s: wanted == booking_state(s, house, moment), limit=limit, cursor=cursor)
    return listed(page, lambda stay: booking_view(stay, house, moment))


@endpoint(blueprint, "/v1/bookings/<source>/<stay_id:id>", BookingSchema)
def show_booking(source: str, id: str) -> dict[str, Any]:  # noqa: A002 - the name in the address
    """One booking."""
    services, moment = innkey(), now()
    stay = services.store.stays.get(StayKey(source, id))
    if stay is None:
        raise Problem(404, "No booking of this source has this id; an event may still be on its way to it.")
    return booking_view(stay, services.house(), moment, services.store.trails.openings(str(stay.key)))


@endpoint(
    blueprint,
    "/v1/bookings/<source>/<stay_id:id>/rotate-pin",
    BookingSchema,
    method="POST",
    status=202,
    fails=(404, 409),
)
def rotate_pin(source: str, id: str) -> dict[str, Any]:  # noqa: A002
    """A new PIN on all its locks; the old one is shown until the own door has the new one."""
    return _asked("pin.rotate", innkey().requests.rotate_pin, source, id)


@endpoint(
    blueprint,
    "/v1/bookings/<source>/<stay_id:id>/resend",
    BookingSchema,
    method="POST",
    status=202,
    fails=(404, 409),
)
def resend(source: str, id: str) -> dict[str, Any]:  # noqa: A002
    """The guest's e-mail once more."""
    return _asked("email.resend", innkey().requests.resend, source, id)


@endpoint(
    blueprint,
    "/v1/bookings/<source>/<stay_id:id>/cancel",
    BookingSchema,
    method="POST",
    status=202,
    fails=(404, 409),
)
def cancel(source: str, id: str) -> dict[str, Any]:  # noqa: A002
    """Cancelled as its source would, with the other stays of its reservation if it is the first of them.

    What the source told before does not bring it back; a newer confirmation does.
    """
    return _asked("booking.cancel", innkey().requests.cancel, source, id)


def _asked(what: str, ask: Callable[[StayKey], Stay], source: str, booking: str) -> dict[str, Any]:
    moment, key = now(), StayKey(source, booking)
    try:
        with does(what, str(key)):
            return booking_view(ask(key), innkey().house(), moment)
    except UnknownBookingError:
        raise Problem(404, "No booking of this source has this id.") from None
    except NotNowError as error:
        raise Problem(409, str(error)) from None
    except (NoPinLeftError, TakenError):
        raise Problem(409, "No PIN is free on all doors of the stay; raise pin_length.") from None


def _bound(text: str | None, field: str) -> datetime | None:
    if text is None:
        return None
    try:
        return day_or_moment(text, innkey().house().zone, last=field == "to")
    except ValueError:
        message = "is not a date or date-time; write 2026-12-01 or 2026-12-01T15:00"
        raise Problem(422, "The filter is not understood.", errors={field: [message]}) from None

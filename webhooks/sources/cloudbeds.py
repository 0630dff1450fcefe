"""The adapter `cloudbeds`: deliveries name a reservation, and getReservation tells what it is now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from webhooks.sources.adapter import Delivery, NotUnderstoodError, Parsed
from webhooks.sources.asking import Asking, LaterError
from webhooks.sources.fetching import access
from webhooks.sources.json_body import FORM, JSON, read_documents
from webhooks.sources.reading import Document, by_word, identity, mapping, mappings, moment, name_of, word
from webhooks.sources.reservations import (
    Part,
    Reservation,
    content_id,
    guest,
    parsed,
    status_of,
    stay_times,
)
from webhooks.sources.thin import fetched, with_room
from webhooks.sources.unsigned import verify
from worker.domain.booking import Status
from worker.property_access import SourceConfig

__all__ = [
    "answers_kept_with_200",
    "asking",
    "changes",
    "content_types",
    "fetch",
    "most_asked",
    "parse",
    "read",
    "verify",
]

content_types = frozenset({JSON, FORM})
answers_kept_with_200 = True
most_asked = 1

_PAGE = 100
_ZONES = timedelta(hours=14)  # in which zone it takes a moment is not told
_ROOM_BY = timedelta(days=2)  # who arrives is read again once a day only
_IN_HOUSE = ("checkedin", "checkedout", "inhouse", "noshow")
_NOISE = ("reservation/noteschanged", "reservation/customfieldschanged")
_STATUSES: Mapping[str, Status] = {
    "confirmed": Status.CONFIRMED,
    "checkedin": Status.CONFIRMED,
    "inhouse": Status.CONFIRMED,
    "checkedout": Status.CONFIRMED,
    "notconfirmed": Status.TENTATIVE,
    "canceled": Status.CANCELLED,
    "cancelled": Status.CANCELLED,
    # A night audit says it of who did not come to the desk, and who lets himself in never does.
    "noshow": Status.CONFIRMED,
}


def parse(delivery: Delivery, config: SourceConfig) -> Parsed:
    """Read which reservations have changed, their guests included. Raises NotUnderstoodError.

    A deleted one cannot be asked for any more: it is off.
    """
    documents = read_documents(delivery)
    news = [by_word(one) for one in documents if _is_of_a_reservation(one)]
    gone = [_deleted(one) for one in news if _event(one) == "reservation/deleted"]
    asks = [_named(one) for one in news if _event(one) != "reservation/deleted"]
    found = parsed(content_id(documents), gone, delivery, config, by_content=True)
    return Parsed(found.id, found.events, by_content=True, asks=tuple(dict.fromkeys(asks)))


def asking(config: SourceConfig) -> Asking:
    """The API, with the key in the source's table."""
    url, key = access(config)
    return Asking(url, headers={"Authorization": f"Bearer {key.reveal()}"})


def fetch(api: Asking, ids: Sequence[str]) -> Mapping[str, Any]:
    """What the API says of each reservation. Raises AskingError.

    What it does not know it answers 200 and `success: false`, as it does all that it does not take.
    """
    found = {one: mapping(api.get("getReservation", {"reservationID": one})) for one in ids}
    return {one: told["data"] for one, told in found.items() if mapping(told.get("data"))}


def read(id: str, document: Any, config: SourceConfig, asked: datetime) -> Parsed:  # noqa: A002 - the field's word
    """What a reservation means, each of its rooms a stay of its own. Raises NotUnderstoodError.

    The order of its states is that in which they were asked for: the zone of `dateModified` is not told.
    """
    told = by_word(document)
    status, state = status_of(told.get("status"), _STATUSES, "status"), word(told.get("status"))
    times = stay_times(status, (told.get("startdate"), "startDate"), (told.get("enddate"), "endDate"))
    is_in_house = state in _IN_HOUSE
    parts = [
        _part(one, name, status, times, asked, is_in_house=is_in_house)
        for name in ("assigned", "unassigned")
        for one in map(by_word, mappings(told.get(name)))
    ]
    now, room = status, dict[str, object]()
    if not parts:
        now, room = with_room(status, None, _begins(times), asked, is_in_house=is_in_house, room_by=_ROOM_BY)
    return fetched(id, now, {**times, **room, **_guest(told)}, config, asked, parts=parts)


def changes(api: Asking, since: datetime | None) -> Iterator[tuple[str, Any]]:
    """What has changed since then; else all whose stay is not over. Each is asked for by itself.

    Raises AskingError.
    """
    now = datetime.now(UTC)
    wanted = (
        {"modifiedFrom": f"{since - _ZONES:%Y-%m-%d %H:%M:%S}"}
        if since is not None
        else {"checkOutFrom": f"{now - timedelta(days=1):%Y-%m-%d}"}
    )
    number = 1
    while True:
        page = mapping(api.get("getReservations", {**wanted, "pageNumber": number, "pageSize": _PAGE}))
        if page.get("success") is False:
            raise LaterError("an answer that says it is no success")
        found = [by_word(one) for one in mappings(page.get("data"))]
        for one in found:
            name = one.get("reservationid")
            if isinstance(name, str) and name:
                yield name, None
        if len(found) < _PAGE:
            return
        number += 1


def _is_of_a_reservation(document: Document) -> bool:
    """Of a reservation itself, or of a guest of one."""
    found = by_word(document)
    if not isinstance(found.get("event"), str):
        raise NotUnderstoodError({"event": ["is missing"]})
    event = _event(found)
    if event.startswith("guest/"):
        return bool(found.get("reservationid"))
    return event.startswith("reservation/") and event not in _NOISE


def _event(document: Document) -> str:
    return word(document.get("event"))


def _named(document: Document) -> str:
    return name_of(document, "reservationid")


def _deleted(document: Document) -> Reservation:
    return Reservation(
        id=_named(document), event=content_id(dict(document)), status=Status.CANCELLED, changes={}
    )


def _part(
    room: Document,
    path: str,
    status: Status,
    times: Mapping[str, object],
    asked: datetime,
    *,
    is_in_house: bool,
) -> Part:
    """One room, or one that is still to be chosen; it may be booked for fewer nights than the whole."""
    own = stay_times(
        status, (room.get("startdate"), f"{path}.startDate"), (room.get("enddate"), f"{path}.endDate")
    )
    unit = identity(room.get("roomid"), f"{path}.roomID") if path == "assigned" else None
    begins = _begins({**times, **own})
    now, change = with_room(status, unit, begins, asked, is_in_house=is_in_house, room_by=_ROOM_BY)
    waits = {"status": now.value} if now is not status else {}
    name = name_of(room, "subreservationid", "reservationroomid", path=f"{path}.")
    return Part(id=name, changes={**own, **change, **waits})


def _begins(times: Mapping[str, object]) -> datetime | None:
    """About when the guest arrives: the first moment of that day, in UTC."""
    return moment(f"{str(times['check_in'])[:10]}T00:00:00Z") if times.get("check_in") else None


def _guest(told: Document) -> dict[str, object]:
    """The main guest of the list; without a list the two fields of the reservation."""
    guests = [by_word(one) for one in mapping(told.get("guestlist")).values()]
    main = next((one for one in guests if one.get("ismainguest") in (True, 1, "1", "true")), None)
    if main is None:
        return guest(told, name="guestname", email="guestemail")
    phone = "guestcellphone" if main.get("guestcellphone") else "guestphone"
    return guest(main, name=("guestfirstname", "guestlastname"), email="guestemail", phone=phone)

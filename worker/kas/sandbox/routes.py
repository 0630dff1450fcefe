"""Which call of the KAS API document a request is, for which lock, with which key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from worker.kas.sandbox.commands import Command, ReadEvents, ReadList, ReadTags, SetClock, Unlock
from worker.kas.sandbox.fields import add_of, add_tag_of, body_of, delete_of, delete_tag_of
from worker.kas.sandbox.wire import Request

# Method and the word before the lock's name, to the kind of call.
OPS: Mapping[tuple[str, str], str] = {
    ("POST", "remotePassword"): "add",
    ("DELETE", "remotePassword"): "delete",
    ("GET", "remotePassword"): "list",
    ("PUT", "setClock"): "clock",
    ("GET", "remoteRFID"): "rfid_list",
    ("POST", "remoteRFID"): "rfid_add",
    ("DELETE", "remoteRFID"): "rfid_delete",
}
MADE_OF_BODY: Mapping[str, Callable[[Mapping[str, Any]], Command]] = {
    "add": add_of,
    "delete": delete_of,
    "rfid_add": add_tag_of,
    "rfid_delete": delete_tag_of,
}
MADE_OF_NOTHING: Mapping[str, Callable[[], Command]] = {
    "list": ReadList,
    "clock": SetClock,
    "unlock": Unlock,
    "rfid_list": ReadTags,
    "events": ReadEvents,
}
FOR_MANAGERS = frozenset({"list", "rfid_list", "events"})
WITHOUT_GATEWAY = frozenset({"list", "events"})


@dataclass(frozen=True, slots=True)
class Route:
    """A kind of call, the lock it names, and the API key it came with."""

    op: str
    lock: str
    key: str = field(repr=False)


def route_of(request: Request) -> Route | None:
    """The call that this request is; `None` for what the document does not know."""
    header = request.headers.get("x-auth-token", "")
    match (request.method, *request.path):
        case ("GET", "api", "events", lock):
            return Route("events", lock, header)
        case ("GET", "api", "lockCommand", "remoteUnlock", lock, key):
            return Route("unlock", lock, key)  # the one call whose key stands in its address
        case (method, "api", "lockCommand", word, lock) if (method, word) in OPS:
            return Route(OPS[method, word], lock, header)
    return None


def command_of(op: str, request: Request) -> Command:
    """What the call asks for; `Refused` names a field that is not sound."""
    if op in MADE_OF_NOTHING:
        return MADE_OF_NOTHING[op]()
    return MADE_OF_BODY[op](body_of(request.headers.get("content-type", ""), request.body))

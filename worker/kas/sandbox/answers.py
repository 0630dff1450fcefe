"""The bodies of the vendor's answers, as the KAS API document prints them."""

from __future__ import annotations

import random
import string
from typing import Any

from worker.kas.sandbox.commands import Command, Delete, DeleteTag, SetClock
from worker.kas.sandbox.state import ACK_DONE
from worker.kas.sandbox.wire import JSON, Reply, as_json

# Section "ACK and Response Values"; 2, 4 and 6 share one text there.
ACK_WORDS = {
    2: "Error. Internal interface error. Failed. Timeout.",
    3: "Instruction not pushed yet",
    4: "Error. Internal interface error. Failed. Timeout.",
    5: "Pending",
    6: "Error. Internal interface error. Failed. Timeout.",
    7: "Instruction still in queue",
    8: "Failed. Gateway offline or lock out of range.",
    10: "instruction pending",
}
PAGE = "<!DOCTYPE html><html><body><h1>We'll be back soon</h1></body></html>"


def done_words(command: Command) -> str:
    """The message beside ack 1."""
    match command:
        case Delete():
            return "Password deleted successfully."
        case DeleteTag():
            return "RFID deleted successfully."
        case SetClock():
            return "Clock set successfully."
        case _:
            return "Success"


def ack(number: int | None, command: Command, message: str | None = None) -> Reply:
    """A 200 with an ack (none for `None`) and its message."""
    words = message
    if words is None:
        words = done_words(command) if number == ACK_DONE else ACK_WORDS.get(number or 0, "Unknown")
    body: dict[str, Any] = {"message": words} if number is None else {"ack": number, "message": words}
    return as_json(body)


def gateway_timeout(dice: random.Random) -> Reply:
    """Section "Remote Unlock": the 504 with a reference like "UOWS-Xmuj"."""
    left, right = ("".join(dice.choices(string.ascii_letters, k=4)) for _ in range(2))
    message = "Gateway timeout. You should retry the request again now."
    return as_json({"ack": 504, "message": message, "ref": f"{left.upper()}-{right}"}, 504)


def status(number: int, form: str, dice: random.Random) -> Reply:
    """An answer with this status; `form` is json, plain or html."""
    if number == 504 and form == "json":
        return gateway_timeout(dice)
    if form == "html":
        return Reply(number, PAGE.encode(), "text/html; charset=utf-8")
    if form == "json":
        return as_json({"message": "Unknown Error"}, number)
    return Reply(number, b"Unknown Error")


def garbage() -> Reply:
    """A 200 whose JSON breaks off."""
    return Reply(200, b'{"ack": 1, "message": "Succ', JSON)

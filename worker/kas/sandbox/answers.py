"""The bodies of the vendor's answers, as the KAS API document prints them."""

from __future__ import annotations

import random
import string
from collections.abc import Iterable
from typing import Any

from worker.kas.sandbox.slots import Code, Lock, in_order
from worker.kas.sandbox.state import ACK_DONE, Add, Command, Delete, ReadList
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
    if isinstance(command, Delete):
        return "Password deleted successfully."
    return "Success" if isinstance(command, Add | ReadList) else "Clock set successfully."


def ack(number: int | None, command: Command, message: str | None = None) -> Reply:
    """A 200 with an ack (none for `None`) and its message."""
    words = message
    if words is None:
        words = done_words(command) if number == ACK_DONE else ACK_WORDS.get(number or 0, "Unknown")
    body: dict[str, Any] = {"message": words} if number is None else {"ack": number, "message": words}
    return as_json(body)


def added(lock: str, pin: str, codes: Iterable[Code] | None, content_type: str) -> Reply:
    """Section "Add Online Password": success, with the lock's codes (left out for `None`)."""
    body: dict[str, Any] = {"ack": 1, "message": "Success", "password": pin, "l_factory_name": lock}
    if codes is not None:
        body["l_passwords"] = [_full(code) for code in in_order(codes)]
    return as_json(body, content_type=content_type)


def listed(name: str, title: str, codes: Iterable[Code] | None) -> Reply:
    """Section "Get Online Passwords": the list, which bears no ack."""
    body: dict[str, Any] = {"l_factory_name": name}
    if codes is not None:
        body["l_passwords"] = [_short(code) for code in in_order(codes)]
    return as_json({**body, "l_lock_title": title})


def natural(lock: Lock, command: Command, number: int, codes: list[Code], content_type: str) -> Reply:
    """The honest answer to a command that ended with this ack."""
    if isinstance(command, ReadList):
        return listed(lock.name, lock.title, codes)
    if isinstance(command, Add) and number == ACK_DONE:
        return added(lock.name, command.code.pin, codes, content_type)
    return ack(number, command)


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


def _short(code: Code) -> dict[str, Any]:
    fields = {
        "password_start_time": code.starts,
        "password_end_time": code.ends,
        "password_id": code.slot,
        "password_name": code.name,
        "password": code.pin,
    }
    return {name: value for name, value in fields.items() if value != "" or not code.by_hand}


def _full(code: Code) -> dict[str, Any]:
    extra = {"password_email": code.email, "password_message": code.message}
    return {"_id": code.ident, **_short(code), **extra}

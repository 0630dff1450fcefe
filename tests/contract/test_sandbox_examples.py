"""The sandbox's answers have the form of the document's examples, and it takes the examples of requests."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.contract.raw_vendor import example as mended
from tests.contract.sandbox_kit import LOCK, Stage, StandingClock, stage


def example(name: str) -> Any:
    """One body as the document prints it."""
    return json.loads(mended(name))


def form(value: Any) -> Any:
    """What an answer looks like: names in their order, types of values, the kinds of entries of a list."""
    if isinstance(value, dict):
        return [(name, form(part)) for name, part in value.items()]
    if isinstance(value, list):
        return [kind for at, kind in enumerate(map(form, value)) if kind not in [*map(form, value[:at])]]
    return type(value).__name__


def _two_openings(scene: Stage) -> httpx.Response:
    scene.control.hand(LOCK, 102, "4321", "User 2")
    scene.control.type_pin(LOCK, "4321")
    scene.unlock()
    return scene.events()


def _timed_out(scene: Stage) -> httpx.Response:
    scene.control.add_fault("status")
    return scene.unlock()


def _offline(scene: Stage) -> httpx.Response:
    scene.control.set_lock(LOCK, gateway_online=False)
    return scene.unlock()


def _listed(scene: Stage) -> httpx.Response:
    scene.add()
    return scene.read()


ANSWERS: dict[str, Callable[[Stage], httpx.Response]] = {
    "unlock_200": lambda scene: scene.unlock(),
    "unlock_offline": _offline,
    "unlock_504": _timed_out,
    "add_200": lambda scene: scene.add(),
    "list_200": _listed,
    "delete_200": lambda scene: scene.delete(password_id=101),
    "clock_200": lambda scene: scene.clock(),
    "events_200": _two_openings,
    "rfid_delete_200": lambda scene: scene.delete_tag(101),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_has_the_form_of_its_example(name: str) -> None:
    """The same names in the same order with the same types, in each entry of a list too."""
    with stage() as scene:
        assert form(example(name)) == form(ANSWERS[name](scene).json())


@pytest.mark.parametrize("name", ["unlock_200", "delete_200", "clock_200", "rfid_delete_200"])
def test_an_answer_without_data_is_its_example(name: str) -> None:
    """Ack and words are the document's, letter by letter."""
    with stage() as scene:
        assert example(name) == ANSWERS[name](scene).json()


def test_the_document_s_words_of_failure_are_told() -> None:
    """Ack 8, and the 504 but for its reference."""
    with stage() as scene:
        assert example("unlock_offline") == _offline(scene).json()
        told = _timed_out(scene).json()
        assert example("add_504") == {name: told[name] for name in ("ack", "message")}


def test_lists_of_tags_begin_as_the_document_s() -> None:
    """The document leaves out their entries; what it shows of the answers is there, in its order."""
    with stage() as scene:
        added, listed = scene.add_tag().json(), scene.read_tags().json()
        shown = example("rfid_add_200")
        assert form(shown) == form(added)[: len(shown)]
        assert list(example("rfids_200")) == list(listed)
        assert listed["l_rfids"] == added["l_rfids"] != []


@pytest.mark.parametrize(
    ("method", "command", "name"),
    [
        ("POST", "remotePassword", "add_request"),
        ("DELETE", "remotePassword", "delete_request"),
        ("DELETE", "remotePassword", "delete_by_value_request"),
        ("POST", "remoteRFID", "rfid_add_request"),
        ("DELETE", "remoteRFID", "rfid_delete_request"),
    ],
)
def test_the_requests_of_the_document_are_taken(method: str, command: str, name: str) -> None:
    """On a day on which their windows were not over, each is a success."""
    clock = StandingClock()
    clock.now = datetime(2018, 12, 1, tzinfo=UTC)
    with stage(clock=clock) as scene:
        assert 1 == scene.call(method, command, json=example(name)).json()["ack"]

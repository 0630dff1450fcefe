"""/openapi.json held against the API: requests made up from the description, answers checked against it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode

from tests.integration.web_kit import TOKEN, Web, event_body, web
from worker.domain.access_code import GaveUp, Phase
from worker.domain.outcomes import Kind, Outcome
from worker.domain.reasons import Job, Reason
from worker.kas.sandbox import DEFAULT_KEY, LockSpec, SandboxControl, Setup, running_sandbox
from worker.store.events import RejectedEvent, rejected_id

EXAMPLES = 60
CALLS = {
    "GET /v1/bookings": {200},
    "GET /v1/bookings/{source}/{id}": {200},
    "POST /v1/bookings/{source}/{id}/rotate-pin": {202},
    "POST /v1/bookings/{source}/{id}/resend": {202},
    "POST /v1/bookings/{source}/{id}/cancel": {202, 409},
    "GET /v1/dead-letters": {200},
    "GET /v1/dead-letters/{id}": {200},
    "POST /v1/dead-letters/{id}/retry": {202},
    "POST /v1/dead-letters/{id}/resolve": {202, 409},
    "GET /v1/locks": {200},
    "GET /v1/locks/{lock}": {200},
    "POST /v1/locks/{lock}/unlock": {202},
    "POST /v1/locks/{lock}/clock": {202},
    "GET /v1/locks/{lock}/events": {200},
    "GET /v1/locks/{lock}/codes": {200},
    "GET /v1/locks/{lock}/rfids": {200},
    "POST /v1/locks/{lock}/rfids": {202},
    "DELETE /v1/locks/{lock}/rfids/{rfid_id}": {202},
    "GET /v1/outgoing": {200},
    "GET /v1/outgoing/{name}/deliveries": {200},
    "POST /v1/outgoing/{name}/deliveries/{id}/replay": {202},
    "POST /v1/outgoing/{name}/test": {202},
    "POST /v1/outgoing/{name}/enable": {202},
    "GET /v1/operator-log": {200},
    "GET /v1/rejected-events": {200},
    "POST /v1/rejected-events/{id}/replay": {202},
    "GET /v1/sources": {200},
}
# Dates and names of locks cannot be invented either.
TAG = {
    "id": "cleaner-1",
    "number": "A1B2C3D4",
    "name": "Cleaner",
    "starts": "2026-12-01",
    "ends": "2098-12-05T10:00",
    "locks": ["SS000002"],
}
MAY = {"Authorization": f"Bearer {TOKEN}"}
# What no generator can invent: the cursor of a list, a day of the calendar.
LISTS = ("events", "codes", "rfids", "deliveries")
ADD_TAG = "POST /v1/locks/{lock}/rfids"
GIVEN = {"cursor": "", "from": "2026-12-01", "to": "2026-12-31T10:00+10:00"}


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """An app beside a Redis that holds one of each: a booking with all it can have, a letter, a delivery.

    The doors that it opens are the sandbox's.
    """
    doors = Setup(locks=[LockSpec("SS000001"), LockSpec("SS000002")])
    with (
        running_sandbox(doors) as sandbox,
        SandboxControl(sandbox.control_url) as vendor,
        web(tmp_path_factory.mktemp("openapi"), KAS_BASE_URL=sandbox.url, KAS_API_KEY=DEFAULT_KEY) as made,
    ):
        vendor.hand("SS000001", 101, "0953", name="Cleaner")
        made.book(guest={"name": "John Lee", "email": "john@example.com"}, pin="0482")
        made.book(id="BK-1002")
        made.change_code("direct/BK-1002", "SS000001", gave_up)
        made.innkey.store.events.keep_rejected(
            RejectedEvent(
                id=rejected_id("direct", event_body()),
                source="direct",
                received=datetime.now(UTC),
                content_type="application/json",
                errors={"data": ["was not understood"]},
                body=event_body(id="BK-2"),
            )
        )
        yield made
        for client in made.innkey.key_ring().clients.values():
            client.close()


def gave_up(code: Any) -> Any:
    """The code after its last attempt."""
    failed = Outcome(Kind.FAILED, ack=4, http_status=200, message="Lock failed", ref="UOWS-Xmuj")
    tried = replace(code, phase=Phase.SETTING, slot=120, attempts=4, failures=4)
    tried = tried.tried(datetime.now(UTC), Job.SET, failed)
    return replace(tried, gave_up=GaveUp(Reason.LOCK_FAILED, Job.SET))


@pytest.fixture(scope="module")
def schema(kit: Web) -> Any:
    """The description as a client reads it."""
    return schemathesis.openapi.from_wsgi("/openapi.json", kit.app)


@pytest.fixture(scope="module")
def known(kit: Web) -> dict[str, dict[str, str]]:
    """By path, the names of what there is."""
    letter = kit.get("/v1/dead-letters").json["items"][0]["id"]
    rejected = kit.get("/v1/rejected-events").json["items"][0]["id"]
    booking = {"source": "direct", "id": "BK-1001"}
    delivery = kit.get("/v1/outgoing/crm/deliveries").json["items"][0]["id"]
    return {
        "/v1/bookings/{source}": booking,
        "/v1/dead-letters/{id}": {"id": letter},
        "/v1/locks/{lock}": {"lock": "SS000001"},
        "/v1/rejected-events/{id}": {"id": rejected},
        "/v1/outgoing/{name}/deliveries/{id}": {"name": "crm", "id": delivery},
        "/v1/outgoing/{name}": {"name": "crm"},
    }


def answers(strategy: Any) -> Counter[int]:
    """How often which status was answered to requests of `strategy`; every answer passes every check."""
    statuses: Counter[int] = Counter()

    @given(case=strategy)
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    def check(case: Any) -> None:
        answer = case.call_and_validate(headers=MAY)
        statuses[answer.status_code] += 1

    check()
    return statuses


def requests(schema: Any, call: str, mode: GenerationMode, **given_too: Any) -> Any:
    """Requests of one who may, as the description allows or forbids them; some parts may be given."""
    method, path = call.split(" ")
    return schema[path][method].as_strategy(mode, headers=MAY, **given_too)


def has_empty_value(case: Any) -> bool:
    """An empty parameter counts as none, which the description has no word for."""
    return "" in (case.query or {}).values()


def test_every_call_is_tried(schema: Any) -> None:
    """The list above is the description's."""
    assert set(CALLS) == {found.ok().label for found in schema.get_all_operations()}


@pytest.mark.parametrize("call", CALLS)
def test_good_requests(schema: Any, known: dict[str, dict[str, str]], call: str) -> None:
    """What the description allows is done, and answered as described."""
    names = next((names for path, names in known.items() if path in call), None)
    query = GIVEN if "bookings" in call else {"cursor": ""}
    given_too: dict[str, Any] = {} if names is None else {"path_parameters": names}
    if names is None or (
        call.startswith("GET") and call.endswith(("events", "codes", "rfids", "deliveries"))
    ):
        given_too["query"] = query
    if call == ADD_TAG:
        given_too["body"] = TAG
    statuses = answers(requests(schema, call, GenerationMode.POSITIVE, **given_too))
    assert CALLS[call] >= set(statuses)


@pytest.mark.parametrize("call", [call for call in CALLS if "{" in call])
def test_requests_for_what_is_not_there(schema: Any, call: str) -> None:
    """Any other name is a 404 as described, whatever it is made of."""
    given = {"body": TAG} if call == ADD_TAG else {}
    assert {404} == set(answers(requests(schema, call, GenerationMode.POSITIVE, **given)))


@pytest.mark.parametrize("call", [call for call in CALLS if "{" not in call or "resolve" in call])
def test_bad_requests(schema: Any, call: str) -> None:
    """What the description forbids is refused, as described."""
    bad = requests(schema, call, GenerationMode.NEGATIVE)
    statuses = answers(bad.filter(lambda case: not has_empty_value(case)))
    assert statuses[422] > EXAMPLES / 2

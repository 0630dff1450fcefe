"""docs/how-to/outgoing-webhooks.md shows the events and the schedule as the code has them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.unit.domain.kit import DOOR, GATE, NOW, PIN
from tests.unit.domain.test_outgoing import Told, a_letter
from worker.domain.deliveries import JITTER, KEPT_ATTEMPTS, SCHEDULE, Delivery
from worker.domain.outgoing import TOPICS, News, Topic, news_of_letter, news_of_stay, probe_news
from worker.domain.trail import arrived
from worker.durations import parse_duration
from worker.service.deliver import body_of

PAGE = (Path(__file__).parents[2] / "docs/how-to/outgoing-webhooks.md").read_text(encoding="utf-8")
EXAMPLES: dict[str, Any] = {
    found["type"]: found
    for found in (
        json.loads(text) for text in re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    )
}


def everything() -> dict[Topic, News]:
    """One of each kind of news."""
    bench = Told().book(unit="house")
    bench.wait(timedelta(minutes=10)).write(bench.stay)
    for lock in (GATE, DOOR):
        bench.lock = lock
        bench.put_on()
    came = arrived(bench.stay, DOOR, bench.now)
    assert came is not None
    bench.write(came)
    code = bench.code
    bench.news += news_of_stay(bench.stay, bench.stay.with_code(code.removed()), bench.house, bench.now)
    letters = (a_letter(), a_letter().settled(NOW, "Done."))
    told = [one for one in (news_of_letter(letter, NOW) for letter in letters) if one is not None]
    return {one.topic: one for one in (*bench.news, *told, probe_news("crm", NOW))}


@pytest.mark.parametrize("topic", [*TOPICS, Topic.TEST])
def test_each_event_is_shown_as_it_is_sent(topic: Topic) -> None:
    """The example has exactly the fields of the real body, of the same kinds."""
    news = everything()[topic]
    delivery = Delivery(id="msg", endpoint="crm", topic=topic, at=news.at, data=news.data, begun=news.at)
    sent = json.loads(body_of(delivery, PIN if news.pin is not None else None))
    shown = EXAMPLES[topic.value]
    assert sent.keys() == shown.keys()
    assert sent["data"].keys() == shown["data"].keys()
    for name, value in sent["data"].items():
        assert type(value) in {type(shown["data"][name]), type(None)}, name
    if "codes" in sent["data"]:
        assert {tuple(code) for code in sent["data"]["codes"]} == {tuple(c) for c in shown["data"]["codes"]}
    assert datetime.fromisoformat(shown["timestamp"]).tzinfo == UTC


def test_the_page_shows_no_other_event() -> None:
    """Every example is of a kind that there is."""
    assert {topic.value for topic in Topic} == set(EXAMPLES)


def test_the_schedule_is_that_of_the_code() -> None:
    """Attempt by attempt, with what the text says of chance."""
    rows = re.findall(r"^\| (\d+) \| (at once|.* (?:s|min|h)) \|$", PAGE, flags=re.MULTILINE)
    told = [
        timedelta(0) if wait == "at once" else parse_duration(wait.replace("min", "m").replace(" ", ""))
        for _, wait in rows
    ]
    assert list(SCHEDULE) == told
    assert JITTER == 0.1
    assert len(SCHEDULE) <= KEPT_ATTEMPTS

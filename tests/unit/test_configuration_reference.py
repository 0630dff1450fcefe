"""docs/reference/configuration.md names exactly what the code reads, with the code's own defaults."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from marshmallow import Schema

from worker.domain.house import Account, BatteryRules, House, Lock, Policy, TrailRules, Unit
from worker.domain.outgoing import TOPICS
from worker.durations import parse_duration
from worker.property_access import SourceConfig
from worker.property_feeds import FeedConfig
from worker.property_outgoing import EndpointConfig
from worker.property_schemas import (
    AccountSchema,
    BatterySchema,
    FeedSchema,
    FileSchema,
    HeaderSchema,
    LockSchema,
    OutgoingSchema,
    PolicySchema,
    SourceSchema,
    TrailSchema,
    UnitSchema,
)
from worker.secret import Secret
from worker.settings import load_settings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/configuration.md").read_text(encoding="utf-8")
SECTIONS: dict[str, type[Schema]] = {
    "### Top level": FileSchema,
    "### `[policy]` and `[units.X.policy]`": PolicySchema,
    "### `[trail]`": TrailSchema,
    "### `[battery]`": BatterySchema,
    "### `[accounts.X]`": AccountSchema,
    "### `[sources.X]`": SourceSchema,
    "### `[feeds.X]`": FeedSchema,
    "### `[outgoing.X]`": OutgoingSchema,
    "### `[locks.X]`": LockSchema,
    "### `[units.X]`": UnitSchema,
}


class Recorder(Mapping[str, str]):
    """An empty environment that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __getitem__(self, name: str) -> str:
        self.asked.append(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def rows(heading: str) -> dict[str, str]:
    """The table below `heading`: the default cell of each row by the name in its first cell."""
    section = re.split(r"^##+ ", PAGE.split(f"{heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]
    cells = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| `")]
    assert all(len(row) == 4 for row in cells)
    assert len(cells) == len({row[0] for row in cells})
    return {row[0].strip("`"): row[3] for row in cells}


def literal(cell: str) -> Any:
    """The TOML value of a default cell such as `"14d"` in backticks."""
    return tomllib.loads(f"value = {cell.strip('`')}")["value"]


def keys(schema: type[Schema]) -> set[str]:
    """The keys of a table as the page writes them."""
    nested = {f"header.{key}" for key in HeaderSchema().fields} if schema is SourceSchema else set()
    return set(schema().fields) | nested


def variables() -> set[str]:
    """Every variable that reading the settings asks for, in its plain form."""
    recorder = Recorder()
    load_settings(recorder)
    return {name for name in recorder.asked if not name.endswith("_FILE")}


def test_the_page_names_every_variable_and_no_other() -> None:
    """The environment's table and the code agree on the names."""
    assert variables() == set(rows("## Environment"))


def test_every_variable_may_be_a_file() -> None:
    """Each NAME is read together with its NAME_FILE."""
    recorder = Recorder()
    load_settings(recorder)

    assert {f"{name}_FILE" for name in variables()} == {
        name for name in recorder.asked if name.endswith("_FILE")
    }


def test_the_example_environment_names_every_variable() -> None:
    """.env.example lists what the page lists; besides, only the secret of the example property file."""
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?([A-Z_]+)=", text, flags=re.MULTILINE))

    assert variables() | {"DIRECT_WEBHOOK_SECRET"} == named


def test_the_defaults_of_the_variables_are_those_of_the_code() -> None:
    """Each default that is a value is the one an empty environment gives."""
    defaults = {name: cell.strip("`") for name, cell in rows("## Environment").items()}
    settings = load_settings({})

    assert defaults["PORT"] == str(settings.port)
    assert defaults["WEB_CONCURRENCY"] == str(settings.web_concurrency)
    assert defaults["WORKER_THREADS"] == str(settings.worker_threads)
    assert Path(defaults["INNKEY_DATA"]) == settings.data
    assert defaults["INNKEY_PROPERTIES"] == str(settings.properties)
    assert defaults["INNKEY_BASE_URL"].replace("$PORT", defaults["PORT"]) == settings.base_url
    assert defaults["KAS_BASE_URL"] == settings.kas_base_url
    assert defaults["KAS_KEY_URL"].replace("$KAS_BASE_URL", defaults["KAS_BASE_URL"]) == settings.kas_key_url
    assert defaults["LOG_LEVEL"] == settings.log_level


@pytest.mark.parametrize("heading", SECTIONS)
def test_the_page_names_every_key_and_no_other(heading: str) -> None:
    """Each table of the property file has the keys that its schema knows."""
    assert keys(SECTIONS[heading]) == set(rows(heading))


def test_the_page_has_a_section_for_each_table_and_no_other() -> None:
    """Tables come and go together with their sections."""
    property_file = PAGE.split("## The property file\n", 1)[1]

    assert list(SECTIONS) == re.findall(r"^### .*$", property_file, flags=re.MULTILINE)


def test_the_default_of_poll_is_that_of_the_code() -> None:
    """How often a source is asked what has changed."""
    default = SourceConfig(name="x", adapter="innkey").poll

    assert default == parse_duration(literal(rows("### `[sources.X]`")["poll"]))


@pytest.mark.parametrize("key", Policy.__dataclass_fields__)
def test_the_defaults_of_the_policy_are_those_of_the_code(key: str) -> None:
    """Each default, read as the property file would be, is the policy's own."""
    cell = rows("### `[policy]` and `[units.X.policy]`")[key]
    read = PolicySchema().load({key: literal(cell)})[key]

    assert getattr(Policy(), key) == (tuple(read) if isinstance(read, list) else read)


@pytest.mark.parametrize(
    ("heading", "schema", "rules"),
    [("### `[trail]`", TrailSchema, TrailRules()), ("### `[battery]`", BatterySchema, BatteryRules())],
)
def test_the_defaults_of_trail_and_battery_are_those_of_the_code(
    heading: str, schema: type[Schema], rules: TrailRules | BatteryRules
) -> None:
    """Each default, read as the property file would be, is the rules' own."""
    read = schema().load({key: literal(cell) for key, cell in rows(heading).items()})

    assert {key: getattr(rules, key) for key in read} == read


@pytest.mark.parametrize("key", ["max_in_flight", "call_timeout", "vendor_hold"])
def test_the_defaults_of_an_account_are_those_of_the_code(key: str) -> None:
    """Each default, read as the property file would be, is the account's own."""
    read: int | timedelta = AccountSchema().load({key: literal(rows("### `[accounts.X]`")[key])})[key]

    assert getattr(Account(name="default"), key) == read


def test_the_other_defaults_are_those_of_the_code() -> None:
    """Zone, times, lock and source defaults are the code's."""
    house = House(accounts={}, locks={}, units={})
    unit = Unit(name="a", zone=house.zone, locks=())
    lock = Lock(name="SS000001", zone=house.zone)
    top, locks = rows("### Top level"), rows("### `[locks.X]`")
    read = FileSchema().load({key: literal(top[key]) for key in ("timezone", "check_in", "check_out")})

    assert (house.zone, unit.check_in, unit.check_out) == (
        read["timezone"],
        read["check_in"],
        read["check_out"],
    )
    assert (lock.account, lock.reader) == (literal(locks["account"]), literal(locks["reader"]))


def test_the_defaults_of_a_feed_are_those_of_the_code() -> None:
    """Each default that is a value, read as the property file would be, is the feed's own."""
    table, feed = rows("### `[feeds.X]`"), FeedConfig(name="a")
    read = {
        key: FeedSchema().fields[key].deserialize(literal(table[key]))
        for key in ("every", "enabled", "closed")
    }

    assert {key: getattr(feed, key) for key in read} == read


def test_the_defaults_of_an_endpoint_are_those_of_the_code() -> None:
    """Each default that is a value; and the events that it may name are those that there are."""
    section = PAGE.split("### `[outgoing.X]`\n", 1)[1].split("\n### ", 1)[0]
    told = rows("### `[outgoing.X]`")
    endpoint = EndpointConfig(name="crm", url=Secret(""), secrets=())

    assert [topic.value for topic in TOPICS] == re.findall(r'`"([a-z_]+\.[a-z_]+)"`', section)
    assert frozenset(TOPICS) == endpoint.events
    for name in ("with_pin", "allow_private", "enabled"):
        assert getattr(endpoint, name) == literal(told[name])


def required(schema: type[Schema], prefix: str = "") -> set[str]:
    """The keys that a table must have."""
    return {f"{prefix}{name}" for name, field in schema().fields.items() if field.required}


@pytest.mark.parametrize("heading", SECTIONS)
def test_required_keys_are_called_required(heading: str) -> None:
    """The page calls exactly those keys required without which a table is refused."""
    schema = SECTIONS[heading]
    expected = required(schema) | (required(HeaderSchema, "header.") if schema is SourceSchema else set())

    assert expected == {key for key, cell in rows(heading).items() if cell == "required"}

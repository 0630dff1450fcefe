"""The property file: what a good one gives, and every fault named by its key path, all at once."""

from __future__ import annotations

import base64
import tomllib
from datetime import time, timedelta
from pathlib import Path
from textwrap import dedent
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.configuration import check_configuration, load_configuration
from worker.configuration_error import ConfigurationError
from worker.domain.feeds import FeedKind
from worker.domain.house import BatteryRules, Policy, TrailRules
from worker.durations import LONGEST, format_duration, parse_duration
from worker.properties import Properties, load_properties
from worker.property_access import KEY_PAIRS, THIN
from worker.property_feeds import FeedConfig
from worker.secret import Secret
from worker.settings import load_settings

ROOT = Path(__file__).parents[2]
CANARY = "canary-7f3a91"
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
ENVIRON = {"S": SECRET, "P": "pass word", "T": "token-1", "BAD": CANARY, "PAIR": "a:b"}
GOOD = """
    timezone = "Australia/Brisbane"
    check_in = "14:30"
    check_out = 11:00:00

    [policy]
    push_ahead = "0s"
    retry_delays = []
    offline_delays = ["1m30s"]
    email_guest = false

    [accounts.default]
    max_in_flight = 5

    [accounts.two]
    api_key = { env = "P" }
    base_url = "https://two.example.com/api/"
    call_timeout = "90s"
    vendor_hold = "1s"

    [sources.direct]
    adapter = "innkey"
    secret = [{ env = "S" }, { env = "S" }]

    [sources.Other_1]
    adapter = "innkey"
    enabled = false
    header = { name = "X-Token", value = { env = "P" } }
    api_url = "https://api.example.com/"
    api_key = { env = "P" }

    [locks.SS000001]
    title = "Front gate"

    [locks.SS000002]
    account = "two"
    timezone = "Europe/Berlin"
    reader = true

    [locks.UL000003]

    [units.beach-house]
    locks = ["SS000001", "SS000002"]
    aliases = { hostaway = "40160" }

    [units."Flat 2"]
    locks = ["SS000001"]
    timezone = "Europe/Lisbon"
    check_out = "09:00"
    policy = { pin_length = 4, last_slot = 150 }
"""


def load(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Properties:
    """Load `text` as the property file would be."""
    path = tmp_path / "properties.toml"
    path.write_text(dedent(text), encoding="utf-8")
    environ = ENVIRON if environ is None else environ
    return load_properties(path, load_settings({}), environ)


def faults(tmp_path: Path, text: str) -> list[str]:
    """The key paths of everything wrong with `text`."""
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    assert all(problem.cause and problem.cure for problem in caught.value.problems)
    assert len(caught.value.problems) == len(str(caught.value).splitlines())
    assert CANARY not in str(caught.value)
    return [problem.where for problem in caught.value.problems]


def test_locks_and_units_take_over_what_they_do_not_say(tmp_path: Path) -> None:
    """Zones and times come from the top level, a unit's policy overrides the top one key by key."""
    house = load(tmp_path, GOOD).house
    beach, flat = house.units["beach-house"], house.units["Flat 2"]

    assert ZoneInfo("Australia/Brisbane") == house.zone == house.locks["SS000001"].zone == beach.zone
    assert ZoneInfo("Europe/Berlin") == house.locks["SS000002"].zone
    assert ZoneInfo("Europe/Lisbon") == flat.zone
    assert (time(14, 30), time(11)) == (beach.check_in, beach.check_out)
    assert (time(14, 30), time(9)) == (flat.check_in, flat.check_out)
    assert ("SS000001", "SS000002") == beach.locks
    assert house.policy == beach.policy
    assert (
        Policy(
            push_ahead=timedelta(0),
            retry_delays=(),
            offline_delays=(timedelta(seconds=90),),
            email_guest=False,
        )
        == house.policy
    )
    assert (timedelta(0), 4, 120, 150) == (
        flat.policy.push_ahead,
        flat.policy.pin_length,
        flat.policy.first_slot,
        flat.policy.last_slot,
    )


def test_trail_and_battery_arrive(tmp_path: Path) -> None:
    """What the file says of them replaces the defaults; a higher `low` takes the other limit along."""
    text = '[trail]\nevery = "2h"\n[battery]\nlow = 40\nunseen = "3d"'
    house = load(tmp_path, text).house

    assert TrailRules(every=timedelta(hours=2)) == house.trail
    assert BatteryRules(low=40, low_before_arrival=40, unseen=timedelta(days=3)) == house.battery


def test_locks_know_their_account_and_reader(tmp_path: Path) -> None:
    """A lock's own keys arrive; without them it belongs to `default` and has no reader."""
    locks = load(tmp_path, GOOD).house.locks

    assert ("default", "Front gate", False) == (
        locks["SS000001"].account,
        locks["SS000001"].title,
        locks["SS000001"].reader,
    )
    assert ("two", "", True) == (locks["SS000002"].account, locks["SS000002"].title, locks["SS000002"].reader)


def test_units_are_found_by_alias_and_name(tmp_path: Path) -> None:
    """An alias counts for its own source alone."""
    house = load(tmp_path, GOOD).house

    assert house.units["beach-house"] == house.unit_for("hostaway", "40160")
    assert house.unit_for("direct", "40160") is None


def test_accounts_have_rules_and_access(tmp_path: Path) -> None:
    """What a call may cost is in the house, who may call is apart from it and hides its key."""
    properties = load(tmp_path, GOOD)
    account, access = properties.house.accounts["two"], properties.accounts_access["two"]

    assert (26, timedelta(seconds=90), timedelta(seconds=1)) == (
        account.max_in_flight,
        account.call_timeout,
        account.vendor_hold,
    )
    assert 5 == properties.house.accounts["default"].max_in_flight
    assert ("https://two.example.com/api", "https://two.example.com/api/users/apikey") == (
        access.base_url,
        access.key_url,
    )
    assert Secret("pass word") == access.api_key
    assert "pass word" not in repr(properties)


def test_the_default_account_reads_the_kas_variables(tmp_path: Path) -> None:
    """It is there without a table, and what it is told about a login goes before the variables."""
    path = tmp_path / "properties.toml"
    environ = {
        "KAS_API_KEY": "key",
        "KAS_EMAIL": "a@example.com",
        "KAS_PASSWORD": "pw",
        "KAS_BASE_URL": "http://127.0.0.1:1/api",
        "KAS_KEY_URL": "http://127.0.0.1:2/key",
        "OTHER": "other",
    }
    settings = load_settings(environ)

    path.write_text("", encoding="utf-8")
    access = load_properties(path, settings, environ).accounts_access["default"]
    assert (Secret("key"), "a@example.com", Secret("pw")) == (access.api_key, access.email, access.password)
    assert ("http://127.0.0.1:1/api", "http://127.0.0.1:2/key") == (access.base_url, access.key_url)

    path.write_text('[accounts.default]\napi_key = { env = "OTHER" }', encoding="utf-8")
    access = load_properties(path, settings, environ).accounts_access["default"]
    assert (Secret("other"), None, None) == (access.api_key, access.email, access.password)


@pytest.mark.parametrize(
    ("written", "expected"), [("12h", timedelta(hours=12)), ("0s", timedelta(0)), (None, None)]
)
def test_how_long_a_source_may_be_silent(
    tmp_path: Path, written: str | None, expected: timedelta | None
) -> None:
    """A duration, zero for ever; without one it is learnt from the source."""
    line = f'silence = "{written}"\n' if written is not None else ""
    content = GOOD.replace("enabled = false\n", f"enabled = false\n{line}")
    assert expected == load(tmp_path, content).sources["Other_1"].silence


def test_sources_carry_their_proof(tmp_path: Path) -> None:
    """Each source has its own proof of origin; what it does not use is empty."""
    sources = load(tmp_path, GOOD).sources

    assert (Secret(SECRET), Secret(SECRET)) == sources["direct"].secrets
    assert sources["direct"].enabled
    assert ("X-Token", Secret("pass word")) == (
        sources["Other_1"].header_name,
        sources["Other_1"].header_value,
    )
    assert (False, (), "https://api.example.com", Secret("pass word")) == (
        sources["Other_1"].enabled,
        sources["Other_1"].secrets,
        sources["Other_1"].api_url,
        sources["Other_1"].api_key,
    )


KEYED = """
    [sources.pms]
    adapter = "hostaway"
    header = { name = "X-Token", value = { env = "P" } }
    api_url = "https://api.example.com/v1"
    api_key = { env = "P" }
"""


def test_how_a_source_is_asked(tmp_path: Path) -> None:
    """Every five minutes, and no PIN is written, unless its table says otherwise."""
    plain, told = load(tmp_path, KEYED), load(tmp_path, f'{KEYED}\npoll = "0s"\nwrite_pin = true')

    assert (timedelta(minutes=5), False) == (plain.sources["pms"].poll, plain.sources["pms"].write_pin)
    assert (timedelta(0), True) == (told.sources["pms"].poll, told.sources["pms"].write_pin)
    assert (frozenset[str](), frozenset({"pms"})) == (plain.house.write_back, told.house.write_back)
    assert frozenset() == load(tmp_path, f"{KEYED}\nwrite_pin = true\nenabled = false").house.write_back


@pytest.mark.parametrize(
    "text",
    [
        KEYED.replace('"hostaway"', '"smoobu"') + "\nwrite_pin = true",
        KEYED.replace('    api_url = "https://api.example.com/v1"\n', "") + "\nwrite_pin = true",
        KEYED.replace('    api_key = { env = "P" }\n', "") + "\nwrite_pin = true",
        f"{KEYED}\nwrite_pin = 1",
    ],
)
def test_a_pin_that_could_not_be_written(tmp_path: Path, text: str) -> None:
    """Only into a booking system with a field for it, and with address and key."""
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text)
    (problem,) = caught.value.problems
    assert problem.where == "sources.pms.write_pin"
    assert problem.cause
    assert problem.cure


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    """`env = "NAME"` reads NAME_FILE too."""
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    text = '[sources.direct]\nadapter = "innkey"\nsecret = { env = "S" }'

    assert (Secret(SECRET),) == load(tmp_path, text, {"S_FILE": str(file)}).sources["direct"].secrets


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("colour = 1", "colour"),
        ("weather = { low = 10 }", "weather"),
        ('timezone = "Australia/Brisban"', "timezone"),
        ('timezone = "../../etc/passwd"', "timezone"),
        ('timezone = "Australia"', "timezone"),
        ('timezone = ""', "timezone"),
        ("timezone = 10", "timezone"),
        ('check_in = "24:00"', "check_in"),
        ('check_in = "15:00:30"', "check_in"),
        ("check_out = 10", "check_out"),
        ("policy = 3", "policy"),
        ('[policy]\npush_ahed = "1d"', "policy.push_ahed"),
        ('[policy]\npush_ahead = "2 weeks"', "policy.push_ahead"),
        ('[policy]\npush_ahead = ""', "policy.push_ahead"),
        ('[policy]\npush_ahead = "-1d"', "policy.push_ahead"),
        ('[policy]\npush_ahead = "1.5h"', "policy.push_ahead"),
        ('[policy]\npush_ahead = "1m1h"', "policy.push_ahead"),
        ('[policy]\npush_ahead = "99999999999999d"', "policy.push_ahead"),
        ("[policy]\npush_ahead = 14", "policy.push_ahead"),
        ('[policy]\npending_for = "0s"', "policy.pending_for"),
        ('[policy]\npending_poll = "0s"', "policy.pending_poll"),
        ('[policy]\nretain = "0s"', "policy.retain"),
        ('[policy]\nset_clock_every = "0s"', "policy.set_clock_every"),
        ('[policy]\nretry_delays = ["0s", "soon"]', "policy.retry_delays[1]"),
        ('[policy]\nretry_delays = "0s"', "policy.retry_delays"),
        ("[policy]\nfirst_slot = 100", "policy.first_slot"),
        ("[policy]\nlast_slot = 201", "policy.last_slot"),
        ("[policy]\nlast_slot = 110", "policy.last_slot"),
        ("[policy]\nfirst_slot = 150\nlast_slot = 149", "policy.first_slot"),
        ("[policy]\nfirst_slot = 150.0", "policy.first_slot"),
        ("[policy]\npin_length = 3", "policy.pin_length"),
        ("[policy]\npin_length = 7", "policy.pin_length"),
        ("[policy]\npin_length = true", "policy.pin_length"),
        ('[policy]\npin_source = "birthday"', "policy.pin_source"),
        ('[policy]\nemail_guest = "yes"', "policy.email_guest"),
        ("[policy]\nemail_guest = 1", "policy.email_guest"),
        ('[trail]\nevery = "0s"', "trail.every"),
        ("[trail]\nevery = 6", "trail.every"),
        ('[trail]\non_arrival = "soon"', "trail.on_arrival"),
        ('[trail]\nnever = "1h"', "trail.never"),
        ('trail = "6h"', "trail"),
        ("[battery]\nlow = 0", "battery.low"),
        ("[battery]\nlow = 91", "battery.low"),
        ("[battery]\nlow = true", "battery.low"),
        ("[battery]\nlow_before_arrival = 101", "battery.low_before_arrival"),
        ("[battery]\nlow_before_arrival = 19", "battery.low_before_arrival"),
        ("[battery]\nlow = 40\nlow_before_arrival = 39", "battery.low_before_arrival"),
        ('[battery]\nunseen = "0s"', "battery.unseen"),
        ("[battery]\nunseen = 7", "battery.unseen"),
        ("[accounts.default]\nmax_in_flight = 31", "accounts.default.max_in_flight"),
        ("[accounts.default]\nmax_in_flight = true", "accounts.default.max_in_flight"),
        ("[accounts.default]\nmax_in_flight = 0", "accounts.default.max_in_flight"),
        ('[accounts.default]\ncall_timeout = "0s"', "accounts.default.call_timeout"),
        ('[accounts.default]\nvendor_hold = "0s"', "accounts.default.vendor_hold"),
        ('[accounts.default]\nbase_url = "cloud"', "accounts.default.base_url"),
        (f'[accounts.default]\napi_key = "{CANARY}"', "accounts.default.api_key"),
        ('[accounts.default]\nemail = "a@example.com"', "accounts.default.password"),
        ("[accounts.two]\nmax_in_flight = 3", "accounts.two"),
        ('[accounts."a b"]\napi_key = { env = "P" }', 'accounts."a b"'),
        ("[locks.SS-1]", "locks.SS-1"),
        ("[locks.S1]", "locks.S1"),
        ('[locks.SS000001]\naccount = "two"', "locks.SS000001.account"),
        ('[locks.SS000001]\ntitle = "Front\\ngate"', "locks.SS000001.title"),
        ("[locks.SS000001]\nreader = 1", "locks.SS000001.reader"),
        ("[locks]\nSS000001 = 1", "locks.SS000001"),
        ("[units.a]", "units.a.locks"),
        ("[units.a]\nlocks = []", "units.a.locks"),
        ('[units.a]\nlocks = "L01"', "units.a.locks"),
        ('[units.a]\nlocks = ["L99"]', "units.a.locks[0]"),
        ('[units.a]\nlocks = ["L01", "L01"]', "units.a.locks[1]"),
        ('[units.a]\nlocks = ["L01", 7]', "units.a.locks[1]"),
        ('[units."a/b"]\nlocks = ["L01"]', 'units."a/b"'),
        ('[units."a\\nb"]\nlocks = ["L01"]', 'units."a\\nb"'),
        ('[units.""]\nlocks = ["L01"]', 'units.""'),
        (f'[units.{"u" * 81}]\nlocks = ["L01"]', "units." + "u" * 81),
        ('[units.a]\nlocks = ["L01"]\naliases = { hostaway = 40160 }', "units.a.aliases.hostaway"),
        ('[units.a]\nlocks = ["L01"]\npolicy = { pin_length = 9 }', "units.a.policy.pin_length"),
        ('[units.a]\nlocks = ["L01"]\npolicy = { last_slot = 110 }', "units.a.policy.last_slot"),
        ('[units.a]\nlocks = ["L01"]\ncolour = "red"', "units.a.colour"),
        ("[sources.x]\nsecret = { env = 'S' }", "sources.x.adapter"),
        ("[sources.x]\nadapter = 'hotelo'\nsecret = { env = 'S' }", "sources.x.adapter"),
        ("[sources.x]\nadapter = 'innkey'", "sources.x"),
        ("[sources.x]\nadapter = 'hostaway'\nsecret = { env = 'S' }", "sources.x.secret"),
        ("[sources.x]\nadapter = 'innkey'\nsecret = { env = 'S' }\ntoken = { env = 'T' }", "sources.x"),
        ("[sources.x]\nadapter = 'innkey'\nsecret = { env = 'UNSET' }", "sources.x.secret"),
        (
            "[sources.x]\nadapter = 'innkey'\nsecret = [{ env = 'S' }, { env = 'UNSET' }]",
            "sources.x.secret[1]",
        ),
        (f"[sources.x]\nadapter = 'innkey'\nsecret = '{CANARY}'", "sources.x.secret"),
        (f"[sources.x]\nadapter = 'innkey'\nsecret = [{{ env = 'S' }}, '{CANARY}']", "sources.x.secret[1]"),
        ("[sources.x]\nadapter = 'innkey'\nsecret = []", "sources.x.secret"),
        ("[sources.x]\nadapter = 'innkey'\nsecret = { name = 'S' }", "sources.x.secret"),
        ("[sources.x]\nadapter = 'innkey'\nsecret = { env = 'S', x = 1 }", "sources.x.secret"),
        ("[sources.x]\nadapter = 'innkey'\nsecret = { env = 'BAD' }", "sources.x.secret"),
        ("[sources.x]\nadapter = 'innkey'\nusername = 'u'", "sources.x.password"),
        ("[sources.x]\nadapter = 'innkey'\npassword = { env = 'P' }", "sources.x.username"),
        ("[sources.x]\nadapter = 'innkey'\ntoken = { env = 'P' }", "sources.x.token"),
        ("[sources.x]\nadapter = 'innkey'\nheader = { name = 'X-T' }", "sources.x.header.value"),
        (
            "[sources.x]\nadapter = 'innkey'\nheader = { name = 'X T', value = { env = 'P' } }",
            "sources.x.header.name",
        ),
        ("[sources.x]\nadapter = 'innkey'\nheader = 'X-T'", "sources.x.header"),
        ("[sources.x]\nadapter = 'innkey'\nsecret = { env = 'S' }\napi_url = 'api'", "sources.x.api_url"),
        ("[sources.x]\nadapter = 'innkey'\nsecret = { env = 'S' }\nsilence = '12'", "sources.x.silence"),
        (
            "[sources.x]\nadapter = 'channex'\ntoken = { env = 'T' }\napi_url = 'https://example.com'",
            "sources.x.api_key",
        ),
        (
            "[sources.x]\nadapter = 'channex'\ntoken = { env = 'T' }\napi_key = { env = 'P' }",
            "sources.x.api_url",
        ),
        ("[sources.'a/b']\nadapter = 'innkey'\nsecret = { env = 'S' }", 'sources."a/b"'),
    ],
)
def test_a_fault_is_named_by_its_key_path(tmp_path: Path, text: str, path: str) -> None:
    """One fault is one problem, at the key a person has to mend."""
    if "L01" in text:
        text = f"{text}\n[locks.L01]"

    assert [path] == faults(tmp_path, text)


def test_all_faults_are_told_together(tmp_path: Path) -> None:
    """A file with many faults needs one look, not many."""
    text = """
        timezone = "Nowhere"
        [policy]
        pin_length = 9
        first_slot = 1
        [locks.SS000001]
        colour = "red"
        [units.a]
        locks = ["SS000001", "SS000002"]
        [sources.x]
    """

    assert [
        "timezone",
        "policy.pin_length",
        "policy.first_slot",
        "locks.SS000001.colour",
        "units.a.locks[1]",
        "sources.x.adapter",
        "sources.x",
    ] == faults(tmp_path, text)


def test_one_alias_belongs_to_one_unit(tmp_path: Path) -> None:
    """The same name of one source on two units leaves open which door to open; two sources may agree."""
    text = """
        [locks.L01]
        [units.a]
        locks = ["L01"]
        aliases = { hostaway = "1", smoobu = "2" }
        [units.b]
        locks = ["L01"]
        aliases = { hostaway = "1", lodgify = "2" }
    """

    assert ["units.b.aliases.hostaway"] == faults(tmp_path, text)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("push_ahed", "push_ahead"), ("pinlength", "pin_length"), ("retry_delay", "retry_delays")],
)
def test_an_unknown_key_brings_the_likely_one(tmp_path: Path, written: str, meant: str) -> None:
    """A slip of the pen is answered with the key that was meant."""
    with pytest.raises(ConfigurationError, match=f'did you mean "{meant}"'):
        load(tmp_path, f"[policy]\n{written} = 1")


def test_an_unknown_zone_brings_the_likely_one(tmp_path: Path) -> None:
    """A zone with a slip in it is answered with the one that was meant."""
    with pytest.raises(ConfigurationError, match="Australia/Brisbane"):
        load(tmp_path, 'timezone = "Australia/Brisban"')


@pytest.mark.parametrize("unwise", ["1s", "1h30m", "400d", "36525d"])
def test_unwise_durations_are_valid(tmp_path: Path, unwise: str) -> None:
    """From one second up every duration is good, in each key that takes one."""
    text = f"""
        [policy]
        push_ahead = "{unwise}"
        pending_for = "{unwise}"
        pending_poll = "400d"
        [accounts.default]
        call_timeout = "{unwise}"
        vendor_hold = "1s"
    """

    assert parse_duration(unwise) == load(tmp_path, text).house.policy.push_ahead


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    """TOML that cannot be read is one problem, with the line."""
    with pytest.raises(ConfigurationError, match=r"properties\.toml: is not valid TOML: .*line 2"):
        load(tmp_path, "[policy]\npush_ahead = 14d\n")


def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    """A missing file, a folder and bytes that are no text each have a cure."""
    settings = load_settings({})
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match=r"properties\.example\.toml .*INNKEY_PROPERTIES"):
        load_properties(tmp_path / "missing.toml", settings, {})
    with pytest.raises(ConfigurationError, match="cannot be read"):
        load_properties(tmp_path, settings, {})
    with pytest.raises(ConfigurationError, match="UTF-8"):
        load_properties(binary, settings, {})


def test_the_fingerprint_follows_the_meaning(tmp_path: Path) -> None:
    """Comments, order of tables, sources and feeds leave it alone; policy, locks and units change it."""
    print_of = load(tmp_path, GOOD).fingerprint

    assert print_of == load(tmp_path, GOOD + "\n# a comment\n").fingerprint
    moved = '[locks.SS000001]\n    title = "Front gate"\n'
    assert moved in GOOD
    assert print_of == load(tmp_path, GOOD.replace(moved, "") + f"\n    {moved}").fingerprint
    assert print_of == load(tmp_path, GOOD.replace("enabled = false", "enabled = true")).fingerprint
    assert print_of == load(tmp_path, GOOD + FEED, {**ENVIRON, "U": ADDRESS}).fingerprint
    assert print_of != load(tmp_path, GOOD.replace("pin_length = 4", "pin_length = 5")).fingerprint
    assert (
        print_of
        != load(tmp_path, GOOD.replace('["SS000001", "SS000002"]', '["SS000002", "SS000001"]')).fingerprint
    )


ADDRESS = "https://www.example.com/calendar/ical/1.ics?s=canary-7f3a91"
FEED = """
    [feeds.beach]
    url = { env = "U" }
    unit = "beach-house"
"""


def test_feeds_arrive(tmp_path: Path) -> None:
    """A feed has its address as a secret, and the usual rhythm; its name is one that stays may bear."""
    more = """every = "1h"
    kind = "booking"
    closed = "block"
    enabled = false
    """
    environ = {**ENVIRON, "U": ADDRESS}
    plain = load(tmp_path, GOOD + FEED, environ)
    assert FeedConfig(name="beach", url=Secret(ADDRESS), unit="beach-house") == plain.feeds["beach"]
    assert {"direct", "Other_1", "beach"} == plain.house.sources
    assert CANARY not in repr(plain)
    assert (
        FeedConfig(
            name="beach",
            url=Secret(ADDRESS),
            unit="beach-house",
            every=timedelta(hours=1),
            kind=FeedKind.BOOKING,
            closed="block",
            enabled=False,
        )
        == load(tmp_path, GOOD + FEED + f"    {more}", environ).feeds["beach"]
    )


@pytest.mark.parametrize(
    ("feed", "expected"),
    [
        ("[feeds.beach]", {"feeds.beach.url", "feeds.beach.unit"}),
        ('[feeds."a b"]\nurl = { env = "U" }\nunit = "beach-house"', {'feeds."a b"'}),
        ('[feeds.staff]\nurl = { env = "U" }\nunit = "beach-house"', {"feeds.staff"}),
        ('[feeds.direct]\nurl = { env = "U" }\nunit = "beach-house"', {"feeds.direct"}),
        ('[feeds.a]\nurl = "https://example.com/1.ics"\nunit = "beach-house"', {"feeds.a.url"}),
        ('[feeds.a]\nurl = { env = "UNSET" }\nunit = "beach-house"', {"feeds.a.url"}),
        ('[feeds.a]\nurl = { env = "BAD" }\nunit = "beach-house"', {"feeds.a.url"}),
        ('[feeds.a]\nurl = { env = "U" }\nunit = "beech-house"', {"feeds.a.unit"}),
        ('[feeds.a]\nurl = { env = "U" }\nunit = "beach-house"\nevery = "4m59s"', {"feeds.a.every"}),
        ('[feeds.a]\nurl = { env = "U" }\nunit = "beach-house"\nkind = "expedia"', {"feeds.a.kind"}),
        ('[feeds.a]\nurl = { env = "U" }\nunit = "beach-house"\nclosed = "all"', {"feeds.a.closed"}),
        ('[feeds.a]\nurl = { env = "U" }\nunit = "beach-house"\nadapter = "x"', {"feeds.a.adapter"}),
        ('[feeds]\na = "https://example.com"', {"feeds.a"}),
    ],
)
def test_a_feed_with_a_fault_is_told(
    tmp_path: Path, feed: str, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fault by its key path; the address is quoted in none."""
    monkeypatch.setitem(ENVIRON, "U", ADDRESS)
    assert expected == set(faults(tmp_path, dedent(GOOD) + feed))


@pytest.mark.parametrize(
    "address",
    [
        "webcal://example.com/canary-7f3a91.ics",
        "https://user:canary-7f3a91@example.com/1.ics",
        "https:///canary-7f3a91.ics",
        "https://example.com/canary-7f3a91\x01.ics",
        "https://[canary-7f3a91",
        "file:///canary-7f3a91",
    ],
)
def test_an_address_that_is_none_is_not_quoted(
    tmp_path: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise 9: it would be as good as the calendar."""
    monkeypatch.setitem(ENVIRON, "U", address)
    assert ["feeds.beach.url"] == faults(tmp_path, GOOD + FEED)


def test_the_example_file_loads_with_the_documented_environment() -> None:
    """The example asks only for DIRECT_WEBHOOK_SECRET, and its policy is the default, key by key."""
    environ = {
        "INNKEY_PROPERTIES": str(ROOT / "properties.example.toml"),
        "DIRECT_WEBHOOK_SECRET": SECRET,
    }
    configuration = load_configuration(environ)

    assert [] == check_configuration(environ)
    assert Policy() == configuration.properties.house.policy
    assert set(tomllib.loads((ROOT / "properties.example.toml").read_text())["policy"]) == set(
        Policy.__dataclass_fields__
    )


def test_problems_of_both_are_told_together(tmp_path: Path) -> None:
    """A bad variable does not hide what is wrong with the property file."""
    path = tmp_path / "properties.toml"
    path.write_text("colour = 1", encoding="utf-8")

    found = check_configuration({"PORT": "x", "INNKEY_PROPERTIES": str(path)})

    assert ["PORT", "colour"] == [problem.where for problem in found]


def test_without_a_path_only_the_path_is_a_problem(tmp_path: Path) -> None:
    """If INNKEY_PROPERTIES cannot be read, no other file is checked in its place."""
    found = check_configuration({"INNKEY_PROPERTIES_FILE": str(tmp_path / "missing")})

    assert ["INNKEY_PROPERTIES"] == [problem.where for problem in found]


@given(st.integers(min_value=0, max_value=int(LONGEST.total_seconds())))
def test_durations_survive_a_round_trip(seconds: int) -> None:
    """What is written for a duration is read as the same one."""
    duration = timedelta(seconds=seconds)

    assert duration == parse_duration(format_duration(duration))


@given(st.text(alphabet="0123456789dhms", max_size=12))
def test_a_duration_is_read_the_same_after_writing_it(text: str) -> None:
    """Any text is either refused, or has one meaning that its canonical form keeps."""
    try:
        duration = parse_duration(text)
    except ValueError:
        return

    assert timedelta(0) <= duration <= LONGEST
    assert duration == parse_duration(format_duration(duration))


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("14d", timedelta(days=14)),
        ("1h30m", timedelta(minutes=90)),
        ("1d2h3m4s", timedelta(days=1, hours=2, minutes=3, seconds=4)),
        ("90m", timedelta(minutes=90)),
        ("0m", timedelta(0)),
    ],
)
def test_durations_read_as_people_write_them(text: str, duration: timedelta) -> None:
    """Units in falling order, each at most once, any count."""
    assert duration == parse_duration(text)


@pytest.mark.parametrize("text", ["", "14", "d", "1w", "1D", " 1d", "1d ", "+1d", "１d", "1h1h", "1s\n"])
def test_other_texts_are_no_durations(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("adapter", sorted(THIN))
class TestSourcesThatAreAsked:
    """A system whose deliveries only name a reservation is of no use without its API."""

    def table(self, adapter: str, *more: str) -> str:
        """Its source, with a proof of origin."""
        return "\n".join([f"[sources.x]\nadapter = '{adapter}'\ntoken = {{ env = 'T' }}", *more])

    def test_it_needs_address_and_key(self, tmp_path: Path, adapter: str) -> None:
        """Each that is missing is named, with where to read on."""
        assert ["sources.x.api_key", "sources.x.api_url"] == sorted(faults(tmp_path, self.table(adapter)))
        url = "api_url = 'https://api.example.com'"
        assert ["sources.x.api_key"] == faults(tmp_path, self.table(adapter, url))
        assert ["sources.x.api_url"] == faults(tmp_path, self.table(adapter, "api_key = { env = 'PAIR' }"))
        with pytest.raises(ConfigurationError, match=f"the page of {adapter}"):
            load(tmp_path, self.table(adapter))

    def test_a_fault_in_them_is_told_once(self, tmp_path: Path, adapter: str) -> None:
        """What is there and wrong is not missing too."""
        more = ("api_url = 'api'", "api_key = { env = 'UNSET' }")
        assert ["sources.x.api_key", "sources.x.api_url"] == sorted(
            faults(tmp_path, self.table(adapter, *more))
        )

    def test_with_both_it_is_good(self, tmp_path: Path, adapter: str) -> None:
        """And keeps the key to itself."""
        more = ("api_url = 'https://api.example.com'", "api_key = { env = 'PAIR' }")
        source = load(tmp_path, self.table(adapter, *more), {**ENVIRON, "PAIR": f"{CANARY}:b"}).sources["x"]
        assert Secret(f"{CANARY}:b") == source.api_key
        assert CANARY not in repr(source)


@pytest.mark.parametrize("adapter", sorted(KEY_PAIRS))
@pytest.mark.parametrize("key", ["alone", ":b", "a:"])
def test_a_key_of_two_parts(tmp_path: Path, adapter: str, key: str) -> None:
    """A key without its colon is refused, and not shown."""
    text = (
        f"[sources.x]\nadapter = '{adapter}'\ntoken = {{ env = 'T' }}\n"
        "api_url = 'https://api.example.com'\napi_key = { env = 'PAIR' }"
    )
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path, text, {**ENVIRON, "PAIR": key})
    (problem,) = caught.value.problems
    assert "sources.x.api_key" in str(problem)
    assert KEY_PAIRS[adapter] in str(problem)
    assert "alone" not in str(problem)

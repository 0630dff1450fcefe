"""What `innkey doctor` looks at on our own side: Redis, the record, the workers, the clocks."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import metadata
from pathlib import Path

from worker.domain.house import House
from worker.service.checks import Check, fail, ok, warn
from worker.store import keys
from worker.store.api_keys import ApiKeys
from worker.store.health import Server
from worker.store.store import Store
from worker.store.vault import UnreadableError

OLDEST_REDIS = (6, 2)  # the scripts use ZMSCORE and SET PXAT
MOST_MEMORY = 0.8
LOOKED_AT = 100  # records of each kind that are decrypted for a test
LATE = timedelta(minutes=1)
APART = timedelta(seconds=2)
FAR_APART = timedelta(minutes=1)  # a signed webhook is good for five minutes


# --- Redis --------------------------------------------------------------------------------------------------


def redis_checks(server: Server) -> Iterator[Check]:
    """Whether this server keeps what it accepted."""
    info, settings = server.info, server.settings
    yield _version(info)
    if settings is None:
        cure = "see with its host that appendonly is yes, appendfsync always, maxmemory-policy noeviction"
        yield warn("Redis durability", "this server hides its configuration", cure)
    else:
        yield _durability(settings)
        yield _eviction(settings)
    if info.get("aof_last_write_status", "ok") != "ok":
        yield fail("Redis disk", "the last write to the append-only file failed", "see to its disk and log")
    if info.get("role", "master") not in ("master", "primary"):
        yield fail("Redis role", "this is a replica", "set REDIS_URL to the primary")
    if str(info.get("cluster_enabled", "0")) != "0":
        yield fail("Redis mode", "this is a cluster, and the scripts use many keys", "give Innkey one server")


def _version(info: Mapping[str, object]) -> Check:
    name = "Valkey" if "valkey_version" in info else "Redis"
    text = info.get("valkey_version", info.get("redis_version", ""))
    speaks = tuple(int(part) for part in re.findall(r"\d+", str(info.get("redis_version", "0")))[:2])
    used, most = (int(str(info.get(key, 0))) for key in ("used_memory", "maxmemory"))
    found = f"{name} {text}, {used / 2**20:.1f} MiB in use{f' of {most / 2**20:.1f}' if most else ''}"
    if speaks < OLDEST_REDIS:
        return fail("Redis", f"{found}: too old", "use Redis 6.2 or newer, or Valkey")
    if most and used > most * MOST_MEMORY:
        return warn("Redis", found, "raise maxmemory: a full server takes no event")
    return ok("Redis", found)


def _durability(settings: Mapping[str, str]) -> Check:
    thing = "Redis durability"
    if settings.get("appendonly") != "yes":
        cure = "set appendonly yes and appendfsync always: as it is, a restart loses bookings"
        return fail(thing, f"appendonly is {settings.get('appendonly')}", cure)
    sync = settings.get("appendfsync")
    if sync != "always":
        cure = "set appendfsync always: events of the last two seconds may go when the host dies"
        return warn(thing, f"appendfsync is {sync}", cure)
    return ok(thing, "appendonly yes, appendfsync always")


def _eviction(settings: Mapping[str, str]) -> Check:
    policy = settings.get("maxmemory-policy")
    if policy == "noeviction":
        return ok("Redis eviction", "maxmemory-policy noeviction")
    cause, cure = f"maxmemory-policy is {policy}", "set maxmemory-policy noeviction: bookings are no cache"
    if settings.get("maxmemory") in (None, "0"):
        return warn("Redis eviction", f"{cause}, though maxmemory is not set", cure)
    return fail("Redis eviction", cause, cure)


# --- the record ---------------------------------------------------------------------------------------------


def secret_check(store: Store, house: House) -> Check:
    """Whether INNKEY_SECRET_KEY decrypts what is stored; some records of each kind are tried."""
    tried = [_is_readable(read) for read in _reads(store, house)]
    failed = tried.count(False)
    if failed:
        cure = "add the key that wrote them: the first of the list encrypts, all of it decrypt"
        return fail("INNKEY_SECRET_KEY", f"decrypts {len(tried) - failed} of {len(tried)} records", cure)
    return ok("INNKEY_SECRET_KEY", f"decrypts all of {len(tried)} records" if tried else "nothing is stored")


def _reads(store: Store, house: House) -> Iterator[Callable[[], object]]:
    client = store.client
    index_key = client.get(keys.INDEX_KEY)
    if index_key is not None:
        yield partial(store.vault.open, str(index_key))
    for event in client.zrange(keys.INBOX, 0, LOOKED_AT - 1):
        yield partial(store.events.get, str(event))
    for rejected in client.zrange(keys.REJECTED, -LOOKED_AT, -1):
        yield partial(store.events.get_rejected, str(rejected))
    refs = [*client.zrange(keys.STAYS, 0, LOOKED_AT - 1), *client.zrange(keys.STAYS, -LOOKED_AT, -1)]
    for ref in dict.fromkeys(str(ref) for ref in refs):
        yield partial(store.stays.get_many, [ref])
    api_keys = ApiKeys(client, store.scripts, store.vault, lambda: house)
    for account in house.accounts:
        if client.exists(keys.key(account)):
            yield partial(_api_key, api_keys, account)


def _api_key(api_keys: ApiKeys, account: str) -> None:
    found = api_keys.get(account)
    if found is not None and found.text is None:
        raise UnreadableError


def _is_readable(read: Callable[[], object]) -> bool:
    try:
        read()
    except UnreadableError:
        return False
    return True


def work_checks(store: Store, house: House, now: datetime) -> Iterator[Check]:
    """Whether somebody works, how late the oldest due work is, and what waits for a person."""
    health, accounts = store.health, list(house.accounts)
    workers, late, sizes = health.workers(now), health.oldest_due(now, accounts), health.gauges()
    if workers:
        yield ok("workers", f"{workers} seen within 15 s")
    else:
        yield fail("workers", "none was seen within 15 s", "start one: the `worker` line of the Procfile")
    waiting = f"events that wait: {sizes['inbox']}, the oldest due work is {late.total_seconds():.0f} s late"
    if late > LATE:
        yield warn("work", waiting, "see the workers' log; start another worker where the window is not full")
    else:
        yield ok("work", waiting)
    if sizes["open_letters"]:
        cure = "`innkey dead-letters list` shows them"
        yield warn("dead letters", f"that wait for a person: {sizes['open_letters']}", cure)
    kept = sum(_awaits_replay(store, str(one)) for one in store.client.zrange(keys.REJECTED, -LOOKED_AT, -1))
    if kept:
        cause = f"not understood and not replayed yet: {kept}"
        yield warn("rejected events", cause, "`innkey rejected-events list` shows them")
    yield from _paused(store, accounts)


def _awaits_replay(store: Store, rejected_id: str) -> bool:
    try:
        rejected = store.events.get_rejected(rejected_id)
    except UnreadableError:
        return True
    return rejected is not None and rejected.replayed is None


def _paused(store: Store, accounts: list[str]) -> Iterator[Check]:
    for account in accounts:
        letter = store.agenda.pause_letter(account)
        if letter is not None:
            cure = f"give it a valid key; `innkey dead-letters show {letter}` shows what was refused"
            yield fail(f"account {account}", "is paused: the vendor refuses its key", cure)


# --- clocks -------------------------------------------------------------------------------------------------


def clock_check(store: Store) -> Check:
    """Whether the clock of this host and that of Redis agree, as far as a round trip can tell."""
    before = datetime.now(UTC)
    theirs = store.agenda.now()
    return clocks_compared(before, theirs, datetime.now(UTC))


def clocks_compared(before: datetime, theirs: datetime, after: datetime) -> Check:
    """`theirs` was read between `before` and `after` of ours."""
    apart = max(before - theirs, theirs - after, timedelta(0))
    cause = f"this host and Redis are {apart.total_seconds():.1f} s apart"
    cure = "set both by NTP: webhooks are dated by this host, due work by Redis"
    if apart > FAR_APART:
        return fail("clock", cause, cure)
    return warn("clock", cause, cure) if apart > APART else ok("clock", cause)


def zones_check(now: datetime, found: tuple[str, str] | None = None) -> Check:
    """Whether the rules of time zones in use are recent; `found` is their version and where they are from."""
    version, place = found or zones_in_use()
    year = re.match(r"\d{4}", version)
    thing, cause = "time zones", f"version {version or 'unknown'} from {place}"
    cure = "update it: zones change their rules, and PINs would begin and end an hour off"
    if year is None or int(year[0]) < now.year - 1:
        return warn(thing, cause, cure)
    return ok(thing, cause)


def zones_in_use() -> tuple[str, str]:
    """The version of the zone rules and where they are from: the system's, else the package tzdata."""
    for folder in map(Path, zoneinfo.TZPATH):
        if (folder / "UTC").exists():
            return _system_version(folder), str(folder)
    return metadata.version("tzdata"), "the package tzdata"


def _system_version(folder: Path) -> str:
    for name, pattern in (("tzdata.zi", r"# version (\S+)"), ("+VERSION", r"(\S+)")):
        try:
            with (folder / name).open(encoding="ascii", errors="replace") as file:
                match = re.match(pattern, file.readline())
        except OSError:
            continue
        if match:
            return match[1]
    return ""
